# Copyright 2026 scpo_ros developers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""
The cache of certified backups. No ROS, no solver.

Only success is kept. A file counts when it answers the very question (specification, margins,
source code), is whole, and its numbers keep the margins asked for now; anything else counts as
nothing, and the certification is made anew.
"""

from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
import json
from pathlib import Path

from scpo_ros.arrays import digest
from scpo_ros.atomic_file import write_whole
from scpo_ros.backup_certification.demands import (
    Demand, kinds_of_system, largest_metric_kinds, LargestMetric, LargestMetricKind)
from scpo_ros.config import Spec, Specification
from scpo_ros.config.system_spec import NAME
from scpo_ros.config.table_cache import default_cache
from scpo_ros.config.validation import flatten


# Folders and modules whose code decides what the numbers are.
_SOURCES = ('scpo', 'systems', 'sets', 'backup', 'policy', 'simulation', 'proofs', 'verification',
            'backup_certification')
_MODULES = ('arrays.py', 'tolerances.py')


def source_files() -> list[Path]:
    """Return the files of source code that decide what the metrics are."""
    package = Path(__file__).parents[1]
    return [*(package / name for name in _MODULES),
            *(path for folder in _SOURCES for path in sorted((package / folder).rglob('*.py')))]


@lru_cache
def _code() -> str:
    """Return the digest of the source code that decides what the metrics are."""
    return digest(*(path.read_text(encoding='utf-8') for path in source_files()))


def question(spec: Specification, demand: Demand) -> str:
    """
    Return the text that says what is asked: specification, demand, source code.

    Of a described system the content counts, in place of the name or the path.
    """
    values = {name: item for name, (item, _) in sorted(flatten(spec).items())}
    if not isinstance(spec, Spec):
        from scpo_ros.systems.loading import load  # takes long to import; parameters do without
        values[NAME] = load(spec.system.description).content
    return json.dumps({
        'spec': values,
        'demand': {type(demand).__name__: asdict(demand)}, 'code': _code()}, sort_keys=True)


def _path(asked: str, cache: Path | str | None) -> Path:
    return Path(cache or default_cache()) / f'backup-{digest(asked)[:32]}.json'


def _seal(asked: str, rows: list[list[str | float]]) -> str:
    return digest(asked, json.dumps(rows))


def is_certified(spec: Specification, demand: Demand, cache: Path | str | None = None) -> bool:
    """
    Return whether the cache shows that the backup meets a demand; False for whatever is doubtful.

    :param cache: folder, see table_cache.
    """
    try:
        asked = question(spec, demand)
        kept = json.loads(_path(asked, cache).read_text(encoding='utf-8'))
        rows = kept['largest_metrics']
        if kept['question'] != asked or kept['seal'] != _seal(asked, rows):
            return False
        found = [LargestMetric(kind, place, float(value), demand.bound(place, kind))
                 for kind, place, value in ((LargestMetricKind[row[0]], *row[1:]) for row in rows)]
        known = {(f.kind, f.place) for f in found}
        wanted = [{(kind, place) for kind in kinds for place in demand.places}
                  for kinds in _kinds(spec)]
        return (any(each and each <= known for each in wanted)
                and all(f.holds for f in found))
    except Exception:  # noqa: B902 - whatever is wrong with the file: certify anew
        return False


def _kinds(spec: Specification) -> list[list[LargestMetricKind]]:
    """Return the kinds of metrics, for every kind of certificate that there may be."""
    if isinstance(spec, Spec):
        return [largest_metric_kinds(spec)]
    return [kinds_of_system(certificate) for certificate in spec.kinds]


def keep(spec: Specification, demand: Demand, largest: Sequence[LargestMetric],
         cache: Path | str | None = None) -> None:
    """Put a certified backup's metrics into the cache; an unwritable one only costs time."""
    asked = question(spec, demand)
    rows: list[list[str | float]] = [
        [f.kind.name, f.place, float(f.value)] for f in largest]
    try:
        path = _path(asked, cache)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(
            {'question': asked, 'largest_metrics': rows, 'seal': _seal(asked, rows)}))
    except OSError:
        pass
