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

"""The system of a specification, and where its states and inputs stand in messages. No ROS."""

from dataclasses import dataclass

from scpo_ros.config import Spec, Specification
from scpo_ros.config.system_spec import PARAMETERS
from scpo_ros.interface.joint_layout import JointLayout, layout_of, SLIDER
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.systems.model import Model


@dataclass(frozen=True)
class Wiring:
    """What a node must know to read and write the messages of a robot."""

    name: str  # of the system
    system: Model
    layout: JointLayout


def wiring_of(spec: Specification) -> Wiring:
    """
    Return the :class:`Wiring` of a specification.

    :raises ConfigurationError: for a bad description of a system.
    """
    if isinstance(spec, Spec):
        return Wiring(PARAMETERS, double_integrator(spec.system), SLIDER)
    from scpo_ros.systems.loading import load  # takes long to import; parameters do without
    system = load(spec.system.description)
    return Wiring(system.name, system, layout_of(system.description))
