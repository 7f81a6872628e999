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
A minute of the adapter's learner on a described system, without ROS: what its updates cost.

    python -m benchmark.learning_minute --system cart_pole --seconds 60 --share 0.5

The law runs in closed loop at the system's dt. The benign expert labels its states, and rollouts
are collected as in the nodes. An update lasts its own processor time over `--share`: so long it
takes a worker that gets this share of a core. *Gap closed* is (J_b - J) / (J_b - J_e) on held-out
rollouts in ordinary operation: backup, last policy, and the expert through the safety filter.

Linear algebra has one thread, as in the nodes: the processor time of several would count together.
"""

import argparse
from dataclasses import dataclass, field
import time

import scpo_ros.nodes  # noqa: F401, I100 - one thread for linear algebra, as in the nodes
import numpy as np  # noqa: E402, I100 - which reads it when it is imported
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.adapter.collection import CollectedRollout
from scpo_ros.config import AdapterConfig, ExpertConfig
from scpo_ros.config.system_spec import DescriptionConfig, SystemSpec
from scpo_ros.experts.specified_experts import experts_of
from scpo_ros.systems.system_scenarios import stress_and_operation
from scpo_ros.verification.specified import task_of

EPISODE = 60  # steps
HELD_OUT, SEED = 200, 99


@dataclass
class Plant:
    """The closed loop, and what it shows to the learner."""

    task: object
    law: object  # the expert
    rng: object
    demonstrations: list = field(default_factory=list)
    rollouts: list = field(default_factory=list)
    steps: int = 0

    def __post_init__(self):
        """Begin with the backup."""
        self.run = self.task.law(self.task.initial_theta)
        self._begin()

    def _begin(self):
        self.states, self.inputs, self.labelled = [
            self.task.safe_set.sample(2, self.rng)[1]], [], []

    def step(self):
        """Make one step; a new episode begins every so often."""
        x, system = self.states[-1], self.task.system
        u = self.run.act(x).u
        w = self.rng.uniform(-1, 1, system.n) * system.disturbance
        self.states.append(system.step(x, u, w))
        self.inputs.append(u)
        self.labelled.append(x)
        self.steps += 1
        if len(self.labelled) == ExpertConfig().batch:
            shown, self.labelled = np.array(self.labelled), []
            self.demonstrations.append((shown, self.law(shown)))
        if len(self.inputs) == AdapterConfig().rollout_steps:
            self.rollouts.append(CollectedRollout(
                0.0, np.array(self.states), np.array(self.inputs)))
            self.states, self.inputs = self.states[-1:], []
        if self.steps % EPISODE == 0:
            self._begin()

    def taken(self):
        """Hand over what was seen since it was taken last."""
        seen = self.demonstrations, self.rollouts[-AdapterConfig().rollouts:]
        self.demonstrations, self.rollouts = [], []
        return seen


def learn(task, law, seconds, share, tell=print):
    """Return (policy (d,), processor time of each update [s], number of accepted ones)."""
    learner, config = Adaptation(task.spec, AdapterConfig(), task=task), AdapterConfig()
    learner.begin()
    plant = Plant(task, law, np.random.default_rng(1))
    free, due, times, accepted, theta = 0.0, 0.0, [], 0, task.initial_theta
    while plant.steps * task.system.dt < seconds:
        now = plant.steps * task.system.dt
        if now >= max(free, due):
            plant.run.swap(theta)
            began = time.process_time()
            report = learner.step(*plant.taken())[-1]
            taken = time.process_time() - began
            theta, free, due = report.theta, now + taken / share, now + config.update_period_s
            accepted += report.outcome == 'ACCEPTED'
            if report.outcome != 'FEW_DEMONSTRATIONS':
                times.append(taken)
                tell(f'{now:5.1f} s  {report.outcome}  {taken:.2f} s  loss {report.loss:.4g}')
        plant.step()
    return theta, times, accepted


def gap_closed(task, law, theta):
    """Return which part of the way from the backup's task cost to the expert's was gone."""
    backup, final = task.mean_costs(np.array([task.initial_theta, theta]), SEED)
    drawn = stress_and_operation(task.system, task.safe_set, HELD_OUT, task.horizon,
                                 (task.spec.metrics.seed, SEED)).take(slice(HELD_OUT, None))
    x, cost = drawn.x0, 0.0
    for k in range(drawn.horizon):
        _, plans = task.policy.around(x)
        u = task.policy.filtered(x, task.system.saturate(law(x)), plans)
        cost += np.mean(task.system.stage_cost(x, u)) / drawn.horizon
        x = task.system.step(x, u, drawn.w[:, k])
    return (backup - final) / (backup - cost)


def main(arguments=None):
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog='python -m benchmark.learning_minute')
    parser.add_argument('--system', default='cart_pole', help='a shipped name, or a path')
    parser.add_argument('--seconds', type=float, default=60.0, help="on the plant's clock")
    parser.add_argument('--share', type=float, default=0.5, help='of a core, for the learner')
    chosen = parser.parse_args(arguments)
    spec = SystemSpec(DescriptionConfig(chosen.system))
    task, law = task_of(spec), experts_of(spec).law('benign')
    theta, times, accepted = learn(task, law, chosen.seconds, chosen.share)
    print(f'{accepted} accepted of {len(times)} updates; processor time of one: '
          f'median {np.median(times):.2f} s, largest {max(times):.2f} s; '
          f'gap closed {gap_closed(task, law, theta):.2f}')


if __name__ == '__main__':
    main()
