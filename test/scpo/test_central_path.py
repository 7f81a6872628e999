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

"""The central path: the barrier and its model, what counts as progress, and what it changes."""

import numpy as np
import pytest
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.scpo import is_safe, ScpoSettings, ScpoUpdater, UpdateOutcome
from scpo_ros.scpo.central_path import CentralPath, LogBarrier, Merit
from scpo_ros.scpo.outcome import Refusal

MARGIN = 0.02


def corner(thetas):
    """Return two half planes that meet beside the straight way from 0 to the goal."""
    return np.stack([thetas[:, 0] - 0.5, thetas[:, 0] - 0.2 - thetas[:, 1]], axis=1)


GOAL = np.array([0.8, 0.4])


def loss(theta):
    return float(np.sum((theta - GOAL) ** 2))


def runs(updates=30, **settings):
    updater = ScpoUpdater(corner, np.zeros(2), rng=0, **settings)
    results = [updater.update(GOAL - updater.theta, loss=loss) for _ in range(updates)]
    return updater, results


def test_the_model_is_the_second_order_expansion():
    rng = np.random.default_rng(0)
    g, slope = -0.1 - rng.random(7), rng.standard_normal((7, 3))
    barrier = LogBarrier(0.3, MARGIN)
    gram, linear = barrier.model(g, slope)
    for size, error in ((1e-2, 1e-3), (1e-3, 1e-6)):
        b = size * rng.standard_normal(3)
        change = barrier(g + slope @ b) - barrier(g)
        assert abs(b @ gram @ b - 2 * linear @ b - change) < error
    assert np.all(np.linalg.eigvalsh(gram) >= -1e-12)


def test_downhill_is_away_from_the_nearest_constraint():
    barrier = LogBarrier(1.0, 0.0)
    _, linear = barrier.model(np.array([-0.1, -0.9]), np.array([[1.0], [-1.0]]))
    assert linear[0] < 0


@pytest.mark.parametrize('g', [[-0.02], [-1.0, 0.0], [np.nan], [-1.0, np.inf]])
def test_without_room_the_barrier_is_infinite(g):
    assert LogBarrier(1.0, MARGIN)(np.array(g)) == np.inf


def test_without_weight_there_is_no_barrier():
    gram, linear = LogBarrier(0.0, MARGIN).model(np.array([-1.0]), np.ones((1, 2)))
    assert not np.any(gram) and not np.any(linear)
    assert LogBarrier(0.0, MARGIN)(np.array([5.0])) == 0.0


def losses(before, after):
    values = iter((before, after))
    return lambda theta: next(values)


def refusal(before, after, g_before, g, share=0.1):
    merit = Merit(losses(before, after), np.zeros(1), CentralPath(share, 1.0, MARGIN))
    return merit.refusal(np.ones(1), np.array([g_before]), np.array([g]))


def test_what_lowers_the_loss_or_the_merit_passes_and_nothing_else():
    assert refusal(1.0, 0.9, -0.5, -0.03) is None      # the loss
    assert refusal(1.0, 1.01, -0.05, -0.5) is None     # the merit
    assert refusal(1.0, 1.01, -0.05, -0.5, share=0.0) is not None
    assert refusal(1.0, 1.01, -0.5, -0.05) is not None
    assert refusal(1.0, 1.0, -0.5, -0.5) is not None


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('which', [0, 1])
def test_a_loss_that_is_no_number_never_passes(value, which):
    pair = [1.0, 0.5]
    pair[which] = value
    if (which, value) == (0, -np.inf):
        assert refusal(*pair, -0.5, -0.5).outcome is UpdateOutcome.LOSS_NOT_LOWERED
        return
    assert refusal(*pair, -0.5, -0.9).outcome is UpdateOutcome.LOSS_NOT_LOWERED


def test_a_loss_that_raises_is_a_refusal():
    def raising(theta):
        raise RuntimeError('no data')

    with pytest.raises(Refusal, match='no data'):
        Merit(raising, np.zeros(1), CentralPath(0.1, 1.0, MARGIN))


def test_room_is_kept_on_the_way_and_the_end_is_the_same():
    """Early policies keep clear of the corner; the weight decays and the goal is reached."""
    plain, results = runs(60)
    centred, others = runs(60, centering=0.1, centering_decay=0.8)
    rooms = [[-r.g.max() for r in rs[1:4]] for rs in (results, others)]
    assert np.all(np.array(rooms[1]) > 1.05 * np.array(rooms[0]))
    best = loss(np.array([0.5 - 0.02, 0.4]))
    assert best <= loss(centred.theta) < best + 0.01 and loss(plain.theta) < best + 0.01
    assert all(is_safe(corner(theta[None])[0], MARGIN) for theta in centred.accepted)


def test_the_weight_is_a_share_of_the_first_loss():
    path = CentralPath(0.1, 0.5, MARGIN)
    assert path.barrier(np.nan).weight == 0.0  # no loss yet
    assert path.barrier(-4.0).weight == pytest.approx(0.4)
    path.advance()
    assert path.barrier(100.0).weight == pytest.approx(0.2)
    path.restart()
    path.advance()
    assert path.barrier(100.0).weight == pytest.approx(10.0)


def test_the_weight_decays_with_acceptances_and_can_be_given_again():
    updater, _ = runs(3, centering=0.1, centering_decay=0.5)
    present = updater.theta
    assert updater.update(GOAL - present, loss=loss).accepted
    low = updater.theta
    updater.restore(present)
    updater.recentre()
    updater.update(GOAL - present, loss=loss)
    assert -corner(updater.theta[None]).max() > -corner(low[None]).max()


def test_without_a_loss_the_step_is_projected_as_it_is():
    steps = [ScpoUpdater(corner, np.zeros(2), rng=0, centering=c).update(GOAL).theta
             for c in (0.0, 0.5)]
    assert np.array_equal(*steps)


@pytest.mark.parametrize('name, value', [
    ('centering', -0.1), ('centering', np.nan), ('centering_decay', 0.0),
    ('centering_decay', 1.1)])
def test_bad_settings_are_refused(name, value):
    with pytest.raises(ConfigurationError):
        ScpoSettings(**{name: value})


@pytest.mark.parametrize('scale', [1e-308, 1e-9, 1e9, 1e300, 1e308])
@pytest.mark.parametrize('wall', [-0.020000001, -0.5, -1e300])
def test_a_loss_of_absurd_size_is_a_result_and_never_unsafe(scale, wall):
    def metrics(thetas):
        return np.stack([thetas[:, 0] * 1e-3 + wall, thetas[:, 1] - 1.0], axis=1)

    updater = ScpoUpdater(metrics, np.zeros(2), rng=0, centering=1.0)
    for _ in range(3):
        result = updater.update(GOAL - updater.theta, loss=lambda theta: scale * loss(theta))
        assert isinstance(result.outcome, UpdateOutcome)
    assert all(is_safe(metrics(theta[None])[0], MARGIN) for theta in updater.accepted)


@pytest.mark.parametrize('seed', range(3))
def test_every_iterate_is_safe_under_an_expert_that_means_harm(seed):
    rng = np.random.default_rng(seed)
    updater = ScpoUpdater(corner, np.zeros(2), rng=seed, centering=0.3)
    for _ in range(25):
        target = 10.0 ** rng.uniform(-2, 3) * rng.standard_normal(2)
        updater.update(target - updater.theta, loss=lambda t: float(np.sum((t - target) ** 2)))
    assert len(updater.accepted) > 5
    assert all(is_safe(corner(theta[None])[0], MARGIN) for theta in updater.accepted)
