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

"""Recordings of axes with friction, noise, delay and worse, as tables, for identification."""

import csv

import numpy as np

DT, COLUMNS = 0.1, ('time', 'episode', 'position', 'velocity', 'acceleration')
DRAFT = """\
name: axis
dt: 0.1
states:
  - {name: position, unit: m, lower: -1.0, upper: 1.0, field: position, joint: axis}
  - {name: velocity, unit: m/s, lower: -0.6, upper: 0.6, field: velocity, joint: axis}
inputs:
  - {name: acceleration, unit: m/s^2, lower: -1.0, upper: 1.0, joint: axis}
dynamics:
  continuous: {A: [[0, 1], [0, -0.3]], B: [[0], [0.7]]}
cost: {Q: [1.0, 0.5], R: [0.3]}
backup: {horizon: 3}
contraction: 0.95
"""
TRUE = (-0.2, 1.1)  # damping [1/s] and gain of the axis


def axis_rows(episodes=20, steps=60, seed=0, delay=0, law=None, friction=0.0, offset=0.0,
              noise=(0.0, 0.0), disturbance=(1e-4, 3e-3), rest=0, amplitude=1.0):
    """
    Return the rows of a recording of an axis with the given faults.

    :param law: (state, generator) -> input; None: random. :param rest: samples at rest at the
        beginning of each episode.
    """
    rng, rows, time = np.random.default_rng(seed), [], 0.0
    damping, gain = TRUE
    for episode in range(episodes):
        x, sent = np.array([rng.uniform(-0.3, 0.3), 0.0]), [0.0] * delay
        for k in range(rest + steps + 1):
            y = x + rng.uniform(-1, 1, 2) * noise
            u = 0.0 if k < rest else (
                amplitude * rng.uniform(-1, 1) if law is None else law(y, rng))
            rows.append([round(time, 9), episode, *y.tolist(), u])
            sent.append(u)
            time += DT
            if k >= rest:
                x = stepped(x, sent[-1 - delay], damping, gain, friction, offset)
                x = x + rng.uniform(-1, 1, 2) * disturbance
        time += DT
    return rows


def stepped(x, u, damping, gain, friction, offset, parts=20):
    """Return the state of the axis a step later, by small steps."""
    p, v = x
    h = DT / parts
    for _ in range(parts):
        a = gain * u + damping * v - friction * np.sign(v) + offset
        p, v = p + h * v + h * h / 2 * a, v + h * a
    return np.array([p, v])


def write_table(path, rows, columns=COLUMNS):
    """Write rows as a table, and return its path."""
    with open(path, 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path
