"""Which states a teacher labels: batches of the plant's time line, whatever a forger sends."""

import numpy as np
import pytest
from scpo_ros.experts.teaching import Teaching
from scpo_ros.nodes.conversions import State


DT = 0.1


def state(step, x=0.0, applied=0.0):
    return State(None, step * DT, 0, np.array([x, 0.0]), applied)


def taught(teaching, states):
    """Return the steps of every batch."""
    batches = [teaching.see(seen) for seen in states]
    return [[round(s.time / DT) for s in batch] for batch in batches if batch is not None]


def test_the_first_state_at_once_then_batches():
    assert taught(Teaching(DT, 3), map(state, range(8))) == [[0], [1, 2, 3], [4, 5, 6]]


def test_a_plant_that_waits_gets_the_last_batch_again_if_nothing_is_gathered():
    teaching = Teaching(DT, 2)
    assert taught(teaching, [state(0), state(0)]) == [[0], [0]]
    assert taught(teaching, [state(1), state(1)]) == []
    assert taught(teaching, [state(2), state(2)]) == [[1, 2], [1, 2]]


@pytest.mark.parametrize('forged', [
    state(10**6), state(-10**6), state(3, np.nan), state(3, np.inf), state(3, 0.0, np.nan)])
def test_a_forged_state_is_not_taught_and_does_not_silence(forged):
    teaching = Teaching(DT, 2)
    assert taught(teaching, [state(0), state(1), state(2), forged]) == [[0], [1, 2]]
    assert taught(teaching, map(state, range(3, 7))) == [[3, 4], [5, 6]]


@pytest.mark.parametrize('start', [0, 10**6])
def test_a_plant_that_was_started_again_is_taught_after_three_states(start):
    teaching = Teaching(DT, 1)
    taught(teaching, map(state, range(5000, 5003)))
    assert taught(teaching, map(state, range(start, start + 5))) == [
        [start + 2], [start + 3], [start + 4]]
