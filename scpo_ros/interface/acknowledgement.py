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

"""What the controller says of itself: what runs, what it let through, what it refused last."""

from dataclasses import dataclass, field

from scpo_ros.arrays import Array, frozen
from scpo_ros.interface.refusal import RefusalKind


def _nothing() -> Array:
    return frozen(())


@dataclass(frozen=True, eq=False)
class Acknowledgement:
    """The content of an active_policy message, for which the adapter waits."""

    theta: Array  # (d,), of the running policy
    version: int  # running
    digest: str
    ready: int  # newest version that was let through
    refused: int  # version refused last, -1 for none
    refused_kind: RefusalKind
    refused_reason: str
    refusals: int
    refused_x0: Array = field(default_factory=_nothing)  # (n,) of the counterexample, or empty
    refused_w: Array = field(default_factory=_nothing)  # (H n,)
    model_valid: int = 1  # whether certificates count at present
    model_reason: str = ''  # why not
    claim_kind: str = ''  # what the controller itself established for what runs

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        for name in ('theta', 'refused_x0', 'refused_w'):
            object.__setattr__(self, name, frozen(getattr(self, name)))
