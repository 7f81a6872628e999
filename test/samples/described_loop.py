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

"""The controller's loop around a simulated plant of a described system, without ROS."""

from types import SimpleNamespace

from admission_samples import Verifier
import numpy as np
from scpo_ros.config import PlantConfig
from scpo_ros.controller.admission import Admission
from scpo_ros.controller.control_loop import ControlLoop
from scpo_ros.controller.model_monitor import ModelMonitor
from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.interface.policy_record import backup_record
from scpo_ros.interface.state_watch import StateWatch
from scpo_ros.ledger.history import History
from scpo_ros.sets.silent_law import silent_law
from scpo_ros.sets.start_set import StartSet
from scpo_ros.systems.plant import SimulatedPlant

CALM = 20


class DescribedLoop:
    """A controller that believes one description, and a plant that is another."""

    def __init__(self, task, truth=None, seed=0, **plant):
        """
        Start with a policy of random weights, as nobody checked them.

        :param truth: the system of the plant; None: that of the task.
        """
        system, found = truth or task.system, task.safe_set
        self.task = task
        gate = PolicyGate(backup_record(task.initial_theta, task.digest), 0.0, 0.0, task.kind)
        theta = 0.5 * np.random.default_rng(seed).standard_normal(len(task.initial_theta))
        self.loop = ControlLoop(
            task, task.law(theta), Admission(gate, Verifier(), History('', 'controller'), 1.0),
            StateWatch(system.dt, 10 * system.dt), ModelMonitor(task, CALM))
        self.plant = SimulatedPlant(
            system, found, PlantConfig(seed=seed, **plant), starts=StartSet(system, found),
            silent=silent_law(system, found))
        self.sources, self.ratios = [], []

    def seen(self):
        """Return the state that the plant publishes, as the controller reads it."""
        state = self.plant.state
        return SimpleNamespace(time=1000 + self.task.system.dt * state.step, x=state.x,
                               episode=state.episode, applied=state.applied)

    def run(self, steps, lost=()):
        """Close the loop for some steps. :param lost: steps whose command does not arrive."""
        for step in range(steps):
            reply = self.loop.answer(self.seen())
            self.sources.append(reply.source)
            self.ratios.append(self.loop.monitor.ratio)
            self.plant.advance(None if step in lost else reply.u)
        return self

    @property
    def revocations(self):
        """Return how often certificates were revoked."""
        return self.loop.admission.gate.revocation.count

    @property
    def reason(self):
        """Return why certificates are revoked, '' while they are not."""
        return self.loop.admission.gate.revoked
