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

"""What several measurements share: control task at its defaults, states, weights, scenarios."""

from functools import lru_cache

import numpy as np
from scpo_ros.config import Spec
from scpo_ros.systems.scenario import interior_states, Scenarios
from scpo_ros.verification.task import ControlTask

POLICIES, SCENARIOS, STEPS = 33, 256, 50


@lru_cache(maxsize=1)
def task():
    """Return the control task at its defaults."""
    return ControlTask.build(Spec())


def states(count, seed=0):
    """Return `count` states, (count, 2), that fill the safe set."""
    return interior_states(task().safe_set, count, [seed, 11])


def weights(count, scale=0.05, seed=0):
    """Return `count` weights near the backup, (count, d), hidden layers included."""
    rng = np.random.default_rng([seed, 12])
    start = task().initial_theta
    return start + scale * rng.standard_normal((count, len(start)))


def scenarios(count, steps=STEPS, seed=0):
    """Return `count` scenarios: states that fill the safe set, disturbances within their bound."""
    rng = np.random.default_rng([seed, 13])
    w = rng.uniform(-1, 1, (count, steps, 2)) * task().system.disturbance
    return Scenarios(states(count, seed), w)
