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

"""Absurd demonstrations do not keep the adapter from learning from sensible ones."""

import numpy as np
import pytest
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.config import AdapterConfig, Spec
from scpo_ros.experts.catalogue import ExpertCatalogue
from scpo_ros.systems.scenario import interior_states


@pytest.fixture(scope='module')
def learner():
    """Return an adaptation."""
    return Adaptation(Spec(), AdapterConfig())


@pytest.mark.parametrize('factor, labels', [(1e308, 1.0), (1e30, 1e308), (50.0, 1.0)])
def test_states_beyond_the_limits_teach_nothing(learner, factor, labels):
    before = len(learner.demonstrations)
    learner.demonstrations.add(np.full((40, 2), factor), np.full((40, 1), labels))
    assert len(learner.demonstrations) == before


def test_labels_beyond_the_limits_are_saturated_and_learning_goes_on(learner):
    x = interior_states(learner.task.safe_set, 100, 1)
    u = ExpertCatalogue(learner.task.system, learner.task.gain).law('benign')(x)
    learner.demonstrations.add(
        np.vstack([x, np.full((9, 2), 1e300)]), np.vstack([u, u[:9] * 1e9]))
    learner.demonstrations.add(x[:1], np.array([[1e300]]))
    assert len(learner.demonstrations) == 101
    assert np.all(np.abs(learner.demonstrations.actions) <= learner.task.system.input_limit)
    assert learner.step([], [])[-1].outcome == 'ACCEPTED'
