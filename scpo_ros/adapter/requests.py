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

"""What the adapter may ask of its learner, in the worker process; one class for each question."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from scpo_ros.adapter.collection import CollectedRollout
from scpo_ros.adapter.report import AdaptationReport, Description
from scpo_ros.arrays import Array
from scpo_ros.config import AdapterConfig
from scpo_ros.process.requests import Answer, Request


Labels: TypeAlias = tuple[Array, Array]  # states (T, n) and the actions (T, m) of an expert
Reports: TypeAlias = tuple[AdaptationReport, ...]
Reply: TypeAlias = Description | Reports | None


class Learner(Protocol):
    """What a learner must be able to do: :class:`~scpo_ros.adapter.adaptation.Adaptation` can."""

    def describe(self) -> Description:
        """Return the specification that it learns for."""

    def begin(self) -> AdaptationReport:
        """Return the report of the policy it starts with."""

    def step(self, demonstrations: Sequence[Labels],
             rollouts: Sequence[CollectedRollout]) -> list[AdaptationReport]:
        """Take in what was seen, make one update, and report both."""

    def propose(self, step: object) -> AdaptationReport:
        """Take what is safe of the raw step (d,) of another learner."""

    def restore(self, theta: Array) -> AdaptationReport:
        """Take an earlier policy (d,), if it verifies."""

    def resume(self, theta: Array) -> AdaptationReport:
        """Trust the model again, and go on from a policy (d,)."""

    def reset(self) -> AdaptationReport:
        """Go back to the backup."""

    def avoid(self, x0: Array | None, w: Array | None) -> None:
        """Learn from a refusal of the controller."""

    def reconfigure(self, config: AdapterConfig) -> None:
        """Take over what may change while learning goes on."""


LearnerRequest: TypeAlias = Request[Learner, Reply]
LearnerAnswer: TypeAlias = Answer[Learner, Reply]


@dataclass(frozen=True)
class Describe:
    """Ask for the specification that is learned for."""

    def ask(self, learner: Learner) -> Description:
        """Return the description."""
        return learner.describe()


@dataclass(frozen=True)
class Begin:
    """Ask for the present policy and its certificate."""

    def ask(self, learner: Learner) -> Reports:
        """Return one report."""
        return (learner.begin(),)


@dataclass(frozen=True, eq=False)
class Step:
    """Take in what was seen, and make one update."""

    demonstrations: tuple[Labels, ...]
    rollouts: tuple[CollectedRollout, ...]

    def ask(self, learner: Learner) -> Reports:
        """Return one report, or two where the rollouts changed the policy."""
        return tuple(learner.step(self.demonstrations, self.rollouts))


@dataclass(frozen=True, eq=False)
class Propose:
    """Take what is safe of the raw step of another learner; it is checked by the worker."""

    step: object  # (d,), when it is well formed

    def ask(self, learner: Learner) -> Reports:
        """Return one report."""
        return (learner.propose(self.step),)


@dataclass(frozen=True, eq=False)
class Restore:
    """Go on from an earlier policy, if it verifies."""

    theta: Array  # (d,)

    def ask(self, learner: Learner) -> Reports:
        """Return one report."""
        return (learner.restore(self.theta),)


@dataclass(frozen=True, eq=False)
class Resume:
    """Go on after a revocation, from what the robot runs."""

    theta: Array  # (d,)

    def ask(self, learner: Learner) -> Reports:
        """Return one report."""
        return (learner.resume(self.theta),)


@dataclass(frozen=True)
class Reset:
    """Go back to the backup, and forget what was learned."""

    def ask(self, learner: Learner) -> Reports:
        """Return one report."""
        return (learner.reset(),)


@dataclass(frozen=True, eq=False)
class Avoid:
    """Learn from a refusal of the controller: its counterexample joins the scenarios."""

    x0: Array | None  # (n,), empty or None for none
    w: Array | None  # (H n,)

    def ask(self, learner: Learner) -> None:
        """Tell; nothing comes back."""
        learner.avoid(self.x0, self.w)


@dataclass(frozen=True, eq=False)
class Reconfigure:
    """Take over the settings that may change while learning goes on."""

    config: AdapterConfig

    def ask(self, learner: Learner) -> None:
        """Tell; nothing comes back."""
        learner.reconfigure(self.config)
