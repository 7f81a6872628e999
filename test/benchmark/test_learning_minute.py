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

"""The learner's minute: it learns, and says what an update costs."""

import os
from pathlib import Path
import subprocess
import sys

from benchmark import learning_minute
import numpy as np
from scpo_ros.experts.system_experts import SystemExperts
from system_samples import task_of


def test_a_few_seconds_learn_and_close_a_part_of_the_gap():
    task = task_of('uneven', design_states=6, verification_states=12)
    law, told = SystemExperts(task.system).law('benign'), []
    theta, times, accepted = learning_minute.learn(task, law, 12.0, 1.0, told.append)
    assert 0 < accepted <= len(times) == len(told) and min(times) > 0
    assert 0 < learning_minute.gap_closed(task, law, theta) <= 1.1
    assert abs(learning_minute.gap_closed(task, law, task.initial_theta)) <= 1e-9


def test_what_the_plant_shows_is_of_the_model_and_handed_over_once():
    task = task_of('uneven', design_states=6, verification_states=12)
    plant = learning_minute.Plant(task, SystemExperts(task.system).law('benign'),
                                  np.random.default_rng(0))
    for _ in range(120):
        plant.step()
    demonstrations, rollouts = plant.taken()
    assert (len(demonstrations), len(rollouts)) == (12, 4) and plant.taken() == ([], [])
    for rollout in rollouts:
        w = rollout.x[1:] - task.system.step(rollout.x[:-1], rollout.u)
        assert np.all(np.abs(w) <= task.system.disturbance + 1e-12)


def test_linear_algebra_has_one_thread_as_in_the_nodes():
    """With two the processor time of an update was four times as long."""
    environment = {name: value for name, value in os.environ.items() if 'THREADS' not in name}
    done = subprocess.run(
        [sys.executable, '-c', 'import benchmark.learning_minute, os; '
         'print(os.environ["OPENBLAS_NUM_THREADS"])'],
        env=environment, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.stdout.strip() == '1', done.stderr
