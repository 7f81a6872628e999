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

"""The text of the page: what was found, with what confidence, and what to do next."""

from collections.abc import Iterator

import numpy as np
from scpo_ros.identification.identified import Identified, names_of
from scpo_ros.identification.next_experiment import next_experiment
from scpo_ros.identification.outlook import Outlook
from scpo_ros.identification.remainder import memory, missing_entries, outliers
from scpo_ros.identification.transitions import Effect
from scpo_ros.system_page.page import safe_set_of_a_part

_SHOWN = 10  # outliers
_MUCH = 0.25  # uncertainty over the observed half-width that asks for another experiment


def page_of(found: Identified) -> Iterator[str]:
    """Yield the lines on what was found."""
    yield from _recording(found)
    yield from _delay(found)
    yield from _dynamics(found)
    yield from _excitation(found)
    yield from _measurement_error(found)
    yield from _disturbance(found)
    yield from _effects(found)
    yield from _missing(found)
    yield from _outliers(found)
    yield from _memory(found)


def _recording(found: Identified) -> Iterator[str]:
    record, draft = found.record, found.draft
    yield (f'{draft.name} from {record.source}: {found.data.count} transitions of '
           f'{record.samples} states, in {len(record.runs)} runs without a gap')
    yield (f'  neighbouring states come every {record.median_step:.6g} s (median), the draft '
           f'steps by dt = {draft.dt:g} s')
    for gap, count in record.gaps.most_common():
        yield f'  not used: {count} transitions: {gap.value}'
    if found.delays.best:
        yield (f'  the first {found.delays.best} of each run are not used: what was applied '
               'before is not known')
    for note in record.notes:
        yield f'  note: {note}'
    outside = int(np.sum(np.any(np.abs(found.data.z) > found.limits * (1 + 1e-9), axis=1)))
    if outside:
        yield f'  note: {outside} transitions begin outside the limits, and are used'


def _delay(found: Identified) -> Iterator[str]:
    delays = found.delays
    yield ''
    yield f'delay: {delays.best} steps, of 0 to {len(delays.scores) - 1} that were compared'
    if delays.second is not None:
        ratios = delays.sizes[delays.second] / delays.sizes[delays.best]
        worst = int(np.argmax(ratios))
        yield (f'  next best: {delays.second} steps, which leaves {ratios[worst]:.3g} times as '
               f'much of {found.draft.states[worst].name}')
    if found.record.answered_late:
        yield (f'  the robot reports that it applies the answer to a state '
               f'{found.record.answered_late} steps late; delay_steps is '
               f'{found.description.delay_steps}')


def _dynamics(found: Identified) -> Iterator[str]:
    draft, entries = found.draft, found.entries
    names = names_of(draft)
    change = 'next' if entries.duration is None else 'rate of'
    yield ''
    yield (f'dynamics ({found.description.dynamics.kind}): {entries.count} free entries, jointly '
           f'with confidence {found.choices.confidence:g}; the others stay as in the draft')
    for (row, column), value, width, guess in zip(
            entries.places, found.fit.theta, found.region.half_widths, entries.start):
        yield (f'  {change} {draft.states[row].name} by {names[column]}: {value:.6g} '
               f'+- {width:.2g} (draft {guess:.6g})')
    if draft.dynamics.model is not None:
        yield ('  the draft is a nonlinear model: its linearisation was identified, and its '
               'parameters were not')


def _excitation(found: Identified) -> Iterator[str]:
    names = names_of(found.draft)
    yield ''
    yield 'excitation: the direction that was moved least, of the regressors of each state'
    for direction in found.directions:
        state = found.draft.states[direction.row]
        yield (f'  {state.name}: {direction.in_words(names)}: {direction.movement:.3g} of the '
               f'limits (root mean square); at the limits known up to '
               f'{direction.uncertainty:.2g} {state.unit} a step')


def _measurement_error(found: Identified) -> Iterator[str]:
    rest = found.rest
    yield ''
    if not rest.samples:
        yield ('measurement error: not measured, since the recording holds no segment at rest '
               '(input and states constant but for noise, 50 samples); 0 is written. What there '
               'is of it is in the disturbance, and biases A and B towards 0')
        return
    yield (f'measurement error: from {rest.samples} samples at rest ({rest.places}), half of the '
           f'spread times {found.choices.factor:g}')
    for entry, bias in zip(found.description.states, found.bound.bias):
        yield (f'  {entry.name}: {entry.measurement_error:.3g} {entry.unit}; it biases the '
               f'prediction by {bias:.2g} {entry.unit} a step at the limits, which is in the '
               'disturbance')


