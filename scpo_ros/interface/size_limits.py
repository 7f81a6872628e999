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

"""
How large what arrives may be: limits that follow from the specification. No ROS.

Whoever publishes chooses the sizes. A reader therefore looks at them first: at the bytes of a
message before it is unpacked, and at the length of each array before it is copied. What is longer
than any message of the stack under the reader's own specification is refused, with its size and
the limit.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.config import ExpertConfig, Spec, Specification, SystemSpec
from scpo_ros.config.node_parameters import AdapterConfig
from scpo_ros.config.system_spec import LONGEST_ROLLOUT
from scpo_ros.config.validation import flatten, Validated
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.policy.residual_policy import ResidualNetwork


LONGEST_TEXT = 4096  # characters of a text
LONGEST_NAME = 256  # characters of the name of an expert or a law
MOST_VALUES = 64  # named values in one message
MOST_JOINTS = 256  # joints that a message of a robot names
_REFUSED, _CONDITIONS = 64, 2  # scenarios of refusals, constraints of baseline cost
_SECTORS = 2 * 16 + 1  # of invariance and stability, and the cell around the origin
_KINDS = 2  # metrics of a rollout
_MEANS = 4  # metrics of a described system that are means over scenarios
SIZED_TOPICS = ('policy', 'proposals', 'controller/active_policy', 'demonstrations',
                'joint_states', 'joint_command')
_STATE_BYTES = 4096  # of a message with one joint
ROBOT_BYTES = _STATE_BYTES + 128 * MOST_JOINTS  # of one with joints that are named
_POINT_BYTES = 128  # of a point with one joint, padding included; each further joint fits in too
_REST_BYTES = 2**16  # names, texts and structure of a message


def _highest(config: Validated, name: str) -> int:
    """Return the largest admissible value of a parameter."""
    return int(flatten(config)[name][1]['high'] or 0)


LONGEST_TRAJECTORY = _highest(ExpertConfig(), 'batch')  # points: no expert shows more at once


def checked_size(name: str, size: int, most: int, unit: str) -> None:
    """
    Do nothing for a size within its limit.

    :raises InvalidArrayError: naming what is too large, its size and the limit.
    """
    if not size <= most:
        raise InvalidArrayError(name, size, f'must have at most {most} {unit}')


@dataclass(frozen=True)
class SizeLimits:
    """The largest sizes in the messages of one specification."""

    weights: int  # d
    metrics: int  # of the design set: entries of an array of a certificate
    states: int  # n
    disturbances: int  # H n, of a counterexample
    joints: int = 1  # of the robot, with a place in points
    state_bytes: int = _STATE_BYTES  # of a message of states or commands

    @classmethod
    def of(cls, spec: Specification) -> 'SizeLimits':
        """
        Return the limits of a specification.

        The design set holds its own scenarios, collected rollouts, counterexamples of the
        controller, and every verification scenario once at most.

        :raises ConfigurationError: for a bad description of a system.
        """
        return cls._of_parameters(spec) if isinstance(spec, Spec) else cls._of_description(spec)

    @classmethod
    def _of_description(cls, spec: SystemSpec) -> 'SizeLimits':
        from scpo_ros.systems.loading import load  # takes long to import; parameters do without
        description, metrics = load(spec.system.description).description, spec.metrics
        n = description.n
        network = ResidualNetwork((n, *spec.policy.hidden), np.ones(n), description.m)
        scenarios = (2 * (metrics.design_states + metrics.verification_states) + _REFUSED
                     + _highest(AdapterConfig(), 'rollouts'))
        joints = {entry.joint for entry in description.states} | {
            entry.joint for entry in description.inputs}
        return cls(network.d, scenarios + _MEANS, n, LONGEST_ROLLOUT * n, len(joints),
                   ROBOT_BYTES)

    @classmethod
    def _of_parameters(cls, spec: Spec) -> 'SizeLimits':
        metrics, n = spec.metrics, len(spec.backup.state_weight)
        network = ResidualNetwork((n, *spec.policy.hidden), np.ones(n))
        scenarios = (metrics.design_states + metrics.verification_states + _REFUSED
                     + _highest(AdapterConfig(), 'rollouts'))
        return cls(network.d, _KINDS * scenarios + _CONDITIONS + _SECTORS, n,
                   spec.rollout_steps * n)

    def entries_of(self, name: str) -> int:
        """
        Return the largest length of an array with that name in a message.

        Weights of another network are read as well, as far as they fit into a message: they are
        refused by their record, which says of which version they are.
        """
        known = {'proposal.step': self.weights, 'certificate.g': self.metrics,
                 'certificate.bound': self.metrics, 'certificate.smoothness': self.metrics,
                 'refused.x0': self.states, 'refused.w': self.disturbances}
        return known.get(name, self.weights + 3 * self.metrics)

    def bytes_of(self, topic: str) -> int:
        """Return the length of the longest message of a topic of the stack [bytes]."""
        numbers = {'policy': self.weights + 3 * self.metrics, 'proposals': self.weights,
                   'controller/active_policy': self.weights + self.states + self.disturbances}
        if topic in numbers:
            return 8 * numbers[topic] + _REST_BYTES
        if topic == 'demonstrations':
            return self.joints * _POINT_BYTES * LONGEST_TRAJECTORY + _REST_BYTES
        return self.state_bytes
