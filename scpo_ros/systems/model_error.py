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
Descriptions whose disturbance covers the error of a linearisation, and narrower ones.

The error grows with the limits of the states and inputs in which a model is curved. Where no safe
set remains, narrower limits of these states may leave one: :func:`narrowed`.
"""

from dataclasses import replace
import math

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.systems.description import ModelReference, SystemDescription
from scpo_ros.systems.requirements import check_limits


def bounded_model(description: SystemDescription) -> ModelReference | None:
    """Return the model whose error the disturbance covers, None where there is none."""
    model = description.dynamics.model
    return None if model is None or model.error == 'neglected' else model


def with_model_error(description: SystemDescription) -> SystemDescription:
    """
    Return a description whose disturbance covers the error of the linearisation, if asked.

    :raises ConfigurationError: where the model cannot be bounded within the limits.
    """
    return _moved(description, 1)


def narrowed(description: SystemDescription, scale: float) -> SystemDescription:
    """
    Return a description with narrower limits of the states in which its model is curved.

    :param description: of :func:`with_model_error`, with a bounded model. :param scale: of these
        limits, in (0, 1].
    """
    plain, places = _moved(description, -1), curved_states(description)
    return with_model_error(replace(plain, states=tuple(
        replace(entry, lower=scale * entry.lower, upper=scale * entry.upper)
        if place in places else entry for place, entry in enumerate(plain.states))))


def curved_states(description: SystemDescription) -> tuple[int, ...]:
    """Return the indices of the states with a second derivative of the model."""
    from scpo_ros.systems.linearisation_error import curved  # with CasADi
    model = bounded_model(description)
    return () if model is None else tuple(
        place for place in curved(model.name, model.parameters, description.n, description.m)
        if place < description.n)


def _moved(description: SystemDescription, sign: int) -> SystemDescription:
    """Return a description with the error added to its disturbance, or taken from it."""
    model = bounded_model(description)
    if model is None:
        return description
    from scpo_ros.systems.linearisation_error import linearisation_error  # with CasADi
    largest = np.array([max(-entry.lower, entry.upper) for entry in description.inputs])
    error: Array = linearisation_error(
        model.name, model.parameters, check_limits(description), largest,
        description.dt + description.sample_jitter)
    return replace(description, states=tuple(
        replace(entry, disturbance=max(0.0, entry.disturbance + sign * _rounded_up(width)))
        for entry, width in zip(description.states, error.tolist())))


def _rounded_up(number: float) -> float:
    """Return a number at least as large, of four digits: the same on every processor."""
    if number == 0:
        return 0.0
    digit = 10.0 ** (math.floor(math.log10(number)) - 3)
    return float(f'{(math.floor(number / digit) + 1) * digit:.3e}')
