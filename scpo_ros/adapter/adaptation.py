"""
Adaptation: demonstrations and rollouts in, certified policies out. No ROS.

Joins the control task to the method: forms the raw step from the demonstrations, lets SCPO decide
how much of it is safe, feeds failures back into the design set, and stops when the plant does not
behave as the model says.
"""

from dataclasses import dataclass, replace
import time

import numpy as np
from scpo_ros.adapter.demonstrations import Demonstrations
from scpo_ros.exceptions import InfeasibleError, InvalidArrayError
from scpo_ros.policy.imitation import ImitationLoss
from scpo_ros.scpo import Certificate, ScpoUpdater, UpdateOutcome
from scpo_ros.systems.scenario import realised_disturbance, replay
from scpo_ros.verification.bound_counter import BoundCounter
from scpo_ros.verification.evaluation import SafetyEvaluation
from scpo_ros.verification.sampled_verification import SampledEvaluation
from scpo_ros.verification.task import ControlTask


@dataclass(frozen=True, eq=False)
class AdaptationReport:
    """What one call did; small, and picklable."""

    outcome: str  # name of an UpdateOutcome, or MODEL_INVALID, FEW_DEMONSTRATIONS, UNCHECKED
    reason: str  # a sentence
    theta: np.ndarray  # (d,), the present policy
    certificate: Certificate = None
    changed: bool = False  # whether theta is another than before
    loss: float = float('nan')  # imitation loss of the present policy
    worst: float = float('nan')  # its largest design metric
    clipped: float = float('nan')  # length of the step taken over that of the raw step
    objection: str = ''  # what the whole raw step would do, where that was looked at
    candidate: np.ndarray = None  # (d,), the refused policy
    tries: int = 0
    rollouts: int = 0
    constraints: int = 0
    trajectory: np.ndarray = None  # (T, 2), what the refused policy would have done
    present: np.ndarray = None  # (T, 2), what the present policy does instead


_LOOK_S = 1.0  # how often it is found out what the whole raw step would do [s, wall]


