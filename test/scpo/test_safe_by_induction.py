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

"""The theorem: from a safe policy every later one is safe; and the controls that are not."""

import numpy as np
import pytest
from scpo_ros.scpo import certificate_defects, ScpoUpdater, UpdateOutcome
from scpo_toys import WalledBowl


MARGIN = 0.02


def malicious(rng, bowl, theta):
    """Return steps of an expert that means harm: outward, huge, random, or along the loss."""
    kind = rng.integers(4)
    if kind == 0:
        return 10.0 * theta + rng.standard_normal(theta.size)
    if kind == 1:
        return 10.0 ** rng.uniform(-3, 6) * rng.standard_normal(theta.size)
    if kind == 2:
        return bowl.normals[rng.integers(len(bowl.normals))] * 5.0
    return -bowl.gradient(theta)


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('antithetic', [False, True])
def test_every_iterate_is_safe_under_a_malicious_expert(seed, antithetic):
    bowl, rng = WalledBowl(d=10, seed=seed), np.random.default_rng(seed)
    updater = ScpoUpdater(bowl.evaluate, bowl.theta0, bowl.verify, rng=seed,
                          directions=6, antithetic=antithetic)
    assert updater.certify() is not None
    moved = 0
    for _ in range(60):
        parent = updater.theta
        result = updater.update(malicious(rng, bowl, parent))
        assert np.all(bowl.verify(updater.theta[None]) <= -MARGIN)
        if result.accepted:
            moved += 1
            assert certificate_defects(result.certificate, updater.theta, MARGIN, 1e-6) == ()
        else:
            assert np.array_equal(updater.theta, parent)
    assert moved >= 20


def test_control_unprojected_steps_violate():
    bowl, rng = WalledBowl(d=10), np.random.default_rng(0)
    theta, violations = bowl.theta0, 0
    for _ in range(60):
        step = malicious(rng, bowl, theta)
        theta = theta + step * min(1.0, 0.5 / np.linalg.norm(step))
        violations += not np.all(bowl.verify(theta[None]) <= 0.0)
    assert violations >= 50


def test_control_planning_without_verification_violates():
    """The design set alone leaves the cubic metric of the verification set unprotected."""
    def worst(verified):
        bowl = WalledBowl(d=10, walls=3)
        updater = ScpoUpdater(
            bowl.evaluate, bowl.theta0, bowl.verify if verified else None, rng=0)
        for _ in range(60):
            updater.update(-0.3 * bowl.gradient(updater.theta))
        return np.max(bowl.verify(updater.theta[None]))

    assert worst(verified=True) <= -MARGIN
    assert worst(verified=False) > 0.0


def test_known_constants_need_neither_retries_nor_luck():
    """With L at the true constants every design-set candidate is safe at the first try."""
    bowl = WalledBowl(d=8)
    constants = 4.0 * 0.3 * bowl.wave @ bowl.wave + 1.0  # covers walls, ball and sine
    updater = ScpoUpdater(
        bowl.evaluate, bowl.theta0, rng=0, initial_smoothness=constants, smoothness_decay=1.0)
    for _ in range(60):
        result = updater.update(-0.3 * bowl.gradient(updater.theta))
        assert result.tries == 1
        assert result.outcome in (UpdateOutcome.ACCEPTED, UpdateOutcome.STALLED)
    assert np.all(updater.smoothness == constants)


def test_the_loss_falls_to_the_constrained_optimum():
    """A single ball: the best safe policy is radial, with the margin taken off."""
    goal = np.array([2.0, 1.0, -2.0])

    def evaluate(thetas):
        return 0.5 * np.sum(thetas ** 2, axis=1, keepdims=True) - 0.5

    def loss(theta):
        return 0.5 * np.sum((theta - goal) ** 2)

    updater = ScpoUpdater(evaluate, np.zeros(3), rng=0)
    for _ in range(100):
        updater.update(goal - updater.theta, loss=loss)
    best = goal / np.linalg.norm(goal) * np.sqrt(2 * (0.5 - MARGIN))
    assert loss(updater.theta) - loss(best) <= 1e-3 * loss(np.zeros(3))
    assert np.allclose(updater.theta, best, atol=0.03)


def test_accepted_bounds_cover_and_losses_fall_along_the_way():
    bowl = WalledBowl(d=10, seed=2)
    updater = ScpoUpdater(bowl.verify, bowl.theta0, rng=0)
    losses = [bowl.loss(updater.theta)]
    for _ in range(30):
        result = updater.update(-0.3 * bowl.gradient(updater.theta), loss=bowl.loss)
        if result.accepted:
            assert np.all(result.certificate.g <= result.certificate.bound)
            losses.append(result.loss_after)
    assert np.all(np.diff(losses) < 0) and len(losses) > 10
