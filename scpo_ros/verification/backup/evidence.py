"""
What shows that the backup is certified, and its place in the cache. No ROS, no solver.

The backup is theta_0, the zero residual. The adapter asks that all metrics of its design and
verification sets are at most -accept_margin; on the design set strictly less, or the plan of an
update has no room (b = 0 is strictly feasible if and only if g < -accept_margin). The controller
asks that the metrics of its own scenarios are at most 0, and its proved bounds at most
-certified_margin. Replays of rollouts are no part of it: they come later.

Only success is kept. A file counts when it answers the very question (specification, margins,
source code), is whole, and its numbers keep the margins asked for now; anything else counts as
nothing, and the certification is made anew.
"""

from dataclasses import asdict, dataclass
from enum import Enum
from functools import lru_cache
import json
import math
from pathlib import Path

from scpo_ros.arrays import digest
from scpo_ros.atomic_file import write_whole
from scpo_ros.config.table_cache import default_cache
from scpo_ros.config.validation import flatten


# Whose code decides what the numbers are.
_SOURCES = ('scpo', 'systems', 'sets', 'backup', 'policy', 'simulation', 'proofs', 'verification')
_MODULES = ('arrays.py', 'tolerances.py')


class Metric(Enum):
    """What is measured of the backup; the value is (words, unit)."""

    INPUT = ("the excess of the backup's input over what the safe set allows", 'm/s^2')
    PROVED_INPUT = ("the proved excess of the backup's input over what the safe set allows",
                    'm/s^2')
    COST = ("the backup's task cost over its own, less 1 + metrics.no_regret_tolerance", '')
    RETURN = ('the return to the origin (distance at the end of a rollout, less what '
              'metrics.stability_ratio and stability_offset allow)', 'm')
    CONTRACTION = ('the proved contraction of the state (excess over metrics.stability_decay)',
                   'm/s^2 per m')


@dataclass(frozen=True)
class Finding:
    """The largest metric of one kind on one set."""

    metric: Metric
    place: str  # 'design', 'verification' or 'controller'
    value: float
    bound: float  # largest admissible value
    index: int = 0  # of the metric on its set

    @property
    def holds(self):
        """Return whether the value is admissible; what is not finite is not."""
        if not math.isfinite(self.value):
            return False
        return self.value < self.bound if self.place == 'design' else self.value <= self.bound

    @property
    def sentence(self):
        """Return what was found, in words."""
        words, unit = self.metric.value
        sets = {'design': "the adapter's design set", 'controller': "the controller's scenarios",
                'verification': "the adapter's verification set"}
        relation = 'less than' if self.place == 'design' else 'at most'
        return (f'{words} is {self.value:.4g} {unit}'.rstrip() + f' on {sets[self.place]}, where '
                f'{relation} {self.bound:.4g} is allowed')


@dataclass(frozen=True)
class AdapterDemand:
    """What the adapter asks of a policy."""

    accept_margin: float
    fresh: bool = False  # whether fresh scenarios are verified too (sampled-bound)
    places = ('design', 'verification')

    def bound(self, place, metric):
        """Return the largest admissible value of a metric."""
        return -self.accept_margin


@dataclass(frozen=True)
class ControllerDemand:
    """What the controller asks of a policy."""

    certified_margin: float
    places = ('controller',)

    def bound(self, place, metric):
        """Return the largest admissible value of a metric."""
        proved = metric in (Metric.PROVED_INPUT, Metric.CONTRACTION)
        return -self.certified_margin if proved else 0.0


def demands_of(adapter=None, controller=None):
    """
    Return what is asked of the backup, a tuple; none where safety is off.

    :param adapter: AdapterConfig or None. :param controller: ControllerConfig or None.
    """
    demands = []
    if adapter is not None and adapter.safety:
        demands.append(AdapterDemand(
            adapter.accept_margin, adapter.certificate == 'sampled-bound'))
    if controller is not None and controller.safety:
        demands.append(ControllerDemand(controller.certified_margin))
    return tuple(demands)


def metrics_of(spec):
    """Return the kinds of :class:`Metric` that a specification has, in their order."""
    proved = spec.metrics.invariance == 'proved'
    return ([Metric.PROVED_INPUT] if proved else [Metric.INPUT]) + [Metric.COST] + [
        Metric.RETURN if spec.metrics.stability == 'sampled' else Metric.CONTRACTION]


@lru_cache
def _code():
    """Return the digest of the source code that decides what the metrics are."""
    package = Path(__file__).parents[2]
    paths = [*(package / name for name in _MODULES),
             *(path for folder in _SOURCES for path in sorted((package / folder).rglob('*.py')))]
    return digest(*(path.read_text(encoding='utf-8') for path in paths))


def question(spec, demand):
    """Return the text that says what is asked: specification, demand, source code."""
    return json.dumps({
        'spec': {name: item for name, (item, _) in sorted(flatten(spec).items())},
        'demand': {type(demand).__name__: asdict(demand)}, 'code': _code()}, sort_keys=True)


def _path(asked, cache):
    return Path(cache or default_cache()) / f'backup-{digest(asked)[:32]}.json'


def _seal(asked, rows):
    return digest(asked, json.dumps(rows))


def is_certified(spec, demand, cache=None):
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
        found = [Finding(Metric[name], place, float(value), demand.bound(place, Metric[name]))
                 for name, place, value in rows]
        wanted = {(metric, place) for metric in metrics_of(spec) for place in demand.places}
        return (bool(wanted) and wanted <= {(f.metric, f.place) for f in found}
                and all(f.holds for f in found))
    except Exception:  # noqa: B902 - whatever is wrong with the file: certify anew
        return False


def keep(spec, demand, findings, cache=None):
    """Put the findings of a certified backup into the cache; an unwritable one only costs time."""
    asked = question(spec, demand)
    rows = [[f.metric.name, f.place, float(f.value)] for f in findings]
    try:
        path = _path(asked, cache)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(
            {'question': asked, 'findings': rows, 'seal': _seal(asked, rows)}))
    except OSError:
        pass
