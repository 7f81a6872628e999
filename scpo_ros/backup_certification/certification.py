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
The certification of the backup, before anything starts.

A stack that runs on a backup which is not certified never learns anything.

    python -m scpo_ros.backup_certification.certification < QUESTION

evaluates theta_0 as adapter and controller do (:mod:`.largest_metrics`). Where it fails,
:mod:`.suggestions` finds by trying which parameter would help, and how large the disturbance may
be. Nodes use the program form, so that their own process does not pay
for the imports; it prints one line of JSON. No ROS.
"""

from collections.abc import Callable
from dataclasses import dataclass
import json
import sys
import time

import numpy as np
from scpo_ros.backup_certification.cached_result import keep
from scpo_ros.backup_certification.demands import (
    AdapterDemand, ControllerDemand, Demand, LargestMetric)
from scpo_ros.backup_certification.largest_disturbance import DISTURBANCES
from scpo_ros.backup_certification.largest_metrics import build_task, largest_metrics
from scpo_ros.backup_certification.missing_safe_set import for_no_safe_set
from scpo_ros.backup_certification.suggestions import for_failure
from scpo_ros.backup_certification.trials import in_words, Suggestion, Trials
from scpo_ros.config import Spec, Specification, SystemSpec
from scpo_ros.config.node_parameters import build_spec
from scpo_ros.config.table_cache import Cache
from scpo_ros.config.validation import flatten
from scpo_ros.exceptions import ConfigurationError, NoSafeSetError, ScpoRosError
from scpo_ros.verification.safe_task import SafeTask
from scpo_ros.verification.specified import task_of
from scpo_ros.verification.task import ControlTask


BUDGET_S = 60.0  # longest search for what would help [s, wall]; the table under way is finished


@dataclass(frozen=True)
class BackupCertification:
    """Certified, or not and why, and what would help."""

    largest_metrics: tuple[LargestMetric, ...]  # empty where there is no safe set
    sentence: str = ''  # empty where it is certified
    suggestions: tuple[Suggestion, ...] = ()

    @property
    def certified(self) -> bool:
        """Return whether everything that was looked at holds, and something was."""
        return (bool(self.largest_metrics) and all(f.holds for f in self.largest_metrics)
                and not self.sentence)


def certify_backup(spec: Specification, demands: tuple[Demand, ...], cache: Cache = None,
                   make: Callable[[Specification], SafeTask] | None = None,
                   clock: Callable[[], float] = time.monotonic,
                   budget: float = BUDGET_S) -> BackupCertification:
    """
    Return the :class:`BackupCertification` of a specification; success is put into the cache.

    :param demands: of :func:`~.demands.demands_of`, not empty.
    :param cache: folder of tables, None for the default.
    :param make: spec -> task with its proofs, for a caller who shows progress.
    :param clock: () -> [s]. :param budget: for what would help [s].
    :raises ScpoRosError: when nothing can be proved for another reason than the safe set.
    """
    if not isinstance(spec, Spec):
        return _of_system(spec, demands, cache, make)
    trials = Trials(spec, demands, cache, clock, budget)
    try:
        task = build_task(spec, cache) if make is None else make(spec)
        if not isinstance(task, ControlTask):
            raise TypeError('the task of parameters must be a ControlTask')
    except ConfigurationError as error:
        if trials.has_safe_set({}):
            raise
        helps = for_no_safe_set(trials)
        return BackupCertification((), _sentence(spec, f'{error}', helps), helps)
    found = largest_metrics(task, demands)
    failed = _failed(spec, demands, found, cache)
    if not failed:
        return BackupCertification(found)
    worst = _worst(failed)
    helps = for_failure(trials, task, failed, found)
    return BackupCertification(found, _sentence(spec, worst.sentence, helps), helps)


def _of_system(spec: SystemSpec, demands: tuple[Demand, ...], cache: Cache,
               make: Callable[[Specification], SafeTask] | None) -> BackupCertification:
    """Certify the backup of a described system; no change of it is tried."""
    from scpo_ros.backup_certification.described_system import largest_of_system
    from scpo_ros.verification.system_task import SystemTask
    explained = (f'python -m scpo_ros.systems {spec.system.description} explains the system and '
                 'what would enlarge its safe set')
    uncertified = 'the backup is not certified, so nothing could ever be learned'
    try:
        task = task_of(spec, cache) if make is None else make(spec)
    except NoSafeSetError as error:
        return BackupCertification((), f'{uncertified}: {error}; {explained}')
    if not isinstance(task, SystemTask):
        raise TypeError('the task of a description must be a SystemTask')
    found = largest_of_system(task, demands)
    failed = _failed(spec, demands, found, cache)
    if not failed:
        return BackupCertification(found)
    return BackupCertification(found, f'{uncertified}: {_worst(failed).sentence}; {explained}')


def _failed(spec: Specification, demands: tuple[Demand, ...], found: tuple[LargestMetric, ...],
            cache: Cache) -> list[LargestMetric]:
    """Return the metrics that do not hold; where there are none, keep all of them in the cache."""
    failed = [f for f in found if not f.holds]
    if found and not failed:
        for demand in demands:
            keep(spec, demand, [f for f in found if f.place in demand.places], cache)
    return failed


def _worst(failed: list[LargestMetric]) -> LargestMetric:
    """Return the metric that is farthest beyond its bound; one that is not finite is."""
    return max(failed, key=lambda f: np.nan_to_num(f.value - f.bound, nan=np.inf))


def _sentence(spec: Spec, why: str, suggestions: tuple[Suggestion, ...]) -> str:
    """Return the one line that says what fails and what would help."""
    helpful = [r.sentence for r in suggestions if r.helps]
    useless = [r.sentence for r in suggestions if not r.helps]
    values = flatten(spec)
    present = ', '.join(in_words({name: values[name][0]}) for name in DISTURBANCES)
    advice = f'it would be certified {", or ".join(helpful)}' if helpful else (
        'no single change that was tried certifies it')
    return '; '.join([
        f'the backup is not certified, so nothing could ever be learned: {why} (with {present})',
        advice, *useless])


def asked_of(text: str) -> tuple[Specification, tuple[Demand, ...]]:
    """Return (specification, demands) of the JSON text that :mod:`.required` makes."""
    given = json.loads(text)
    kinds: dict[str, type[Demand]] = {
        kind.__name__: kind for kind in (AdapterDemand, ControllerDemand)}
    spec = build_spec({name: tuple(item) if isinstance(item, list) else item
                       for name, item in given['spec'].items()})
    return spec, tuple(kinds[name](**values) for name, values in given['demands'])


def main() -> int:
    """Answer the question on standard input; the answer is one line of JSON."""
    try:
        spec, demands = asked_of(sys.stdin.read())
        result = certify_backup(spec, demands, budget=20.0)
        print(json.dumps({'certified': result.certified, 'sentence': result.sentence}))
    except ScpoRosError as error:
        print(json.dumps({'certified': False, 'sentence': str(error)}))
    return 0


if __name__ == '__main__':
    sys.exit(main())
