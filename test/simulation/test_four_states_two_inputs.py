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

"""Four states and two inputs: backup, network, loss, rollout and filter, each computed anew."""

from dataclasses import replace

import casadi as ca
import numpy as np
import pytest
from scipy.optimize import minimize
from scpo_ros.backup.law import SolvedLaw
from scpo_ros.backup.mpc import riccati, terminal_set
from scpo_ros.exceptions import ConfigurationError, InvalidArrayError
from scpo_ros.policy.imitation import ImitationLoss
from scpo_ros.policy.safety_filter import NearestInputFilter, Source
from scpo_ros.proofs.enclosure import enclosed
from scpo_ros.systems.scenario import switching
from scpo_ros.verification.counterexample import limit_broken
from scpo_ros.verification.sampled_invariance import SampledViolation
from two_inputs import Carts, CONTRACTION, PLANNING


@pytest.fixture(scope='module')
def carts():
    """Return the carts."""
    return Carts.build()


def planned(carts, x):
    """Return u_0 (2,) and the value of the plan from a state, by IPOPT and not condensed."""
    system, N, opti = carts.system, PLANNING.horizon, ca.Opti()
    X, U, s = opti.variable(4, N + 1), opti.variable(2, N), opti.variable(6)
    P, gain = riccati(system, PLANNING.state_weight, PLANNING.input_weight)
    H, cost = carts.safe_set.H, 10 * ca.sum1(s) + 100 * ca.sumsqr(s)
    opti.subject_to(X[:, 0] == x)
    opti.subject_to(ca.vec(s) >= 0)
    for k in range(N):
        opti.subject_to(X[:, k + 1] == ca.DM(system.A) @ X[:, k] + ca.DM(system.B) @ U[:, k])
        for sign in (1, -1):
            opti.subject_to(sign * U[:, k] <= system.input_limit)
            opti.subject_to(sign * U[:, k] <= PLANNING.input_limit + s[4:])
            opti.subject_to(sign * X[:, k + 1] <= PLANNING.state_limit + s[:4])
        cost += ca.dot(PLANNING.state_weight, X[:, k]**2)
        cost += ca.dot(PLANNING.input_weight, U[:, k]**2)
    opti.subject_to(ca.DM(H) @ X[:, 1] <= CONTRACTION - np.abs(H) @ system.disturbance)
    T = terminal_set(system, gain, PLANNING.state_limit, PLANNING.input_limit)
    opti.subject_to(ca.DM(T) @ X[:, N] <= 1 + s[0])
    opti.minimize(cost + ca.bilin(P, X[:, N], X[:, N]))
    opti.solver('ipopt', {'print_time': False}, {'print_level': 0, 'tol': 1e-11})
    return np.array(opti.solve().value(U)).reshape(2, N)[:, 0]


def test_the_backup_is_the_plan_of_another_solver(carts, rng):
    for x in carts.states(12, rng):
        assert np.allclose(carts.mpc.solve(x), planned(carts, x), rtol=0, atol=1e-5)


def test_a_plan_of_another_system_is_refused(carts):
    with pytest.raises(InvalidArrayError, match='weight'):
        replace(PLANNING, input_weight=np.ones(3))


def test_remembered_active_sets_are_the_law(carts, rng):
    law, states = carts.policy.backup, carts.states(80, rng)
    law(states)
    before = law.fallbacks
    assert np.allclose(law(states), SolvedLaw(carts.mpc)(states), rtol=0, atol=1e-8)
    assert law.fallbacks - before < 8 and law(states).shape == (80, 2)


def test_the_backup_keeps_the_set_whatever_the_disturbance_does(carts, rng):
    states = carts.safe_set.boundary(60) * (1 - 1e-9)
    signs = np.array(np.meshgrid(*[(-1.0, 1.0)] * 4)).reshape(4, -1).T
    after = carts.system.step(states, carts.policy.backup(states))[:, None]
    assert np.all(carts.safe_set.contains(after + signs * carts.system.disturbance, 1e-8))


def residual_by_hand(network, theta, x):
    """Return r_theta(x) (2,) of one state, as the module says that theta is laid out."""
    def raw(values):
        at = 0
        for a, b in zip(network.widths, network.widths[1:]):
            W, c = theta[at:at + a * b].reshape(a, b), theta[at + a * b:at + (a + 1) * b]
            values, at = np.tanh(values @ W + c), at + (a + 1) * b
        return values @ theta[at:].reshape(network.widths[-1], network.outputs)

    return raw(x / network.scale) - raw(np.zeros(len(x)))


