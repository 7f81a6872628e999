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

"""The proof of stability: sound, tight, and what it says is what simulations do."""

from dataclasses import replace
import sys

import clarabel
from control_samples import pushing, states_in, weights
import numpy as np
import pytest
from scpo_ros.backup.planar.law_pieces import cached_pieces, LawPieces
from scpo_ros.config import MetricsConfig, Spec
from scpo_ros.exceptions import ConfigurationError, InfeasibleError
from scpo_ros.proofs import stability, stability_norm as stability_norm_module
from scpo_ros.proofs.enclosure import jacobian_enclosed
from scpo_ros.proofs.stability import ProvedStability
from scpo_ros.proofs.stability_norm import inner_radius, stability_norm
from scpo_ros.verification.evaluation import SafetyEvaluation
from scpo_ros.verification.task import ControlTask


RATE = 0.995


@pytest.fixture(scope='module')
def proof(task):
    return ProvedStability(task.policy, RATE, 32, task.cache)


@pytest.fixture(scope='module')
def states(task):
    """Return states of C at all scales, its boundary included."""
    rng = np.random.default_rng(6)
    inner = states_in(task.safe_set, 20000, rng)
    scale = 10.0 ** rng.uniform(-4, 0, (10000, 1))
    return np.vstack([inner, inner[:10000] * scale, task.safe_set.boundary(2000) * (1 - 1e-12)])


def norm(proof, x):
    """Return |x|_P."""
    return np.sqrt(np.einsum('...i,ij,...j->...', x, proof.weight, x))


def true_metric(task, proof, theta, states):
    """Return the metric at every state."""
    after = task.system.step(states, task.policy(theta, states))
    size = norm(proof, states)
    push = norm(proof, task.system.B[:, 0])
    return (norm(proof, after) - proof.rate * size) / (push * size)


def small_residuals(task, states, rng, amplitude, count=12):
    """Return weights whose residual is at most an amplitude."""
    thetas = np.tile(task.initial_theta, (count, 1))
    thetas += rng.normal(0, 0.2, thetas.shape)
    size = np.abs(task.policy.network(thetas, states)).max(axis=(1, 2))
    thetas[:, -16:] *= (amplitude / size)[:, None]
    return thetas


def test_the_backup_contracts_with_slack(proof, theta0):
    assert proof.prove(theta0).bound < -0.09 and proof.smooth_maxima(theta0[None]).max() < -0.07
    assert proof.prove(theta0).rate == RATE


@pytest.mark.parametrize('amplitude', [0.01, 0.1, 0.4, 3.0])
def test_the_bound_is_never_below_the_truth_and_not_far_above(task, proof, states, amplitude):
    rng = np.random.default_rng(int(100 * amplitude))
    thetas = small_residuals(task, states, rng, amplitude)
    bounds = proof.largest(thetas)
    truth = np.array([true_metric(task, proof, t, states).max() for t in thetas])
    assert np.all(truth <= bounds)
    assert np.all(bounds <= proof.smooth_maxima(thetas).max(axis=1) + 1e-12)
    assert np.median(bounds - truth) < 0.06 + 0.3 * amplitude


def test_saturated_policies_are_bounded_too(task, proof, states):
    for gain in (1.0, 30.0, 1e4):
        theta = pushing(task, -gain)
        assert proof.prove(theta).bound >= true_metric(task, proof, theta, states).max()


def test_a_proved_policy_contracts_step_by_step_and_ends_where_the_bound_says(task, proof, states):
    rng = np.random.default_rng(3)
    thetas = [t for t in small_residuals(task, states, rng, 0.08)
              if proof.prove(t).bound <= 0]
    assert len(thetas) >= 5
    for theta in thetas[:5]:
        x = disturbed = states[rng.integers(0, len(states), 300)]
        for _ in range(80):
            after = task.system.step(x, task.policy(theta, x))
            assert np.all(norm(proof, after) <= RATE * norm(proof, x) + 1e-12)
            x = after
            w = rng.choice([-1.0, 1.0], (len(x), 1)) * task.system.disturbance
            before = norm(proof, disturbed)
            disturbed = task.system.step(disturbed, task.policy(theta, disturbed)) + w
            assert np.all(norm(proof, disturbed) <= RATE * before + norm(
                proof, task.system.disturbance) + 1e-12)
        assert np.all(norm(proof, disturbed) <= np.maximum(
            proof.ultimate_bound, RATE**80 * norm(proof, states).max() + proof.ultimate_bound))
    wmax = norm(proof, task.system.disturbance)
    assert proof.ultimate_bound == pytest.approx(wmax / (1 - RATE))


