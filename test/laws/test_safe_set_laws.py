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

"""Laws that every safe set keeps, in any number of dimensions, and its admissible inputs."""

import numpy as np
import pytest
from scpo_ros.backup.mpc import riccati
from scpo_ros.sets.admissible_inputs import (
    admissible_inputs, InputBounds, InputPolytope, ROUNDING)
from scpo_ros.sets.invariant_set import contractive_set, feedback_set, Polytope
from scpo_ros.systems.linear_system import LinearSystem


def integrators(n, dt=0.2):
    """Return n integrators in a row under one input, as a LinearSystem."""
    A = np.eye(n) + dt * np.eye(n, k=1)
    B = np.zeros((n, 1))
    B[-1] = dt
    return LinearSystem(A, B, np.ones(n), np.ones(1), np.full(n, 1e-3), dt)


def with_feedback(n):
    """Return a system and the set that its linear feedback keeps."""
    system = integrators(n)
    return system, feedback_set(system, riccati(system, np.ones(n), 1.0)[1], 0.99)


def largest(n):
    """Return a system and its largest contractive set."""
    return integrators(n), contractive_set(integrators(n), 0.95)


def two_inputs():
    """Return two chains of two integrators that push each other, and the set of their feedback."""
    one = integrators(2)
    B = np.kron(np.array([[1.0, 0.3], [-0.2, 1.0]]), one.B)
    system = LinearSystem(np.kron(np.eye(2), one.A), B, np.ones(4), np.array([1.0, 0.7]),
                          np.full(4, 1e-3), one.dt)
    return system, feedback_set(system, riccati(system, np.ones(4), [1.0, 2.0])[1], 0.99)


MEMBERS = {'contractive, planar': lambda: largest(2), 'feedback, planar': lambda: with_feedback(2),
           'contractive, 3 states': lambda: largest(3),
           'feedback, 4 states': lambda: with_feedback(4),
           'feedback, 4 states, 2 inputs': two_inputs}


@pytest.fixture(scope='module', params=MEMBERS, ids=str)
def member(request):
    """Return (system, safe set) of every kind of safe set of the package."""
    return MEMBERS[request.param]()


@pytest.fixture
def points(member, rng):
    """Return states (N, n) in and around the set."""
    return rng.uniform(-1.5, 1.5, (500, member[0].n))


def positively_homogeneous(safe_set, x):
    factors = np.linspace(0.0, 3.0, len(x))
    return np.allclose(safe_set.gauge(factors[:, None] * x), factors * safe_set.gauge(x))


def convex(safe_set, x):
    y = x[::-1]
    return np.all(safe_set.gauge(x + y) <= safe_set.gauge(x) + safe_set.gauge(y) + 1e-12)


def contained_up_to_a_gauge_of_one(safe_set, x):
    unknown = np.where(np.arange(x.shape[1]) == 0, np.nan, x[:1])
    return (np.array_equal(safe_set.contains(x), safe_set.gauge(x) <= 1 + 1e-9)
            and not np.any(safe_set.contains(unknown)) and np.any(safe_set.contains(x)))


def boundary_has_a_gauge_of_one(safe_set, x):
    points = safe_set.boundary(200, 0.3)
    turned = safe_set.boundary(200, 0.8)
    return (points.shape == (200, x.shape[1]) and np.allclose(safe_set.gauge(points), 1.0)
            and len(np.unique(points.round(9), axis=0)) == 200
            and not np.any(np.all(points == turned, axis=1)))


def boundary_is_all_around(safe_set, x):
    """Every orthant has points of it, up to 8 of them."""
    signs = np.unique(np.sign(safe_set.boundary(400)), axis=0)
    return len(signs[np.all(signs != 0, axis=1)]) >= min(2 ** x.shape[1], 8)


def box_is_the_smallest_around(safe_set, x):
    low, high = safe_set.box
    inside = x[safe_set.contains(x)]
    edge = safe_set.boundary(4000)
    return (np.all((low - 1e-9 <= inside) & (inside <= high + 1e-9))
            and np.all((low - 1e-9 <= edge) & (edge <= high + 1e-9))
            and np.all(edge.max(axis=0) > 0.8 * high) and np.all(edge.min(axis=0) < 0.8 * low))


class Broken:
    """A safe set with one of its parts replaced."""

    def __init__(self, safe_set, **parts):
        self._set, self._parts = safe_set, parts

    def __getattr__(self, name):
        part = self._parts.get(name)
        return getattr(self._set, name) if part is None else part(self._set)


def shortened(safe_set):
    return lambda count, phase=0.5: 0.99 * safe_set.boundary(count, phase)


def one_sided(safe_set):
    return lambda count, phase=0.5: np.abs(safe_set.boundary(count, phase))


CONTROLS = [
    (positively_homogeneous, {'gauge': lambda s: lambda x: s.gauge(x) ** 2}),
    (convex, {'gauge': lambda s: lambda x: np.sum(np.sqrt(np.abs(x)), axis=-1) ** 2}),
    (contained_up_to_a_gauge_of_one,
     {'contains': lambda s: lambda x, tolerance=1e-9: ~(s.gauge(x) > 1 + tolerance)}),
    (boundary_has_a_gauge_of_one, {'boundary': shortened}),
    (boundary_is_all_around, {'boundary': one_sided}),
    (box_is_the_smallest_around, {'box': lambda s: (2 * s.box[0], 2 * s.box[1])}),
]
LAWS = [law for law, _ in CONTROLS]
NAMES = [law.__name__ for law in LAWS]


