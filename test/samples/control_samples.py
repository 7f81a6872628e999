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

"""Random states and weights, and slow references, shared by the tests of the control task."""

from dataclasses import replace

import numpy as np
from scpo_ros.backup.mpc import BackupMpc, build_qp
from scpo_ros.backup.planning import Planning
from scpo_ros.config import Spec
from scpo_ros.config.validation import build
from scpo_ros.sets.invariant_set import contractive_set
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.verification.task import contraction_factor, ControlTask


def states_in(safe_set, count, rng):
    """Return `count` states (count, 2), uniform in the safe set."""
    low, high = safe_set.vertices.min(axis=0), safe_set.vertices.max(axis=0)
    points = rng.uniform(low, high, (4 * count + 100, 2))
    return points[safe_set.contains(points, 0.0)][:count]


def weights(task, count, rng, scale):
    """Return `count` of the initial weights, each with a random last layer, (count, d)."""
    result = np.tile(task.initial_theta, (count, 1))
    last = task.policy.network.widths[-1]
    result[:, -last:] = rng.normal(0, scale, (count, last))
    return result


def pushing(task, gain):
    """Return weights whose residual is about gain times (p + v): pushes away from the origin."""
    network = task.policy.network
    inputs, first, *_ = network.widths
    theta = np.zeros(network.d)
    small = 1e-3
    theta[:inputs * first].reshape(inputs, first)[:, 0] = small * network.scale
    at = (inputs + 1) * first
    for a, b in zip(network.widths[1:], network.widths[2:]):
        theta[at] = 1.0
        at += (a + 1) * b
    theta[at] = gain / small
    return theta


def worst_disturbance(task, x, u):
    """Return the disturbance (n,) within its bound that takes the next state furthest out of C."""
    nominal = task.system.step(x, np.array([u]))
    signs = np.array([-1.0, 1.0])[:, None] * task.system.disturbance
    return signs[np.argmax(task.safe_set.gauge(nominal + signs))]


def backup_mpc(plugin='daqp', **parameters):
    """Return (system, contraction, safe set, BackupMpc) of the defaults with some changed."""
    spec = build(Spec, parameters)
    system, contraction = double_integrator(spec.system), contraction_factor(spec.system)
    safe_set = contractive_set(system, contraction)
    qp = build_qp(system, safe_set, contraction, Planning.of(spec.backup))
    return system, contraction, safe_set, BackupMpc(qp, safe_set, plugin)


def sampled(task):
    """Return the same task with the sampled invariance metric."""
    spec = replace(task.spec, metrics=replace(task.spec.metrics, certificate='sampled'))
    return ControlTask.assemble(spec, task.system, task.safe_set, task.contraction_factor,
                                task.mpc, task.policy.backup, task.cache)
