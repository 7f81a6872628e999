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

"""How late a robot applies commands, from what it reports, also where commands are held."""

from dataclasses import replace

import numpy as np
import pytest
from scpo_ros.systems import load
from scpo_ros.systems.lateness import Answered, steps_late

SYSTEM = load('rail_slider')


def run(late, held=1, steps=200, seed=0, share=1.0):
    """Return the states of a robot that applies commands so many steps late."""
    rng = np.random.default_rng(seed)
    u = np.repeat(rng.uniform(-1, 1, (steps // held + 1, 1)), held, axis=0)[:steps]
    applied = np.vstack([np.zeros((late + 1, 1)), u])[:steps]
    other = rng.random(steps) > share
    applied[other] = rng.uniform(-1, 1, (int(other.sum()), 1))
    return [Answered(k * SYSTEM.dt, 0, applied[k], u[k]) for k in range(steps)]


@pytest.mark.parametrize('held', [1, 4, 10])
@pytest.mark.parametrize('late', [0, 1, 3, 10])
def test_the_delay_is_found(late, held):
    assert steps_late(run(late, held), SYSTEM, 10) == late


def test_a_few_other_inputs_hide_nothing_and_many_say_nothing():
    assert steps_late(run(2, share=0.95), SYSTEM, 10) == 2
    assert steps_late(run(2, share=0.5), SYSTEM, 10) == 0


def test_constant_inputs_tell_no_delay():
    seen = [replace(one, applied=np.zeros(1), answer=np.zeros(1)) for one in run(0)]
    assert steps_late(seen, SYSTEM, 10) == 0


@pytest.mark.parametrize('seen', [[], run(1)[:1], [replace(one, answer=None) for one in run(1)]])
def test_nothing_to_compare_is_no_delay(seen):
    assert steps_late(seen, SYSTEM, 10) == 0


def test_states_of_another_episode_are_not_compared():
    seen = [replace(one, episode=k) for k, one in enumerate(run(1))]
    assert steps_late(seen, SYSTEM, 10) == 0
