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

"""What the controller established for a policy by a verification of its own. No ROS."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Claim:
    """
    The controller's own claim: what it shows, announces and keeps in its ledger.

    Nothing in it comes from the certificate of a message.
    """

    kind: str  # of the certificate, see scpo.settings; 'backup' and 'unchecked' were not verified
    coverage: str  # what was covered, in words
    margin: float = 0.0  # that the proved metrics keep, metric units
    worst: float = 0.0  # largest metric, metric units
    size: int = 0  # number of metrics verified


BACKUP = Claim('backup', 'the backup')
UNCHECKED = Claim('unchecked', 'nothing: safety is off')


def claim_values(claim: Claim) -> dict[str, str | float | int]:
    """Return {name: value} of a :class:`Claim`, as the controller announces it."""
    return {f'claim.{name}': item for name, item in asdict(claim).items()}
