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

"""How large a residual may be for which the contraction of the safe set pays."""

import itertools

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.sets.lifted_set import LiftedSet
from scpo_ros.systems.decoupling import Block

_ROUNDING = 1e-6  # of the set's gauge, left to tolerances of the sets and the solvers


def residual_bound(block: Block, safe_set: LiftedSet) -> Array:
    """
    Return the largest rbar (m,), one part of all input limits, that needs no filter; units of u.

    Every residual |r| <= rbar on a backup that is lambda-contractive keeps F when
    gauge_F(B diag(rbar) v) <= 1 - lambda for all 2^m sign vectors v: what the residual adds to the
    next state is no more than what the contraction leaves. 1e-6 of it is left to rounding.
    """
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=block.m)))
    largest = float(np.max(safe_set.gauge(signs @ block.B.T)))
    bound: Array = block.input_scale * ((1 - safe_set.contraction - _ROUNDING) / largest)
    return bound
