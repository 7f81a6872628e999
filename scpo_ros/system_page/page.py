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

"""The text of the page."""

from collections.abc import Iterator

import numpy as np
from scpo_ros.policy.residual_bound import bound_of_all, ResidualBound
from scpo_ros.sets.system_set import DesignedPart
from scpo_ros.system_page.findings import (
    checked_at_the_boundary, left_by_sensors_and_actuators, modes, widenings)
from scpo_ros.systems.system import System
from scpo_ros.verification.residual_kind import ResidualKind
from scpo_ros.verification.system_task import SystemTask

_STATES = 200  # at which the room for a residual is looked at
_EDGE = 1 - 1e-9  # rounding must not put a state of the boundary outside
_SHOWN = 3  # limits whose widening helps most
_ERRORS = {'bounded': 'the bound of its error is part of the disturbances',
           'neglected': 'its error is not added to the disturbances, which have to cover it'}


def introduction(system: System) -> Iterator[str]:
    """Yield the lines that need no safe set: states, inputs, modes."""
    description = system.description
    yield (f'{system.name}: states: {system.n}, inputs: {system.m}, step: {system.dt:g} s, '
           f'dynamics: {description.dynamics.kind}')
    if description.dynamics.model is not None:
        yield (f'  linearised at 0; {_ERRORS[description.dynamics.model.error]}')
    yield ''
    for word, entries in (('state', description.states), ('input', description.inputs)):
        for entry in entries:
            disturbance = getattr(entry, 'disturbance', 0.0)
            moved = f', moved by up to {disturbance:g} a step' if disturbance else ''
            error = getattr(entry, 'measurement_error', 0.0)
            measured = f', measured to within {error:g}' if error else ''
            yield (f'  {word} {entry.name} [{entry.unit}]: {entry.lower:g} to {entry.upper:g}'
                   f'{moved}{measured}; {entry.joint}.{entry.field}')
    if description.delay_steps or description.delay_fraction:
        yield (f'  an input acts {description.delay_steps + description.delay_fraction:g} steps '
               'after the state that it answers')
    if description.between_ticks:
        yield '  the limits hold between the ticks too'
    yield ''
    yield 'modes (eigenvalues of A, per step):'
    for z in modes(system.A):
        size = abs(z)
        kind = ('unstable' if size > 1 + 1e-9 else 'at the limit' if size > 1 - 1e-9
                else f'decays to a half in {np.log(0.5) / np.log(max(size, 1e-300)):.3g} steps')
        value = f'{z.real:.5f}' if abs(z.imag) < 1e-9 else f'{z.real:.5f} {z.imag:+.5f}i'
        yield f'  {value}: {kind}'


def safe_set_of_a_part(system: System, number: int, part: DesignedPart) -> Iterator[str]:
    """Yield the lines about one decoupled part and its safe set."""
    states, inputs = _names(system, part)
    found, block = part.safe_set, part.block
    rate = -np.log(found.contraction) / system.dt
    yield ''
    yield f'part {number}: {", ".join(states)}, moved by {", ".join(inputs)}'
    yield (f'  contraction: {found.contraction:g} a step, {rate:.3g} /s'
           f'{"" if system.description.contraction else ", chosen automatically"}')
    yield (f'  safe set: {len(found.rows)} rows in {block.n} states and {found.horizon} x '
           f'{block.m} free inputs; mean radius {part.mean_radius:.3f} of a set that contains '
           'every contractive one')
    low, high = found.box
    for name, below, above, scale in zip(states, low, high, block.scale):
        yield f'    {name}: {below * scale:.4g} to {above * scale:.4g}'
    left = left_by_sensors_and_actuators(system, part)
    if left is not None:
        yield (f'  measurement error, delay and time between ticks leave {left:.3f} of the mean '
               'radius that the set would have without them')
    check = checked_at_the_boundary(part)
    verdict = 'as it must be' if check.worst <= found.contraction + 1e-6 else 'TOO LARGE'
    yield (f'  checked at {len(check.gauges)} boundary states under extreme disturbances: largest '
           f'gauge of the next state {check.worst:.6f}, contraction {found.contraction:g}: '
           f'{verdict}')
    best = [item for item in widenings(part, (states, inputs)) if item.growth > 1e-3][:_SHOWN]
    if best:
        helps = ', '.join(f'{item.name} ({item.growth:+.1%})' for item in best)
        yield f'  widening a limit by a tenth would enlarge the set under linear feedback: {helps}'


def room_for_a_residual(task: SystemTask) -> Iterator[str]:
    """Yield the lines on how large a residual may be that needs no filter."""
    filters = task.policy.filters
    states = task.safe_set.sample(_STATES, np.random.default_rng(0)) * _EDGE
    bounds = tuple(map(ResidualBound, filters))
    backup, plans = task.policy.around(states)
    found = bound_of_all(bounds, states, backup, plans)
    yield ''
    yield (f'residual that needs no filter: at least, and median of {_STATES} states, half of '
           'them on the boundary')
    for bound in bounds:
        block = bound.part.backup.block
        for place, scale in zip(block.inputs, block.input_scale):
            entry = task.system.description.inputs[place]
            yield (f'  {entry.name} [{entry.unit}]: {bound.least * scale:.3g}, '
                   f'{np.nanmedian(found[:, place]):.3g}')


def conclusion(system: System, residual: ResidualKind) -> Iterator[str]:
    """Yield the lines on which certificate there will be. :param residual: that of `auto`."""
    yield ''
    if residual.kind == 'proved':
        yield ('certificate: proved: these weights keep the safe set for every state and '
               'disturbance, and the safety filter never acts')
    else:
        yield ('certificate: guarded: every policy keeps the safe set with the safety filter in '
               'the loop; or bounded: the residual is bounded by what each state allows, and the '
               'filter never acts')
        yield f'  not proved: {residual.why_not}'
    yield ('  learn on it: python -m scpo_ros.experiments.imitation --system '
           f'{system.name}, or the nodes with system:={system.name}')


def _names(system: System, part: DesignedPart) -> tuple[list[str], list[str]]:
    description = system.description
    return ([description.states[place].name for place in part.block.states],
            [description.inputs[place].name for place in part.block.inputs])
