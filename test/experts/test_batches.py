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

"""Batches of states that an expert labels: those of the time line, whatever a forger sends."""

import numpy as np
import pytest
from scpo_ros.experts.batches import Batches
from scpo_ros.nodes.conversions import State


DT = 0.1


def state(step, x=0.0, applied=0.0):
    return State(None, step * DT, 0, np.array([x, 0.0]), np.array([applied]))


def labelled(gathering, states):
    """Return the steps of every batch."""
    batches = [gathering.see(seen) for seen in states]
    return [[round(s.time / DT) for s in batch] for batch in batches if batch is not None]


def test_the_first_state_at_once_then_batches():
    assert labelled(Batches(DT, 3), map(state, range(8))) == [[0], [1, 2, 3], [4, 5, 6]]


def test_a_plant_that_waits_gets_the_last_batch_again_if_nothing_is_gathered():
    gathering = Batches(DT, 2)
    assert labelled(gathering, [state(0), state(0)]) == [[0], [0]]
    assert labelled(gathering, [state(1), state(1)]) == []
    assert labelled(gathering, [state(2), state(2)]) == [[1, 2], [1, 2]]


@pytest.mark.parametrize('forged', [
    state(10**6), state(-10**6), state(3, np.nan), state(3, np.inf), state(3, 0.0, np.nan)])
def test_a_forged_state_is_not_labelled_and_does_not_silence(forged):
    gathering = Batches(DT, 2)
    assert labelled(gathering, [state(0), state(1), state(2), forged]) == [[0], [1, 2]]
    assert labelled(gathering, map(state, range(3, 7))) == [[3, 4], [5, 6]]


@pytest.mark.parametrize('start', [0, 10**6])
def test_a_plant_that_was_started_again_is_labelled_after_three_states(start):
    gathering = Batches(DT, 1)
    labelled(gathering, map(state, range(5000, 5003)))
    assert labelled(gathering, map(state, range(start, start + 5))) == [
        [start + 2], [start + 3], [start + 4]]