def test_the_network_has_an_output_for_each_input(carts, rng):
    network = carts.policy.network
    thetas, states = rng.normal(0, 0.8, (3, network.d)), carts.states(7, rng)
    values = network(thetas, states)
    assert values.shape == (3, 7, 2) and network.d == 5 * 6 + 7 * 5 + 5 * 2
    for theta, rows in zip(thetas, values):
        assert np.allclose(rows, [residual_by_hand(network, theta, x) for x in states])
    assert np.all(network(carts.initial_theta[None], states) == 0)


def test_its_jacobian_agrees_with_finite_differences(carts, rng):
    network = carts.policy.network
    theta, states, step = rng.normal(0, 0.7, network.d), carts.states(5, rng), 1e-6
    moved = theta + step * np.vstack([np.eye(network.d), -np.eye(network.d)])
    values = network(moved, states)
    numeric = (values[:network.d] - values[network.d:]) / (2 * step)  # (d, N, m)
    exact = network.jacobian(theta, states)
    assert exact.shape == (5, 2, network.d)
    assert np.max(np.abs(exact - np.moveaxis(numeric, 0, 2))) < 1e-8


def test_the_loss_is_that_of_all_inputs_and_its_gradient_too(carts, rng):
    states, actions = carts.states(30, rng), rng.uniform(-2, 2, (30, 2))
    loss = ImitationLoss(carts.policy, states, actions)
    theta = carts.weights(1, rng, 0.5)[0]
    wanted = np.mean(np.sum((carts.policy(theta, states)
                             - np.clip(actions, [-1.5, -1.0], [1.5, 1.0]))**2, axis=1))
    assert loss(theta) == pytest.approx(wanted)
    step = 1e-6 * np.eye(len(theta))
    numeric = (loss.losses(theta + step) - loss.losses(theta - step)) / 2e-6
    assert np.max(np.abs(loss.gradient(theta) - numeric)) < 1e-6
    raw = loss.gauss_newton(theta, 0.02)
    J = np.moveaxis(np.array([carts.policy(theta + s, states) - carts.policy(theta - s, states)
                              for s in step]), 0, 2).reshape(60, -1) / 2e-6
    curvature = J.T @ J / 30
    assert np.allclose(raw.metric - curvature, np.diag(np.diag(raw.metric - curvature)),
                       atol=1e-5)
    assert loss(theta + 0.05 * raw.step) < loss(theta)


def test_labels_of_another_number_of_inputs_are_refused(carts, rng):
    with pytest.raises(InvalidArrayError, match='actions'):
        ImitationLoss(carts.policy, carts.states(3, rng), np.zeros((3, 1)))


def test_rollouts_in_lock_step_are_the_slow_loop(carts, rng):
    thetas = np.vstack([carts.initial_theta, carts.weights(2, rng, 0.1)])
    scenarios = switching(carts.system, carts.states(4, rng), 15, rng)
    summary = carts.simulator.summarise(thetas, scenarios)
    H, B, Q, R = carts.safe_set.H, carts.system.B, PLANNING.state_weight, PLANNING.input_weight
    push = np.linalg.norm(H @ B, axis=1)
    push[push < 1e-12] = 1.0  # no input changes these rows
    for i, theta in enumerate(thetas):
        for j in range(4):
            x, worst, cost = scenarios.x0[j], -np.inf, 0.0
            for w in scenarios.w[j]:
                u = np.clip(carts.mpc.solve(x) + residual_by_hand(carts.policy.network, theta, x),
                            [-1.5, -1.0], [1.5, 1.0])
                cost += np.sum(Q * x**2) + np.sum(R * u**2)
                x = carts.system.A @ x + B @ u
                worst = max(worst, np.max((H @ x + np.abs(H) @ carts.system.disturbance - 1)
                                          / push))
                x = x + w
            assert summary.violation[i, j] == pytest.approx(worst, abs=1e-7)
            assert summary.cost[i, j] == pytest.approx(cost / 15, abs=1e-7)
            assert np.allclose(summary.final[i, j], x, rtol=0, atol=1e-7)


def test_what_leaves_the_set_is_marked_and_stays_where_it_left(carts, rng):
    thetas = carts.weights(2, rng, 30.0)
    scenarios = switching(carts.system, carts.states(20, rng), 25, rng)
    summary = carts.simulator.summarise(thetas, scenarios)
    assert 0 < summary.left.sum() and np.all(summary.violation[summary.left] > 0)
    assert not np.any(carts.safe_set.contains(summary.final[summary.left], 0.0))


