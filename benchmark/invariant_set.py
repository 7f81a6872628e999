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

"""The largest contractive set against the same recursion written with a polytope library."""

import logging

from benchmark.measure import interleaved, ratio, Result, summarised
from benchmark.setting import task
import numpy as np
from scpo_ros.sets.invariant_set import contractive_set

ITERATIONS = 200


def with_polytope(system, contraction):
    """Return the rows (q, n) of the set {x : H x <= 1}, by the package `polytope` of PyPI."""
    logging.getLogger('polytope').setLevel(logging.ERROR)
    import polytope  # an extra that only the benchmark needs
    limits = np.vstack([np.diag(1 / system.state_limit), -np.diag(1 / system.state_limit)])
    inputs = np.vstack([np.diag(1 / system.input_limit), -np.diag(1 / system.input_limit)])
    present = polytope.Polytope(limits, np.ones(len(limits)))
    for _ in range(ITERATIONS):
        reach = contraction * present.b - np.abs(present.A) @ system.disturbance
        lifted = polytope.Polytope(
            np.vstack([np.hstack([present.A @ system.A, present.A @ system.B]),
                       np.hstack([np.zeros((len(inputs), system.n)), inputs])]),
            np.r_[reach, np.ones(len(inputs))])
        before = lifted.project(range(1, system.n + 1))
        smaller = polytope.reduce(present.intersect(before))
        if len(smaller.A) == len(present.A) and present <= smaller:
            break
        present = smaller
    return present.A / present.b[:, None]


def measure(quick):
    """Return the results."""
    system, contraction = task().system, task().contraction_factor
    repeats = 20  # of ours, which is short

    def ours(_):
        for _ in range(repeats):
            contractive_set(system, contraction)

    times = interleaved([ours, lambda _: with_polytope(system, contraction)], 2 if quick else 10)
    times[0] /= repeats
    corners = task().safe_set.vertices
    difference = np.abs((with_polytope(system, contraction) @ corners.T).max(axis=0) - 1).max()
    return [
        ratio('invariant_set_vs_polytope', times[0], times[1], 100.0, 'package polytope'),
        summarised('invariant_set_ms', 1e3 * times[0], 'ms'),
        Result('invariant_set_difference', float(difference), 0.0, 'gauge at the vertices', 1e-9,
               False)]
