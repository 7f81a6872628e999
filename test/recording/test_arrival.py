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

"""The recorder's clock: a wall clock that is set while a bag is recorded changes no order."""

from types import SimpleNamespace

import pytest
from scpo_ros.recording.arrival import ArrivalClock

S = 1_000_000_000
BEGAN = 1_800_000_000 * S


@pytest.fixture
def now():
    """Return the two clocks; a test moves them."""
    return SimpleNamespace(wall=BEGAN, steady=7 * S)


@pytest.fixture
def clock(now):
    return ArrivalClock(lambda: now.wall, lambda: now.steady)


def passes(now, nanoseconds, slewed=0):
    now.steady += nanoseconds
    now.wall += nanoseconds + slewed


def test_without_a_step_a_message_has_its_own_time_of_arrival(now, clock):
    for _ in range(1000):
        passes(now, S // 10, slewed=50_000)  # 500 parts in a million, as NTP slews
        assert clock.time_of(now.wall - 300_000) == now.wall - 300_000


def test_without_a_time_of_arrival_it_is_that_of_the_callback(now, clock):
    passes(now, S)
    assert clock.time_of(0) == BEGAN + S


def test_messages_that_wait_for_a_busy_recorder_keep_their_order(now, clock):
    """One that waited for over a second had the time of its callback, after those behind it."""
    passes(now, 5 * S)
    received = [now.wall + k * S // 50 for k in range(100)]
    passes(now, 3 * S)
    assert [clock.time_of(at) for at in received] == received
    now.wall += 2 * S
    passes(now, S)
    assert clock.time_of(now.wall - S) == BEGAN + 8 * S  # the negative control: the step is known


@pytest.mark.parametrize('step', [-3600 * S, -2 * S, -S // 10, S // 10, 2 * S, 3600 * S])
def test_a_step_of_the_wall_clock_is_taken_out(now, clock, step):
    passes(now, S)
    assert clock.time_of(now.wall) == BEGAN + S
    now.wall += step
    passes(now, S)
    assert clock.time_of(now.wall - 1000) == BEGAN + 2 * S - 1000
    now.wall -= step
    passes(now, S)
    assert clock.time_of(now.wall) == BEGAN + 3 * S


@pytest.mark.parametrize('step', [-3600 * S, 3600 * S])
def test_a_message_that_waited_over_the_step_comes_when_it_is_written(now, clock, step):
    passes(now, S)
    received = now.wall
    now.wall += step
    assert clock.time_of(received) == BEGAN + S
