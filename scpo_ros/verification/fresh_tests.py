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
Tests with fresh scenarios: each is counted, on disk first, before its scenarios are drawn.

The claim rests on that order, and on a seed that nobody could know before
(:mod:`scpo_ros.scpo.sampled_bound`).
"""

import numpy as np
from scpo_ros.scpo.sampled_bound import SampledBound
from scpo_ros.verification.bound_counter import BoundCounter


class FreshTests:
    """The tests of one adapter."""

    def __init__(self, bound: SampledBound | None = None, entropy: int | None = None,
                 counter: BoundCounter | None = None) -> None:
        """
        Begin with the tests made so far.

        :param bound: :class:`SampledBound`, with the tests made before a restart.
        :param entropy: seed of the fresh scenarios, for tests only; None asks the operating
            system before every test, and nothing else carries the claim.
        :param counter: a BoundCounter that keeps the tests across restarts, in place of `bound`.
        """
        self.bound = SampledBound() if bound is None else bound
        self._counter, self._entropy = counter, entropy
        if counter is not None:
            self.bound = counter.read()

    def begin(self) -> tuple[int, np.random.Generator]:
        """Count a test, on disk first; return how many scenarios it needs, and who draws them."""
        before = self.bound if self._counter is None else self._counter.spend()
        self.bound = before.spent()
        return before.scenarios, np.random.default_rng(
            None if self._entropy is None else [self._entropy, self.bound.tests])
