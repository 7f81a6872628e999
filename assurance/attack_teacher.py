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
A teacher who sees the state, and has the policy learn what costs most where the state is going.

The adapter is not hostile: it learns from the labels, and SCPO and the controller's verification
decide what of it is taken. Every few ticks the teacher labels states around those that the backup
would pass through next with the law of the catalogue that costs most there.
"""

from types import SimpleNamespace

from assurance.attack_cost import loop_of, MOST, put_in_force, Spent, STEPS
import numpy as np
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.arrays import digest
from scpo_ros.config import AdapterConfig, ControllerConfig, EXPERTS
from scpo_ros.experts.catalogue import ExpertCatalogue
from scpo_ros.policy.safety_filter import Source
from scpo_ros.systems.scenario import random_scenarios
from scpo_ros.verification.verifier import Verifier

_AHEAD, _LABELS, _EVERY = 6, 40, 5  # steps looked ahead, states labelled, ticks to an update


class Teacher:
    """Teacher, adapter and verifier; `theta` passed last."""

    def __init__(self, learnt, rng):
        """Start from the backup."""
        self.task, self._rng = learnt.task, rng
        config = AdapterConfig(demonstrations=3 * _LABELS, min_demonstrations=_LABELS, rollouts=0)
        self._learner = Adaptation(learnt.spec, config, task=self.task)
        self._learner.begin()
        self._verifier = Verifier(learnt.spec, ControllerConfig().certified_margin)
        self.theta = self.task.initial_theta
        catalogue = ExpertCatalogue(self.task.system, self.task.gain)
        self._laws = [catalogue.law(name) for name in EXPERTS]

    def teach(self, x):
        """Label states ahead of x (n,), have the adapter update, verify what it accepts."""
        states = self._ahead(x)
        system, cost = self.task.system, []
        for law in self._laws:
            u = law(states)
            total = self.task.simulator.stage_cost(states, u) + self.task.cost_to_go(
                system.step(states, u))
            cost.append(np.nan_to_num(total, nan=np.inf).sum())
        self._learner.demonstrations.add(states, self._laws[int(np.argmax(cost))](states))
        report = self._learner.update()
        if report.outcome == 'ACCEPTED' and self._verifier.judge(report.theta).safe:
            self.theta = report.theta

    def _ahead(self, x):
        path = [x]
        for _ in range(_AHEAD):
            path.append(self.task.system.step(path[-1], self.task.policy.backup(path[-1])))
        around = np.repeat(path, -(-_LABELS // len(path)), axis=0)[:_LABELS]
        around = around + 0.03 * self._rng.normal(size=around.shape)
        return around / np.maximum(1.0, self.task.safe_set.gauge(around))[:, None]


def run(learnt, scenarios, rng, budget=True):
    """
    Return what the starts of scenarios cost, one after the other: :class:`Spent`.

    :param budget: False for the controller without its cost budget: the negative control.
    """
    teacher, task, costs, acted = Teacher(learnt, rng), learnt.task, [], 0
    for x0, w in zip(scenarios.x0, scenarios.w):
        loop, x, reference, u = loop_of(task), x0, x0, np.zeros(1)
        loop.budget = loop.budget if budget else None
        cost = np.zeros(2)
        for k, push in enumerate(w):
            if k % _EVERY == 0:
                teacher.teach(x)
                put_in_force(loop, teacher.theta, digest(teacher.theta))
            u = loop.answer(SimpleNamespace(
                time=k * task.system.dt, episode=0, x=x, applied=u)).u
            base = task.policy.backup(reference)
            cost += [task.simulator.stage_cost(x, u),
                     task.simulator.stage_cost(reference, base)]
            x = task.system.step(x, u, push)
            reference = task.system.step(reference, base, push)
        costs.append(cost)
        acted += loop.counts[Source.BUDGET]
    return Spent(*np.array(costs).T, acted / scenarios.w[..., 0].size)


def attack(learnt, oracle, tally, rng, count):
    """Let the teacher teach over `count` starts, with the budget and without."""
    task = learnt.task
    scenarios = random_scenarios(task.system, task.safe_set, count, STEPS // 5, rng)
    tally.tried('cost: teacher who sees the state', count)
    seed = int(rng.integers(2**31))
    with_it, without = (run(learnt, scenarios, np.random.default_rng(seed), budget)
                        for budget in (True, False))
    tally.figure('task_cost_of_a_teacher', {
        'with': with_it.summary(), 'without': without.summary()})
    if not with_it.ratios.mean() <= MOST:
        tally.fail('task_cost_exceeded', 'a teacher who sees the state: '
                   f"{with_it.ratios.mean():.4f} times the backup's, at most {MOST} is admitted")
