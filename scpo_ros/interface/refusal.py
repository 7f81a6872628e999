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
Refusals of a policy: of which kind, and what is wrong. No ROS.

The kind is decided where the defect is found, and compared as a value. Its words go over the wire
and into the ledger; the sentence is for people only.
"""

from dataclasses import dataclass
from enum import Enum


class RefusalKind(str, Enum):
    """Which check a policy failed, as it is called on the wire and in the ledger."""

    NONE = ''  # nothing was refused yet
    MALFORMED = 'malformed'  # it contradicts itself, or what every policy must be
    LINEAGE = 'lineage'  # its place among the policies that the reader knows
    VERIFICATION = 'verification'  # the reader's own verification
    UNVERIFIED = 'unverified'  # the reader's own verification could not be carried out
    LEDGER = 'ledger'  # it could not be written to the disk
    REVOKED = 'revoked'  # certification had stopped


@dataclass(frozen=True)
class Defect:
    """One thing that is wrong with a policy."""

    kind: RefusalKind
    sentence: str

    def __str__(self) -> str:
        """Return the sentence."""
        return self.sentence


def malformed(*sentences: str) -> tuple[Defect, ...]:
    """Return the defects of that kind with the given sentences."""
    return tuple(Defect(RefusalKind.MALFORMED, sentence) for sentence in sentences)


def lineage(*sentences: str) -> tuple[Defect, ...]:
    """Return the defects of that kind with the given sentences."""
    return tuple(Defect(RefusalKind.LINEAGE, sentence) for sentence in sentences)
