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

"""The proof of invariance: never below what is true, tight, and blind to nothing."""

from dataclasses import replace
from fractions import Fraction

from control_samples import pushing, sampled, states_in, weights
import numpy as np
import pytest
from scpo_ros.backup.planar import law_pieces
from scpo_ros.config import SystemConfig
from scpo_ros.proofs import input_violation
from scpo_ros.proofs.invariance import PlanarLaw, ProvedInvariance, SECTORS, ViolationBound
from scpo_ros.proofs.stability import ProvedStability
from scpo_ros.sets.admissible_inputs import InputBounds
from scpo_ros.sets.invariant_set import Polytope
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.verification.evaluation import SafetyEvaluation
from scpo_ros.verification.sampled_invariance import SampledViolation


@pytest.fixture(scope='module')
def proof(task):
    return task.invariance_proof


@pytest.fixture(scope='module')
def dense(task):
    """Return the true violation at many states of C, its boundary and its corners included."""
    rng = np.random.default_rng(8)
    edge = np.vstack([task.safe_set.boundary(3000), task.safe_set.vertices])
    states = np.vstack([edge * (1 - 1e-12), 0.999 * edge, states_in(task.safe_set, 30000, rng)])
    return SampledViolation.over(task.policy, task.bounds, states)


def random_policies(task, rng, count):
    """Return weights of many scales, harmless and harmful, smooth and saturated."""
    network = task.policy.network
    thetas = np.tile(task.initial_theta, (count, 1))
    thetas += rng.normal(size=thetas.shape) * 10.0**rng.uniform(-2, 1, (count, 1))
    thetas[::5] *= 10.0**rng.uniform(0, 4, (len(thetas[::5]), 1))
    thetas[:, -network.widths[-1]:] *= 10.0**rng.uniform(-2, 0.5, (count, 1))
    return thetas


def test_the_backup_has_its_slack_proved(task, proof, theta0):
    found = proof.prove(theta0)
    assert -0.3001 <= found.attained <= found.bound <= -0.2995
    assert found.cells == proof.size < 1500


@pytest.mark.parametrize('seed', range(10))
def test_the_bound_is_never_below_the_sampled_maximum(task, proof, dense, seed):
    """Over all seeds 1,000 random networks, saturated ones and huge weights included."""
    thetas = random_policies(task, np.random.default_rng(seed), 100)
    assert len(thetas) == 100
    truth = dense.worst(thetas)[0]
    fixed = proof.cell_bounds(thetas).max(axis=1)
    assert np.all(truth <= fixed) and np.all(fixed <= proof.smooth_maxima(thetas).max(axis=1))
    assert np.any(truth > 0.1) and np.any(truth < -0.1)
    for theta, value in list(zip(thetas, truth))[::10]:
        found = proof.prove(theta)
        assert max(value, found.attained) <= found.bound + 1e-12


def linear(task, gain):
    """Return weights of a residual that is about gain'x."""
    network, small = task.policy.network, 1e-3
    n, a, b = network.widths
    theta = np.zeros(network.d)
    theta[:n * a].reshape(n, a)[:, 0] = small * np.array(gain) * network.scale
    theta[(n + 1) * a], theta[-b] = 1.0, 1 / small
    return theta


@pytest.mark.parametrize('gain', [(-3.75, -6.0), (-3.5, -5.5), (-3.25, -5.0), (-0.25, -6.0)])
def test_what_is_attained_is_bounded_where_the_saturated_input_comes_near_to_up(task, proof, gain):
    """There it is nearer to UP than the violation of the bounds that bind."""
    found = proof.prove(linear(task, gain))
    assert found.attained <= found.bound < 0


def test_what_is_attained_is_attained(task, proof, rng):
    for theta in [*weights(task, 4, rng, 0.2), pushing(task, 2.0)]:
        found = proof.prove(theta)
        assert task.safe_set.contains(found.state, 0.0)
        u = task.policy(theta, found.state[None])[0]
        assert task.bounds.violation(found.state, u) == pytest.approx(found.attained, abs=1e-9)


@pytest.mark.parametrize('amplitude', [0.1, 0.3, 0.8])
def test_the_bound_is_tight(task, proof, dense, amplitude, rng):
    """At a residual of 0.3 within 2.5 % of the input range, 0.05."""
    thetas = np.tile(task.initial_theta, (20, 1))
    thetas += rng.normal(0, 0.3, thetas.shape)
    size = np.abs(task.policy.network(thetas, dense.states)).max(axis=(1, 2))
    thetas[:, -16:] *= (amplitude / size)[:, None]
    gaps = proof.cell_bounds(thetas).max(axis=1) - dense.worst(thetas)[0]
    assert np.all(gaps <= 0.05 * max(1, amplitude / 0.3)) and np.median(gaps) < 0.01