def _disturbance(found: Identified) -> Iterator[str]:
    bound, factor = found.bound, found.choices.factor
    yield ''
    yield 'disturbance: half-width per step'
    for place, entry in enumerate(found.description.states):
        less = (f', less {bound.measured[place]:.3g} that the measurement error adds'
                if bound.measured[place] else '')
        yield (f'  {entry.name}: {entry.disturbance:.3g} {entry.unit} = {factor:g} x '
               f'{bound.observed[place]:.3g} observed + '
               f'{bound.uncertainty[place] + bound.bias[place]:.3g} for A and B at the '
               f'limits{less}')
    hour = 3600 / found.draft.dt
    chance, count = found.probability, found.data.count
    yield (f'  scenario bound: without the factor a fresh transition exceeds one of these with a '
           f'probability of at most {chance:.2g}, with confidence {found.confidence:.3g}')
    yield (f'  that is at most {chance * hour:.3g} false revocations an hour; in the mean over '
           f'such recordings at most {found.draft.n / (count + 1) * hour:.3g}')
    yield (f'  assumption: no disturbance is larger than {factor:g} times the largest observed '
           f'one; then there are none. It is not shown by the recording')
    yield ('  assumption: disturbances are independent from step to step, of one distribution, '
           'with mean 0')


def _effects(found: Identified) -> Iterator[str]:
    yield ''
    if not found.data.effects:
        yield 'friction and offset: none that is clear'
        return
    yield ('friction and offset: they are not in A and B, which are fitted beside them, and go '
           'into the disturbance')
    for column, effect in enumerate(found.data.effects):
        for row, entry in enumerate(found.draft.states):
            size, error = found.fit.effects[row, column], found.fit.effect_errors[row, column]
            if abs(size) > 4 * error > 0:
                yield (f'  {_named(effect, found)}: {size:.3g} {entry.unit} a step on '
                       f'{entry.name} ({size / found.draft.dt:.3g} a second), '
                       f'{abs(size) / found.bound.observed[row]:.0%} of its observed disturbance')


def _missing(found: Identified) -> Iterator[str]:
    draft = found.draft
    names = names_of(draft)
    for item in missing_entries(found.fit, found.data, found.entries.free, found.limits):
        entry = draft.states[item.row]
        other, advice = ((', which the draft holds at 0', '. A draft with another value there, or '
                          '--free all, identifies it') if found.entries.free[item.row].any() else
                         (' beside what its kinematic row says', ''))
        yield (f'note: {entry.name} depends on {names[item.column]}{other}: by {item.size:.3g} '
               f'{entry.unit} a step at its limit, which is in the disturbance{advice}')


def _named(effect: Effect, found: Identified) -> str:
    if effect.state is None:
        return 'constant offset'
    return f'friction, by the sign of {found.draft.states[effect.state].name}'


def _outliers(found: Identified) -> Iterator[str]:
    there = outliers(found.fit, found.data)
    yield ''
    if not there:
        yield 'outliers: none'
        return
    yield (f'outliers: {len(there)} residuals are far larger than the others of their state. They '
           'are used like all others, and enlarge the disturbance: look at the recording there')
    for item in there[:_SHOWN]:
        entry = found.draft.states[item.row]
        yield (f'  after {item.place}: {entry.name} {item.residual:+.3g} {entry.unit}, '
               f'{item.times:.3g} times its usual size')
    if len(there) > _SHOWN:
        yield f'  and {len(there) - _SHOWN} more'


def _memory(found: Identified) -> Iterator[str]:
    for entry, correlation in zip(found.draft.states, memory(found.fit, found.data)):
        if correlation:
            yield (f'note: neighbouring residuals of {entry.name} correlate by '
                   f'{correlation:+.2f}: they are not independent, and the confidence is less '
                   'than stated. Causes: measurement error, a part of a step of delay, or '
                   'dynamics that the draft does not have')


def safe_set_lines(found: Identified, outlook: Outlook) -> Iterator[str]:
    """Yield the lines on the safe set, and the recommended experiment."""
    if outlook.not_covered:
        yield ''
        yield (f'safe set: this version does not certify the description yet: '
               f'{outlook.not_covered}. Without delay and measurement error:')
    if outlook.system is None:
        yield ''
        yield f'safe set: there is none: {outlook.empty}'
    else:
        for number, part in enumerate(outlook.parts, start=1):
            yield from safe_set_of_a_part(outlook.system, number, part)
    doubt = (found.bound.uncertainty + found.bound.bias) / found.bound.observed
    worst = max(found.directions, key=lambda direction: doubt[direction.row])
    if doubt[worst.row] > _MUCH:
        yield ''
        yield (f'{found.draft.states[worst.row].name}: what is not known of A and B is '
               f'{doubt[worst.row]:.2g} times the observed disturbance; more data make it less')
        yield next_experiment(found.draft, found.fit.step, worst, found.region.radius)
