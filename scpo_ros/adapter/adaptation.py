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
Adaptation: demonstrations and rollouts in, certified policies out. No ROS.

Joins the control task to the method: forms the raw step from the demonstrations, lets SCPO decide
how much of it is safe, feeds failures back into the design set, and stops when the plant does not
behave as the model says.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
import time

import numpy as np
from scpo_ros.adapter.collection import CollectedRollout
from scpo_ros.adapter.demonstrations import Demonstrations
from scpo_ros.adapter.report import AdaptationReport, Description, report_of
from scpo_ros.arrays import Array
from scpo_ros.config import AdapterConfig, Specification
from scpo_ros.exceptions import InfeasibleError, InvalidArrayError
from scpo_ros.policy.imitation import ImitationLoss
from scpo_ros.scpo import ScpoUpdater, UpdateOutcome, UpdateResult
from scpo_ros.systems.scenario import realised_disturbance, replay
from scpo_ros.verification.bound_counter import BoundCounter
from scpo_ros.verification.evaluations import Evaluation
from scpo_ros.verification.safe_task import SafeTask
from scpo_ros.verification.specified import evaluation_of, task_of


_LOOK_S = 1.0  # least time between two looks at what the whole raw step would do [s, wall]
_REST = 10  # so many times as long as a look has taken, there is no other
_DYNAMIC = ('demonstrations', 'min_demonstrations', 'damping')  # may change while learning


