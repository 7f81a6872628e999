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

"""Samples: the messages nearest to one every dt, at whatever rate the robot publishes."""

import numpy as np
import pytest
from scpo_ros.driver.sampler import Sampler


def steps(period, dt=0.1, jitter=0.0, count=2000, seed=0):
    """Return the steps between samples of a robot that publishes every so many seconds."""
    rng, sampler = np.random.default_rng(seed), Sampler(dt)
    times = 1e9 + period * np.arange(count) + rng.uniform(-jitter, jitter, count)
    return np.diff([time for time in times.tolist() if sampler.take(time)])


@pytest.mark.parametrize('rate', [10, 20, 50, 100, 200, 1000])
def test_where_dt_is_a_multiple_of_the_period_every_step_is_dt(rate):
    found = steps(1 / rate, count=max(200, 2 * rate))
    assert len(found) > 15 and np.allclose(found, 0.1, atol=1e-6)


@pytest.mark.parametrize('rate', [10, 100, 200, 1000])
def test_jitter_of_the_robot_is_no_more_than_jitter_of_the_steps(rate):
    jitter = 0.02 / rate
    found = steps(1 / rate, jitter=jitter, count=20 * rate)
    assert len(found) > 100 and np.abs(found - 0.1).max() <= 2 * jitter + 1e-6


def test_a_robot_that_is_slower_than_the_model_has_all_its_messages_taken():
    assert np.allclose(steps(0.15), 0.15, atol=1e-6)


def test_a_period_that_does_not_divide_dt_gives_the_nearest_steps():
    found = steps(0.03)
    assert set(np.round(found, 6)) == {0.09}
    assert set(np.round(steps(0.06), 6)) == {0.12}


def test_messages_that_were_lost_do_not_move_the_others():
    sampler = Sampler(0.1)
    times = [0.01 * k for k in range(400) if k not in (137, 138, 139, 140, 141, 250)]
    found = np.diff([time for time in times if sampler.take(time)])
    assert sum(np.abs(found - 0.1) > 1e-9) <= 4 and found.max() <= 0.13


def test_after_a_restart_the_next_message_is_a_sample():
    sampler = Sampler(0.1)
    assert sampler.take(5.0) and not sampler.take(5.01)
    sampler.restart()
    assert sampler.take(1.0) and not sampler.take(1.01)
