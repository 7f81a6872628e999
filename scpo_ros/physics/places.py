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
Where the states and inputs of a description are in a MuJoCo model.

A state is the position or the velocity of the joint that has the name of its `joint`; an input is
the control of the actuator of that name. Where the names differ, the model says so:

    <custom>
      <text name="joint/cart" data="rail"/>       the states of `cart` are those of the joint rail
      <text name="actuator/cart" data="motor"/>   the input of `cart` is the actuator motor
      <text name="inputs" data="accelerations"/>  see :mod:`.inner_loop`; else: forces
    </custom>

States are deviations from the equilibrium, which is the keyframe `equilibrium`, or else the
model's own position.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from scpo_ros.arrays import Array, Integers
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.interface.joint_layout import JointLayout

if TYPE_CHECKING:
    from mujoco import MjData, MjModel

INPUTS = ('forces', 'accelerations')


@dataclass(frozen=True)
class Places:
    """Indices into the arrays of a MuJoCo model."""

    moving: tuple[bool, ...]  # (n,): whether a state is a velocity
    entries: Integers  # (n,): of qpos, or of qvel where a state is a velocity
    actuators: Integers  # (m,)
    rest: Array  # (nq,), qpos of the equilibrium
    accelerations: bool  # whether inputs are accelerations

    def read(self, data: 'MjData') -> Array:
        """Return the state (n,)."""
        return np.array([data.qvel[entry] if moving else data.qpos[entry] - self.rest[entry]
                         for moving, entry in zip(self.moving, self.entries)])

    def write(self, data: 'MjData', x: Array) -> None:
        """Put the model at a state (n,); what the description does not know is at rest."""
        data.qpos[:], data.qvel[:] = self.rest, 0.0
        for moving, entry, value in zip(self.moving, self.entries, x):
            if moving:
                data.qvel[entry] = value
            else:
                data.qpos[entry] += value


class _Names:
    """Finds the parts of a model by their names; its texts may give them others."""

    def __init__(self, mujoco: ModuleType, model: 'MjModel') -> None:
        self._mujoco, self._model = mujoco, model

    def text(self, name: str, default: str) -> str:
        """Return the data of a text, or the default."""
        place = self._mujoco.mj_name2id(self._model, self._mujoco.mjtObj.mjOBJ_TEXT, name)
        if place < 0:
            return default
        start, size = self._model.text_adr[place], self._model.text_size[place]
        data: bytes = bytes(self._model.text_data)[start:start + size]
        return data.rstrip(b'\0').decode()

    def find(self, kind: str, name: str) -> int:
        """Return the index of a joint or an actuator. :param name: as the description has it."""
        its = self.text(f'{kind}/{name}', name)
        of = {'joint': self._mujoco.mjtObj.mjOBJ_JOINT,
              'actuator': self._mujoco.mjtObj.mjOBJ_ACTUATOR}[kind]
        place = int(self._mujoco.mj_name2id(self._model, of, its))
        if place < 0:
            raise ConfigurationError(
                f'mujoco_model: {kind}', its, f'must be in the model, or a text "{kind}/{name}" '
                'must name another')
        return place


def places_of(mujoco: ModuleType, model: 'MjModel', layout: JointLayout) -> Places:
    """
    Return the places of all states and inputs.

    :raises ConfigurationError: for a name that is not in the model, a field that is neither
        position nor velocity, or a joint that has more than one degree of freedom.
    """
    names, moving, entries = _Names(mujoco, model), [], []
    scalar = (int(mujoco.mjtJoint.mjJNT_SLIDE), int(mujoco.mjtJoint.mjJNT_HINGE))
    for joint, field in layout.states:
        place = names.find('joint', joint)
        if int(model.jnt_type[place]) not in scalar:
            raise ConfigurationError(f'mujoco_model: joint {joint}', int(model.jnt_type[place]),
                                     'must be a slide or a hinge')
        if field not in ('position', 'velocity'):
            raise ConfigurationError(
                f'system: field of {joint}', field, 'must be position or velocity where plant is '
                'mujoco')
        moving.append(field == 'velocity')
        entries.append((model.jnt_dofadr if moving[-1] else model.jnt_qposadr)[place])
    actuators = [names.find('actuator', joint) for joint, _ in layout.inputs]
    kind = names.text('inputs', 'forces')
    if kind not in INPUTS:
        raise ConfigurationError('mujoco_model: inputs', kind, f'must be one of {INPUTS}')
    return Places(tuple(moving), np.array(entries, dtype=np.int64),
                  np.array(actuators, dtype=np.int64), _rest(mujoco, model),
                  kind == 'accelerations')


def _rest(mujoco: ModuleType, model: 'MjModel') -> Array:
    """Return the position (nq,) of the equilibrium."""
    key = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_KEY, 'equilibrium')
    position: Array = np.array(model.qpos0 if key < 0 else model.key_qpos[key])
    return position
