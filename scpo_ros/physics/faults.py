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

"""What is wrong with a plant, of which neither the description nor its inner loop knows."""

from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from scpo_ros.config import PlantConfig

if TYPE_CHECKING:
    from mujoco import MjModel


@dataclass(frozen=True)
class Faults:
    """Without arguments: none."""

    mass_scale: float = 1.0  # true masses and inertias over those of the model [1]
    friction_scale: float = 1.0  # true friction and damping of the joints over those [1]
    sensor_noise: float = 0.0  # half-width of the error of each state over its limit [1]
    actuation_delay: int = 0  # steps of dt by which inputs are applied late

    @classmethod
    def of(cls, config: PlantConfig) -> 'Faults':
        """Return the faults that a configuration asks for."""
        return cls(config.mass_scale, config.friction_scale, config.sensor_noise,
                   config.actuation_delay)


def put_in(mujoco: ModuleType, model: 'MjModel', faults: Faults) -> None:
    """Change a MuJoCo model, so that it has the faults of masses and friction."""
    model.body_mass[:] *= faults.mass_scale
    model.body_inertia[:] *= faults.mass_scale
    model.dof_armature[:] *= faults.mass_scale
    model.dof_frictionloss[:] *= faults.friction_scale
    model.dof_damping[:] *= faults.friction_scale
    mujoco.mj_setConst(model, mujoco.MjData(model))
