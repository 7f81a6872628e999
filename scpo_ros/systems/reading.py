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

"""Reads a description file into a :class:`~scpo_ros.systems.description.SystemDescription`."""

from dataclasses import replace
import math

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.systems.description import (
    Dynamics, FIELDS, InputEntry, MODEL_ERRORS, ModelReference, ON_SILENCE, StateEntry,
    SystemDescription)
from scpo_ros.systems.description_entries import Entries
from scpo_ros.systems.yaml_tree import Tree

_KEYS = ('name', 'dt', 'states', 'inputs', 'dynamics', 'constraints', 'delay_steps',
         'delay_fraction', 'sample_jitter', 'deadline', 'between_ticks', 'on_silence', 'cost',
         'backup', 'contraction')
_ENTRY = ('name', 'unit', 'lower', 'upper', 'joint', 'field')
_LARGEST = 64  # states, or inputs


def described(tree: Tree) -> SystemDescription:
    """
    Return the description that a file holds.

    :raises ConfigurationError: naming file, line, entry, value and rule.
    """
    top = Entries(tree, tree.values)
    top.known(_KEYS)
    states = tuple(map(_state, top.sequence('states')))
    inputs = tuple(map(_input, top.sequence('inputs')))
    _check_names(top, [*states, *inputs])
    n, m, dt = len(states), len(inputs), top.number('dt', low=1e-6, high=10.0)
    rows, bounds = _constraints(top, n)
    cost = top.mapping('cost')
    cost.known(('Q', 'R'))
    description = SystemDescription(
        name=top.word('name'), dt=dt, states=states, inputs=inputs, dynamics=_dynamics(top, n, m),
        constraint_rows=rows, constraint_bounds=bounds,
        state_weight=_positive(cost, 'Q', n, 0.0), input_weight=_positive(cost, 'R', m, 1e-12))
    return _with_options(top, description)


def _with_options(top: Entries, given: SystemDescription) -> SystemDescription:
    backup = top.mapping('backup')
    backup.known(('horizon', 'planned'))
    contraction = None
    if top.has('contraction') and top.required('contraction') != 'auto':
        contraction = top.number('contraction', low=1e-3, high=1.0)
    return replace(
        given, contraction=contraction,
        delay_steps=top.count('delay_steps', 0, 0, 100),
        delay_fraction=top.number('delay_fraction', 0.0, 0.0, 1.0),
        sample_jitter=top.number('sample_jitter', 0.0, 0.0, given.dt / 4),
        deadline=top.number('deadline', 0.5, 1e-3, 1.0),
        between_ticks=top.truth('between_ticks', False),
        on_silence=top.choice('on_silence', 'hold', ON_SILENCE),
        horizon=backup.count('horizon', 15, 1, 200),
        planned=_planned(backup.mapping('planned'), given))


def _state(entry: Entries) -> StateEntry:
    entry.known((*_ENTRY, 'disturbance', 'measurement_error'))
    name = entry.word('name')
    lower, upper = _limits(entry)
    return StateEntry(
        name=name, unit=entry.text('unit', ''), lower=lower, upper=upper,
        disturbance=entry.number('disturbance', 0.0, 0.0),
        measurement_error=entry.number('measurement_error', 0.0, 0.0),
        joint=entry.word('joint', name), field=entry.choice('field', 'position', FIELDS))


def _input(entry: Entries) -> InputEntry:
    entry.known(_ENTRY)
    name = entry.word('name')
    for limit in ('lower', 'upper'):
        entry.required(limit)
    lower, upper = _limits(entry)
    return InputEntry(name=name, unit=entry.text('unit', ''), lower=lower, upper=upper,
                      joint=entry.word('joint', name),
                      field=entry.choice('field', 'effort', FIELDS))


