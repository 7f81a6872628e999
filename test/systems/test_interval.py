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

"""Ranges of CasADi functions over boxes."""

import casadi as ca
import numpy as np
import pytest
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems.interval import ranges

pytest.importorskip('mpmath')
z = ca.SX.sym('z', 2)
EXPRESSIONS = {
    'sum': z[0] + z[1], 'difference': z[0] - z[1], 'product': z[0] * z[1], 'square': z[0]**2,
    'cube': z[0]**3, 'quotient': z[0] / (z[1] + 3), 'inverse': 1 / (z[1] + 3),
    'sine': ca.sin(z[0]),
    'cosine': ca.cos(3 * z[0]), 'tangent': ca.tan(z[0] / 2), 'root': ca.sqrt(z[0] + 2),
    'exponential': ca.exp(z[1]), 'logarithm': ca.log(z[1] + 2),
    'all': ca.sin(z[0]) * ca.cos(z[1]) - z[0]**2 / (2 + z[1]) + 2 * z[0]}


def function(expression):
    return ca.Function('f', [z], [ca.densify(expression)])


@pytest.mark.parametrize('name', EXPRESSIONS)
def test_a_range_contains_every_value(name):
    of, rng = function(EXPRESSIONS[name]), np.random.default_rng(0)
    for _ in range(20):
        ends = np.sort(rng.uniform(-1.5, 1.5, (2, 2)), axis=0)
        low, high = ranges(of, *ends)
        points = [rng.uniform(*ends) for _ in range(40)] + [ends[0], ends[1]]
        values = [float(of(point)) for point in points]
        assert low[0] <= min(values) and max(values) <= high[0]


def test_a_range_of_what_occurs_once_is_no_wider_than_rounding():
    low, high = ranges(function(ca.sin(z[0])), np.array([0.1, 0.0]), np.array([0.4, 0.0]))
    assert low[0] == pytest.approx(np.sin(0.1), abs=1e-15)
    assert high[0] == pytest.approx(np.sin(0.4), abs=1e-15)
    assert low[0] < np.sin(0.1) and np.sin(0.4) < high[0]


@pytest.mark.parametrize('expression', [1 / z[0], ca.log(z[0]), ca.sqrt(z[0])])
def test_what_is_not_defined_everywhere_is_refused(expression):
    with pytest.raises(ConfigurationError, match='dynamics.model') as caught:
        ranges(function(expression), np.full(2, -1.0), np.full(2, 1.0))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('expression', [
    ca.atan2(z[0], z[1]), ca.fabs(z[0]), ca.sqrt(z[0]**2), ca.fmin(z[0], z[1]), ca.sign(z[0]),
    ca.if_else(z[0] > 0, z[0], 0)])
def test_an_operation_that_is_not_known_or_has_a_kink_is_refused(expression):
    with pytest.raises(ConfigurationError, match='cannot be bounded'):
        ranges(function(expression), np.full(2, -1.0), np.full(2, 1.0))
