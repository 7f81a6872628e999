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
What a person can do about what happened to learning. No ROS.

Every cause has a remedy of its own that helps against it.
"""

from dataclasses import dataclass

from scpo_ros.adapter.cause import Cause, FINE


@dataclass(frozen=True)
class Remedy:
    """What to do, and whether a person has to when it happens again and again."""

    must_act: bool
    sentence: str


_NOTHING = Remedy(False, 'nothing to do')
_EXPERT = Remedy(False, 'nothing to do: the expert asks for what is not safe; adapter/markers '
                 'shows it in red')
_DEFECT = Remedy(True, 'nothing was changed; the error named here is a defect of scpo_ros or of a '
                 'metric of your own: report it, or mend the metric')
_ROLLBACK = 'call adapter/rollback, to go on from the policy before'
_RESET = ('call adapter/reset, to begin with the backup again; if that is refused too, raise '
          'system.disturbance and system.position_disturbance to what the plant really does')
_REMEDIES = {
    **dict.fromkeys(FINE, _NOTHING),
    Cause.FEW_DEMONSTRATIONS: Remedy(
        False, 'wait for the expert, or look whether anybody publishes demonstrations'),
    Cause.ROLLED_BACK: Remedy(
        False, 'nothing to do: a collected rollout showed the policy unsafe, an earlier one runs'),
    Cause.ZERO_STEP: Remedy(
        False, 'nothing to do: the policy already does what is demonstrated'),
    Cause.EVALUATION_FAILED: _DEFECT,
    Cause.VERIFICATION_FAILED_TO_RUN: _DEFECT,
    Cause.PROJECTION_FAILED: Remedy(
        True, 'nothing was changed, and the next step is another problem; if it goes on, start '
        'again with fewer directions'),
    Cause.UNSAFE_CANDIDATE: _EXPERT,
    Cause.VERIFICATION_FAILED: _EXPERT,
    Cause.LOSS_NOT_LOWERED: Remedy(
        False, 'nothing to do: the policy follows this expert as well as it safely can'),
    Cause.STALLED: Remedy(
        False, 'nothing to do: the constraints leave no room towards this expert'),
    Cause.NO_SAFE_POLICY: Remedy(
        True, 'not even the backup passes on what the plant did: raise system.disturbance and '
        'system.position_disturbance to what the plant really does, and start again'),
    Cause.MODEL_INVALID: Remedy(
        True, 'the plant is not the model: compare system.* with it (limits, dt, disturbance, '
        'delay), then call adapter/reset'),
    Cause.MALFORMED_PROPOSAL: Remedy(
        True, 'mend whoever publishes on proposals: proposal.step must be finite and as long as '
        'policy.theta'),
    Cause.WORKER_RAISED: _DEFECT,
    Cause.WORKER_LATE: Remedy(
        True, 'raise update_timeout_s, or lower directions, or free the processor'),
    Cause.WORKER_ENDED: Remedy(
        True, 'the learning process is started again by itself; if it ends again, look for what '
        'ends it (memory: dmesg, ulimit)'),
    Cause.WORKER_NOT_STARTED: Remedy(
        True, 'it is started again by itself; mend what the reason names (a file, memory, a '
        'parameter)'),
    Cause.CONTROLLER_REVOKED: Remedy(
        True, 'the plant is not the model: compare system.* with it (limits, dt, disturbance, '
        'delay); certification goes on by itself once the model has held for model_calm_s'),
    Cause.CONTROLLER_MALFORMED: Remedy(
        True, 'adapter and controller must be given the same system, backup, policy and metrics '
        'parameters, and accept_margin must not be below certified_margin; if they are, somebody '
        'else publishes on policy'),
    Cause.CONTROLLER_LINEAGE: Remedy(
        False, 'nothing to do: the adapter goes on from what the controller runs; if it repeats, '
        'somebody else publishes on policy'),
    Cause.CONTROLLER_VERIFICATION: Remedy(
        False, 'nothing to do: what the controller found joins the scenarios of the adapter'),
    Cause.CONTROLLER_UNVERIFIED: Remedy(
        True, "the controller's verifier did not answer: raise its verification_timeout_s, or "
        'mend what the reason names'),
    Cause.CONTROLLER_LEDGER: Remedy(
        True, "free or mend the disk that holds the controller's ledger_dir"),
    Cause.CONTROLLER_UNKNOWN: Remedy(
        True, 'adapter and controller must be of the same version of scpo_ros')}


def remedy(cause: Cause, parent: bool = False) -> Remedy:
    """
    Return the :class:`Remedy` of a cause.

    :param parent: whether there is a policy to roll back to.
    """
    if cause is Cause.UNSAFE_PARENT:
        return Remedy(True, _ROLLBACK if parent else _RESET)
    return _REMEDIES[cause]
