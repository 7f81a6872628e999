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
Check of a contractive set that knows nothing of its construction.

A set F is lambda-contractive when from every state of it some admissible input takes the next
state into lambda F whatever the disturbance does. The check takes boundary states, computes the
input that is best against all disturbances by one linear program over the rows of F, and takes the
gauge of the next state under extreme disturbances. It is sampled: it finds errors of construction
(a term that was left out, a row that is missing), and proves nothing about other states.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scpo_ros.arrays import Array
from scpo_ros.sets.lifted_set import LiftedSet
from scpo_ros.systems.decoupling import Block

_FACETS = 40  # disturbances per state: the worst of so many rows that the next state is nearest to


@dataclass(frozen=True)
class ContractionCheck:
    """What was found at the states that were tried."""

    gauges: Array  # (k,), largest gauge of the next state under extreme disturbances
    infeasible: int  # states without an admissible input; their gauge is infinite

    @property
    def worst(self) -> float:
        """Return the largest gauge, infinite where an input was missing."""
        return float(np.max(self.gauges))


def check_contraction(block: Block, safe_set: LiftedSet, states: Array,
                      within: LiftedSet | None = None) -> ContractionCheck:
    """
    Return the largest next gauges at boundary states.

    :param states: (k, n), with a gauge of 1. :param within: the set whose gauge is evaluated and
        whose rows the input minimises; `safe_set` itself when None.
    """
    judged = within or safe_set
    gauges = np.full(len(states), np.inf)
    for index, state in enumerate(states):
        inputs = best_input(block, judged, state)
        if inputs is not None:
            following = block.A @ state + block.B @ inputs
            extreme = extreme_disturbances(block, judged, following)
            gauges[index] = np.max(judged.gauge(following + extreme))
    return ContractionCheck(gauges, int(np.sum(~np.isfinite(gauges))))


def best_input(block: Block, safe_set: LiftedSet, state: Array) -> Array | None:
    """
    Return the admissible u (m,) with the least t; None where no optimum was reported.

    minimise t subject to G_x (A z + B u) + h_W(G_x) + G_c c <= t, input_rows u <= 1.
    """
    rows_x, rows_c = safe_set.state_rows, safe_set.lifted_rows
    m, lifted = block.m, rows_c.shape[1]
    count = len(rows_x)
    table = np.block([
        [rows_x @ block.B, rows_c, -np.ones((count, 1))],
        [block.input_rows, np.zeros((len(block.input_rows), lifted + 1))]])
    bounds = np.r_[-rows_x @ (block.A @ state) - np.abs(rows_x) @ block.disturbance,
                   np.ones(len(block.input_rows))]
    cost = np.r_[np.zeros(m + lifted), 1.0]
    answer = linprog(cost, table, bounds, bounds=(None, None), method='highs')
    return np.array(answer.x[:m]) if answer.status == 0 else None


def extreme_disturbances(block: Block, safe_set: LiftedSet, following: Array) -> Array:
    """
    Return vertices (k, n) of |w| <= disturbance: for the nearest rows the worst one of each.

    Two of the 2^n vertices are not enough; sign(G_j) wbar is the one that row j suffers most from.
    """
    heights = safe_set.state_rows @ following
    nearest = safe_set.state_rows[np.argsort(-heights)[:_FACETS]]
    signs = np.unique(np.where(nearest >= 0, 1.0, -1.0), axis=0)
    vertices: Array = signs * block.disturbance
    return vertices
