"""
The adapter's bookkeeping between topics and worker. No ROS.

Pairs states with the commands that answered them, collects rollouts and demonstrations, decides
what the worker is asked next, numbers what it certified, and comes back into step with the
controller when a policy was refused or a process was restarted.
"""

from dataclasses import dataclass, field
import time

import numpy as np
from scpo_ros.adapter.advice import Cause, cause_of_answer, cause_of_refusal, FINE
from scpo_ros.adapter.agreement import Agreement
from scpo_ros.adapter.collection import RolloutCollector, Sample
from scpo_ros.health.known import known
from scpo_ros.interface.state_watch import BRIDGED_S, Fate, StateWatch
from scpo_ros.systems.transitions import JudgedShare, TransitionRule


_KEPT = 20  # states that wait for the command that answers them
_FIRST = [('describe',), ('begin',)]  # what a worker is asked before all else
_UNKNOWN = (Cause.UNCHECKED, Cause.MODEL_INVALID, Cause.EVALUATION_FAILED,
            Cause.VERIFICATION_FAILED_TO_RUN)  # after these nothing is known to be safe


@dataclass
class Session:
    """One life of the adapter."""

    config: object  # AdapterConfig
    system: object  # LinearSystem
    lockstep: bool = False
    clock: object = time.monotonic
    vertices: np.ndarray = None
    enabled: bool = None
    accepted: int = 0
    refused: int = 0
    ignored: int = 0
    refused_in_a_row: int = 0
    cause: Cause = Cause.NONE  # of what `reason` says
    objection: str = ''  # what the whole raw step would have done
    teacher: str = ''  # who demonstrated last, as he calls himself
    loss: float = float('nan')
    worst_metric: float = float('nan')  # of the present policy; NaN: not certified
    step_scale: float = float('nan')
    update_time_ms: float = 0.0
    reason: str = ''
    malformed: str = ''  # what was wrong with the last malformed message
    model_valid: bool = True
    model_reason: str = ''  # why not
    seen_rollouts: list = field(default_factory=list)
    refused_trajectory: np.ndarray = None
    history: object = None  # History, or None
    present_trajectory: np.ndarray = None
    refused_reason: str = ''

    def __post_init__(self):
        """Start with nothing seen."""
        self.enabled = self.config.enabled if self.enabled is None else self.enabled
        self._watch = StateWatch(self.system.dt, BRIDGED_S)
        self._collector = RolloutCollector(self.config.rollout_steps, self.system)
        self._rule, self._share = TransitionRule(self.system), JudgedShare(self.system)
        self._states, self._demonstrations, self._rollouts = {}, [], []
        self._watched = False  # whether enough was judged at the state answered last
        self._heard = {}  # {teacher: time of his newest demonstration}
        self._proposals, self._requests = [], list(_FIRST)
        self._now = self._first = self._due = self._newest_demonstration = None
        self._asked, self._began = 0.0, self.clock()
        self.agreement = Agreement(self.history)

    # What is seen -------------------------------------------------------------------------

    def add_state(self, state):
        """Keep a state of the plant's time line until the command that answers it is seen."""
        lines, before = self._watch.time_lines, self._watch.last
        if self._watch.judge(state) is not Fate.FRESH:
            return
        if self._watch.time_lines > lines:  # the plant was started again, or its clock set
            self._states, self._now, self._first, self._due = {}, None, None, None
            self._watched = False
        if before is not None:
            self._share.add(self._rule.between(before, state))
        self._states[state.time] = state, self._share.enough
        for time_ in list(self._states)[:-_KEPT]:
            del self._states[time_]

    def add_command(self, answered, source, u):
        """Pair a command with the state it answers; return a rollout when one is complete."""
        state, watched = self._states.get(answered, (None, False))
        if state is None or (self._now is not None and answered <= self._now + 1e-9):
            return None
        self._now, self._watched = answered, watched
        if self._first is None:
            self._first = self._due = answered
        rollout = self._collector.add(
            Sample(answered, state.episode, state.x, state.applied, source, u))
        if rollout is not None:
            kept = max(1, self.config.rollouts)  # without replays they still test the model
            self._rollouts = (self._rollouts + [rollout])[-kept:]
            self.seen_rollouts = (self.seen_rollouts + [rollout.x])[-kept:]
        return rollout

    def reconfigure(self, config):
        """Take over an AdapterConfig whose dynamic values may have changed."""
        self.config, self.enabled = config, config.enabled
        self._requests.append(('reconfigure', config))

    def add_demonstration(self, end, states, actions, teacher=''):
        """Keep labelled states, with the time of the last one; what comes twice only once."""
        self.teacher = teacher
        if self._heard.get(teacher) == end:
            return
        self._heard[teacher] = end
        self._newest_demonstration = end
        self._demonstrations = [*self._demonstrations, (end, states, actions)][
            -self.config.demonstrations:]

    def add_proposal(self, step):
        """Queue the raw step of another learner; the worker checks it."""
        self._proposals = (self._proposals + [step])[-4:]

    def ignore(self, reason):
        """Count a malformed message."""
        self.ignored, self.malformed = self.ignored + 1, reason

    # What the worker is asked -------------------------------------------------------------

    def next_request(self, expert_there):
        """Return what to ask the worker now, (method, *arguments), or None."""
        if self.halted and self.chain is not None:
            return None
        if self._requests:
            request = self._requests.pop(0)
        elif self.chain is None or self._now is None or not self._learning:
            return None
        elif self._proposals:
            request = ('propose', self._proposals.pop(0))
        elif self._now < self._due - 1e-9 or self._must_wait(expert_there):
            return None
        else:
            self._due = self._now + self.config.update_period_s
            request = ('step', self._take_demonstrations(), self._rollouts, True)
            self._rollouts = []
        self._asked = self.clock()
        return request

    @property
    def _learning(self):
        # At the state answered last, too: else a poll between a state and its answer would learn
        # one step earlier, and one seed would not give one sequence of policies.
        return self.enabled and self._watched and self._share.enough

    @property
    def unwatched(self) -> str:
        """Return why learning pauses for want of states that can be judged, or ''."""
        if self._share.enough:
            return ''
        return self._share.fault or (
            f'{self._share.share:.0%} of the newest states could be judged yet')

    def _must_wait(self, expert_there):
        """
        Return whether, in lock-step, demonstrations of the past may still be on their way.

        A teacher who was started with the others may be found seconds after them: what was learned
        without him meanwhile would depend on how many.
        """
        if not self.lockstep:
            return False
        if not expert_there:
            waited = self.clock() - self._began
            return self._newest_demonstration is None and waited < self.config.teacher_wait_s
        past = max(self._now - self.config.demonstration_lag_s, self._first)
        return self._newest_demonstration is None or self._newest_demonstration < past - 1e-9

    def _take_demonstrations(self):
        until = self._now - self.config.demonstration_lag_s if self.lockstep else np.inf
        taken = [d for d in self._demonstrations if d[0] <= until + 1e-9]
        self._demonstrations = [d for d in self._demonstrations if d[0] > until + 1e-9]
        return [(states, actions) for _, states, actions in taken]

    def processed(self, busy, active=True):
        """
        Return the time of the newest state that nothing is left to be done for, or None.

        :param busy: whether the worker is. :param active: whether anything would be asked of it.
        """
        if busy or self.chain is None or self._now is None:
            return None
        if self.halted:
            return self._now
        if active and self._requests:
            return None
        due = active and self._learning and self._now >= self._due - 1e-9
        return None if due or not self.in_step else self._now

    # What the worker answered -------------------------------------------------------------

    def conclude(self, answer):
        """Take in an :class:`~scpo_ros.process.worker.Answer`; return the records to publish."""
        self.update_time_ms = 1e3 * (self.clock() - self._asked)
        if not answer.ok:
            self.refused += answer.method not in ('start', 'describe', 'begin')
            self._tell(cause_of_answer(answer), answer.failure)
            self.refused_in_a_row += answer.method in ('step', 'propose')
            if answer.method in ('start', 'describe', 'begin'):
                self._requests = _FIRST + [r for r in self._requests if r not in _FIRST]
            return []
        if answer.method in ('start', 'reconfigure', 'avoid'):
            return []
        if answer.method == 'describe':
            spec_digest, self.vertices = answer.value
            revival = self.agreement.begin(spec_digest)
            if revival:
                self._requests = revival + [r for r in self._requests if r != ('begin',)]
            return []
        reports = answer.value if isinstance(answer.value, list) else [answer.value]
        if answer.method in ('step', 'propose'):
            self._count(reports)
        published = [self._take(report, answer.method) for report in reports]
        self._requests += [request for _, requests in published for request in requests]
        return [record for records, _ in published for record in records]

    def _tell(self, cause, reason):
        """Say what happened last; cause and reason always belong together."""
        self.cause, self.reason = cause, reason

    @property
    def last_refused(self):
        """Return whether what happened last was a refusal."""
        return self.cause not in FINE

    def _count(self, reports):
        for report in reports:
            cause = Cause(report.outcome)
            self.objection = report.objection or self.objection
            if cause in (Cause.ACCEPTED, Cause.UNCHECKED):
                self.accepted, self.refused_in_a_row = self.accepted + 1, 0
            elif cause not in FINE:
                self.refused, self.refused_in_a_row = self.refused + 1, self.refused_in_a_row + 1
                self.agreement.note_refusal(report.outcome, report.reason)

    def _take(self, report, method):
        """Return the records to publish and what the worker must be asked next."""
        if report.trajectory is not None:
            self.refused_trajectory, self.refused_reason = report.trajectory, report.reason
        if report.present is not None:
            self.present_trajectory = report.present
        self._tell(Cause(report.outcome), f'{report.outcome}: {report.reason}')
        self.model_valid = self.cause is not Cause.MODEL_INVALID
        self.model_reason = '' if self.model_valid else report.reason
        self.loss, self.step_scale = report.loss, report.clipped
        self.worst_metric = self._worst(report)
        revived = self.agreement.revived(report) if method == 'restore' else None
        return self.agreement.publish(report) if revived is None else revived

    def _worst(self, report):
        """Return the largest design metric of the present policy; NaN: not certified."""
        if self.cause in _UNKNOWN:
            return float('nan')
        if np.isfinite(report.worst):
            return report.worst
        if report.changed:
            return float('nan') if report.certificate is None else float(
                np.max(report.certificate.g))
        return self.worst_metric  # the policy is the one before, and was not looked at

    # Staying in step with the controller --------------------------------------------------

    @property
    def chain(self):
        """Return the PolicyChain, None before the specification is known."""
        return self.agreement.chain

    @property
    def halted(self):
        """Return why the controller takes nothing at present, or ''."""
        return self.agreement.halted

    @property
    def reviving(self):
        """Return whether the policy of an earlier life is being verified anew."""
        return self.agreement.reviving

    @property
    def in_step(self):
        """Return whether the controller has let through or refused all that was published."""
        return self.agreement.in_step

    def acknowledge(self, seen):
        """Take in an Acknowledgement; after a refusal go on from what the robot runs."""
        halted = self.halted
        requests, happened = self.agreement.acknowledge(seen)
        self._requests += requests
        if happened and happened != halted:
            self._tell(Cause.CONTROLLER_REVOKED if self.halted else cause_of_refusal(
                seen.refused_kind), happened)
        if self.halted:
            self.worst_metric = float('nan')  # nothing that runs is certified
        if halted and not self.halted:
            self._rollouts = []  # they may hold what the model does not explain

    # For the node -------------------------------------------------------------------------

    @property
    def version(self):
        """Return the version published last, -1 before the first."""
        return -1 if self.chain is None or self.chain.latest is None else self.chain.latest.version

    def replacement(self):
        """Return the weights that a new worker starts with, None for the backup; ask it anew."""
        self._requests = list(_FIRST)
        if self.chain is None or self.chain.base is None:
            return None
        return self.chain[self.chain.base].theta

    def rollback_target(self):
        """
        Return the record to go back to, or None.

        It is the parent of the present one, or that of the parameter `rollback_version`.
        """
        return self.agreement.rollback_target(self.config.rollback_version)

    @property
    def claim(self):
        """Return what the certificate of the newest policy covers."""
        return '' if self.chain is None or self.chain.latest is None else self.chain.latest.claim

    def values(self):
        """Return what diagnostics show."""
        return {'version': self.version, 'accepted': self.accepted, 'refused': self.refused,
                'refused_in_a_row': self.refused_in_a_row, 'outcome': self.cause.value,
                'whole_step': self.objection, 'teacher': self.teacher,
                'halted': self.halted, 'enabled': self.enabled, 'reason': self.reason,
                'loss': known(self.loss, '.5f'), 'certificate': self.claim,
                'worst_metric': known(self.worst_metric, '.4f', 'not certified'),
                'in_step': self.in_step, 'step_scale': known(self.step_scale, '.3f'),
                'judged_share': f'{self._share.share:.3f}',
                'malformed_messages': self.ignored, 'last_malformed': self.malformed}
