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

"""The claim of a sampled certificate: the arithmetic of tests with fresh scenarios."""

from dataclasses import dataclass, replace
import math

from scpo_ros.exceptions import ConfigurationError


def spent_doubt(beta: float, test: int) -> float:
    """
    Return beta_j = 6 beta / (pi^2 j^2); over all j = 1, 2, ... they sum to beta.

    :param beta: the doubt to be spent over all tests, in (0, 1). :param test: j >= 1.
    """
    return 6.0 * beta / (math.pi * test) ** 2


def required_scenarios(p: float, beta: float, test: int) -> int:
    """
    Return N_j, the least N with (1 - p)^N <= beta_j.

    A policy that violates with probability more than p passes N independent scenarios with
    probability below beta_j; so with confidence 1 - beta no test ever passes such a policy.

    :param p: violation probability, in (0, 1). :param beta: in (0, 1). :param test: j >= 1.
    :raises ConfigurationError: for a value out of range.
    """
    for name, value in (('p', p), ('beta', beta)):
        if not 0.0 < value < 1.0:
            raise ConfigurationError(name, value, 'must lie strictly between 0 and 1')
    if isinstance(test, bool) or not (isinstance(test, int) and test >= 1):
        raise ConfigurationError('test', test, 'must be an integer >= 1')
    return math.ceil(math.log(spent_doubt(beta, test)) / math.log1p(-p))


@dataclass(frozen=True)
class SampledBound:
    """
    The counter of tests. Every test counts, passed or not; keep the counter across restarts.

    The claim rests on independence: theta is fixed first, then the scenarios are drawn from the
    stated distribution, by a seed that nobody could know before.
    """

    p: float = 1e-3     # claimed largest violation probability
    beta: float = 1e-3  # doubt over all tests together
    tests: int = 0      # made so far

    def __post_init__(self) -> None:
        """
        Check the ranges.

        :raises ConfigurationError: for a value out of range.
        """
        required_scenarios(self.p, self.beta, self.tests + 1)

    @property
    def scenarios(self) -> int:
        """Return the number of fresh scenarios that the next test needs."""
        return required_scenarios(self.p, self.beta, self.tests + 1)

    def spent(self) -> 'SampledBound':
        """Return the counter after one more test; take it before looking at the outcome."""
        return replace(self, tests=self.tests + 1)

    def statement(self, distribution: str) -> str:
        """
        Return the claim for a policy that passed, as a sentence.

        :param distribution: what the scenarios were drawn from, in words.
        """
        return (f'with confidence {1 - self.beta:g} for all accepted policies at once, a scenario '
                f'drawn from {distribution} violates with probability at most {self.p:g}')
