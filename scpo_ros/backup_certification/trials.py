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

"""Changes of a specification, tried within a time budget. No ROS."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import re
from typing import TypeAlias

from scpo_ros.backup_certification.demands import Demand
from scpo_ros.backup_certification.largest_metrics import build_task, largest_metrics
from scpo_ros.config import Spec
from scpo_ros.config.table_cache import Cache
from scpo_ros.config.validation import build, flatten, Value
from scpo_ros.exceptions import ScpoRosError
from scpo_ros.sets.invariant_set import contractive_set
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.verification.task import contraction_factor


Changes: TypeAlias = Mapping[str, Value]  # {parameter: value}

_ITERATIONS = 400  # for a safe set
_UNITS = {name: found[1] for name, (_, meta) in flatten(Spec()).items()
          if (found := re.search(r'\[([^][]+)\]$', meta['description'])) and found[1] != '1'}


@dataclass(frozen=True)
class Suggestion:
    """What a change of parameters does for the backup: it certifies it, or does not help."""

    sentence: str
    changes: Changes
    helps: bool = True
    tried: bool = True  # False: found by bisection only


def in_words(changes: Changes) -> str:
    """Return changes in words, with units."""
    return ' and '.join(f'{name} = {item:g} {_UNITS.get(name, "")}'.rstrip()
                        if isinstance(item, float) else f'{name}: {item}'
                        for name, item in changes.items())


class Trials:
    """Tries changes of one specification until a time budget is spent."""

    def __init__(self, spec: Spec, demands: tuple[Demand, ...], cache: Cache,
                 clock: Callable[[], float], budget: float) -> None:
        """
        Start the budget.

        :param demands: what is asked of the backup. :param cache: folder of tables.
        :param clock: () -> [s]. :param budget: [s].
        """
        self.spec, self.demands = spec, demands
        self._cache, self._clock, self._end = cache, clock, clock() + budget
        self._values: dict[str, Value] = {
            name: item for name, (item, _) in flatten(spec).items()}

    def spent(self) -> bool:
        """Return whether the time is up."""
        return self._clock() >= self._end

    def number(self, name: str) -> float:
        """
        Return the present value of a parameter that is a number.

        :raises TypeError: for any other parameter.
        """
        value = self._values[name]
        if not isinstance(value, (int, float)):
            raise TypeError(f'{name} is no number')
        return float(value)

    def changed(self, changes: Changes) -> Spec:
        """Return the Spec with changes. :raises ConfigurationError: as such."""
        return build(type(self.spec), {**self._values, **changes})

    def has_safe_set(self, changes: Changes) -> bool:
        """Return whether there is a safe set inside the limits, with changes."""
        try:
            system = self.changed(changes).system
            contractive_set(double_integrator(system), contraction_factor(system), _ITERATIONS)
        except ScpoRosError:
            return False
        return True

    def certified(self, changes: Changes, demands: tuple[Demand, ...] | None = None) -> bool:
        """
        Return whether the backup is certified with changes, everything looked at.

        :param demands: other ones than those of the construction.
        """
        try:
            task = build_task(self.changed(changes), self._cache)
            found = largest_metrics(task, self.demands if demands is None else demands)
        except ScpoRosError:
            return False
        return bool(found) and all(f.holds for f in found)

    def suggestion(self, changes: Changes) -> list[Suggestion]:
        """Suggest changes if they certify the backup: in range, and tried in time."""
        try:
            self.changed(changes)
        except ScpoRosError:
            return []
        if self.spent() or not self.certified(changes):
            return []
        return [Suggestion(f'with {in_words(changes)}', changes)]