class Adaptation:
    """One learner: task, scenario sets, demonstrations and updater."""

    def __init__(self, spec, config, theta=None, task=None, evaluation=None,
                 clock=time.monotonic):
        """
        Start from the backup, or from a policy that must then verify anew.

        :param spec: Spec. :param config: AdapterConfig.
        :param theta: (d,) or None. :param task: a ControlTask of that spec, if there is one.
        :param evaluation: its SafetyEvaluation, if there is one.
        :param clock: () -> wall time [s].
        """
        self.config = config
        self.task = ControlTask.build(spec) if task is None else task
        if evaluation is None:
            evaluation = self._evaluation_of(config)
        self.evaluation = evaluation
        self.demonstrations = Demonstrations(config.demonstrations, self.task.system)
        self.model_fault = ''
        self._clock, self._looked = clock, -np.inf
        self._theta = self.task.initial_theta  # only used without safety
        self.updater = ScpoUpdater(
            self.evaluation.evaluate, self.task.initial_theta, self.evaluation.verify,
            rng=np.random.default_rng([config.seed, 7]), coverage=self.evaluation.coverage,
            kind=self.evaluation.kind,
            directions=config.directions, radius=config.radius,
            trust_radius=config.trust_radius, accept_margin=config.accept_margin,
            plan_margin=config.plan_margin, centering=config.centering)
        if theta is not None:
            self.updater.restore(theta)

    def _evaluation_of(self, config):
        """Return the evaluation that certificates of the configured kind rest on."""
        if config.certificate == 'sets':
            return SafetyEvaluation(self.task, replays=config.rollouts)
        return SampledEvaluation(self.task, replays=config.rollouts,
                                 counter=BoundCounter(config.bound_file))

    def describe(self):
        """Return the digest of the specification and the vertices (v, 2) of the safe set."""
        return self.task.digest, self.task.safe_set.vertices

    def reconfigure(self, config):
        """Take over what may change while learning goes on."""
        self.config = replace(self.config, **{
            name: getattr(config, name)
            for name in ('demonstrations', 'min_demonstrations', 'damping')})
        self.demonstrations.capacity = config.demonstrations

    def begin(self):
        """Return the report of version 0 (or the restored policy), with its certificate."""
        result = self.updater.reverify()
        return self._report(result, changed=True)

    def add_rollouts(self, rollouts):
        """
        Replay collected rollouts in the design set; verify the present policy anew.

        :param rollouts: list of CollectedRollout.
        :returns: a report when the policy had to change or the model does not hold, else None.
        """
        if not self.config.safety:
            return None  # nothing is verified, the validity of the model neither
        added = 0
        for rollout in rollouts:
            w = realised_disturbance(self.task.system, rollout.x[:-1], rollout.u, rollout.x[1:])
            try:
                scenario = replay(self.task.system, self.task.safe_set, rollout.x[0], w,
                                  self.task.horizon)
            except InfeasibleError as error:
                self.model_fault = str(error)
                return self.revert(f'the model does not hold: {error}')
            self.evaluation.add_replay(scenario)
            added += 1
        return self._checked_anew() if added else None

    def step(self, demonstrations, rollouts, learn):
        """
        Take in what was seen and, if asked, make one update; return the reports.

        :param demonstrations: list of (states (T, 2), actions (T, 1)).
        :param rollouts: list of CollectedRollout. :param learn: whether to update.
        """
        for states, actions in demonstrations:
            self.demonstrations.add(states, actions)
        reports = [self.add_rollouts(rollouts)]
        if learn:
            reports.append(self.update())
        return [report for report in reports if report is not None]

    def _checked_anew(self):
        self.updater.coverage = self.evaluation.coverage
        result = self.updater.reverify()
        if result.outcome is UpdateOutcome.UNCHANGED:
            return None
        return self._report(result, changed=result.outcome is not UpdateOutcome.EVALUATION_FAILED)

    def revert(self, reason, outcome='MODEL_INVALID'):
        """Go back to the backup and say why."""
        self._theta = self.task.initial_theta
        self.evaluation.calibrate_cost(self._theta)  # what fits another policy may not fit it
        result = self.updater.restore(self._theta)
        if result.certificate is None:
            reason = f'{reason}; the backup is not certified: {result.reason}'
        return AdaptationReport(outcome, reason, self._theta, result.certificate, changed=True)

    def reset(self):
        """Go back to the backup, forget the demonstrations and trust the model again."""
        self.demonstrations = Demonstrations(self.config.demonstrations, self.task.system)
        self.model_fault = ''
        self.updater.recentre()
        return self.revert('reset was asked for', 'RESET')

    def restore(self, theta):
        """Take an earlier policy (d,) if it verifies and the model holds; return the report."""
        if self.model_fault:
            return self._idle('MODEL_INVALID', f'the model does not hold: {self.model_fault}')
        result = self.updater.restore(theta)
        return self._report(result, changed=np.array_equal(self.updater.theta, theta))

    def resume(self, theta):
        """Trust the model again, because the controller does, and go on from a policy (d,)."""
        self.model_fault = ''
        return self.restore(theta)

    def avoid(self, x0, w):
        """
        Learn from a refusal of the controller: design and verify with its counterexample.

        What is not a scenario of the model is left out; without any, for a refusal by a mean, the
        no-regret metric is tightened instead.

        :param x0: (n,) or empty. :param w: (H n,), row by row, or empty.
        """
        n = self.task.system.n
        if np.size(x0) != n or np.size(w) < n or np.size(w) % n:
            self.evaluation.tighten()
            return
        try:
            scenario = replay(self.task.system, self.task.safe_set, x0,
                              np.reshape(w, (-1, n)), self.task.horizon)
        except (InfeasibleError, InvalidArrayError):
            return
        self.evaluation.add_refusal(scenario)

    def update(self):
        """Form the raw step from the demonstrations and take what of it is safe."""
        if self.model_fault:
            return self._idle('MODEL_INVALID', f'the model does not hold: {self.model_fault}')
        if len(self.demonstrations) < self.config.min_demonstrations:
            return self._idle('FEW_DEMONSTRATIONS',
                              f'{len(self.demonstrations)} demonstrations, '
                              f'{self.config.min_demonstrations} needed')
        loss = ImitationLoss(self.task.policy, self.demonstrations.states,
                             self.demonstrations.actions)
        if not self.config.safety:
            return self._unchecked(loss)
        before = self.updater.theta
        raw = loss.gauss_newton(before, self.config.damping)
        result = self.updater.update(raw.step, metric=raw.metric, loss=loss,
                                     directions=[*raw.others, raw.gradient])
        return self._concluded(result, raw.step, before)

    def propose(self, step):
        """
        Project the raw step (d,) of any other learner, in the Euclidean metric.

        :raises InvalidArrayError: for a malformed step.
        """
        if self.model_fault:
            return self._idle('MODEL_INVALID', f'the model does not hold: {self.model_fault}')
        before = self.updater.theta
        return self._concluded(self.updater.update(step), np.asarray(step), before)

    def _concluded(self, result, step, before):
        if len(result.counterexamples) and result.candidate is not None:
            self.evaluation.remember(
                result.candidate, result.counterexamples, self.updater.theta)
        report = self._report(result, changed=result.accepted, step=step)
        report = replace(report, objection=self._objection(report, before, step))
        if len(result.counterexamples):
            again = self._checked_anew()
            if again is not None and again.changed:
                return again
        return report

    def _objection(self, report, before, step):
        """Return what the whole raw step would do where it was clipped, '' if not looked at."""
        if not report.clipped < 1 or self._clock() < self._looked + _LOOK_S:
            return ''
        self._looked = self._clock()
        return self.evaluation.objection(before + step) or (
            'it would be safe on the rollouts verified; trust radius and sampled directions '
            'limit it')

    def _unchecked(self, loss):
        self._theta = self._theta + loss.gauss_newton(self._theta, self.config.damping).step
        return AdaptationReport('UNCHECKED', 'safety is off: the raw step was published',
                                self._theta, changed=True, loss=loss(self._theta), clipped=1.0)

    def _idle(self, outcome, reason):
        return AdaptationReport(outcome, reason, self.updater.theta)

    def _report(self, result, changed, step=None):
        reason, trajectory = result.reason, None
        failed = result.counterexamples
        candidate = None if result.accepted else result.candidate
        if len(failed) and candidate is not None:
            reason += ' ' + self.evaluation.explain(candidate, int(failed[0]))
        if candidate is not None:
            trajectory = self.evaluation.worst_trajectory(candidate)
        length = np.linalg.norm(step) if step is not None else 0.0
        loss = result.loss_after if result.accepted else result.loss_before
        return AdaptationReport(
            result.outcome.name, reason, result.theta, result.certificate, changed, loss,
            worst=float(np.max(result.g)) if np.size(result.g) else float('nan'),
            clipped=float(result.step_norm / length) if length > 0 else float('nan'),
            candidate=candidate, tries=result.tries, rollouts=result.rollouts,
            constraints=int(np.size(result.g)), trajectory=trajectory,
            present=self.evaluation.shown_trajectory(result.theta))
