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

"""The tolerances between machines: what they rest on is measured, and rounding decides nothing."""

import numpy as np
import pytest
from scpo_ros.backup.planar.explicit_law import ExplicitLaw
from scpo_ros.config import Spec
from scpo_ros.config.validation import build
from scpo_ros.policy.residual_policy import ResidualNetwork
from scpo_ros.proofs.invariance import SECTORS, sectors
from scpo_ros.sets.invariant_set import Polytope
from scpo_ros.tolerances import ARITHMETIC, GAUGE, SOLVED, STATE, Tolerances
from scpo_ros.verification.evaluation import SafetyEvaluation
from scpo_ros.verification.task import ControlTask

FEEDBACK = 10.0


def ulps(array, rng):
    """Return the numbers a few units in the last place away, as another processor has them."""
    return array * (1 + rng.integers(-4, 5, np.shape(array)) * 2.0**-52)


@pytest.fixture(scope='module', params=['proved', 'sampled'])
def small(request, table_cache):
    """Return a small task, with few verification rollouts."""
    return ControlTask.build(build(Spec, {
        'metrics.certificate': request.param, 'metrics.invariance_states': 3000,
        'metrics.design_states': 20, 'metrics.verification_states': 60}), cache=table_cache)


@pytest.mark.parametrize('size', [1e-6, 1e-8])
@pytest.mark.parametrize('sign', ['random', 'up', 'down'])
def test_metrics_follow_the_inputs_by_less_than_the_feedback_factor(
        small, monkeypatch, size, sign):
    rng, at = np.random.default_rng(2), ExplicitLaw.at
    evaluation = SafetyEvaluation(small)
    thetas = np.tile(small.initial_theta, (6, 1))
    thetas[:, -16:] += rng.normal(0, 0.05, (6, 16))
    before = evaluation.evaluate(thetas), evaluation.verify(thetas)
    evaluation._cost._known.clear()

    def other(self, p, v):
        choice = {'random': rng.choice([-1.0, 1.0], len(p)), 'up': 1.0, 'down': -1.0}[sign]
        return at(self, p, v) + size * choice

    monkeypatch.setattr(ExplicitLaw, 'at', other)
    after = evaluation.evaluate(thetas), evaluation.verify(thetas)
    change = max(np.abs(a - b).max() for a, b in zip(before, after))
    assert 0.01 * size < change <= 0.5 * FEEDBACK * size


def test_the_sizes_are_in_order(task):
    tolerances = task.tolerances
    steepest = np.linalg.norm(task.policy.backup.table.slopes[:, :2], axis=1).max()
    assert tolerances.steepest == steepest > 100
    assert tolerances.command == 2 * (1e-9 + 2e-12 * steepest) < 1e-8
    assert tolerances.metric == tolerances.margin >= FEEDBACK * tolerances.command
    # far below whatever the certificate promises, and what tampering would be worth
    assert tolerances.margin < 1e-3 * 0.02
    assert max(ARITHMETIC, STATE, GAUGE, SOLVED) <= 1e-6
    assert Tolerances(1e5).command > Tolerances(1e2).command


def test_initial_weights_do_not_depend_on_how_a_processor_rounds(monkeypatch):
    genuine, noise = np.random.default_rng, np.random.default_rng(6)

    class Rounded:
        """A generator whose normal and uniform numbers are some units in the last place off."""

        def __init__(self, seed):
            self._rng = genuine(seed)

        def normal(self, *given):
            return ulps(self._rng.normal(*given), noise)

        def uniform(self, *given):
            return ulps(self._rng.uniform(*given), noise)

    network = ResidualNetwork((2, 16, 16), np.array([1.0, 0.6]))
    own = [network.initial(seed) for seed in range(20)]
    monkeypatch.setattr(np.random, 'default_rng', Rounded)
    for seed, theta in enumerate(own):
        assert network.initial(seed).tobytes() == theta.tobytes()
    assert not np.array_equal(Rounded(0).normal(0, 1, 9), genuine(0).normal(0, 1, 9))


@pytest.mark.parametrize('cells', [64, 33])
def test_no_cell_lies_between_two_sectors(task, cells):
    """Centres of a grid lie on diagonals and axes, where the sectors of a plain circle meet."""
    side = (np.arange(cells) + 0.5) / cells * 2 - 1
    centres = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    centres = centres[np.abs(centres).max(axis=1) > 0.1]
    angle = (np.arctan2(centres[:, 1], centres[:, 0]) / np.pi + 1) / 2 * SECTORS
    assert np.sum(np.abs(angle - np.round(angle)) < 1e-12) > cells / 2
    rng = np.random.default_rng(4)
    for _ in range(10):
        noise = 1e-14 * rng.uniform(-1, 1, centres.shape)
        assert np.array_equal(sectors(centres + noise), sectors(centres))
    assert set(sectors(centres)) == set(range(SECTORS))


def test_vertices_begin_at_the_same_one_whatever_the_order_of_rows(task):
    rows = task.safe_set.H
    for seed in range(20):
        rng = np.random.default_rng(seed)
        other = Polytope(ulps(rng.permutation(rows), rng))
        np.testing.assert_allclose(other.vertices, task.safe_set.vertices, atol=1e-13)
        np.testing.assert_allclose(other.boundary(50), task.safe_set.boundary(50), atol=1e-12)
    square = Polytope(np.vstack([np.eye(2), -np.eye(2)]))  # two vertices are equally low
    np.testing.assert_allclose(square.vertices[0], [-1, -1])
