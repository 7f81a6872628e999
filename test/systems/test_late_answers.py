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

"""Resets while commands are on their way: no answer to a state of another episode is applied."""

from types import SimpleNamespace

import numpy as np
import pytest
from scpo_ros.config import PlantConfig, Spec
from scpo_ros.experts.catalogue import ExpertCatalogue
from scpo_ros.interface.state_watch import Fate, StateWatch
from scpo_ros.systems.plant import SimulatedPlant
from scpo_ros.verification.task import ControlTask


class AtOnce(SimulatedPlant):
    """Resets as the plant used to: at once, under the same number, with the command still held."""

    def reset(self):
        held = self._drive._actuation._held
        self._begin_episode(self.state.step, self.state.episode + 1)
        self._drive._actuation._held = held
        return self.state.episode


class Driver:
    """What the plant node does, without ROS: commands answer the state whose number they carry."""

    def __init__(self, task, kind, seed):
        self.plant = kind(task.system, task.safe_set, PlantConfig(
            seed=seed, episode_steps=int(10 + seed % 30)))
        self.watch, self.rng = StateWatch(0.1, 0.5), np.random.default_rng(seed)
        self.law = ExpertCatalogue(task.system, task.gain).law('benign')
        self.command, self.underway, self.rejected, self.resets = None, [], 0, 0
        self.foreign = self.silent = 0  # answers of another episode applied; states not answered

    def answer(self):
        """Let the controller answer the present state; its command may take a while."""
        state = self.plant.state
        fate = self.watch.judge(SimpleNamespace(time=100 + 0.1 * state.step, x=state.x,
                                                applied=state.applied, episode=state.episode))
        self.silent += fate is Fate.CONFLICTING
        if fate is Fate.FRESH:
            u = float(self.law(state.x[None])[0, 0])
            self.underway.append((state.step, state.episode, u))

    def deliver(self):
        """Let what is under way arrive."""
        for command in self.underway:
            if command[0] == self.plant.state.step:
                self.command = command
            else:
                self.rejected += 1
        self.underway = []

    def tick(self):
        before, command = self.plant.state, self.command
        state = self.plant.advance(None if command is None else command[2])
        applied = command is not None and state.episode == before.episode
        self.foreign += applied and command[1] != before.episode
        self.command = None

    def run(self, steps):
        """Reset at any moment: before, between and after answer and delivery, often in a row."""
        for _ in range(steps):
            for act in (self.answer, self.deliver, self.answer, self.tick):  # it repeats states
                if self.rng.uniform() < 0.1:
                    for _ in range(self.rng.integers(1, 4)):
                        self.plant.reset()
                        self.resets += 1
                if not (act == self.deliver and self.rng.uniform() < 0.1):  # a late one
                    act()


@pytest.fixture(scope='module')
def task():
    return ControlTask.build(Spec())


def driven(task, kind):
    """Return drivers of that kind of plant after their runs."""
    drivers = [Driver(task, kind, seed) for seed in range(20)]
    for driver in drivers:
        driver.run(300)
    return drivers


def test_the_answer_to_a_state_of_another_episode_is_never_applied(task):
    drivers = driven(task, SimulatedPlant)
    assert sum(driver.resets for driver in drivers) > 3000
    assert sum(driver.rejected for driver in drivers) > 100  # late ones, of the old episode too
    assert all(driver.foreign == driver.silent == 0 for driver in drivers)
    assert all(driver.plant.limit_violations == 0 for driver in drivers)


def test_a_plant_that_resets_under_the_same_number_applies_them_and_breaks_limits(task):
    drivers = driven(task, AtOnce)
    assert sum(driver.foreign for driver in drivers) > 100
    assert sum(driver.silent for driver in drivers) > 100
    assert sum(driver.plant.limit_violations for driver in drivers) > 0
