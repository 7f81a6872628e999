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
What is asked of the backup: the largest metric of each kind on each set. No ROS, no solver.

The backup is theta_0, the zero residual. The adapter asks that all metrics of its design and
verification sets are at most -accept_margin; on the design set strictly less, or the plan of an
update has no room (b = 0 is strictly feasible if and only if g < -accept_margin). The controller
asks that the metrics of its own scenarios are at most 0, and its proved bounds at most
-certified_margin. Replays of rollouts are no part of it: they come later.
"""

from dataclasses import dataclass, replace
from enum import Enum
import math
from typing import ClassVar, Literal, TypeAlias

from scpo_ros.config import AdapterConfig, ControllerConfig, Spec


class LargestMetricKind(Enum):
    """Which metrics a :class:`LargestMetric` is the largest of, in words."""

    INPUT = "the violation, by the backup's input, of what the safe set allows"
    PROVED_INPUT = "the proved violation, by the backup's input, of what the safe set allows"
    COST = "the backup's task cost over its own, less 1 + metrics.baseline_cost_tolerance"
    RETURN = ('the return to the origin (distance at the end of a rollout, less what '
              'metrics.stability_ratio and stability_offset allow)')
    ACTION = 'the mean action of the safety filter over metrics.filter_action, less 1'
    STABILITY = 'the proved contraction of the state (violation of metrics.stability_decay)'


Place: TypeAlias = Literal['design', 'verification', 'controller']  # a set of scenarios
_PLACES: dict[Place, str] = {
    'design': "the adapter's design set", 'controller': "the controller's scenarios",
    'verification': "the adapter's verification set"}


@dataclass(frozen=True)
class LargestMetric:
    """The largest metric of one kind on one set."""

    kind: LargestMetricKind
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

    def bound(self, place: Place, kind: LargestMetricKind) -> float:
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

    def bound(self, place: Place, kind: LargestMetricKind) -> float:
        """Return the largest admissible value of a metric."""
        proved = kind in (LargestMetricKind.PROVED_INPUT, LargestMetricKind.STABILITY)
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
            adapter.accept_margin, adapter.verification == 'sampled-bound'))
    if controller is not None and controller.safety:
        demands.append(ControllerDemand(controller.certified_margin))
    return tuple(demands)


def kinds_of_system(certificate: str) -> list[LargestMetricKind]:
    """Return the kinds that a described system has. :param certificate: its kind."""
    kinds = [LargestMetricKind.COST, LargestMetricKind.RETURN]
    first = {'guarded': [LargestMetricKind.ACTION], 'proved': [LargestMetricKind.PROVED_INPUT]}
    return first.get(certificate, []) + kinds


def largest_metric_kinds(spec: Spec) -> list[LargestMetricKind]:
    """Return the kinds that a specification has, in their order."""
    proved = spec.certificate == 'proved'
    sampled = spec.metrics.stability == 'sampled'
    return [LargestMetricKind.PROVED_INPUT if proved else LargestMetricKind.INPUT,
            LargestMetricKind.COST,
            LargestMetricKind.RETURN if sampled else LargestMetricKind.STABILITY]
