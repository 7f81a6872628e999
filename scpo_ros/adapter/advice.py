"""
What happened to learning, by cause, and what a person can do about it. No ROS.

The cause is decided where the fault is found. Every cause has advice of its own that helps against
it; sentences are never searched for words.
"""

from dataclasses import dataclass
from enum import Enum

from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.process.worker import Fault


class Cause(str, Enum):
    """Everything that may be said of learning in diagnostics."""

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


@dataclass(frozen=True)
class Advice:
    """What to do, and whether a person has to when it happens again and again."""

    must_act: bool
    sentence: str


_NOTHING = Advice(False, 'nothing to do')
_TEACHER = Advice(False, 'nothing to do: the teacher asks for what is not safe; adapter/markers '
                  'shows it in red')
_DEFECT = Advice(True, 'nothing was changed; the error named here is a defect of scpo_ros or of a '
                 'metric of your own: report it, or mend the metric')
_ROLLBACK = 'call adapter/rollback, to go on from the policy before'
_RESET = ('call adapter/reset, to begin with the backup again; if that is refused too, raise '
          'system.disturbance and system.position_disturbance to what the plant really does')
_ADVICE = {
    **dict.fromkeys(FINE, _NOTHING),
    Cause.FEW_DEMONSTRATIONS: Advice(
        False, 'wait for the teacher, or look whether anybody publishes demonstrations'),
    Cause.ROLLED_BACK: Advice(
        False, 'nothing to do: a collected rollout showed the policy unsafe, an earlier one runs'),
    Cause.ZERO_STEP: Advice(
        False, 'nothing to do: the policy already does what is demonstrated'),
    Cause.EVALUATION_FAILED: _DEFECT,
    Cause.VERIFICATION_FAILED_TO_RUN: _DEFECT,
    Cause.PROJECTION_FAILED: Advice(
        True, 'nothing was changed, and the next step is another problem; if it goes on, start '
        'again with fewer directions'),
    Cause.UNSAFE_CANDIDATE: _TEACHER,
    Cause.VERIFICATION_FAILED: _TEACHER,
    Cause.LOSS_NOT_LOWERED: Advice(
        False, 'nothing to do: the policy follows this teacher as well as it safely can'),
    Cause.STALLED: Advice(
        False, 'nothing to do: the constraints leave no room towards this teacher'),
    Cause.NO_SAFE_POLICY: Advice(
        True, 'not even the backup passes on what the plant did: raise system.disturbance and '
        'system.position_disturbance to what the plant really does, and start again'),
    Cause.MODEL_INVALID: Advice(
        True, 'the plant is not the model: compare system.* with it (limits, dt, disturbance, '
        'delay), then call adapter/reset'),
    Cause.MALFORMED_PROPOSAL: Advice(
        True, 'mend whoever publishes on proposals: proposal.step must be finite and as long as '
        'policy.theta'),
    Cause.WORKER_RAISED: _DEFECT,
    Cause.WORKER_LATE: Advice(
        True, 'raise update_timeout_s, or lower directions, or free the processor'),
    Cause.WORKER_ENDED: Advice(
        True, 'the learning process is started again by itself; if it ends again, look for what '
        'ends it (memory: dmesg, ulimit)'),
    Cause.WORKER_NOT_STARTED: Advice(
        True, 'it is started again by itself; mend what the reason names (a file, memory, a '
        'parameter)'),
    Cause.CONTROLLER_REVOKED: Advice(
        True, 'the plant is not the model: compare system.* with it (limits, dt, disturbance, '
        'delay); certification goes on by itself once the model has held for model_calm_s'),
    Cause.CONTROLLER_MALFORMED: Advice(
        True, 'adapter and controller must be given the same system, backup, policy and metrics '
        'parameters, and accept_margin must not be below certified_margin; if they are, somebody '
        'else publishes on policy'),
    Cause.CONTROLLER_LINEAGE: Advice(
        False, 'nothing to do: the adapter goes on from what the controller runs; if it repeats, '
        'somebody else publishes on policy'),
    Cause.CONTROLLER_VERIFICATION: Advice(
        False, 'nothing to do: what the controller found joins the scenarios of the adapter'),
    Cause.CONTROLLER_UNVERIFIED: Advice(
        True, "the controller's verifier did not answer: raise its verification_timeout_s, or "
        'mend what the reason names'),
    Cause.CONTROLLER_LEDGER: Advice(
        True, "free or mend the disk that holds the controller's ledger_dir"),
    Cause.CONTROLLER_UNKNOWN: Advice(
        True, 'adapter and controller must be of the same version of scpo_ros')}

_OF_FAULT = {Fault.RAISED: Cause.WORKER_RAISED, Fault.LATE: Cause.WORKER_LATE,
             Fault.ENDED: Cause.WORKER_ENDED, Fault.UNREADABLE: Cause.WORKER_RAISED}
_OF_REFUSAL = {RefusalKind.MALFORMED: Cause.CONTROLLER_MALFORMED,
               RefusalKind.LINEAGE: Cause.CONTROLLER_LINEAGE,
               RefusalKind.VERIFICATION: Cause.CONTROLLER_VERIFICATION,
               RefusalKind.UNVERIFIED: Cause.CONTROLLER_UNVERIFIED,
               RefusalKind.LEDGER: Cause.CONTROLLER_LEDGER,
               RefusalKind.REVOKED: Cause.CONTROLLER_REVOKED}


def cause_of_answer(answer):
    """Return the cause of a worker's failed :class:`~scpo_ros.process.worker.Answer`."""
    if answer.method == 'start':
        return Cause.WORKER_NOT_STARTED
    if answer.fault is Fault.MALFORMED and answer.method == 'propose':
        return Cause.MALFORMED_PROPOSAL
    return _OF_FAULT.get(answer.fault, Cause.WORKER_RAISED)


def cause_of_refusal(kind):
    """Return the cause of a refusal by the controller. :param kind: RefusalKind, or its word."""
    return _OF_REFUSAL.get(kind, Cause.CONTROLLER_UNKNOWN)


def advice(cause, parent=False):
    """
    Return the :class:`Advice` of a cause.

    :param cause: :class:`Cause`. :param parent: whether there is a policy to roll back to.
    """
    if cause is Cause.UNSAFE_PARENT:
        return Advice(True, _ROLLBACK if parent else _RESET)
    return _ADVICE[cause]


def clipped(scale, objection):
    """Return why a raw step was not taken whole, '' when it was or when nobody looked."""
    if not scale < 1 or not objection:
        return ''
    return f'clipped to {100 * scale:.1f} % of what the teacher asks; in full, {objection}'
