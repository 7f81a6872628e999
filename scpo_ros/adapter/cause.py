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
What happened to learning, by cause. No ROS.

The cause is decided where the fault is found; sentences are never searched for words.
"""

from enum import Enum

from scpo_ros.adapter.requests import LearnerAnswer, Propose
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.process.requests import Fault, Start


class Cause(str, Enum):
    """What diagnostics may name as the outcome of learning."""

    NONE = ''  # nothing has happened yet
    # accepted, or nothing to be refused
    ACCEPTED = 'ACCEPTED'
    UNCHANGED = 'UNCHANGED'
    RESET = 'RESET'
    UNCHECKED = 'UNCHECKED'
    FEW_DEMONSTRATIONS = 'FEW_DEMONSTRATIONS'
    # refused by the adapter's own method
    ROLLED_BACK = 'ROLLED_BACK'
    ZERO_STEP = 'ZERO_STEP'
    EVALUATION_FAILED = 'EVALUATION_FAILED'
    VERIFICATION_FAILED_TO_RUN = 'VERIFICATION_FAILED_TO_RUN'
    UNSAFE_PARENT = 'UNSAFE_PARENT'
    PROJECTION_FAILED = 'PROJECTION_FAILED'
    UNSAFE_CANDIDATE = 'UNSAFE_CANDIDATE'
    VERIFICATION_FAILED = 'VERIFICATION_FAILED'
    LOSS_NOT_LOWERED = 'LOSS_NOT_LOWERED'
    STALLED = 'STALLED'
    NO_SAFE_POLICY = 'NO_SAFE_POLICY'
    MODEL_INVALID = 'MODEL_INVALID'
    # the worker process gave no good answer
    MALFORMED_PROPOSAL = 'MALFORMED_PROPOSAL'
    WORKER_RAISED = 'WORKER_RAISED'
    WORKER_LATE = 'WORKER_LATE'
    WORKER_ENDED = 'WORKER_ENDED'
    WORKER_NOT_STARTED = 'WORKER_NOT_STARTED'
    # refused by the controller
    CONTROLLER_REVOKED = 'CONTROLLER_REVOKED'
    CONTROLLER_MALFORMED = 'CONTROLLER_MALFORMED'
    CONTROLLER_LINEAGE = 'CONTROLLER_LINEAGE'
    CONTROLLER_VERIFICATION = 'CONTROLLER_VERIFICATION'
    CONTROLLER_UNVERIFIED = 'CONTROLLER_UNVERIFIED'
    CONTROLLER_LEDGER = 'CONTROLLER_LEDGER'
    CONTROLLER_UNKNOWN = 'CONTROLLER_UNKNOWN'


FINE = frozenset({Cause.NONE, Cause.ACCEPTED, Cause.UNCHANGED, Cause.RESET, Cause.UNCHECKED,
                  Cause.FEW_DEMONSTRATIONS})


_OF_FAULT = {Fault.RAISED: Cause.WORKER_RAISED, Fault.LATE: Cause.WORKER_LATE,
             Fault.ENDED: Cause.WORKER_ENDED, Fault.UNREADABLE: Cause.WORKER_RAISED}
_OF_REFUSAL: dict[RefusalKind | str, Cause] = {
    RefusalKind.MALFORMED: Cause.CONTROLLER_MALFORMED,
    RefusalKind.LINEAGE: Cause.CONTROLLER_LINEAGE,
    RefusalKind.VERIFICATION: Cause.CONTROLLER_VERIFICATION,
    RefusalKind.UNVERIFIED: Cause.CONTROLLER_UNVERIFIED,
    RefusalKind.LEDGER: Cause.CONTROLLER_LEDGER,
    RefusalKind.REVOKED: Cause.CONTROLLER_REVOKED}


def cause_of_answer(answer: LearnerAnswer) -> Cause:
    """Return the cause of a failed answer of the worker."""
    if isinstance(answer.request, Start):
        return Cause.WORKER_NOT_STARTED
    if answer.fault is Fault.MALFORMED and isinstance(answer.request, Propose):
        return Cause.MALFORMED_PROPOSAL
    return _OF_FAULT.get(answer.fault, Cause.WORKER_RAISED)


def cause_of_refusal(kind: RefusalKind | str) -> Cause:
    """Return the cause of a refusal by the controller. :param kind: or its word on the wire."""
    return _OF_REFUSAL.get(kind, Cause.CONTROLLER_UNKNOWN)
