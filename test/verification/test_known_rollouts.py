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

"""Rollouts that are known are not made again, and give the same numbers."""

import numpy as np
import pytest
from scpo_ros.simulation.filtered_rollout import FilteredSummary
from scpo_ros.systems.scenario import Scenarios
from scpo_ros.verification import known_rollouts
from scpo_ros.verification.known_rollouts import KnownRollouts

FIELDS = ('action', 'acted', 'final', 'cost', 'left')
FIRST, SECOND, THIRD = (np.full(3, number) for number in (1.0, 2.0, 3.0))


def scenarios(*starts):
    """Return scenarios that start at the given numbers, without disturbance."""
    x0 = np.array(starts, dtype=float)[:, None] * np.ones((1, 2))
    return Scenarios(x0, np.zeros((len(x0), 3, 2)))


class Rolling:
    """Rolls out, and counts what from."""

    def __init__(self):
        """Begin with nothing asked."""
        self.asked, self.cost = [], lambda theta, x0: theta[0] + x0[:, 0]

    def __call__(self, thetas, batch):
        """Return a summary that depends on weights and start."""
        self.asked.append(batch.x0[:, 0].tolist())
        start = batch.x0[:, 0]
        cost = np.array([self.cost(theta, batch.x0) for theta in thetas])
        return FilteredSummary(0.1 * cost, 0.2 * cost, batch.x0[None] * thetas[:, None, :1],
                               cost, (start > 5)[None] & (thetas[:, :1] > 0))


@pytest.fixture
def rolling():
    """Return a counter of rollouts."""
    return Rolling()


def test_only_scenarios_that_are_new_are_rolled_out(rolling):
    known = KnownRollouts(rolling, 2)
    known.summarise(FIRST, scenarios(1, 2))
    found = known.summarise(FIRST, scenarios(2, 7, 1))
    assert rolling.asked == [[1, 2], [7]]
    direct = Rolling()(FIRST[None], scenarios(2, 7, 1))
    for name in FIELDS:
        assert np.array_equal(getattr(found, name), getattr(direct, name))
        assert getattr(found, name).dtype == getattr(direct, name).dtype


def test_another_disturbance_is_another_scenario(rolling):
    known, pushed = KnownRollouts(rolling, 2), scenarios(1)
    known.summarise(FIRST, pushed)
    known.summarise(FIRST, Scenarios(pushed.x0, pushed.w + 1e-12))
    assert rolling.asked == [[1], [1]]


def test_each_policy_has_its_own_and_the_oldest_leaves(rolling):
    known, batch = KnownRollouts(rolling, 2), scenarios(1)
    for theta in (FIRST, SECOND, FIRST, THIRD, FIRST, SECOND):
        assert known.summarise(theta, batch).cost[0, 0] == theta[0] + 1
    assert len(rolling.asked) == 4  # the second one left for the third


def test_without_places_everything_is_rolled_out(rolling):
    known = KnownRollouts(rolling, 0)
    for _ in range(2):
        known.summarise(FIRST, scenarios(1, 2))
    assert rolling.asked == [[1, 2], [1, 2]]


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_rolled_out_again(rolling, bad):
    known = KnownRollouts(rolling, 1)
    rolling.cost = lambda theta, x0: np.where(x0[:, 0] == 2, bad, 1.0)
    assert not np.isfinite(known.summarise(FIRST, scenarios(1, 2)).cost[0, 1])
    rolling.cost = lambda theta, x0: np.full(len(x0), 3.0)
    assert known.summarise(FIRST, scenarios(1, 2)).cost.tolist() == [[1.0, 3.0]]
    assert rolling.asked == [[1, 2], [2]]


def test_scenarios_that_come_and_go_do_not_fill_the_memory(rolling, monkeypatch):
    monkeypatch.setattr(known_rollouts, '_MOST', 10)
    known = KnownRollouts(rolling, 1)
    for number in range(100):
        known.summarise(FIRST, scenarios(-1, number))
    assert len(next(iter(known._known.values()))) <= 10 and len(known._batches) <= 4
    assert sum(-1 in asked for asked in rolling.asked) == 1


def test_what_is_returned_is_not_what_is_kept(rolling):
    known = KnownRollouts(rolling, 1)
    known.summarise(FIRST, scenarios(1)).cost[:] = -1.0
    assert known.summarise(FIRST, scenarios(1)).cost[0, 0] == 2.0
