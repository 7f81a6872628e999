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

"""What a verification answers."""

from dataclasses import dataclass
from typing import Protocol, TYPE_CHECKING

from scpo_ros.arrays import Array
from scpo_ros.interface.claim import Claim

if TYPE_CHECKING:
    from scpo_ros.verification.counterexample import Counterexample

SEED_OFFSET = 104729  # the controller's scenario sets are drawn with another seed


@dataclass(frozen=True)
class Verdict:
    """The answer of a verification: safe or not, and why not."""

    safe: bool
    reason: str
    worst: float  # largest metric
    counterexample: 'Counterexample | None' = None  # for a proposer to learn from
    claim: Claim | None = None  # of this verification, where it is safe


class Judging(Protocol):
    """Judges policies."""

    def judge(self, theta: Array) -> Verdict:
        """Return the verdict on weights (d,); a metric that is not finite is unsafe."""
