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

"""The filter keeps the limits of a nonlinear plant whose model error the disturbance covers."""

from nonlinear_plants import narrow, stepping
import numpy as np
import pytest
from scpo_ros.config.system_spec import SystemSpec
from scpo_ros.systems import load
from scpo_ros.verification.system_task import SystemTask

pytest.importorskip('mpmath')
TYPED = np.array([0.0, 0.0, 0.001, 0.002])  # what disturbs the cart-pole beside its curvature
RUNS, STEPS, PUSHED = 100, 100, 25


def outcome(mapping):
    """Return how many steps of an adversary broke a limit, or found the filter without a plan."""
    system = load(mapping)
    task, rng = SystemTask.build(system, SystemSpec()), np.random.default_rng(0)
    step = stepping(system.description.dynamics.model, system.n, system.m, system.dt)
    x, bad, used = task.safe_set.sample(RUNS, rng) * (1 - 1e-9), 0, 0.0
    for k in range(STEPS):
        pushes = (-np.sign(x[:, 1] + 0.3 * x[:, 3]), np.sign(x[:, 0] + x[:, 2]),
                  rng.choice([-1.0, 1.0], RUNS), np.sign(x[:, 3]))
        wanted = pushes[k // PUSHED % 4][:, None] * system.input_upper
        u = task.policy.filtered(x, wanted, task.policy.around(x)[1])
        bad += int(np.sum(~np.isfinite(u).all(axis=1)))
        x = step(x, u) + rng.choice([-1.0, 1.0], x.shape) * TYPED
        bad += int(np.sum(~system.within_limits(x, u)))
        used = max(used, float(np.nan_to_num(np.abs(x) / system.state_scale).max()))
    return bad, used


def test_an_adversary_breaks_no_limit_of_the_true_cart_pole():
    bad, used = outcome(narrow())
    assert bad == 0 and used > 0.99


def test_without_the_error_of_the_linearisation_it_does():
    """Control: the same runs, where the description leaves the curvature out."""
    mapping = narrow()
    mapping['dynamics']['model']['error'] = 'neglected'
    assert outcome(mapping)[0] > 0
