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
The specification of a described system: what its certificates rest on.

The description file says everything about the system itself: dynamics, limits, disturbance, task
cost and backup. What is left is how certificates are made.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from scpo_ros.config.shared_parameters import Spec
from scpo_ros.config.validation import LARGEST, Validated, value


PARAMETERS = 'double_integrator'  # the system that parameters define, see Spec
NAME = 'system.description'  # the parameter that says which system it is
LONGEST_ROLLOUT = 200  # steps H of a rollout, at most


@dataclass(frozen=True)
class DescriptionConfig(Validated):
    """Where the description is."""

    description: str = value(
        '', 'description of the system: the name of a shipped one, or the path of a file',
        path=True)


@dataclass(frozen=True)
class DescribedPolicyConfig(Validated):
    """The residual network."""

    hidden: tuple[int, ...] = value((32, 32), 'widths of the hidden tanh layers [1]', 1, 512)
    seed: int = value(0, 'seed of the initial hidden weights (the residual starts at zero)', 0,
                      LARGEST)


@dataclass(frozen=True)
class DescribedMetricsConfig(Validated):
    """The safety metrics."""

    certificate: str = value(
        'auto', 'proved: these weights keep the safe set without the safety filter acting, for '
        'parts of two states and one input; guarded: all weights keep it with the filter in the '
        'loop; bounded: the filter never acts, since the residual is bounded by what each state '
        'allows; auto: proved where there is a proof, else guarded',
        choices=('auto', 'proved', 'guarded', 'bounded'))
    baseline_cost_tolerance: float = value(
        0.05, "eps: by what part the task cost may exceed the backup's [1]", 1e-3, 10.0)
    filter_action: float = value(
        0.01, 'guarded: by what part of their range the safety filter may move the inputs, in the '
        'mean [1]', 1e-4, 1.0)
    return_ratio: float = value(
        0.5, 'a rollout must end within this part of its first distance from the origin, and what '
        'the disturbance does [1]', 0.0, 0.999)
    design_states: int = value(24, 'initial states of the design rollouts, stress alone', 3, 10000)
    verification_states: int = value(
        120, 'initial states of the verification rollouts, stress alone', 3, 100000)
    seed: int = value(0, 'seed of the scenario sets', 0, LARGEST)


@dataclass(frozen=True)
class SystemSpec(Validated):
    """What a certificate of a described system rests on; every process must hold the same."""

    system: DescriptionConfig = field(default_factory=DescriptionConfig)
    policy: DescribedPolicyConfig = field(default_factory=DescribedPolicyConfig)
    metrics: DescribedMetricsConfig = field(default_factory=DescribedMetricsConfig)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds that a certificate may have; which of them, the system decides."""
        asked = self.metrics.certificate
        return ('proved', 'guarded') if asked == 'auto' else (asked,)

    @property
    def swap_dwell_s(self) -> float:
        """Return the shortest time between two swaps [s]: any weights keep the safe set."""
        return 0.0


Specification: TypeAlias = Spec | SystemSpec