def test_splitting_only_tightens(task, proof, rng):
    for theta in random_policies(task, rng, 20):
        found = proof.prove(theta)
        coarse = proof.cell_bounds(theta[None]).max()
        assert not found.bound > coarse + 1e-12


def test_splitting_proves_what_the_fixed_mesh_cannot(task, rng):
    """On a coarse mesh, where the enclosure is loose."""
    coarse = ProvedInvariance(PlanarLaw.of(task.policy, task.bounds, task.cache), 6)
    thetas = np.tile(task.initial_theta, (10, 1)) + rng.normal(0, 0.6, (10, task.policy.network.d))
    gains = [coarse.cell_bounds(theta[None]).max() - coarse.prove(theta).bound
             for theta in thetas]
    assert max(gains) > 0.02


def pocket(task, state, height, width):
    """Return weights of a residual that is about `height` in a pocket around a state, else 0."""
    theta, network = np.zeros(task.policy.network.d), task.policy.network
    n, a, b = network.widths
    first = theta[:n * a].reshape(n, a)
    bias = theta[n * a:(n + 1) * a]
    second = theta[(n + 1) * a:(n + 1) * a + a * b].reshape(a, b)
    scaled, k = state / network.scale, 0
    for axis in range(n):
        for sign in (1.0, -1.0):
            first[axis, k] = sign * 12 / width
            bias[k] = -sign * 12 / width * scaled[axis] + 6
            second[k, 0] = 5.0
            k += 1
    theta[(n + 1) * a + a * b] = -16.0  # tanh(5 * 4 - 16 > 0) only where all four are +1
    theta[-b] = height / 2
    theta[-b + 1] = height / 2
    theta[(n + 1) * a + a * b + 1] = 20.0  # constant 1
    return theta


def test_a_violation_in_one_pocket_between_the_sampled_states_is_caught(task, proof):
    """The sampled metric with its 60,000 states passes this policy; the proof does not."""
    samples = SafetyEvaluation(sampled(task)).invariance
    states = samples.metric.states
    low, up = task.bounds(states)
    limit = task.system.input_limit[0]
    rng = np.random.default_rng(2)
    inner = states_in(task.safe_set, 20000, rng)
    low, up = task.bounds(inner)
    inner = inner[(up < 0.5 * limit) & (task.safe_set.gauge(inner) < 0.97)]
    distance = np.array([np.abs((states - x) / task.system.state_limit).max(axis=1).min()
                         for x in inner[:400]])
    at = inner[int(np.argmax(distance))]
    theta = pocket(task, at, 1.5, 0.6 * distance.max())
    assert task.bounds.violation(at, task.policy(theta, at[None])[0]) > 0.1
    assert samples.largest(theta[None])[0] < 0
    assert proof.largest(theta[None])[0] > 0.1 and proof.smooth_maxima(theta[None]).max() > 0.1


def test_the_tables_hold_the_error_of_the_law_and_of_rounding(task, proof):
    tables, mesh = proof._tables, proof._tables.mesh
    low, up = task.bounds(mesh.x)
    assert np.all(tables.backup[0] > mesh.backup - up) and np.all(
        tables.backup[1] > low - mesh.backup)
    inside = mesh.x * (1 - 1e-9) / np.maximum(1, task.safe_set.gauge(mesh.x))[:, None]
    assert np.all(np.abs(task.policy.backup(inside)[:, 0] - mesh.backup) <= mesh.error + 1e-4)


def test_the_cells_hold_every_state_where_the_metric_can_be_positive(proof, dense):
    mesh = proof._tables.mesh
    states = dense.states[::40]
    inside = np.any(np.all(np.abs(states[:, None] - mesh.centre) <= mesh.half + 1e-9, axis=2),
                    axis=1)
    assert np.all(inside)


@pytest.mark.parametrize('poison', [np.nan, np.inf, -np.inf, 1e308])
@pytest.mark.parametrize('at', [0, 40, 200, -1])
def test_weights_that_are_not_finite_are_never_proved(proof, theta0, poison, at):
    theta = np.array(theta0)
    theta[-16:] = 0.01
    theta[at] = poison
    with np.errstate(all='ignore'):
        metric = proof.largest(theta[None])[0]
        groups = proof.smooth_maxima(theta[None])[0]
    if np.isfinite(poison):  # a saturated unit is a policy like any other
        assert not (metric <= -0.31) and not np.max(groups) < metric - 1e-9
        return
    assert not metric <= 0 and not np.all(groups <= 0)


def test_batches_are_each_policy_alone(task, proof, rng):
    thetas = random_policies(task, rng, 6)
    together = proof.smooth_maxima(thetas)
    assert together.shape[1] <= SECTORS
    for theta, row in zip(thetas, together):
        assert np.allclose(proof.smooth_maxima(theta[None])[0], row, rtol=0, atol=1e-12)
    assert np.array_equal(proof.largest(thetas), [proof.prove(t).bound for t in thetas])


