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

"""A plant that can be made to misbehave, and a model monitor that watches it."""

from types import SimpleNamespace

import numpy as np
from scpo_ros.config import SystemConfig
from scpo_ros.controller.model_monitor import ModelMonitor
from scpo_ros.sets.admissible_inputs import InputBounds
from scpo_ros.sets.invariant_set import contractive_set
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.verification.task import contraction_factor


def task_of(config):
    """Return what the monitor needs of a task: system, membership, admissible inputs."""
    system = double_integrator(config)
    safe_set = contractive_set(system, contraction_factor(config))
    return SimpleNamespace(
        system=system, kind='proved', contains=safe_set.contains,
        bounds=InputBounds.of(system, safe_set))


WIDE = task_of(SystemConfig(position_limit=100.0, velocity_limit=50.0, input_limit=20.0))
TASK = task_of(SystemConfig())


class Watched:
    """A double integrator; every step is answered, applied and observed."""

    def __init__(self, task=WIDE, x=(0.2, 0.1), calm_steps=5, make=ModelMonitor):
        """Observe the first state."""
        self.task, self.x = task, np.array(x)
        self.time, self.episode = 1.7e9, 0
        self.monitor = make(task, calm_steps)
        self.state = self._state(0.0)
        self.monitor.observe(self.state)

    def _state(self, applied):
        return SimpleNamespace(time=self.time, episode=self.episode, x=self.x,
                               applied=np.array([applied]))

    def advance(self, w=0.0, applied=0.1, answer=None, said=None, step=None, seen=True,
                episode=0, stamp=None):
        """
        Let one step pass; return the fault that is found, None where the state is not seen.

        :param w: disturbance of the velocity. :param answer: what was commanded, if not applied.
        :param said: what the plant reports as applied, if not what was.
        :param step: its true length [s]. :param seen: whether the state arrives.
        :param episode: added to the number of the episode.
        :param stamp: by how much the stamp advances, if not by the true length [s].
        """
        if self.state is not None:
            self.monitor.answered(
                self.state, np.array([applied if answer is None else answer]))
        h = self.task.system.dt if step is None else step
        A, B = np.array([[1.0, h], [0.0, 1.0]]), np.array([h * h / 2, h])
        self.x = A @ self.x + B * applied + np.array([0.0, w])
        self.time += h if stamp is None else stamp
        self.episode += episode
        self.state = self._state(applied if said is None else said) if seen else None
        return self.monitor.observe(self.state) if seen else None
