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
From the inputs of a description to the controls of a MuJoCo model, and back.

*Forces.* An input is the control of a motor, less the control that holds the equilibrium: 0 on a
rail, the hover thrust of a quadrotor.

*Accelerations.* An input is the acceleration of the motor's joint, as under computed torque. The
inner loop runs at every step of MuJoCo. It knows the model without its faults: masses, gravity and
coupling, not the friction. With M the mass matrix, c gravity and Coriolis terms, S the motors'
columns and P the rows of their joints it chooses the forces f of the motors so that

    P M^-1 (S f - c) = u.
"""

from types import ModuleType
from typing import Protocol, TYPE_CHECKING

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.physics.places import Places

if TYPE_CHECKING:
    from mujoco import MjData, MjModel

_AT_REST = 1e-6  # largest acceleration at the equilibrium [m/s^2, rad/s^2]


class InnerLoop(Protocol):
    """Drives the actuators at every step of MuJoCo."""

    def drive(self, data: 'MjData', u: Array) -> Array:
        """Return the controls (m,) that an input (m,) asks for."""

    def applied(self, data: 'MjData', u: Array) -> Array:
        """Return the input (m,) that the actuators applied where `u` was asked for."""


class Forces:
    """Inputs are the controls of motors, less those of the equilibrium."""

    def __init__(self, mujoco: ModuleType, nominal: 'MjModel', places: Places) -> None:
        """Compute the controls that hold the equilibrium of a model without faults."""
        self._actuators, self._gain = places.actuators, _gains(mujoco, nominal, places)
        self._rest = _holding(mujoco, nominal, places)

    def drive(self, data: 'MjData', u: Array) -> Array:
        """Return the controls (m,)."""
        return u + self._rest

    def applied(self, data: 'MjData', u: Array) -> Array:
        """Return the input (m,), from the forces after saturation."""
        asked = u + self._rest
        lost = data.actuator_force[self._actuators] / self._gain - asked
        applied: Array = u + lost
        return applied


class Accelerations:
    """Inputs are accelerations of the motors' joints, under computed torque."""

    def __init__(self, mujoco: ModuleType, nominal: 'MjModel', places: Places) -> None:
        """
        Keep the model without faults.

        :raises ConfigurationError: for a motor that does not act on a joint.
        """
        self._mujoco, self._model, self._data = mujoco, nominal, mujoco.MjData(nominal)
        self._actuators, self._gain = places.actuators, _gains(mujoco, nominal, places)
        if not np.all(nominal.actuator_trntype[self._actuators]
                      == int(mujoco.mjtTrn.mjTRN_JOINT)):
            raise ConfigurationError('mujoco_model: inputs', 'accelerations',
                                     'must be of motors that act on joints')
        self._dofs = nominal.jnt_dofadr[nominal.actuator_trnid[self._actuators, 0]]
        self._rows = np.zeros((len(self._dofs) + 1, nominal.nv))  # S' and c'
        self._rows[range(len(self._dofs)), self._dofs] = (
            self._gain * nominal.actuator_gear[self._actuators, 0])
        self._effect, self._asked = np.eye(len(self._dofs)), np.zeros(len(self._dofs))

    def drive(self, data: 'MjData', u: Array) -> Array:
        """Return the controls (m,)."""
        mujoco, model, own = self._mujoco, self._model, self._data
        own.qpos[:], own.qvel[:] = data.qpos, data.qvel
        mujoco.mj_fwdPosition(model, own)
        mujoco.mj_fwdVelocity(model, own)
        self._rows[-1] = own.qfrc_bias
        moved = np.zeros_like(self._rows)
        mujoco.mj_solveM(model, own, moved, self._rows)
        self._effect = moved[:-1, self._dofs].T  # P M^-1 S
        self._asked = np.linalg.solve(self._effect, u + moved[-1, self._dofs])
        return self._asked

    def applied(self, data: 'MjData', u: Array) -> Array:
        """Return the input (m,): less than asked for where a motor saturates."""
        lost = data.actuator_force[self._actuators] / self._gain - self._asked
        applied: Array = u + self._effect @ lost
        return applied


def inner_loop(mujoco: ModuleType, nominal: 'MjModel', places: Places) -> InnerLoop:
    """
    Return the inner loop of a model without faults.

    :raises ConfigurationError: for actuators that are no motors, or a model that does not rest at
        its equilibrium.
    """
    loop: InnerLoop = (Accelerations if places.accelerations else Forces)(
        mujoco, nominal, places)
    data = mujoco.MjData(nominal)
    data.qpos[:] = places.rest
    data.ctrl[places.actuators] = loop.drive(data, np.zeros(len(places.actuators)))
    mujoco.mj_forward(nominal, data)
    if not np.all(np.abs(data.qacc) <= _AT_REST):
        raise ConfigurationError(
            'mujoco_model: the equilibrium', data.qacc.tolist(),
            'must be at rest: a state is its deviation from there; these are its accelerations')
    return loop


def _gains(mujoco: ModuleType, model: 'MjModel', places: Places) -> Array:
    """
    Return the gains (m,) from controls to forces.

    :raises ConfigurationError: for an actuator whose force is not a constant times its control.
    """
    chosen = places.actuators
    motors = ((model.actuator_gaintype[chosen] == int(mujoco.mjtGain.mjGAIN_FIXED))
              & (model.actuator_biastype[chosen] == int(mujoco.mjtBias.mjBIAS_NONE))
              & (model.actuator_dyntype[chosen] == int(mujoco.mjtDyn.mjDYN_NONE)))
    if not np.all(motors):
        raise ConfigurationError('mujoco_model: actuators', chosen[~motors].tolist(),
                                 'must be motors: force = gain * control')
    gains: Array = np.array(model.actuator_gainprm[chosen, 0])
    return gains


def _holding(mujoco: ModuleType, model: 'MjModel', places: Places) -> Array:
    """Return the controls (m,) that come nearest to holding the equilibrium."""
    data = mujoco.MjData(model)
    data.qpos[:] = places.rest
    mujoco.mj_forward(model, data)
    wanted = data.qfrc_bias - data.qfrc_passive
    columns = []
    for actuator in places.actuators:
        data.ctrl[:] = 0.0
        data.ctrl[actuator] = 1.0
        mujoco.mj_forward(model, data)
        columns.append(np.array(data.qfrc_actuator))
    controls: Array = np.linalg.lstsq(np.array(columns).T, wanted, rcond=None)[0]
    return controls
