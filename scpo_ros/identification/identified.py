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

"""Identification as a whole: from a draft and a recording to a complete description."""

from dataclasses import dataclass, replace
import math

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.identification.confidence import joint_region, Region, scenario_probability
from scpo_ros.identification.delay import compared_delays, DelayComparison
from scpo_ros.identification.disturbance_bound import disturbance_bound, DisturbanceBound
from scpo_ros.identification.excitation import Direction, directions
from scpo_ros.identification.free_entries import free_entries, FreeEntries
from scpo_ros.identification.insufficient import InsufficientDataError
from scpo_ros.identification.least_squares import Fit, fit
from scpo_ros.identification.next_experiment import next_experiment
from scpo_ros.identification.record import Record
from scpo_ros.identification.remainder import clear_effects
from scpo_ros.identification.rest import resolution_of, Rest, rest_of
from scpo_ros.identification.transitions import (
    distinct_effects, Effect, Transitions, transitions, velocities)
from scpo_ros.systems.description import Dynamics, SystemDescription
from scpo_ros.systems.requirements import check_limits

_FEWEST = 50  # transitions
_OF_EACH = 10  # transitions for each free entry of a row
_DIGITS = 10  # of an entry of the dynamics
_KEPT = 3  # digits of a half-width, which is rounded up
_ROUNDING = 1e-12  # what is rounded already stays


@dataclass(frozen=True)
class Choices:
    """What the user decides."""

    everything: bool = False  # whether entries of the draft that are 0 are free too
    confidence: float = 0.95  # of the joint region
    scenario_confidence: float = 0.99  # 1 - beta of the scenario bound
    factor: float = 1.2  # of the largest disturbance over the largest that was observed


@dataclass(frozen=True, eq=False)
class Identified:
    """What was found, and of what."""

    draft: SystemDescription
    description: SystemDescription  # complete
    record: Record
    choices: Choices
    entries: FreeEntries
    delays: DelayComparison
    data: Transitions
    fit: Fit
    region: Region
    directions: tuple[Direction, ...]
    rest: Rest
    bound: DisturbanceBound
    probability: float  # epsilon of the scenario bound
    limits: Array  # (n + m,), of states and inputs

    @property
    def confidence(self) -> float:
        """Return the confidence of region and scenario bound together."""
        return self.choices.confidence + self.choices.scenario_confidence - 1


def names_of(description: SystemDescription) -> tuple[str, ...]:
    """Return the names of the states, then those of the inputs."""
    return (*(entry.name for entry in description.states),
            *(entry.name for entry in description.inputs))


def identify(draft: SystemDescription, record: Record, choices: Choices = Choices()
             ) -> Identified:
    """
    Return what a recording says of a system.

    :param draft: its dynamics say which entries are free, and may be a guess.
    :raises ConfigurationError: for a recording without a transition that can be used, or a draft
        without a free entry.
    :raises InsufficientDataError: when the recording does not show what is to be found.
    """
    entries, scale = free_entries(draft, choices.everything), check_limits(draft)
    limits = np.hstack([scale, [max(-entry.lower, entry.upper) for entry in draft.inputs]])
    least = max(_FEWEST, _OF_EACH * (entries.largest_row + 1 + len(velocities(draft))))
    _require_transitions(draft, record, least)
    _require_movement(draft, entries, transitions(record, 0), limits)
    delays = compared_delays(record, draft, entries, scale, least)
    data = transitions(record, delays.best)
    data = data.with_effects(distinct_effects(draft, data))
    data = data.with_effects(_effects(draft, entries, data, scale))
    found = fit(entries, data, scale)
    region = joint_region(found, choices.confidence)
    seen = directions(entries, data, limits, found.sizes,
                      np.max(np.abs(found.residuals), axis=0), region.radius)
    _require_excitation(draft, entries, seen, data.count, region.radius)
    _require_clear(draft, delays)
    rest = rest_of(record, resolution_of(record))
    error = _rounded_up(choices.factor * rest.half_widths)
    bound = disturbance_bound(found, data, region, limits, error, choices.factor)
    return Identified(
        draft, _completed(draft, entries, found, delays.best + record.answered_late, bound, error),
        record, choices, entries, delays, data, found, region, tuple(seen), rest, bound,
        scenario_probability(data.count, draft.n, choices.scenario_confidence), frozen(limits))


