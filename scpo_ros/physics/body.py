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
A MuJoCo model that moves in the place of the linear model of a description.

MuJoCo steps at its own, finer step: the `timestep` of the model, shortened so that whole steps
fill dt. The input is constant over dt; an inner loop turns it into forces at every one of these
steps. What is reported as applied is its mean over dt, after delay and saturation.
"""

from collections import deque
from math import ceil
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.interface.wiring import Wiring
from scpo_ros.physics.faults import Faults, put_in
from scpo_ros.physics.inner_loop import inner_loop
from scpo_ros.physics.mjcf import compiled, numbers_of
from scpo_ros.physics.places import places_of
from scpo_ros.systems.plant import Motion

if TYPE_CHECKING:
    from mujoco import MjModel


class MujocoBody:
    """A :class:`~scpo_ros.systems.plant.Body`: a MuJoCo model with faults."""

    def __init__(self, mujoco: ModuleType, wiring: Wiring, path: Path,
                 faults: Faults = Faults()) -> None:
        """
        Read a model.

        :param mujoco: the package. :param path: of the MJCF file.
        :raises ConfigurationError: for a file that does not fit the system.
        """
        self._mujoco, system = mujoco, wiring.system
        numbers = numbers_of(wiring)
        nominal, self.model = (compiled(mujoco, path, numbers) for _ in range(2))
        self._places = places_of(mujoco, nominal, wiring.layout)
        self._loop = inner_loop(mujoco, nominal, self._places)
        put_in(mujoco, self.model, faults)
        self.steps = _steps(mujoco, self.model, system.dt)
        self._noise = faults.sensor_noise * system.state_scale
        self._inputs, self._late = system.m, faults.actuation_delay
        self._waiting: deque[Array] = deque()
        self.data = mujoco.MjData(self.model)

    def begin(self, x: Array, rng: np.random.Generator) -> Array:
        """Put it at a state (n,), with inputs of 0 on their way; return what is measured."""
        self._mujoco.mj_resetData(self.model, self.data)
        self._places.write(self.data, x)
        self._waiting = deque([np.zeros(self._inputs)] * self._late)
        return self._measured(x, rng)

    def step(self, u: Array, rng: np.random.Generator) -> Motion:
        """Move for dt under an input (m,) within its limits, or under one before."""
        self._waiting.append(np.array(u))
        now = self._waiting.popleft()
        applied = np.zeros(self._inputs)
        for _ in range(self.steps):
            self.data.ctrl[self._places.actuators] = self._loop.drive(self.data, now)
            self._mujoco.mj_step(self.model, self.data)
            applied += self._loop.applied(self.data, now)
        true = self._places.read(self.data)
        return Motion(self._measured(true, rng), applied / self.steps, true)

    def _measured(self, x: Array, rng: np.random.Generator) -> Array:
        """Return a state (n,) with the errors of the sensors."""
        return x + self._noise * rng.uniform(-1, 1, len(x))


def _steps(mujoco: ModuleType, model: 'MjModel', dt: float) -> int:
    """
    Return how many steps of MuJoCo are one of dt, and set their length.

    :raises ConfigurationError: where MuJoCo would step coarser than dt.
    """
    option = model.opt
    if not 0 < option.timestep <= dt:
        raise ConfigurationError('mujoco_model: timestep', option.timestep,
                                 f'must be at most the step of the system, dt = {dt:g} s')
    count: int = ceil(dt / option.timestep - 1e-9)
    option.timestep = dt / count
    # A state that is not finite is shown as it is; MuJoCo would begin anew without a word.
    option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
    return count
