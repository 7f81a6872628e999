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

"""What the evaluation and the verifier ask of whoever bounds the invariance metric."""

from typing import Protocol

from scpo_ros.arrays import Array


class InvarianceProof(Protocol):
    """
    The invariance metric: the largest constraint violation of a policy's input over all of C.

    At most 0 says that from every state of the safe set C that was looked at the next one lies in
    C again, whatever the disturbance does. `kind` says which states those are: all of them
    ('proved') or some ('sampled').
    """

    @property
    def kind(self) -> str:
        """Return 'proved' or 'sampled'."""

    @property
    def size(self) -> int:
        """Return the number of cells or of states that are looked at."""

    @property
    def coverage(self) -> str:
        """Return what is covered, as a part of a sentence."""

    def smooth_maxima(self, thetas: Array) -> Array:
        """
        Return the smooth maxima (P, k) of weights (P, d), one for each group of states.

        The projection sees them. Each is at least the plain maximum over the states behind it.
        """

    def largest(self, thetas: Array) -> Array:
        """Return the metric (P,) of weights (P, d): the verdict. NaN admits nothing."""

    def worst(self, theta: Array) -> tuple[Array, float]:
        """Return the worst state (n,) that is known of a policy (d,), and its violation there."""

    def remember(self, theta: Array) -> None:
        """Have `smooth_maxima` see where a policy (d,) failed that it took for safe."""
