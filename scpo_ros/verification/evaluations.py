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
What adapter, controller and audit ask of an evaluation: metrics of weights, and words for them.

Both metric functions map weights (P, d) to metrics (P, k); a policy is safe where all are <= 0.
"""

from typing import Protocol

from scpo_ros.arrays import Array, Integers
from scpo_ros.systems.scenario import Scenarios


class Evaluation(Protocol):
    """The metrics on which certificates of a task rest, on a design and a verification set."""

    @property
    def kind(self) -> str:
        """Return the kind of certificate."""

    @property
    def coverage(self) -> str:
        """Return what the verification covers, as a sentence."""

    @property
    def tests(self) -> int:
        """Return how many tests with fresh scenarios were made."""

    def evaluate(self, thetas: Array) -> Array:
        """Return the design metrics (P, k) of weights (P, d)."""

    def verify(self, thetas: Array) -> Array:
        """Return the verification metrics (P, k_v) of weights (P, d)."""

    def remember(self, theta: Array, failed: list[int] | Integers, present: Array) -> None:
        """
        Learn from failed verification metrics.

        :param theta: (d,), the candidate that failed. :param failed: columns of `verify`.
        :param present: (d,), the present policy.
        """

    def calibrate(self, theta: Array) -> None:
        """Give the design metrics that are means, of a policy (d,), their verified values."""

    def tighten(self) -> None:
        """Ask for lower means: the controller's own scenarios measured higher ones."""

    def add_replay(self, scenario: Scenarios) -> None:
        """Add a collected rollout (a batch of one) to both sets."""

    def add_refusal(self, scenario: Scenarios) -> None:
        """Add a counterexample of the controller (a batch of one) to both sets."""

    def explain(self, theta: Array, index: int) -> str:
        """Return a sentence about one verification metric of a policy."""

    def objection(self, theta: Array) -> str:
        """Return what speaks most against a policy (d,) on the verification set, '' if nothing."""

    def worst_trajectory(self, theta: Array) -> Array:
        """Return the defined states (T, n) of the design rollout that is worst."""

    def shown_trajectory(self, theta: Array) -> Array:
        """Return the defined states (T, n) of a policy on the rollout shown last."""
