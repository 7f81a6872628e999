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

"""The policies that were accepted: the present one, and those to fall back on."""

import numpy as np
from scpo_ros.arrays import Array


class PolicyHistory:
    """theta_0 and the policies accepted since, of which the oldest are forgotten first."""

    def __init__(self, theta0: Array, memory: int, steps: int) -> None:
        """
        Start with theta_0.

        :param theta0: read-only (d,). :param memory: policies kept besides theta_0.
        :param steps: accepted steps kept.
        """
        self._policies, self._memory = [theta0], memory
        self._steps: list[Array] = []
        self._kept = steps

    def __len__(self) -> int:
        """Return the number of policies."""
        return len(self._policies)

    @property
    def present(self) -> Array:
        """Return the present policy (d,)."""
        return self._policies[-1]

    @property
    def policies(self) -> tuple[Array, ...]:
        """Return all policies, oldest first."""
        return tuple(self._policies)

    @property
    def steps(self) -> tuple[Array, ...]:
        """Return the last accepted steps, newest first."""
        return tuple(self._steps)

    def before(self, back: int) -> Array:
        """Return the policy that many before the present one."""
        return self._policies[-1 - back]

    def appended(self, theta: Array, step: Array | None = None) -> float:
        """
        Make a policy the present one; return how far it is from the one before.

        :param step: the step (d,) that led to it, None if it came from outside.
        """
        length = float(np.linalg.norm(theta - self.present))
        self._policies.append(theta)
        if len(self._policies) > self._memory + 1:
            del self._policies[1]
        if step is not None:
            self._steps = [step, *self._steps][:self._kept]
        return length

    def rolled_back(self, back: int) -> None:
        """Drop the newest policies."""
        del self._policies[len(self._policies) - back:]

    def restarted(self) -> None:
        """Drop all but theta_0."""
        del self._policies[1:]