def test_an_input_beyond_the_saturation_is_judged_by_the_saturation(task, proof):
    """Where UP exceeds the saturation no residual, however large, can do harm."""
    large = pushing(task, 1e6)
    worst = proof.prove(large)
    limit = task.system.input_limit
    assert worst.attained <= worst.bound <= 2 * limit + 1e-6
    assert task.bounds.violation(worst.state, np.sign(worst.state.sum()) * limit) > 0


@pytest.mark.parametrize('dt, limit', [(0.1, 1.0), (0.005, 1e3)])
def test_the_rounding_of_lo_and_up_is_bounded(dt, limit):
    """Against exact arithmetic; with short steps and wide limits their tables are large."""
    system = double_integrator(SystemConfig(dt=dt, position_limit=limit))
    angle = 2 * np.pi * np.arange(12) / 12
    safe_set = Polytope(np.column_stack([np.cos(angle), np.sin(angle)]) / system.state_limit)
    bounds = InputBounds.of(system, safe_set)
    error = input_violation.rounding(bounds)
    A, B, w = (np.vectorize(Fraction)(part) for part in (
        system.A, system.B[:, 0], system.disturbance))
    for x in np.vstack([share * safe_set.vertices for share in (1.0, 0.7, 0.31)]):
        exact = [((1 - np.abs(row) @ w - row @ A @ np.vectorize(Fraction)(x)) / (row @ B), row @ B)
                 for row in np.vectorize(Fraction)(safe_set.H)]
        low, up = bounds(x)
        assert abs(up - min(value for value, side in exact if side > 0)) <= error
        assert abs(low - max(value for value, side in exact if side < 0)) <= error


def test_the_evaluation_uses_the_proof_and_says_so(task, theta0, evaluation):
    assert evaluation.kind == 'proved' and evaluation.coverage.startswith('proved')
    assert evaluation.verify(theta0[None])[0, 0] == evaluation.invariance.prove(theta0).bound
    scenarios = len(evaluation.verification_set)
    assert evaluation.verify(theta0[None]).shape[1] == 1 + 2 + scenarios
    bad = pushing(task, 3.0)
    row = evaluation.verify(bad[None])[0]
    assert row[0] > 0 and np.any(row[3:] > 0)
    assert 'the input exceeds' in evaluation.explain(bad, 0)
    assert 'returned' in evaluation.explain(bad, 3 + int(np.argmax(row[3:])))


def test_what_is_only_not_proved_is_not_called_a_violation(evaluation, theta0, monkeypatch):
    monkeypatch.setattr(evaluation.invariance, 'prove', lambda theta: ViolationBound(
        0.01, -0.01, np.zeros(2), 1))
    assert evaluation.explain(theta0, 0).startswith('it cannot be proved')


def test_a_rollout_that_leaves_the_safe_set_has_not_returned(task, evaluation):
    bad = pushing(task, 3.0)
    summary = task.simulator.summarise(bad[None], evaluation.verification_set, violation=False)
    stability = evaluation.verify(bad[None])[0, 3:]
    assert np.all(np.isnan(summary.violation)) and np.any(summary.left)
    assert np.all(stability[summary.left[0]] > 0)


def test_the_plan_never_passes_what_the_verdict_refuses(task, proof, rng):
    thetas = weights(task, 20, rng, 0.3)
    assert np.all(proof.largest(thetas) <= proof.smooth_maxima(thetas).max(axis=1) + 1e-12)


def test_one_table_serves_from_the_cache(task, proof, monkeypatch):
    monkeypatch.setattr(law_pieces.LawPieces, 'of', None)
    again = ProvedInvariance(PlanarLaw.of(task.policy, task.bounds, task.cache), 64)
    assert np.array_equal(again._tables.backup, proof._tables.backup)


@pytest.mark.parametrize('invariance, stability, proofs', [
    ('proved', 'sampled', [ProvedInvariance]), ('sampled', 'sampled', []),
    ('proved', 'proved', [ProvedInvariance, ProvedStability])])
def test_the_proofs_asked_for_are_built(task, invariance, stability, proofs):
    metrics = replace(task.spec.metrics, certificate=invariance, stability=stability)
    built = replace(task, spec=replace(task.spec, metrics=metrics)).build_proofs()
    assert [type(proof) for proof in built] == proofs


def test_the_tables_of_a_proof_stay_in_the_cache(task, tmp_path, monkeypatch):
    first, = replace(task, cache=tmp_path).build_proofs()
    monkeypatch.setattr(law_pieces.LawPieces, 'of', None)  # would fail if it were needed
    again, = replace(task, cache=tmp_path).build_proofs()
    thetas = weights(task, 3, np.random.default_rng(0), 0.1)
    assert np.array_equal(again.largest(thetas), first.largest(thetas))
