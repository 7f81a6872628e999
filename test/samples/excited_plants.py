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

"""A joint that is not as its draft says: another gain, friction, delay, noise."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from scpo_ros.config import ExciteConfig
from scpo_ros.excite.assembly import session_of
from scpo_ros.excite.track import table
from scpo_ros.identification.csv_record import read_csv
from scpo_ros.identification.identified import Choices, identify
from scpo_ros.interface.messages import State
from scpo_ros.systems import load
from scpo_ros.verification.system_task import SystemTask

DRAFT = """\
name: draft
dt: 0.1
states:
  - {name: position, unit: m, lower: -0.8, upper: 0.8, disturbance: 0.002, joint: axis}
  - {name: velocity, unit: m/s, lower: -0.5, upper: 0.5, disturbance: WIDTH, joint: axis,
     field: velocity}
inputs:
  - {name: acceleration, unit: m/s^2, lower: -1.0, upper: 1.0, joint: axis, field: effort}
dynamics:
  continuous: {A: [[0, 1], [0, 0]], B: [[0], [1]]}
cost: {Q: [1.0, 0.5], R: [0.3]}
backup: {horizon: 10}
contraction: auto
"""
LIMITS = np.array([0.8, 0.5])
PARTS = 20  # of a step, by which an axis moves


def task_of_draft(width=0.02, delay=0):
    """Return the control task of the draft. :param width: disturbance of the velocity."""
    return SystemTask.build(load(f"{DRAFT.replace('WIDTH', str(width))}delay_steps: {delay}\n"))


@dataclass
class Axis:
    """A joint with a gain, friction, a delay and noise that nobody knows."""

    gain: float = 1.0
    damping: float = 0.0
    friction: float = 0.0  # [m/s^2]
    delay: int = 0  # steps
    noise: tuple = (0.0, 0.0)
    disturbance: tuple = (1e-4, 2e-3)
    reports: str = 'applied'  # or 'commanded', or 'nothing'
    start: tuple = (0.0, 0.0)
    seed: int = 0
    dt: float = 0.1

    def __post_init__(self):
        """Stand still."""
        self.rng, self.x = np.random.default_rng(self.seed), np.array(self.start)
        self.sent, self.told, self.step = [0.0] * self.delay, 0.0, 0

    def state(self):
        """Return what it publishes."""
        nanoseconds = 10**9 + round(self.step * self.dt * 1e9)
        stamp = SimpleNamespace(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)
        told = np.nan if self.reports == 'nothing' else self.told
        return State(stamp, 1e-9 * nanoseconds, 0,
                     self.x + self.rng.uniform(-1, 1, 2) * self.noise, np.array([told]))

    def move(self, command):
        """Move for a step; what it is commanded acts later. None: nothing came."""
        u = 0.0 if command is None else float(np.clip(command[0], -1.0, 1.0))
        self.sent.append(u)
        acting = self.sent.pop(0)
        self.told = u if self.reports == 'commanded' else acting
        p, v = self.x
        h = self.dt / PARTS
        for _ in range(PARTS):
            push = self.gain * acting + self.damping * v
            rubbed = max(abs(push) - self.friction, 0.0) * np.sign(push) if abs(
                v) < 1e-9 else push - self.friction * np.sign(v)
            before, v = v, v + h * rubbed
            v = 0.0 if before * v < 0 and abs(push) <= self.friction else v
            p += h * (before + v) / 2
        moving = abs(v) > 0
        self.x = np.array([p, v]) + moving * self.rng.uniform(-1, 1, 2) * self.disturbance
        self.step += 1


def excited(task, plant, config=None, filtered=True, disturb=None, most=3000):
    """
    Return (session, true states (N, 2), what it said) of a whole excitation.

    :param config: ExciteConfig. :param disturb: (step, state) -> the state that arrives, or None.
    """
    said = []
    session = session_of(task, config or ExciteConfig(), said.append, filtered)
    states = []
    for step in range(most):
        state = plant.state() if disturb is None else disturb(step, plant.state())
        reply = None if state is None else session.answer(state)
        plant.move(None if reply is None else reply.u)
        states.append(plant.x.copy())
        if session.over:
            break
    return session, np.array(states), said


def identified_from(session, task, path):
    """Return what is identified from the table that a session writes to a path."""
    path.write_text(table(session.rows, task.system))
    return identify(task.system.description, read_csv(path, task.system), Choices())
