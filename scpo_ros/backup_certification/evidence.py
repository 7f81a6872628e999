"""
The evidence that the backup is certified, and its place in the cache. No ROS, no solver.

The backup is theta_0, the zero residual. The adapter asks that all metrics of its design and
verification sets are at most -accept_margin; on the design set strictly less, or the plan of an
update has no room (b = 0 is strictly feasible if and only if g < -accept_margin). The controller
asks that the metrics of its own scenarios are at most 0, and its proved bounds at most
-certified_margin. Replays of rollouts are no part of it: they come later.

Only success is kept. A file counts when it answers the very question (specification, margins,
source code), is whole, and its numbers keep the margins asked for now; anything else counts as
nothing, and the certification is made anew.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum
from functools import lru_cache
import json
import math
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

from scpo_ros.arrays import digest
from scpo_ros.atomic_file import write_whole
from scpo_ros.config import AdapterConfig, ControllerConfig, Spec
from scpo_ros.config.table_cache import default_cache
from scpo_ros.config.validation import flatten


# Folders and modules whose code decides what the numbers are.
_SOURCES = ('scpo', 'systems', 'sets', 'backup', 'policy', 'simulation', 'proofs', 'verification',
            'backup_certification')
_MODULES = ('arrays.py', 'tolerances.py')


class FindingKind(Enum):
    """What a finding is the largest of, in words."""

    INPUT = "the violation, by the backup's input, of what the safe set allows"
    PROVED_INPUT = "the proved violation, by the backup's input, of what the safe set allows"
    COST = "the backup's task cost over its own, less 1 + metrics.baseline_cost_tolerance"
    RETURN = ('the return to the origin (distance at the end of a rollout, less what '
              'metrics.stability_ratio and stability_offset allow)')
    STABILITY = 'the proved contraction of the state (violation of metrics.stability_decay)'


Place: TypeAlias = Literal['design', 'verification', 'controller']  # a set of scenarios
_PLACES: dict[Place, str] = {
    'design': "the adapter's design set", 'controller': "the controller's scenarios",
    'verification': "the adapter's verification set"}


@dataclass(frozen=True)
class Finding:
    """The largest metric of one kind on one set."""

    kind: FindingKind
    place: Place
    value: float
    bound: float  # largest admissible value
    index: int = 0  # of the metric on its set
    unit: str = ''  # of the value

    @property
    def holds(self) -> bool:
        """Return whether the value is admissible; what is not finite is not."""
        if not math.isfinite(self.value):
            return False
        return self.value < self.bound if self.place == 'design' else self.value <= self.bound

    @property
    def sentence(self) -> str:
        """Return what was found, in words."""
        relation = 'less than' if self.place == 'design' else 'at most'
        return (f'{self.kind.value} is {self.value:.4g} {self.unit}'.rstrip()
                + f' on {_PLACES[self.place]}, where {relation} {self.bound:.4g} is allowed')


@dataclass(frozen=True)
class AdapterDemand:
    """The margin that the adapter asks of a policy."""

    accept_margin: float
    fresh: bool = False  # whether fresh scenarios are verified too (sampled-bound)
    places: ClassVar[tuple[Place, ...]] = ('design', 'verification')
    parameter: ClassVar[str] = 'accept_margin'  # that the margin is

    @property
    def margin(self) -> float:
        """Return the margin that is asked of every metric."""
        return self.accept_margin

    def with_margin(self, margin: float) -> 'AdapterDemand':
        """Return the demand with another margin."""
        return replace(self, accept_margin=margin)

    def bound(self, place: Place, kind: FindingKind) -> float:
        """Return the largest admissible value of a metric."""
        return -self.accept_margin


@dataclass(frozen=True)
class ControllerDemand:
    """The margin that the controller asks of a policy."""

    certified_margin: float
    places: ClassVar[tuple[Place, ...]] = ('controller',)
    parameter: ClassVar[str] = 'certified_margin'  # that the margin is

    @property
    def margin(self) -> float:
        """Return the margin that is asked of proved metrics."""
        return self.certified_margin

    def with_margin(self, margin: float) -> 'ControllerDemand':
        """Return the demand with another margin."""
        return replace(self, certified_margin=margin)

    def bound(self, place: Place, kind: FindingKind) -> float:
        """Return the largest admissible value of a metric."""
        proved = kind in (FindingKind.PROVED_INPUT, FindingKind.STABILITY)
        return -self.certified_margin if proved else 0.0


Demand: TypeAlias = AdapterDemand | ControllerDemand


def demands_of(adapter: AdapterConfig | None = None,
               controller: ControllerConfig | None = None) -> tuple[Demand, ...]:
    """
    Return what is asked of the backup, a tuple; none where safety is off.

    :param adapter: AdapterConfig or None. :param controller: ControllerConfig or None.
    """
    demands: list[Demand] = []
    if adapter is not None and adapter.safety:
        demands.append(AdapterDemand(
            adapter.accept_margin, adapter.certificate == 'sampled-bound'))
    if controller is not None and controller.safety:
        demands.append(ControllerDemand(controller.certified_margin))
    return tuple(demands)


def finding_kinds(spec: Spec) -> list[FindingKind]:
    """Return the kinds of finding that a specification has, in their order."""
    proved = spec.metrics.invariance == 'proved'
    sampled = spec.metrics.stability == 'sampled'
    return [FindingKind.PROVED_INPUT if proved else FindingKind.INPUT, FindingKind.COST,
            FindingKind.RETURN if sampled else FindingKind.STABILITY]


def source_files() -> list[Path]:
    """Return the files of source code that decide what the metrics are."""
    package = Path(__file__).parents[1]
    return [*(package / name for name in _MODULES),
            *(path for folder in _SOURCES for path in sorted((package / folder).rglob('*.py')))]


@lru_cache
def _code() -> str:
    """Return the digest of the source code that decides what the metrics are."""
    return digest(*(path.read_text(encoding='utf-8') for path in source_files()))


def question(spec: Spec, demand: Demand) -> str:
    """Return the text that says what is asked: specification, demand, source code."""
    return json.dumps({
        'spec': {name: item for name, (item, _) in sorted(flatten(spec).items())},
        'demand': {type(demand).__name__: asdict(demand)}, 'code': _code()}, sort_keys=True)


def _path(asked: str, cache: Path | str | None) -> Path:
    return Path(cache or default_cache()) / f'backup-{digest(asked)[:32]}.json'


def _seal(asked: str, rows: list[list[str | float]]) -> str:
    return digest(asked, json.dumps(rows))


def is_certified(spec: Spec, demand: Demand, cache: Path | str | None = None) -> bool:
    """
    Return whether the cache shows that the backup meets a demand; False for whatever is doubtful.

    :param cache: folder, see table_cache.
    """
    try:
        asked = question(spec, demand)
        kept = json.loads(_path(asked, cache).read_text(encoding='utf-8'))
        rows = kept['findings']
        if kept['question'] != asked or kept['seal'] != _seal(asked, rows):
            return False
        found = [Finding(kind, place, float(value), demand.bound(place, kind))
                 for kind, place, value in ((FindingKind[row[0]], *row[1:]) for row in rows)]
        wanted = {(kind, place) for kind in finding_kinds(spec) for place in demand.places}
        return (bool(wanted) and wanted <= {(f.kind, f.place) for f in found}
                and all(f.holds for f in found))
    except Exception:  # noqa: B902 - whatever is wrong with the file: certify anew
        return False


def keep(spec: Spec, demand: Demand, findings: Sequence[Finding],
         cache: Path | str | None = None) -> None:
    """Put the findings of a certified backup into the cache; an unwritable one only costs time."""
    asked = question(spec, demand)
    rows: list[list[str | float]] = [
        [f.kind.name, f.place, float(f.value)] for f in findings]
    try:
        path = _path(asked, cache)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(
            {'question': asked, 'findings': rows, 'seal': _seal(asked, rows)}))
    except OSError:
        pass
