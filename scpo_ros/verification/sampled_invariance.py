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
The invariance metric by sampling: violation of the input bounds at states that fill C densely.

The sampled twin of :mod:`scpo_ros.proofs.invariance`, for any number of states and inputs. With
two states the groups are the same sectors, with more they are the signs of the first ones. The
projection sees a smooth maximum of each group, over a part of the states; the verdict takes the
plain maximum over all of them. It says nothing about the states in between.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, Integers
from scpo_ros.policy.residual_policy import ResidualPolicy
from scpo_ros.proofs.invariance import sectors, SHARPNESS
from scpo_ros.sets.admissible_inputs import AdmissibleInputs
from scpo_ros.sets.invariant_set import Polytope
from scpo_ros.simulation.rollout import soft_maximum
from scpo_ros.systems.scenario import interior_states, stress_states

_SEEN_SHARE = 20  # one in so many of the states is one that the projection sees
_REMEMBERED = 32  # states of a failed policy that join those
_SIGNS = 4        # of so many states, at most, there is a group for each combination


@dataclass(frozen=True)
class SampledViolation:
    """By how much the inputs are inadmissible at fixed states, grouped by direction."""

    policy: ResidualPolicy
    states: Array  # (N, n): where some input within its limits leaves the safe set
    backup: Array  # (N, m): the backup's inputs there
    normals: Array  # (r, m), of the facets of the admissible inputs
    offsets: Array  # (N, r), infinite where no input within its limits reaches the facet
    group: Integers  # (N,): ascending
    sharpness: float = SHARPNESS

    @classmethod
    def over(cls, policy: ResidualPolicy, bounds: AdmissibleInputs,
             states: Array) -> 'SampledViolation':
        """Return the metric over those of the given states (N, n) where it can be positive."""
        normals, offsets = bounds.facets(states)
        binds = offsets < np.abs(normals) @ policy.system.input_limit
        critical = np.any(binds, axis=1)
        states, offsets = states[critical], np.where(binds, offsets, np.inf)[critical]
        group = _groups(states / policy.system.state_limit)
        order = np.argsort(group, kind='stable')
        return cls(policy, states[order], policy.backup(states[order]), normals, offsets[order],
                   group[order])

    def violation(self, thetas: Array) -> Array:
        """Evaluate at every state, (P, N)."""
        u = self.policy.system.saturate(self.backup + self.policy.network(thetas, self.states))
        worst: Array = u @ self.normals[0] - self.offsets[:, 0]
        for normal, offset in zip(self.normals[1:], self.offsets[:, 1:].T):
            np.maximum(worst, u @ normal - offset, out=worst)
        return worst

    def grouped(self, thetas: Array) -> Array:
        """Return the smooth maximum of every non-empty group, (P, groups)."""
        violation = self.violation(thetas)
        starts = np.flatnonzero(np.r_[True, np.diff(self.group) > 0])
        stops = np.r_[starts[1:], len(self.group)]
        return np.column_stack([
            soft_maximum(violation[:, a:b], self.sharpness, 1) for a, b in zip(starts, stops)])

    def worst(self, thetas: Array, chunk: int = 16384) -> tuple[Array, Integers]:
        """Return the largest violation (P,) and the index of its state (P,)."""
        top, index = np.full(len(thetas), -np.inf), np.zeros(len(thetas), dtype=int)
        for a in range(0, len(self.states), chunk):
            part = self.part(slice(a, a + chunk)).violation(thetas)
            at = part.argmax(axis=1)  # a NaN wins argmax, and stays
            value = part[np.arange(len(thetas)), at]
            better = ~(value <= top) & ~np.isnan(top)
            top, index = np.where(better, value, top), np.where(better, a + at, index)
        return top, index

    def part(self, index: slice | Integers) -> 'SampledViolation':
        """Return the metric over some of the states."""
        return SampledViolation(
            self.policy, self.states[index], self.backup[index], self.normals,
            self.offsets[index], self.group[index], self.sharpness)


class SampledInvariance:
    """The invariance metric over sampled states; the projection sees a part, and what failed."""

    kind = 'sampled'

    def __init__(self, policy: ResidualPolicy, bounds: AdmissibleInputs, safe_set: Polytope,
                 count: int, seed: int) -> None:
        """
        Draw the states.

        :param count: of states in C; kept are those where the metric can be positive.
        :param seed: int; different seeds give disjoint sets.
        """
        self.metric = SampledViolation.over(policy, bounds, _dense_states(safe_set, count, seed))
        self._chosen = np.arange(0, len(self.metric.states), _SEEN_SHARE)
        self._seen = self.metric.part(self._chosen)

    @property
    def size(self) -> int:
        """Return the number of states."""
        return len(self.metric.states)

    @property
    def coverage(self) -> str:
        """Return what is covered, as a part of a sentence."""
        return f'sampled: {self.size} states one step ahead'

    def smooth_maxima(self, thetas: Array) -> Array:
        """Return the smooth maximum of every group of seen states, (P, groups)."""
        return self._seen.grouped(thetas)

    def largest(self, thetas: Array) -> Array:
        """Return the largest violation over all states, (P,)."""
        return self.metric.worst(thetas)[0]

    def worst(self, theta: Array) -> tuple[Array, float]:
        """Return (state (n,), violation) where the violation of a policy (d,) is largest."""
        value, at = self.metric.worst(theta[None])
        return self.metric.states[at[0]], float(value[0])

    def remember(self, theta: Array) -> None:
        """Add the worst states of a policy (d,) that failed to the seen states, for good."""
        worst = np.argsort(self.metric.violation(theta[None])[0])[-_REMEMBERED:]
        self._chosen = np.union1d(self._chosen, worst)
        self._seen = self.metric.part(self._chosen)


def _groups(x: Array) -> Integers:
    """Return the group (N,) of states (N, n) in units of their limits."""
    if x.shape[1] == 2:
        return sectors(x)
    signs = x[:, :_SIGNS] > 0
    return signs @ 2**np.arange(signs.shape[1])


def _dense_states(safe_set: Polytope, count: int, seed: int) -> Array:
    edge = stress_states(safe_set, count // 10, [seed, 4], boundary=1.0)
    shell = 1 - np.resize(np.linspace(0, 0.05, 10), len(edge))[:, None]  # all around, at each
    return np.vstack([edge * shell, interior_states(safe_set, count - len(edge), [seed, 5])])
