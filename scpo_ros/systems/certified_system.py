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
The system that certificates speak of, made of a description and its matrices over one step.

Limits and disturbance of the description are those of the plant. Those of the certified system
allow for measurement error and delay (:mod:`.uncertainty`), for inputs that act a part of a step
late (:mod:`.sampling`), and on request for what happens between the ticks (:mod:`.between_ticks`).
"""

from dataclasses import replace

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems.between_ticks import excess
from scpo_ros.systems.description import SystemDescription
from scpo_ros.systems.requirements import check_limits
from scpo_ros.systems.system import measurement_error, sampling_of, System
from scpo_ros.systems.uncertainty import Uncertainty


def certified_system(description: SystemDescription, A: Array, B: Array) -> System:
    """
    Return the certified system, which holds those of the plant and of what is observed.

    :param A: (n, n) and B (n, m), over one step.
    :raises ConfigurationError: naming a limit that is used up.
    """
    plant = _plant(description, A, B)
    if not _inexact(description):
        return plant
    error, late = measurement_error(description), _late(description)
    at_most, exact = (Uncertainty(plant.A, width + late, error, description.delay_steps)
                      for width in (plant.disturbance, plant.step_disturbance))
    identity, rows = np.eye(description.n), description.constraint_rows
    observed = replace(
        _moved(plant, error, np.abs(rows) @ error),
        disturbance=frozen(at_most.observed), step_disturbance=frozen(exact.observed),
        plant_model=plant)
    tighter = (-at_most.tightening(wanted) - exceeded_between_ticks(description, wanted)
               for wanted in (identity, rows))
    certified = replace(
        _moved(plant, *tighter),
        disturbance=frozen(at_most.predicted), step_disturbance=frozen(exact.predicted),
        observed_model=observed, plant_model=plant)
    _check_limits_left(certified)
    return certified


def _inexact(description: SystemDescription) -> bool:
    """Return whether what is certified differs from the plant at the ticks."""
    return bool(np.any(measurement_error(description)) or description.delay_steps
                or description.delay_fraction or description.between_ticks)


def _input_limits(description: SystemDescription) -> tuple[Array, Array]:
    """Return the largest |u| (m,) and the range (m,) of the inputs."""
    lower, upper = (np.array([getattr(entry, name) for entry in description.inputs])
                    for name in ('lower', 'upper'))
    return np.maximum(-lower, upper), upper - lower


def _late(description: SystemDescription) -> Array:
    """Return the half-widths (n,) of what inputs that act a part of a step late change."""
    if not description.delay_fraction:
        return np.zeros(description.n)
    return sampling_of(description).late_disturbance(
        description.delay_fraction, _input_limits(description)[1])


def exceeded_between_ticks(description: SystemDescription, rows: Array) -> Array:
    """Return by how much rows (r, n) of x can be exceeded between the ticks, (r,)."""
    if not description.between_ticks:
        return np.zeros(len(rows))
    largest, widths = _input_limits(description)
    return excess(rows, sampling_of(description), check_limits(description), largest,
                  description.delay_fraction * description.dt * widths)


def exact_system(system: System) -> System:
    """Return a system that is measured exactly, at once, and looked at the ticks alone."""
    described = system.description
    states = tuple(replace(entry, measurement_error=0.0) for entry in described.states)
    return certified_system(
        replace(described, states=states, delay_steps=0, delay_fraction=0.0,
                between_ticks=False), system.A, system.B)


def _plant(description: SystemDescription, A: Array, B: Array) -> System:
    states, inputs = description.states, description.inputs
    step = np.array([entry.disturbance for entry in states])
    disturbance = step
    if description.dynamics.kind != 'discrete':
        disturbance = sampling_of(description).certified_disturbance(
            check_limits(description), _input_limits(description)[0])
    return System(
        description, frozen(A), frozen(B), frozen([entry.lower for entry in states]),
        frozen([entry.upper for entry in states]), frozen([entry.lower for entry in inputs]),
        frozen([entry.upper for entry in inputs]), frozen(description.constraint_bounds),
        frozen(disturbance), frozen(step))


def _moved(system: System, out: Array, bounds: Array) -> System:
    """Return a system whose state limits lie further out. :param bounds: of the constraints."""
    return replace(
        system, state_lower=frozen(system.state_lower - out),
        state_upper=frozen(system.state_upper + out),
        constraint_bounds=frozen(system.constraint_bounds + bounds))


def _check_limits_left(system: System) -> None:
    """Refuse limits that leave nothing around the equilibrium."""
    limits = np.minimum(-system.state_lower, system.state_upper)
    for entry, limit in zip(system.description.states, limits):
        if not limit > 0:
            raise ConfigurationError(
                f'{system.name}: states.{entry.name}', min(-entry.lower, entry.upper),
                'must be more than what measurement error, delay and time between ticks take of '
                f'it, {min(-entry.lower, entry.upper) - limit:.4g}')
    for place, (bound, left) in enumerate(zip(
            system.description.constraint_bounds, system.constraint_bounds)):
        if not left > 0:
            raise ConfigurationError(
                f'{system.name}: constraints.f[{place}]', float(bound),
                'must be more than what measurement error, delay and time between ticks take of '
                f'it, {bound - left:.4g}')