class Adaptation:
    """The learner of one specification: demonstrations, scenario sets and updater."""

    def __init__(self, spec: Specification, config: AdapterConfig, theta: Array | None = None,
                 tests: int = 0, task: SafeTask | None = None,
                 evaluation: Evaluation | None = None,
                 clock: Callable[[], float] = time.monotonic) -> None:
        """
        Start from the backup, or from a policy that must then verify anew.

        :param theta: (d,) or None. :param tests: with fresh scenarios that a ledger tells of.
        :param task: of that specification, if there is one.
        :param evaluation: of that task, if there is one. :param clock: () -> wall time [s].
        """
        self.config = config
        self.task = task_of(spec) if task is None else task
        self.evaluation = (
            _evaluation_of(self.task, config, tests) if evaluation is None else evaluation)
        self.demonstrations = Demonstrations(config.demonstrations, self.task.system)
        self.model_fault = ''
        self._clock, self._next_look = clock, -np.inf
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

    def describe(self) -> Description:
        """Return the digest of the specification and the outline of the safe set."""
        return Description(self.task.digest, self.task.outline)

    def reconfigure(self, config: AdapterConfig) -> None:
        """Take over what may change while learning goes on."""
        self.config = replace(
            self.config, **{name: getattr(config, name) for name in _DYNAMIC})
        self.demonstrations.capacity = config.demonstrations

    def begin(self) -> AdaptationReport:
        """Return the report of version 0 (or the restored policy), with its certificate."""
        return self._report(self.updater.reverify(), changed=True)

    def add_rollouts(self, rollouts: Sequence[CollectedRollout]) -> AdaptationReport | None:
        """
        Replay collected rollouts in the design set; verify the present policy anew.

        :returns: a report when the policy had to change or the model does not hold, else None.
        """
        if not self.config.safety or not rollouts:
            return None  # without safety nothing is verified, the validity of the model neither
        for rollout in rollouts:
            w = realised_disturbance(self.task.system, rollout.x[:-1], rollout.u, rollout.x[1:])
            try:
                scenario = replay(self.task.system, self.task, rollout.x[0], w,
                                  self.task.horizon)
            except InfeasibleError as error:
                self.model_fault = str(error)
                return self.revert(f'the model does not hold: {error}')
            self.evaluation.add_replay(scenario)
        return self._checked_anew()

    def step(self, demonstrations: Sequence[tuple[Array, Array]],
             rollouts: Sequence[CollectedRollout]) -> list[AdaptationReport]:
        """
        Take in what was seen and make one update; return the reports.

        :param demonstrations: states (T, n) and actions (T, m).
        """
        for states, actions in demonstrations:
            self.demonstrations.add(states, actions)
        replayed = self.add_rollouts(rollouts)
        return ([] if replayed is None else [replayed]) + [self.update()]

    def _checked_anew(self) -> AdaptationReport | None:
        self.updater.coverage = self.evaluation.coverage
        result = self.updater.reverify()
        if result.outcome is UpdateOutcome.UNCHANGED:
            return None
        return self._report(result, changed=result.outcome is not UpdateOutcome.EVALUATION_FAILED)

    def revert(self, reason: str, outcome: str = 'MODEL_INVALID') -> AdaptationReport:
        """Go back to the backup and say why."""
        self._theta = self.task.initial_theta
        self.evaluation.calibrate(self._theta)  # what fits another policy may not fit it
        result = self.updater.restore(self._theta)
        if result.certificate is None:
            reason = f'{reason}; the backup is not certified: {result.reason}'
        return AdaptationReport(outcome, reason, self._theta, result.certificate, changed=True,
                                tests=self.evaluation.tests)

    def reset(self) -> AdaptationReport:
        """Go back to the backup, forget the demonstrations and trust the model again."""
        self.demonstrations = Demonstrations(self.config.demonstrations, self.task.system)
        self.model_fault = ''
        self.updater.recentre()
        return self.revert('reset was asked for', 'RESET')

    def restore(self, theta: Array) -> AdaptationReport:
        """Take an earlier policy (d,) if it verifies and the model holds; return the report."""
        if self.model_fault:
            return self._idle('MODEL_INVALID', f'the model does not hold: {self.model_fault}')
        result = self.updater.restore(theta)
        return self._report(result, changed=np.array_equal(self.updater.theta, theta))

    def resume(self, theta: Array) -> AdaptationReport:
        """Trust the model again, because the controller does, and go on from a policy (d,)."""
        self.model_fault = ''
        return self.restore(theta)

    def avoid(self, x0: Array | None, w: Array | None) -> None:
        """
        Learn from a refusal of the controller: design and verify with its counterexample.

        What is not a scenario of the model is left out; without any, for a refusal by a mean, the
        baseline-cost constraint is tightened instead.

        :param x0: (n,), empty or None. :param w: (H n,), row by row, empty or None.
        """
        n = self.task.system.n
        if x0 is None or w is None or np.size(x0) != n or np.size(w) < n or np.size(w) % n:
            self.evaluation.tighten()
            return
        try:
            scenario = replay(self.task.system, self.task, x0,
                              np.reshape(w, (-1, n)), self.task.horizon)
        except (InfeasibleError, InvalidArrayError):
            return
        self.evaluation.add_refusal(scenario)

    def update(self) -> AdaptationReport:
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

    def propose(self, step: object) -> AdaptationReport:
        """
        Project the raw step (d,) of any other learner, in the Euclidean metric.

        :raises InvalidArrayError: for a malformed step.
        """
        if self.model_fault:
            return self._idle('MODEL_INVALID', f'the model does not hold: {self.model_fault}')
        before = self.updater.theta
        return self._concluded(self.updater.update(step), np.asarray(step), before)

    def _concluded(self, result: UpdateResult, step: Array, before: Array) -> AdaptationReport:
        """Return the report of an update; its counterexamples join the design set."""
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

    def _objection(self, report: AdaptationReport, before: Array, step: Array) -> str:
        """Return what the whole raw step would do where it was clipped, '' if not looked at."""
        began = self._clock()
        if not report.clipped < 1 or began < self._next_look:
            return ''
        found = self.evaluation.objection(before + step)
        self._next_look = began + max(_LOOK_S, _REST * (self._clock() - began))
        return found or ('it would be safe on the rollouts verified; trust radius and sampled '
                         'directions limit it')

    def _unchecked(self, loss: ImitationLoss) -> AdaptationReport:
        self._theta = self._theta + loss.gauss_newton(self._theta, self.config.damping).step
        return AdaptationReport('UNCHECKED', 'safety is off: the raw step was published',
                                self._theta, changed=True, loss=loss(self._theta), clipped=1.0)

    def _idle(self, outcome: str, reason: str) -> AdaptationReport:
        return AdaptationReport(outcome, reason, self.updater.theta)

    def _report(self, result: UpdateResult, changed: bool,
                step: Array | None = None) -> AdaptationReport:
        return report_of(result, self.evaluation, changed, step)


def _evaluation_of(task: SafeTask, config: AdapterConfig, tests: int) -> Evaluation:
    """Return the evaluation that certificates rest on. :param tests: that a ledger tells of."""
    counter = (None if config.verification == 'sets' else
               BoundCounter(config.bound_file, known=tests))
    return evaluation_of(task, config.rollouts, counter)