def _effects(draft: SystemDescription, entries: FreeEntries, data: Transitions, scale: Array
             ) -> list[Effect]:
    """
    Return the effects that are clear where all entries are free.

    Else friction that grows with the speed would be taken for one that does not.
    """
    try:
        found = fit(free_entries(draft, True), data, scale)
    except InsufficientDataError:
        found = fit(entries, data, scale)
    return clear_effects(found, data)


def _require_transitions(draft: SystemDescription, record: Record, least: int) -> None:
    if not record.steps:
        reasons = ', '.join(f'{gap.value}: {count}' for gap, count in record.gaps.most_common())
        raise ConfigurationError(
            record.source, record.samples, f'must hold states dt = {draft.dt:g} s apart, but no '
            f'transition of it can be used ({reasons or "there is none"}; neighbouring states '
            f'come every {record.median_step:.6g} s, median)')
    if record.steps < least:
        raise InsufficientDataError(
            f'{record.source}: {record.steps} transitions can be used, {least} are needed for '
            f'this draft: record {(least - record.steps) * draft.dt:.3g} s more, or longer')


def _require_movement(draft: SystemDescription, entries: FreeEntries, data: Transitions,
                      limits: Array) -> None:
    """Refuse a recording in which a direction does not move at all, before anything is fitted."""
    nothing = np.zeros(draft.n)
    radius = float(np.sqrt(entries.count * 3))  # about that of a joint region
    _require_excitation(draft, entries, directions(
        entries, data, limits, nothing, nothing, radius), data.count, radius)


def _require_excitation(draft: SystemDescription, entries: FreeEntries, seen: list[Direction],
                        count: int, radius: float) -> None:
    names = names_of(draft)
    for direction in seen:
        if not direction.excited:
            state = draft.states[direction.row]
            known = '' if math.isinf(direction.uncertainty) else (
                f'; what it does at its limits is known up to {direction.uncertainty:.3g} '
                f'{state.unit} a step')
            advice = next_experiment(draft, entries.over_a_step(entries.start), direction, radius)
            raise InsufficientDataError(
                f'the recording does not excite {direction.in_words(names)} (in units of the '
                f'limits), which {state.name} depends on: it moves by {direction.movement:.3g} of '
                f'the limits (root mean square, without the mean) over {count} transitions'
                f'{known}; {advice}')


def _require_clear(draft: SystemDescription, delays: DelayComparison) -> None:
    if not delays.clear and delays.second is not None:
        names = ', '.join(entry.name for entry in draft.inputs)
        raise InsufficientDataError(
            f'the recording does not tell a delay of {delays.best} steps from one of '
            f'{delays.second}: move {names} farther, with a new value every 1 to 10 steps')


def _completed(draft: SystemDescription, entries: FreeEntries, found: Fit, delay: int,
               bound: DisturbanceBound, error: Array) -> SystemDescription:
    """Return the draft with what was found in place of its guesses."""
    stated = entries.stated(np.array([float(f'{value:.{_DIGITS}g}') for value in found.theta]))
    kind = 'discrete' if entries.duration is None else 'continuous'
    disturbance = _rounded_up(bound.disturbance)
    states = tuple(replace(entry, disturbance=float(width), measurement_error=float(e))
                   for entry, width, e in zip(draft.states, disturbance, error))
    return replace(
        draft, states=states, delay_steps=delay,
        dynamics=Dynamics(kind, frozen(stated[:, :draft.n]), frozen(stated[:, draft.n:])))


def _rounded_up(values: Array) -> Array:
    """Return numbers that are not negative, rounded up to a few digits."""
    found = []
    for value in map(float, values):
        digit = 10.0**(math.floor(math.log10(value)) - _KEPT + 1) if value > 0 else 1.0
        found.append(float(f'{math.ceil(value / digit * (1 - _ROUNDING)) * digit:.{_KEPT}g}'))
    return np.array(found)
