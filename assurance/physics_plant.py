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

"""A plant in MuJoCo for the controller's own loop, healthy first and then with a fault."""

from dataclasses import dataclass
from types import SimpleNamespace

from scpo_ros.config import PlantConfig
from scpo_ros.interface.wiring import wiring_of
from scpo_ros.physics.body import MujocoBody
from scpo_ros.physics.faults import Faults
from scpo_ros.physics.mjcf import file_of
from scpo_ros.physics.wheel import mujoco
from scpo_ros.sets.start_set import StartSet
from scpo_ros.systems.plant import SimulatedPlant

EPISODE_S = 6.0  # length of an episode


@dataclass(frozen=True)
class Row:
    """What is wrong with a plant, and how the controller may name it."""

    faults: Faults = Faults()
    names: tuple = ()  # parts of reasons; none: nothing is to be revoked
    described: str = ''  # keys that the description has more, so that it covers what is wrong


_ERROR, _INPUT = 'model error', ('the safe set does not admit', 'not applied as commanded')
_LEFT = 'the state left the safe set'
ROWS = {
    'no fault': Row(),
    '30 % more mass': Row(Faults(mass_scale=1.3), (_ERROR, _LEFT)),
    'ten times the friction': Row(Faults(friction_scale=10.0), (_ERROR, _LEFT)),
    'noise, 0.1 % of the limits': Row(Faults(sensor_noise=1e-3), (_ERROR, _LEFT)),
    'commands one step late': Row(
        Faults(actuation_delay=1), ('the plant applies commands 1 step late', *_INPUT)),
    'one step late, described': Row(described='delay_steps: 1\n')}  # the plant's drive is late


class _Exchangeable:
    """A body in whose place another one can be put between two episodes."""

    def __init__(self, body):
        self.now = body

    def begin(self, x, rng):
        return self.now.begin(x, rng)

    def step(self, u, rng):
        return self.now.step(u, rng)


class PhysicsPlant:
    """The plant of the nodes, and at which times it broke a limit."""

    def __init__(self, spec, task, seed: int) -> None:
        """
        Start without a fault.

        :param spec: SystemSpec of a system with a shipped model. :param task: its SystemTask.
        """
        self._wiring, self._task = wiring_of(spec), task
        self._body, self.dt = _Exchangeable(self._made(Faults())), task.system.dt
        self._plant = SimulatedPlant(
            task.system, task.safe_set, PlantConfig(
                seed=seed, episode_steps=round(EPISODE_S / self.dt)),
            starts=StartSet(task.system, task.safe_set),
            silent=task.silent_law, body=self._body)
        self.broken = []  # times at which a limit was broken

    def _made(self, faults):
        return MujocoBody(mujoco(), self._wiring, file_of(self._wiring.name, ''), faults)

    @property
    def time(self) -> float:
        """Return the stamp of the present state [s]."""
        return 1000.0 + self._plant.state.step * self.dt

    @property
    def state(self) -> SimpleNamespace:
        """Return the present state, as the controller reads it from a message."""
        state = self._plant.state
        return SimpleNamespace(time=self.time, episode=state.episode, x=state.x,
                               applied=state.applied)

    def begin(self, faults: Faults) -> None:
        """Begin another episode, with a fault from now on."""
        self._body.now = self._made(faults)
        self._plant.reset()
        self.advance(None)

    def advance(self, answer) -> None:
        """Let one step pass. :param answer: (m,), or None where there is none."""
        before = self._plant.limit_violations
        self._plant.advance(answer)
        if self._plant.limit_violations > before:
            self.broken.append(self.time)