def _limits(entry: Entries) -> tuple[float, float]:
    """Return both limits; 0, the equilibrium, must lie strictly between them."""
    lower = entry.number('lower') if entry.has('lower') else -math.inf
    upper = entry.number('upper') if entry.has('upper') else math.inf
    if lower >= upper:
        raise entry.error('lower', lower, f'must be less than upper = {upper:g}')
    if not lower < 0:
        raise entry.error('lower', lower, 'must be negative: the equilibrium is at 0')
    if not upper > 0:
        raise entry.error('upper', upper, 'must be positive: the equilibrium is at 0')
    return lower, upper


def _check_names(top: Entries, entries: list[StateEntry | InputEntry]) -> None:
    """Refuse names and places on the wire that two entries share, and more entries than fit."""
    names: set[str] = set()
    places: set[tuple[str, str]] = set()
    for entry in entries:
        place = (entry.joint, entry.field)
        if entry.name in names:
            raise top.error('states', entry.name, 'must not be the name of two entries')
        if place in places:
            raise top.error('states', f'{entry.joint}.{entry.field}',
                            'must not be the joint and field of two entries')
        names.add(entry.name)
        places.add(place)
    if len(entries) > _LARGEST:
        raise top.error('states', len(entries), f'must be {_LARGEST} entries at most')


def _dynamics(top: Entries, n: int, m: int) -> Dynamics:
    kinds = ('continuous', 'discrete', 'model')
    below = top.mapping('dynamics')
    below.known(kinds)
    if len(below.keys()) != 1:
        raise top.error('dynamics', list(below.keys()), f'must be exactly one of {kinds}')
    kind = below.keys()[0]
    part = below.mapping(kind)
    if kind == 'model':
        part.known(('name', 'parameters', 'error'))
        parameters = part.mapping('parameters')
        model = ModelReference(
            part.text('name'), {key: parameters.number(key) for key in parameters.keys()},
            part.choice('error', 'bounded', MODEL_ERRORS))
        from scpo_ros.systems.models import linearised  # with CasADi, which nodes do without
        return Dynamics(kind, *linearised(model.name, model.parameters, n, m), model)
    part.known(('A', 'B'))
    return Dynamics(kind, part.matrix('A', n, n), part.matrix('B', n, m))


def _constraints(top: Entries, n: int) -> tuple[Array, Array]:
    """Return F (r, n) and f (r,) of F x <= f; f must be positive, so that 0 keeps them."""
    part = top.mapping('constraints')
    part.known(('F', 'f'))
    if not part.keys():
        return frozen(np.zeros((0, n))), frozen(np.zeros(0))
    rows = part.matrix('F', None, n)
    bounds = part.vector('f', len(rows))
    if not np.all(bounds > 0):
        raise part.error('f', float(bounds.min()), 'must be positive: the equilibrium is at 0')
    if not np.all(np.any(rows != 0, axis=1)):
        raise part.error('F', rows.tolist(), 'must have no row of zeros')
    return rows, bounds


def _positive(cost: Entries, name: str, size: int, least: float) -> Array:
    """Return a weight of the stage cost whose eigenvalues are at least `least`."""
    weight = cost.weight(name, size)
    smallest = float(np.linalg.eigvalsh(weight).min())
    if not smallest >= least:
        raise cost.error(name, smallest, 'must have no negative eigenvalue' if least == 0 else
                         'must have positive eigenvalues only')
    return weight


def _planned(planned: Entries, given: SystemDescription) -> dict[str, float]:
    """Return the soft limits of the backup, by the names of states and inputs."""
    limits = {entry.name: min(-entry.lower, entry.upper) for entry in given.states}
    limits.update({entry.name: min(-entry.lower, entry.upper) for entry in given.inputs})
    planned.known(limits)
    found: dict[str, float] = {}
    for name in planned.keys():
        limit = limits[name]
        found[name] = planned.number(name, low=0.0)
        if not 0 < found[name] <= limit:
            raise planned.error(name, found[name], f'must lie in (0, {limit:g}], inside the limit')
    return found
