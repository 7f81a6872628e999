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

"""Failed metrics in words: where, when and by how much."""

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.proofs.invariance_proof import InvarianceProof
from scpo_ros.proofs.stability import ProvedStability
from scpo_ros.systems.scenario import Scenarios
from scpo_ros.systems.signals import listed
from scpo_ros.verification.metric_layout import CONDITIONS
from scpo_ros.verification.task import ControlTask


def invariance_in_words(invariance: InvarianceProof, theta: Array) -> str:
    """Return the state from which a policy (d,) may leave the safe set, and by how much."""
    state, worst = invariance.worst(theta)
    if not worst > 0:
        return ('it cannot be proved that the input stays within what the safe set '
                'allows, though no state is known where it does not')
    return (f'from x = ({listed(state, ".3f")}) the input exceeds what the safe '
            f'set allows by {worst:.4f}')


def cost_in_words(task: ControlTask, condition: int) -> str:
    """Return what a policy would cost. :param condition: index of CONDITIONS."""
    return (f'{CONDITIONS[condition]} the task cost would exceed '
            f'{1 + task.metric.tolerance:.2f} times that of the backup')


def stability_in_words(stability: ProvedStability, theta: Array) -> str:
    """Return by how much a policy (d,) shrinks the state too slowly."""
    return ('the state would not shrink at the rate asked for, the input exceeding what that '
            f'allows by up to {stability.prove(theta).bound:.4f} per |x|')


def return_in_words(scenario: Scenarios) -> str:
    """Return from where a rollout (a batch of one) does not return."""
    return f'{_start(scenario)} the state has not returned towards the origin after the rollout'


def constraint_in_words(task: ControlTask, theta: Array, scenario: Scenarios) -> str:
    """Return when the rollout of a policy (d,) violates its constraint most, and by how much."""
    states, inputs = task.simulator.trajectory(theta, scenario.x0, scenario.w)
    violation = task.bounds.violation(states[0, :-1], inputs[0])
    k = int(np.nanargmax(np.where(np.isnan(violation), -np.inf, violation)))
    reached = task.system.states.values(states[0, min(k + 1, len(inputs[0]))], '.3f')
    return (f'{_start(scenario)} at t = {k * task.system.dt:.1f} s the input exceeds what the '
            f'safe set allows by {violation[k]:.4f} ({reached})')


def _start(scenario: Scenarios) -> str:
    """Return where a rollout starts."""
    return f'from x0 = ({listed(scenario.x0[0], ".3f")})'
