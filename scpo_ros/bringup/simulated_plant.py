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

"""What the simulated plant of a specification needs besides its model."""

from scpo_ros.config import PlantConfig, Spec, Specification
from scpo_ros.interface.wiring import wiring_of
from scpo_ros.sets.invariant_set import contractive_set
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.systems.plant import Body, SimulatedPlant
from scpo_ros.verification.task import contraction_factor


def simulated_plant(spec: Specification, config: PlantConfig) -> SimulatedPlant:
    """
    Return the simulated plant of a specification; episodes start in its safe set.

    :raises ConfigurationError: for a bad description, when there is no safe set, or for a model
        that does not fit the system.
    :raises InfeasibleError: for an initial state outside the safe set.
    """
    body = body_of(spec, config)
    if isinstance(spec, Spec):
        system = double_integrator(spec.system)
        return SimulatedPlant(
            system, contractive_set(system, contraction_factor(spec.system)), config,
            body=body)
    from scpo_ros.sets.silent_law import silent_law  # these take long to import
    from scpo_ros.sets.start_set import StartSet
    from scpo_ros.sets.system_set import safe_set
    from scpo_ros.systems.loading import load
    described = load(spec.system.description)
    found = safe_set(described)
    return SimulatedPlant(described, found, config, starts=StartSet(described, found),
                          silent=silent_law(described, found), body=body)


def body_of(spec: Specification, config: PlantConfig) -> Body | None:
    """
    Return what moves, None for the linear model.

    :raises ConfigurationError: where MuJoCo is not installed, or its model does not fit.
    """
    if config.physics == 'linear':
        return None
    from scpo_ros.physics.body import MujocoBody
    from scpo_ros.physics.faults import Faults
    from scpo_ros.physics.mjcf import file_of
    from scpo_ros.physics.wheel import mujoco
    wiring = wiring_of(spec)
    return MujocoBody(mujoco(), wiring, file_of(wiring.name, config.mujoco_model),
                      Faults.of(config))
