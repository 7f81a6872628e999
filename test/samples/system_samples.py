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

"""Described systems with safe set, backup and filter, built once for all tests that look on."""

from functools import lru_cache
import itertools

import numpy as np
from scpo_ros.config.system_spec import (
    DescribedMetricsConfig, DescribedPolicyConfig, DescriptionConfig, SystemSpec)
from scpo_ros.systems import load
from scpo_ros.verification.system_task import SystemTask

HIDDEN = (8, 8)
EDGE = 1 - 1e-9  # rounding must not put a state of the boundary outside
UNEVEN = {  # limits that are not symmetric, and a constraint that couples the states
    'name': 'uneven', 'dt': 0.1,
    'states': [
        {'name': 'position', 'unit': 'm', 'lower': -1.0, 'upper': 0.5},
        {'name': 'velocity', 'unit': 'm/s', 'lower': -0.4, 'upper': 0.8, 'disturbance': 0.003}],
    'inputs': [{'name': 'acceleration', 'unit': 'm/s^2', 'lower': -1.0, 'upper': 0.6}],
    'dynamics': {'continuous': {'A': [[0, 1], [0, 0]], 'B': [[0], [1]]}},
    'constraints': {'F': [[1.0, 1.0]], 'f': [0.8]},
    'cost': {'Q': [1.0, 0.5], 'R': [0.3]},
    'backup': {'horizon': 10, 'planned': {'velocity': 0.2}}, 'contraction': 0.95}
AXIS = {  # one axis of a double integrator, with a planned limit of everything
    'name': 'axis', 'dt': 0.1,
    'states': [
        {'name': 'position', 'unit': 'm', 'lower': -1.0, 'upper': 1.0},
        {'name': 'velocity', 'unit': 'm/s', 'lower': -0.6, 'upper': 0.6, 'disturbance': 0.003}],
    'inputs': [{'name': 'acceleration', 'unit': 'm/s^2', 'lower': -1.0, 'upper': 1.0}],
    'dynamics': {'continuous': {'A': [[0, 1], [0, 0]], 'B': [[0], [1]]}},
    'cost': {'Q': [1.0, 0.5], 'R': [0.3]}, 'contraction': 0.95,
    'backup': {'horizon': 15,
               'planned': {'position': 0.9, 'velocity': 0.2, 'acceleration': 0.3}}}
TWO_AXES = {  # a quick axis and a slow one
    **AXIS, 'name': 'two_axes', 'contraction': 0.97,
    'states': [
        {'name': 'x', 'unit': 'm', 'lower': -1.0, 'upper': 1.0, 'disturbance': 0.001},
        {'name': 'vx', 'unit': 'm/s', 'lower': -0.6, 'upper': 0.6, 'disturbance': 0.003},
        {'name': 'y', 'unit': 'm', 'lower': -1.0, 'upper': 0.8},
        {'name': 'vy', 'unit': 'm/s', 'lower': -0.4, 'upper': 0.3, 'disturbance': 0.001}],
    'inputs': [{'name': 'ax', 'unit': 'm/s^2', 'lower': -1.0, 'upper': 1.0},
               {'name': 'ay', 'unit': 'm/s^2', 'lower': -1.0, 'upper': 0.8}],
    'dynamics': {'continuous': {
        'A': [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, -0.4]],
        'B': [[0, 0], [1, 0], [0, 0], [0, 0.4]]}},
    'cost': {'Q': [1.0, 0.5, 1.0, 0.5], 'R': [0.3, 0.3]}, 'backup': {'horizon': 8}}
