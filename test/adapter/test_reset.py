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

"""Going back to the backup, whatever was learned before."""

import numpy as np
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.adapter.collection import CollectedRollout
from scpo_ros.config import AdapterConfig, Spec


def test_the_backup_is_certified_whatever_the_metrics_were_fitted_to():
    learner = Adaptation(Spec(), AdapterConfig())
    assert learner.begin().certificate is not None
    learner.evaluation._cost.shift = learner.evaluation._cost.shift + 0.02  # by another policy
    assert learner.restore(learner.task.initial_theta).certificate is None
    report = learner.reset()
    assert report.changed and report.certificate is not None
    assert (report.theta == learner.task.initial_theta).all()


def test_outside_the_safe_set_nothing_stops_learning_that_is_not_safe():
    outside = CollectedRollout(0, np.full((3, 2), 5.0), np.zeros((2, 1)))
    shown = [(np.zeros((60, 2)), np.ones((60, 1)))]
    outcomes = {}
    for safety in (True, False):
        learner = Adaptation(Spec(), AdapterConfig(safety=safety))
        learner.begin()
        reports = learner.step(shown, [outside])
        outcomes[safety] = [report.outcome for report in reports]
    assert outcomes == {True: ['MODEL_INVALID', 'MODEL_INVALID'], False: ['UNCHECKED']}
