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

"""The design set and the verification set grow by the same scenarios, in the same order."""

import numpy as np
import pytest
from scpo_ros.systems.scenario import Scenarios
from scpo_ros.verification import scenario_sets
from scpo_ros.verification.scenario_sets import ScenarioSets


def scenarios(*starts):
    """Return scenarios that start at the given numbers, without disturbance."""
    x0 = np.array(starts, dtype=float)[:, None]
    return Scenarios(x0, np.zeros((len(x0), 3, 1)))


@pytest.fixture
def sets(monkeypatch):
    """Return sets of one design and two verification scenarios, with two places for each kind."""
    monkeypatch.setattr(scenario_sets, '_REFUSED', 2)
    return ScenarioSets(scenarios(1), scenarios(10, 11), replays=2)


def starts(sets):
    """Return the starts of (design set, verification set)."""
    return sets.design.x0.ravel().tolist(), sets.verification.x0.ravel().tolist()


def test_replays_and_refused_scenarios_take_turns_each_with_its_own_kind(sets):
    for number in (20, 21, 22):
        sets.add_replay(scenarios(number))
        sets.add_refused(scenarios(-number))
    assert starts(sets) == ([1, 22, -22, 21, -21], [10, 11, 22, -22, 21, -21])
    sets.add_replay(scenarios(23))
    assert starts(sets)[0] == [1, 22, -22, 23, -21]


def test_failures_stay_for_good_and_added_ones_are_not_added_again(sets):
    sets.remember([1, 7], most=16)
    for number in (20, 21, 22):
        sets.add_replay(scenarios(number))
    sets.remember([2, 3, 4], most=16)  # scenarios that were added before
    assert starts(sets) == ([1, 11, 22, 21], [10, 11, 11, 22, 21])


def test_no_more_failures_are_added_than_asked_for(sets):
    sets.remember([0, 1], most=1)
    assert starts(sets)[0] == [1, 10]


def test_without_places_no_replay_is_kept():
    sets = ScenarioSets(scenarios(1), scenarios(10), replays=0)
    sets.add_replay(scenarios(20))
    assert starts(sets) == ([1], [10])


def test_replays_that_join_together_are_put_together_once(sets, monkeypatch):
    made, checked = [], Scenarios.__post_init__
    joining = [scenarios(number) for number in range(16)]
    monkeypatch.setattr(Scenarios, '__post_init__', lambda self: made.append(1) or checked(self))
    for scenario in joining:
        sets.add_replay(scenario)
    assert not made
    for _ in range(3):
        assert len(sets.design) == 3 and len(sets.verification) == 4
    assert len(made) == 2
