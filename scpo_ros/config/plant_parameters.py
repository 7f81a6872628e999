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

"""The parameters of the plant node."""

from dataclasses import dataclass, fields

from scpo_ros.config.validation import LARGEST, Validated, value
from scpo_ros.exceptions import ConfigurationError


PHYSICS = ('linear', 'mujoco')
_OF_MUJOCO = ('mujoco_model', 'mass_scale', 'friction_scale', 'sensor_noise', 'actuation_delay')


@dataclass(frozen=True)
class PlantConfig(Validated):
    """The simulated plant, linear or in MuJoCo."""

    seed: int = value(0, 'seed of episodes and disturbances', 0, LARGEST)
    random_start: bool = value(
        True, 'episodes start at random in the safe set; false: at initial_state')
    initial_state: tuple[float, ...] = value(
        (0.5, 0.0), 'where episodes start otherwise [m, m/s]', -1e3, 1e3)
    episode_steps: int = value(60, 'steps of an episode', 2, 10000000)
    command_timeout_s: float = value(
        0.5, 'without a command for this long the drive brakes to standstill [s]', 0.0, 60.0)
    real_time_factor: float = value(
        1.0, 'simulated seconds per wall second [1]', 0.01, 1000.0, dynamic=True)
    disturbance_scale: float = value(
        1.0, 'true disturbance over the certified bound; above 1 the model does not hold [1]',
        0.0, 100.0, dynamic=True)
    lockstep_timeout_s: float = value(
        30.0, 'with use_sim_time: longest wait for an answer before the plant goes on [s, wall]',
        0.1, 600.0)
    realtime_priority: int = value(
        10, 'SCHED_FIFO priority of the node where the system grants it; 0, and with lockstep: '
        'none', 0, 99)
    physics: str = value(
        'linear', 'what moves: the linear model with its disturbance, or a model in MuJoCo, which '
        'has no other disturbance', choices=PHYSICS)
    mujoco_model: str = value(
        '', 'mujoco: an MJCF file, or the name of a shipped one; empty: the one that is shipped '
        'for the system', path=True)
    mass_scale: float = value(
        1.0, 'mujoco: true masses over those of the model [1]', 0.1, 10.0)
    friction_scale: float = value(
        1.0, 'mujoco: true friction and damping of the joints over those of the model [1]', 0.0,
        1000.0)
    sensor_noise: float = value(
        0.0, 'mujoco: half-width of the measurement error of every state over its limit [1]', 0.0,
        1.0)
    actuation_delay: int = value(
        0, 'mujoco: steps by which inputs are applied late, on top of delay_steps', 0, 100)

    def __post_init__(self) -> None:
        """Refuse what only the plant in MuJoCo heeds."""
        super().__post_init__()
        for entry in fields(self):
            given = getattr(self, entry.name)
            if (entry.name in _OF_MUJOCO and given != entry.default
                    and self.physics != 'mujoco'):
                raise ConfigurationError(
                    entry.name, given, f'must be {entry.default!r} unless the plant is mujoco')
