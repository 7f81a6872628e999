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
Proof that a lifted set is contractive, which knows nothing of its construction.

With u = -K z + c_0 and xi = (z, c) the next one is Psi xi + w. Xi = {xi : Y xi <= 1} is
lambda-contractive inside the limits when every row of the limits, and every row y of Y one step
later,

    y Psi xi / lambda <= 1 - h_W(y) / lambda,

is at most its bound on all of Xi. Most rows one step later are rows of Xi; one linear program
decides each of the others. Unlike :mod:`scpo_ros.sets.contraction_check` it speaks of every state,
up to the tolerances of the solver.
"""

import numpy as np
from scipy.spatial import cKDTree
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.sets.lifted_construction import Lifted, MARGIN
from scpo_ros.sets.lifted_set import LiftedSet
from scpo_ros.sets.linear_program import LinearProgram
from scpo_ros.systems.decoupling import Block

_SAME = 1e-12  # two rows that differ by no more are one
_TOLERANCE = 1e-6  # of the bounds; the disturbance is enlarged for it, by as much


def require_contractive(block: Block, safe_set: LiftedSet) -> None:
    """
    Return without a word when a lifted set keeps the limits and is contractive.

    :raises ConfigurationError: when it is not, or when that cannot be told; also for a linear
        feedback that contracts more slowly than the set.
    """
    factor = safe_set.contraction
    if not 0 < factor <= 1:
        raise ConfigurationError('contraction', factor, 'must lie in (0, 1]')
    closed = block.A - block.B @ safe_set.gain
    slowest = float(np.max(np.abs(np.linalg.eigvals(closed))))
    if not slowest < factor:
        raise ConfigurationError('contraction', factor, f'must exceed {slowest:.5f}, what the '
                                 'linear feedback reaches')
    largest = largest_excess(block, safe_set)
    if not largest <= _TOLERANCE:
        raise ConfigurationError(
            'rows', largest, f'must bound a contractive set in the limits, up to {_TOLERANCE:g}')


def largest_excess(block: Block, safe_set: LiftedSet) -> float:
    """
    Return by how much limits and next rows exceed their bounds on Xi at most; 0 where they do not.

    Infinite where a disturbance uses up a bound, or a linear program was not solved.
    """
    lifted = Lifted.of(block, safe_set.gain, safe_set.horizon)
    used = np.abs(safe_set.state_rows) @ (block.disturbance + MARGIN) / safe_set.contraction
    if not np.all(used < 1):
        return np.inf
    following = safe_set.rows @ lifted.transition / safe_set.contraction / (1 - used)[:, None]
    asked = np.vstack([lifted.limits, following])
    distance, _ = cKDTree(safe_set.rows).query(asked, p=np.inf)
    program = LinearProgram(safe_set.rows, np.ones(len(safe_set.rows)))
    maxima = [program.maximum(row) for row in asked[~(distance <= _SAME)]]
    return max(0.0, *(value - 1 for value in maxima)) if maxima else 0.0
