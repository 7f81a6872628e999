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

"""The experts of a specification, and the nodes' way to them. No ROS."""

from typing import Protocol

from scpo_ros.config import Spec, Specification
from scpo_ros.experts.catalogue import ExpertCatalogue, Law


class Experts(Protocol):
    """The laws of all experts for one system."""

    def law(self, name: str) -> Law:
        """
        Return the law of that name, states (N, n) -> inputs (N, m).

        :raises ConfigurationError: for an unknown name.
        """


def experts_of(spec: Specification) -> Experts:
    """Return the experts of a specification. :raises ConfigurationError: for a bad description."""
    if isinstance(spec, Spec):
        from scpo_ros.backup.mpc import riccati
        from scpo_ros.systems.linear_system import double_integrator
        system = double_integrator(spec.system)
        _, gain = riccati(system, spec.backup.state_weight, spec.backup.input_weight)
        return ExpertCatalogue(system, gain)
    from scpo_ros.experts.system_experts import SystemExperts
    from scpo_ros.systems.loading import load
    return SystemExperts(load(spec.system.description))