def test_a_policy_that_does_not_return_is_refused(task, proof, states):
    """Negative control, and in the norm of the backup's cost even the backup fails."""
    useless = pushing(task, 0.9)
    assert proof.prove(useless).bound > 0
    assert true_metric(task, proof, useless, states).max() > 0
    after = task.system.step(states, task.policy(task.initial_theta, states))
    P = task.lyapunov

    def size(x):
        return np.sqrt(np.einsum('...i,ij,...j->...', x, P, x))

    assert np.max(size(after) / size(states)) > 1


def test_an_enclosure_with_a_term_dropped_is_caught(task, proof, states, monkeypatch):
    """Negative control: the soundness test above fails for it."""
    thetas = small_residuals(task, states, np.random.default_rng(1), 3.0)
    truth = np.array([true_metric(task, proof, t, states).max() for t in thetas])
    assert np.all(proof.largest(thetas) >= truth)
    enclosed = stability.enclosed

    def unsound(*arguments):
        found = enclosed(*arguments)
        return replace(found, value=0 * found.value)

    monkeypatch.setattr(stability, 'enclosed', unsound)
    monkeypatch.setattr(ProvedStability, '_around_origin', lambda self, theta: -1.0)
    assert np.any(proof.largest(thetas) < truth)


@pytest.mark.parametrize('poison', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('at', [0, 40, 200, -1])
def test_weights_that_are_not_finite_are_never_proved(proof, theta0, poison, at):
    theta = np.array(theta0)
    theta[-16:] = 0.01
    theta[at] = poison
    with np.errstate(all='ignore'):
        assert not proof.largest(theta[None])[0] <= 0
        assert not np.all(proof.smooth_maxima(theta[None])[0] <= 0)


def test_a_network_that_is_rounding_noise_at_the_origin_is_not_proved(task, proof, theta0):
    """Huge outputs of tiny units: exactly it vanishes at 0, in floating point only about."""
    theta = np.array(theta0)
    theta[:32] *= 1e-12
    theta[-16:] = 1e8 * np.random.default_rng(0).normal(size=16)
    angle = np.linspace(0, 2 * np.pi, 500)
    near = 1e-9 * np.column_stack([np.cos(angle), np.sin(angle)])
    assert true_metric(task, proof, theta, near).max() > 1
    assert proof.prove(theta).bound > 0


def test_the_law_is_not_called_linear_where_its_polygon_was_only_enlarged():
    """A square of half-width 1e-5, enlarged by 1e-7, in a set of size 1."""
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    radius, gain = inner_radius(
        LawPieces(np.array([1.01e-5 * square, square]),
                  np.array([[-1.0, -2.0, 0.0], [0.0, 0.0, 1.0]]), np.full(2, 1e-9)), np.eye(2))
    assert 0 < radius <= 1e-5 and np.array_equal(gain, [-1.0, -2.0])


def test_the_interval_jacobian_holds_all_slopes(task):
    rng, network = np.random.default_rng(2), task.policy.network
    for scale in (0.1, 1.0, 10.0):
        thetas = rng.normal(0, scale, (20, network.d))
        half = np.array([0.05, 0.03])
        middle, radius = jacobian_enclosed(network, thetas, half)
        x = rng.uniform(-half, half, (200, 2)) * 0.99
        for axis in range(2):
            step = np.eye(2)[axis] * 1e-6
            slope = (network(thetas, x + step) - network(thetas, x - step))[..., 0] / 2e-6
            error = 1e-6 * np.abs(slope).max() + 1e-4 * scale**3
            assert np.all(np.abs(slope - middle[:, axis:axis + 1])
                          <= radius[:, axis:axis + 1] + error)
        narrow = jacobian_enclosed(network, thetas, half / 10)[1]
        assert np.median(narrow / radius) < 0.2


def test_the_norm_is_found_and_the_law_is_linear_where_it_says(task, proof, rng):
    law = task.policy.backup
    again = stability_norm(task.system, law)
    assert np.allclose(again, proof.weight) and again[0, 0] == pytest.approx(1.0)
    radius, gain = inner_radius(cached_pieces(law, task.cache), proof.weight)
    angle = rng.uniform(0, 2 * np.pi, 200)
    x = np.linalg.solve(np.linalg.cholesky(proof.weight).T,
                        radius * np.array([np.cos(angle), np.sin(angle)])).T
    assert radius > 0.05 and np.allclose(law(x)[:, 0], x @ gain, rtol=0, atol=1e-8)
    x = 1.02 * x
    assert not np.allclose(law(x)[:, 0], x @ gain, rtol=0, atol=1e-8)


def test_the_norm_at_one_rate_is_the_smallest_that_the_rows_allow(task):
    law = task.policy.backup
    x = task.safe_set.boundary(300) * 0.999
    after = task.system.step(x, law(x))
    weight = stability_norm_module._feasible(x, after, 0.985)
    size = np.einsum('ni,ij,nj->n', x, weight, x)
    grown = np.einsum('ni,ij,nj->n', after, weight, after)
    assert np.all(grown <= 0.985**2 * size * (1 + 1e-6))
    assert weight[0, 0] == pytest.approx(1.0) and np.linalg.eigvalsh(weight)[0] >= 1e-3 - 1e-8
    for step in ([[0.0, 1e-3], [1e-3, 0.0]], [[0.0, -1e-3], [-1e-3, 0.0]], np.zeros((2, 2))):
        other = weight + np.array(step) + [[0.0, 0.0], [0.0, -1e-3]]  # of a smaller trace
        beyond = np.einsum('ni,ij,nj->n', after, other, after) - 0.985**2 * np.einsum(
            'ni,ij,nj->n', x, other, x)
        assert np.any(beyond > 0) or np.linalg.eigvalsh(other)[0] < 1e-3


@pytest.mark.parametrize('n', [2, 3])
def test_a_stacked_matrix_keeps_the_inner_product(n, rng):
    row, column, scale = stability_norm_module._triangle(n)
    left, right = (m + m.T for m in rng.normal(size=(2, n, n)))
    assert (left[row, column] * scale) @ (right[row, column] * scale) == pytest.approx(
        np.sum(left * right))
    assert [(i, j) for i, j in zip(row, column)][:3] == [(0, 0), (0, 1), (1, 1)]


def test_the_norm_needs_no_cvxpy_and_no_other_status_than_solved(task, monkeypatch):
    monkeypatch.setitem(sys.modules, 'cvxpy', None)
    x = task.safe_set.boundary(40) * 0.999
    after = task.system.step(x, task.policy.backup(x))
    assert stability_norm_module._feasible(x, after, 0.99) is not None
    assert stability_norm_module._feasible(x, after, 0.1) is None
    monkeypatch.setattr(clarabel.SolverStatus, 'Solved', clarabel.SolverStatus.AlmostSolved)
    assert stability_norm_module._feasible(x, after, 0.99) is None


def test_a_backup_that_does_not_contract_has_no_norm(task):
    class Idle:
        safe_set = task.safe_set

        def __call__(self, x):
            return np.zeros((len(x), 1))

    with pytest.raises(InfeasibleError, match='no quadratic norm'):
        stability_norm(task.system, Idle())


@pytest.fixture(scope='module')
def stable(task):
    """Return the task with proved stability."""
    spec = replace(task.spec, metrics=MetricsConfig(stability='proved'))
    return ControlTask.assemble(spec, task.system, task.safe_set, task.contraction_factor,
                                task.mpc, task.policy.backup, task.cache)


def test_the_evaluation_proves_stability_where_it_is_asked_to(stable, theta0):
    evaluation = SafetyEvaluation(stable)
    row = evaluation.verify(theta0[None])[0]
    assert row.shape == (4,) and np.all(row <= -0.02)
    assert row[3] == stable.stability_proof.prove(theta0).bound
    assert np.all(evaluation.evaluate(theta0[None]) <= -0.025)
    assert evaluation.coverage.count('proved') == 2
    useless = pushing(stable, 0.9)
    assert evaluation.verify(useless[None])[0, 3] > 0
    assert 'shrink' in evaluation.explain(useless, 3)
    evaluation.remember(useless, [0, 1, 3], theta0)
    assert len(evaluation.design_set) == len(SafetyEvaluation(stable).design_set)


def test_stability_sampled_is_the_default_and_the_proof_needs_invariance(task):
    assert task.stability_proof is None
    with pytest.raises(ConfigurationError, match='stays? in C|stay in C'):
        Spec(metrics=MetricsConfig(stability='proved', certificate='sampled'))


def test_weights_that_learned_nothing_stay_proved(proof, task, rng):
    assert np.all(proof.largest(weights(task, 5, rng, 1e-4)) <= -0.08)
