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
Transitions side by side, for a given delay, and the effects that are tried beside the model.

With a delay of q steps the model is x+ = A x + B u[k - q] + C f + w. The effects f are what no A
and B can say: 1, a constant offset, and the sign of each velocity, friction of one size at every
speed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scpo_ros.arrays import Array, Integers
from scpo_ros.identification.free_entries import kinematic
from scpo_ros.identification.record import Record
from scpo_ros.systems.description import SystemDescription

_ALIKE = 0.05  # an effect of which less than this is new, beside regressors, cannot be told apart


@dataclass(frozen=True)
class Effect:
    """One effect f: a constant, or the sign of a velocity."""

    state: int | None  # whose sign it is; None: the constant

    def of(self, x: Array, following: Array) -> Array:
        """
        Return f (N,) over the steps from states (N, n) to others (N, n).

        It is the mean sign over the step, along a straight line between the two velocities.
        """
        if self.state is None:
            return np.ones(len(x))
        before, after = x[:, self.state], following[:, self.state]
        way = np.abs(after - before)
        mean = (np.abs(after) - np.abs(before)) * np.sign(after - before) / np.where(
            way > 0, way, 1.0)
        return np.where(before * after < 0, mean, np.sign(before + after))


@dataclass(frozen=True, eq=False)
class Transitions:
    """N transitions of a recording."""

    z: Array  # (N, n + m), the state and the input that acts
    following: Array  # (N, n)
    run: Integers  # (N,), number of the run
    places: tuple[str, ...]  # N of them, of the state before
    effects: tuple[Effect, ...]
    f: Array  # (N, number of effects)

    @property
    def count(self) -> int:
        """Return N."""
        return len(self.z)

    @property
    def regressors(self) -> Array:
        """Return [z, f] (N, n + m + number of effects)."""
        return np.hstack([self.z, self.f])

    def with_effects(self, effects: Sequence[Effect]) -> 'Transitions':
        """Return the same transitions with other effects."""
        n = self.following.shape[1]
        f = [effect.of(self.z[:, :n], self.following) for effect in effects]
        return replace(self, effects=tuple(effects),
                       f=np.stack(f, axis=1) if f else np.zeros((self.count, 0)))


def transitions(record: Record, delay: int, first: int | None = None) -> Transitions:
    """
    Return the transitions of a recording, without effects.

    :param delay: q, in steps. :param first: the first transition of each run that is used; at
        least the delay, which is the default.
    """
    begin = delay if first is None else first
    used = [(number, run) for number, run in enumerate(record.runs) if run.steps > begin]
    n, m = record.runs[0].x.shape[1], record.runs[0].u.shape[1]
    z = [np.hstack([run.x[begin:-1], run.u[begin - delay:run.steps - delay]]) for _, run in used]
    following = [run.x[begin + 1:] for _, run in used]
    return Transitions(
        np.vstack([np.zeros((0, n + m)), *z]), np.vstack([np.zeros((0, n)), *following]),
        np.repeat([number for number, _ in used], [run.steps - begin for _, run in used]),
        tuple(place for _, run in used for place in run.places[begin:-1]), (),
        np.zeros((sum(map(len, z)), 0)))


def velocities(description: SystemDescription) -> list[int]:
    """Return the states that are velocities: by their field, or by a kinematic row."""
    whole = np.hstack([description.dynamics.A, description.dynamics.B])
    moved = {kinematic(whole, row) for row in range(description.n)
             } if description.dynamics.kind != 'discrete' else set()
    return [place for place, entry in enumerate(description.states)
            if entry.field == 'velocity' or place in moved]


def distinct_effects(description: SystemDescription, data: Transitions) -> list[Effect]:
    """Return the effects that differ from the regressors, and from one another, in the data."""
    columns, found = data.z, list[Effect]()
    for effect in [Effect(None), *map(Effect, velocities(description))]:
        f = effect.of(data.z[:, :description.n], data.following)
        new = f - columns @ np.linalg.lstsq(columns, f, rcond=None)[0]
        if np.sum(new**2) > _ALIKE**2 * np.sum(f**2):
            found.append(effect)
            columns = np.column_stack([columns, f])
    return found