@pytest.mark.parametrize('law', LAWS, ids=NAMES)
def test_every_safe_set_keeps_every_law(member, points, law):
    assert law(member[1], points)


@pytest.mark.parametrize('law, parts', CONTROLS, ids=NAMES)
def test_a_safe_set_with_a_mistake_breaks_the_law(member, points, law, parts):
    assert not law(Broken(member[1], **parts), points)


# The admissible inputs ---------------------------------------------------------------------------


def admissible_where_the_next_state_stays(system, safe_set, inputs, x, u):
    corners = np.array(np.meshgrid(*[(-1.0, 1.0)] * system.n)).reshape(system.n, -1).T
    after = system.step(x, u)[:, None] + corners * system.disturbance
    stays = np.all(safe_set.contains(after, 0.0), axis=1)
    violation = inputs.violation(x, u)
    sure = np.abs(violation) > 1e-9
    return np.array_equal((violation <= 0)[sure], stays[sure]) and 0 < stays.sum() < len(x)


def a_number_that_is_none_is_never_admissible(system, safe_set, inputs, x, u):
    unknown = np.full_like(u, np.nan)
    return not np.any(inputs.violation(x, unknown) <= 0) and not np.any(
        inputs.violation(np.full_like(x, np.nan), u) <= 0)


def the_nearest_is_admissible(system, safe_set, inputs, x, u):
    inside = x[safe_set.contains(x, -0.05)]
    nearest = np.array([inputs.nearest(a, b) for a, b in zip(inside, u)])
    return np.all(inputs.violation(inside, nearest) <= 0)


def the_nearest_to_an_admissible_one_is_itself(system, safe_set, inputs, x, u):
    x, u = 0.3 * x, np.clip(u, -system.input_limit, system.input_limit)
    kept = inputs.violation(x, u) <= -2 * ROUNDING
    nearest = np.array([inputs.nearest(a, b) for a, b in zip(x[kept], u[kept])])
    return kept.any() and np.array_equal(nearest, u[kept])


class Inputs:
    """Admissible inputs with a mistake."""

    def __init__(self, system, safe_set, violation=None, nearest=None):
        bounds = admissible_inputs(system, safe_set)
        self.violation = bounds.violation if violation is None else (
            lambda x, u: violation(bounds.violation(x, u)))
        self.nearest = bounds.nearest if nearest is None else (
            lambda x, u: nearest(u, bounds.nearest(x, u)))


INPUT_CONTROLS = [
    (admissible_where_the_next_state_stays, {'violation': lambda value: value - 2.0}),
    (a_number_that_is_none_is_never_admissible, {'violation': np.nan_to_num}),
    (the_nearest_is_admissible, {'nearest': lambda u, nearest: u}),
    (the_nearest_to_an_admissible_one_is_itself, {'nearest': lambda u, nearest: 0.9 * nearest}),
]
INPUT_NAMES = [law.__name__ for law, _ in INPUT_CONTROLS]


@pytest.fixture
def inputs_tried(member, points, rng):
    """Return inputs (N, m), some beyond their limits."""
    return rng.uniform(-6, 6, (len(points), member[0].m))


@pytest.mark.parametrize('law', [law for law, _ in INPUT_CONTROLS], ids=INPUT_NAMES)
@pytest.mark.parametrize('make', [admissible_inputs, InputPolytope.of],
                         ids=['chosen', 'polytope'])
def test_all_admissible_inputs_keep_every_law(member, points, inputs_tried, make, law):
    assert law(*member, make(*member), points, inputs_tried)


def test_an_interval_and_a_polytope_of_one_input_are_the_same(points, inputs_tried, member):
    system, safe_set = member
    if system.m != 1:
        return
    interval, polytope = InputBounds.of(*member), InputPolytope.of(*member)
    inside = points[safe_set.contains(points)]
    u = np.clip(inputs_tried[:len(inside)], -system.input_limit, system.input_limit)
    for one in (interval, polytope):
        assert np.allclose(one.violation(inside, u), interval.violation(inside, u), atol=1e-12)
        assert np.allclose(one.columns_violation(inside.T, u.T), one.violation(inside, u),
                           rtol=0, atol=1e-12)
    for x, wanted in zip(inside[:40], u):
        both = [np.clip(one.nearest(x, wanted), -system.input_limit, system.input_limit)
                for one in (interval, polytope)]
        assert np.allclose(*both, rtol=0, atol=3e-9)


@pytest.mark.parametrize('law, mistake', INPUT_CONTROLS, ids=INPUT_NAMES)
def test_admissible_inputs_with_a_mistake_break_the_law(
        member, points, inputs_tried, law, mistake):
    assert not law(*member, Inputs(*member, **mistake), points, inputs_tried)


def test_a_polytope_is_a_safe_set_without_any_system():
    cube = Polytope(np.vstack([np.eye(3), -np.eye(3)]))
    assert np.allclose(cube.box, [[-1] * 3, [1] * 3]) and cube.volume == pytest.approx(8.0)
    assert np.allclose(np.abs(cube.boundary(50)).max(axis=1), 1.0)