PUSHED = {  # two coupled axes, noise, a delay and large disturbances
    **TWO_AXES, 'name': 'pushed',
    'states': [
        {'name': 'x', 'unit': 'm', 'lower': -1.0, 'upper': 1.0, 'disturbance': 0.004},
        {'name': 'vx', 'unit': 'm/s', 'lower': -0.6, 'upper': 0.6, 'disturbance': 0.01,
         'measurement_error': 0.001},
        {'name': 'y', 'unit': 'm', 'lower': -2.0, 'upper': 1.0, 'disturbance': 0.002},
        {'name': 'vy', 'unit': 'm/s', 'lower': -0.6, 'upper': 0.6, 'disturbance': 0.008}],
    'inputs': [{'name': 'ax', 'unit': 'm/s^2', 'lower': -1.0, 'upper': 1.0},
               {'name': 'ay', 'unit': 'm/s^2', 'lower': -1.0, 'upper': 0.8}],
    'delay_steps': 1, 'contraction': 0.98,
    'dynamics': {'continuous': {
        'A': [[0, 1, 0, 0], [0, 0, 0.3, 0], [0, 0, 0, 1], [0.2, 0, 0, -0.2]],
        'B': [[0, 0], [1, 0.2], [0, 0], [-0.1, 0.9]]}}}
MAPPINGS = {'uneven': UNEVEN, 'axis': AXIS, 'two_axes': TWO_AXES, 'pushed': PUSHED}
SYSTEMS = ('double_integrator_2', 'ball_and_beam', 'vehicle_lateral', 'uneven')


@lru_cache(maxsize=None)
def system_of(name):
    """Return a described system."""
    return load(MAPPINGS.get(name, name))


@lru_cache(maxsize=None)
def task_of(name, kind='guarded', **metrics):
    """Return the control task of a described system, with a small network."""
    return SystemTask.build(system_of(name), spec_of(kind, **metrics))


def spec_of(kind='guarded', description='', **metrics):
    """Return a specification with a small network."""
    return SystemSpec(
        DescriptionConfig(description), DescribedPolicyConfig(HIDDEN),
        DescribedMetricsConfig(certificate=kind, **metrics))


def all_vertices(block):
    """Return the vertices (2^k, n) of the disturbance of a decoupled part."""
    moved = np.flatnonzero(block.disturbance)
    found = np.zeros((2**len(moved), block.n))
    found[:, moved] = list(itertools.product((-1.0, 1.0), repeat=len(moved)))
    return found * block.disturbance


def inputs_at_the_limits(block, count, rng):
    """Return v (count, m) whose entries lie at their limits, in units of the part."""
    rows = block.input_rows
    upper = np.array([1 / rows[rows[:, i] > 0, i].max() for i in range(block.m)])
    lower = np.array([1 / rows[rows[:, i] < 0, i].min() for i in range(block.m)])
    return np.where(rng.random((count, block.m)) < 0.5, lower, upper)


def broken(part, steps=100, sign=1.0, starts=24, safe_set=None):
    """
    Return the share of rollouts that break a limit or lose the backup.

    An adversary asks for inputs at their limits, held for a while, from boundary states; the
    disturbance is the vertex that the most used row of the next state suffers most from.

    :param sign: of the disturbance. :param safe_set: on whose boundary it starts; left out: the
        filter's.
    """
    block, rng = part.backup.block, np.random.default_rng(0)
    vertices, rows = all_vertices(block), part.backup.safe_set.state_rows
    z = EDGE * (safe_set or part.backup.safe_set).boundary(starts)
    lost, v = np.zeros(len(z), dtype=bool), np.zeros((len(z), block.m))
    wanted = inputs_at_the_limits(block, len(z), rng)
    for _ in range(steps):
        switched = rng.random(len(z)) < 0.1
        wanted[switched] = inputs_at_the_limits(block, int(switched.sum()), rng)
        plans = part.backup.plans(z)
        v = part(z, wanted, plans)
        lost |= ~(np.all(z @ block.state_rows.T <= 1 + 1e-9, axis=1)
                  & np.all(v @ block.input_rows.T <= 1 + 1e-9, axis=1))
        following = z @ block.A.T + np.nan_to_num(v) @ block.B.T
        used = following @ rows.T + np.nan_to_num(
            part.shifted(plans) @ part.backup.safe_set.lifted_rows.T)
        worst = np.argmax(vertices @ rows[np.argmax(used, axis=1)].T, axis=0)
        z = np.where(lost[:, None], 0.0, following + sign * vertices[worst])
    return float(lost.mean())
