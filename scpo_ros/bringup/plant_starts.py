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
"""Where episodes of the simulated plant start: the safe set, and how a state of it is drawn."""

from scpo_ros.config import Spec, Specification
from scpo_ros.sets.invariant_set import contractive_set
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.systems.plant import Draw
from scpo_ros.systems.safe_set import SafeSet
from scpo_ros.verification.task import contraction_factor


def safe_starts(spec: Specification) -> tuple[SafeSet, Draw | None]:
    """
    Return the safe set of a specification and what draws a state of it.

    :returns: None in place of the latter draws evenly, from the set's box.
    :raises ConfigurationError: when there is no safe set.
    """
    if isinstance(spec, Spec):
        system = double_integrator(spec.system)
        return contractive_set(system, contraction_factor(spec.system)), None
    from scpo_ros.sets.system_set import safe_set  # takes long to import
    from scpo_ros.systems.loading import load
    found = safe_set(load(spec.system.description))
    return found, lambda rng: found.sample(1, rng)[0] * (1 - 1e-9)
