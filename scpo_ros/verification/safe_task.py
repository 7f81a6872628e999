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
What adapter, controller, audit and reports ask of a control task, whatever its system is.

:class:`~scpo_ros.verification.task.ControlTask` is that of the double integrator,
:class:`~scpo_ros.verification.system_task.SystemTask` that of a described system;
:func:`~scpo_ros.verification.specified.task_of` makes the one that a specification asks for.
"""

from typing import Protocol

from scpo_ros.arrays import Array, Booleans
from scpo_ros.interface.joint_layout import JointLayout
from scpo_ros.policy.imitation import LearnedPolicy
from scpo_ros.policy.safety_filter import SafetyFilter
from scpo_ros.sets.admissible_inputs import InputCheck
from scpo_ros.systems.drive import SilentLaw
from scpo_ros.systems.model import Model
from scpo_ros.systems.safe_set import SafeSet
from scpo_ros.tolerances import TaskTolerances


class Rollouts(Protocol):
    """Rolls policies out."""

    def trajectory(self, theta: Array, x0: Array, w: Array) -> tuple[Array, Array]:
        """
        Return states (S, H + 1, n) and inputs (S, H, m) of one policy (d,); NaN once undefined.

        :param x0: (S, n). :param w: (S, H, n).
        """


class SafeTask(Protocol):
    """System, safe set, policy and certificates; the same in every process."""

    @property
    def system(self) -> Model:
        """Return the model."""

    @property
    def safe_set(self) -> SafeSet:
        """Return C."""

    @property
    def bounds(self) -> InputCheck:
        """Return what tells whether an input keeps the next state in C."""

    @property
    def policy(self) -> LearnedPolicy:
        """Return the policy of any weights, without the safety filter."""

    @property
    def simulator(self) -> Rollouts:
        """Return what rolls policies out."""

    @property
    def kind(self) -> str:
        """Return the kind of certificate."""

    @property
    def digest(self) -> str:
        """Return the digest of the specification, the same on every processor."""

    @property
    def initial_theta(self) -> Array:
        """Return theta_0 (d,): the backup."""

    @property
    def horizon(self) -> int:
        """Return the rollout length H in steps."""

    @property
    def layout(self) -> JointLayout:
        """Return where states and inputs stand in messages."""

    @property
    def tolerances(self) -> TaskTolerances:
        """Return how far what another machine computes of this task may be from it."""

    @property
    def silent_law(self) -> SilentLaw:
        """Return what a simulated plant does when it goes without commands for long."""

    @property
    def outline(self) -> Array:
        """Return the corners (v, 2) of C in `system.plane`, where the other states are 0."""

    def contains(self, x: Array, tolerance: float = 1e-9) -> Booleans:
        """Return whether states (..., n) lie in C, up to a part of its size; NaN does not."""

    def law(self, theta: Array, enabled: bool = True) -> SafetyFilter:
        """
        Return the law that the controller runs, at first with weights (d,).

        :param enabled: False leaves out the safety filter: for demonstrations of the danger.
        """

    def mean_costs(self, thetas: Array, seed: int) -> Array:
        """Return the mean stage costs (P,) of policies (P, d) over held-out rollouts."""
