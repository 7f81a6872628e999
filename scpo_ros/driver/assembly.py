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

"""The driver of a specification."""

from scpo_ros.config import DriverConfig, Spec, Specification
from scpo_ros.driver.applied import AppliedInput
from scpo_ros.driver.robot_joints import robot_joints, RobotJoints
from scpo_ros.driver.session import DriverSession
from scpo_ros.interface.wiring import wiring_of
from scpo_ros.systems.drive import Actuation, braking


def joints_of(spec: Specification, config: DriverConfig) -> RobotJoints:
    """
    Return the places of states and inputs in the robot's messages.

    :raises ConfigurationError: for a bad description, or joints or offsets that do not fit it.
    """
    return robot_joints(wiring_of(spec).layout, config)


def build_session(spec: Specification, config: DriverConfig) -> DriverSession:
    """
    Return the :class:`~scpo_ros.driver.session.DriverSession` of a specification.

    :raises ConfigurationError: as :func:`joints_of`, or when there is no safe set.
    """
    system = wiring_of(spec).system
    return DriverSession(
        system, joints_of(spec, config), _actuation(spec, config),
        AppliedInput(system, config.effort_tolerance), config.state_age_limit_s)


def _actuation(spec: Specification, config: DriverConfig) -> Actuation:
    """Return what chooses between command and silence, as the simulated plant does."""
    system = wiring_of(spec).system
    if isinstance(spec, Spec):
        return Actuation(system, max(1, round(config.command_timeout_s / system.dt)),
                         braking(system))
    from scpo_ros.sets.silent_law import silent_law  # these take long to import
    from scpo_ros.sets.system_set import safe_set
    from scpo_ros.systems.loading import load
    described = load(spec.system.description)
    return Actuation(described, 0, silent_law(described, safe_set(described)))
