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

"""The outcomes of an update: accepted or refused, and why."""

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from scpo_ros.arrays import Array, frozen, Integers
from scpo_ros.scpo.certificate import Certificate


class UpdateOutcome(Enum):
    """The kinds of result; the value is a sentence."""

    ACCEPTED = 'The new policy was verified and is now the present one.'
    UNCHANGED = 'The present policy was verified anew and stays.'
    ROLLED_BACK = 'The present policy failed; an earlier one was verified anew and taken.'
    ZERO_STEP = 'The raw step is zero: there is nothing to do.'
    EVALUATION_FAILED = 'The design metrics could not be evaluated; nothing changed.'
    VERIFICATION_FAILED_TO_RUN = 'The verification could not be carried out; nothing changed.'
    UNSAFE_PARENT = 'The present policy is not safe on the design set: call reverify().'
    PROJECTION_FAILED = 'The projection has no answer that can be trusted; nothing changed.'
    UNSAFE_CANDIDATE = 'No candidate was safe on the design set within the tries allowed.'
    VERIFICATION_FAILED = 'The candidate was safe on the design set and not on the larger one.'
    LOSS_NOT_LOWERED = 'The candidate did not lower the loss.'
    STALLED = 'The largest safe step is negligible: the constraints leave no room this way.'
    NO_SAFE_POLICY = 'Not even the first policy is safe any more: run the backup alone.'


class Refusal(Exception):
    """Ends an update inside this package, which turns it into an :class:`UpdateResult`."""

    def __init__(self, outcome: UpdateOutcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome, self.reason = outcome, reason


@dataclass(frozen=True, eq=False)
class UpdateResult:
    """The result of an update, a re-verification or a restoration; its arrays are read-only."""

    outcome: UpdateOutcome
    reason: str                             # a sentence with the numbers
    theta: Array                            # (d,) the present policy, unchanged when refused
    certificate: Certificate | None = None  # of theta; None unless it was verified in this call
    step_norm: float = 0.0                  # ||theta - parent||, weight units, 0 when refused
    tries: int = 0                          # projections made
    rollouts: int = 0                       # policies given to evaluate
    loss_before: float = np.nan             # NaN where no loss was evaluated
    loss_after: float = np.nan
    g: Array = field(default_factory=lambda: frozen(()))  # (k,) design metrics of theta, if known
    counterexamples: Integers = field(  # indices of the verification metrics that failed
        default_factory=lambda: np.empty(0, dtype=np.int64))
    candidate: Array | None = None   # (d,) the policy tried last, None if none was

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        indices = np.array(self.counterexamples, dtype=np.int64)
        indices.setflags(write=False)
        object.__setattr__(self, 'counterexamples', indices)
        for name in ('theta', 'g', 'candidate'):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen(getattr(self, name)))

    @property
    def accepted(self) -> bool:
        """Return whether the policy was replaced by a new, verified one."""
        return self.outcome is UpdateOutcome.ACCEPTED
