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

"""The plant node's reset, turned by hand: what the service says, and what stamps show."""

import pytest
from scpo_ros.nodes.conversions import command_message, read_state
from scpo_ros.nodes.plant import PlantNode
from std_srvs.srv import Trigger


@pytest.fixture(params=[False, True])
def plant(request, made):
    """Return a plant node that nobody spins, with and without simulated time."""
    node = made(PlantNode, use_sim_time=request.param, seed=1)
    node.said = []
    node._outgoing._states = type('Heard', (), {'publish': staticmethod(
        lambda message: node.said.append(read_state(message)))})
    node._answers.alone = True  # no adapter is waited for
    node._publish()
    return node


def answer(node, u, state=None):
    state = node.said[-1] if state is None else state
    node._on_command(command_message(state.stamp, 'policy', 0, u))


def reset(node):
    return node._on_reset(None, Trigger.Response()).message


def test_the_first_state_of_an_episode_has_a_stamp_of_its_own_and_no_old_answer(plant):
    answer(plant, 0.3)
    plant._tick()
    old = plant.said[-1]
    answer(plant, 0.5)
    assert [reset(plant) for _ in range(5)] == ['episode 1 begins with the next step'] * 5
    answer(plant, 0.7)  # still the old state's
    plant._tick()
    new = plant.said[-1]
    assert (old.episode, new.episode, new.applied) == (0, 1, 0.0)
    assert new.time == pytest.approx(old.time + 0.1, abs=1e-6)
    answer(plant, 0.9, old)  # a late one
    assert plant._answers.command is None
    answer(plant, 0.2)
    plant._tick()
    assert (plant.said[-1].episode, plant.said[-1].applied) == (1, 0.2)
    assert plant._plant.deadline_misses == 0


def test_a_reset_does_not_wait_for_the_answer_to_the_state_before(plant):
    answer(plant, 0.3)
    plant._tick()
    reset(plant)
    plant._tick()
    assert plant.said[-1].episode == 1


def test_before_the_first_command_a_reset_begins_an_episode_and_nothing_else_moves(plant):
    plant._tick()
    assert (plant.said[-1].episode, plant._plant.state.step) == (0, 0)
    assert reset(plant) == 'episode 1 begins with the next step'
    plant._tick()
    plant._tick()
    assert (plant.said[-1].episode, plant._plant.state.step) == (1, 1)