def test_the_nearest_admissible_input_is_that_of_another_solver(carts, rng):
    limit, tried = carts.system.input_limit, 0
    for x in carts.safe_set.boundary(40) * 0.999:
        u = rng.uniform(-limit, limit)
        nearest = carts.bounds.nearest(x, u)
        assert carts.bounds.violation(x, nearest) <= 0 and np.all(np.abs(nearest) <= limit)
        if carts.bounds.violation(x, u) <= -1e-6:
            assert np.array_equal(nearest, u)
            continue
        normals, offsets = carts.bounds.facets(x)
        other = minimize(lambda v: np.sum((v - u)**2), carts.mpc.solve(x), method='SLSQP',
                         bounds=list(zip(-limit, limit)), options={'ftol': 1e-14},
                         constraints={'type': 'ineq', 'fun': lambda v: offsets - normals @ v})
        assert np.linalg.norm(nearest - u) <= np.linalg.norm(other.x - u) + 1e-6
        tried += 1
    assert tried > 5


def test_where_no_input_is_admissible_there_is_no_nearest(carts):
    outside = carts.safe_set.vertices[0] * 9
    assert np.all(np.isnan(carts.bounds.nearest(outside, np.zeros(2))))


def test_the_filter_keeps_the_set_whatever_the_weights_are(carts, rng):
    law, acted = NearestInputFilter(carts, carts.initial_theta), 0
    for theta in carts.weights(6, rng, 20.0):
        law.swap(theta)
        for x in carts.states(10, rng):
            for _ in range(6):
                action = law.act(x)
                acted += action.source is Source.GUARD
                assert np.all(np.abs(action.u) <= carts.system.input_limit)
                x = carts.system.step(x, action.u, carts.system.disturbance)
                assert carts.safe_set.contains(x, 1e-7)
    assert acted > 20


def test_the_sampled_violation_is_the_largest_facet_that_an_input_reaches(carts, rng):
    states = carts.safe_set.boundary(400) * 0.98
    metric = SampledViolation.over(carts.policy, carts.bounds, states)
    thetas = carts.weights(3, rng, 0.5)
    normals, offsets = carts.bounds.facets(metric.states)
    reached = offsets < np.abs(normals) @ carts.system.input_limit
    for theta, found in zip(thetas, metric.violation(thetas)):
        beyond = carts.policy(theta, metric.states) @ normals.T - offsets
        assert np.allclose(found, np.max(np.where(reached, beyond, -np.inf), axis=1), atol=1e-9)
    assert metric.grouped(thetas).shape == (3, len(np.unique(metric.group)))
    assert 1 < len(np.unique(metric.group)) <= 16


def test_a_counterexample_names_states_and_inputs_of_the_system(carts, rng):
    found = []
    for theta in carts.weights(6, rng, 20.0):
        for x in carts.states(6, rng):
            w = np.zeros((12, 4))
            found.append(limit_broken(carts, theta, x, w, 'a rollout'))
    sentences = [each.sentence for each in found if each is not None]
    assert any(f'|{name}|' in text for text in sentences for name in ('x1', 'v1', 'x2', 'v2'))
    assert any('f1' in text or 'f2' in text for text in sentences)
    for each in found:
        if each is not None and '|' not in each.quantity:
            x = each.states[-2]
            assert each.value != each.limit and carts.safe_set.contains(x, 0.5)


def test_what_is_planar_says_so_in_one_line(carts):
    from scpo_ros.backup.planar.explicit_law import ExplicitLaw
    from scpo_ros.proofs.invariance import PlanarLaw
    from scpo_ros.proofs.stability import ProvedStability
    from scpo_ros.sets.admissible_inputs import InputBounds
    for make in (lambda: ExplicitLaw.build(carts.mpc),
                 lambda: PlanarLaw.of(carts.policy, carts.bounds),
                 lambda: ProvedStability(carts.policy, 0.99, 8)):
        with pytest.raises(ConfigurationError, match='two states and one input'):
            make()
    with pytest.raises(ConfigurationError, match='inputs must be 1'):
        InputBounds.of(carts.system, carts.safe_set)
    with pytest.raises(ValueError, match='must be 1 for an enclosure'):
        enclosed(carts.policy.network, carts.initial_theta[None], np.zeros((1, 4)),
                 np.ones((1, 4)))
