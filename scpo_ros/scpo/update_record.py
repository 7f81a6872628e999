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

"""The notes of a running update, from which its result is made."""

from dataclasses import dataclass, field

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.scpo.central_path import Merit
from scpo_ros.scpo.certificate import Certificate
from scpo_ros.scpo.outcome import UpdateOutcome, UpdateResult


@dataclass
class UpdateRecord:
    """Values and counters of one update; a field that it did not reach keeps its default."""

    g: Array = field(default_factory=lambda: frozen(()))
    tries: int = 0
    rollouts: int = 0
    merit: Merit | None = None
    candidate: Array | None = None
    counterexamples: frozenset[int] = frozenset()

    def result(self, outcome: UpdateOutcome, reason: str, theta: Array,
               certificate: Certificate | None = None, step_norm: float = 0.0) -> UpdateResult:
        """
        Return the :class:`UpdateResult`.

        :param theta: the present policy (d,). :param certificate: of theta, or None.
        """
        before, after = (np.nan, np.nan) if self.merit is None else (
            self.merit.before, self.merit.after)
        return UpdateResult(
            outcome=outcome, reason=reason, theta=theta, certificate=certificate,
            step_norm=step_norm, tries=self.tries, rollouts=self.rollouts, loss_before=before,
            loss_after=after, g=self.g, candidate=self.candidate,
            counterexamples=np.array(sorted(self.counterexamples), dtype=np.int64))
