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

"""Plants in MuJoCo for tests, which are skipped where the package is not installed."""

from importlib.util import find_spec

import numpy as np
import pytest
from scpo_ros.config.system_spec import DescriptionConfig, SystemSpec
from scpo_ros.interface.wiring import wiring_of
from scpo_ros.physics.body import MujocoBody
from scpo_ros.physics.faults import Faults
from scpo_ros.physics.mjcf import file_of
from scpo_ros.physics.wheel import mujoco

needs_mujoco = pytest.mark.skipif(
    find_spec('mujoco') is None, reason='mujoco is not installed: make test installs it')
RAIL = """
<mujoco>
  <option timestep="0.01" integrator="RK4"/>
  <custom>{texts}</custom>
  <worldbody>
    <body name="carriage">
      <joint name="slider" type="slide" axis="1 0 0" {joint}/>
      <geom size="0.1" mass="2"/>
    </body>
  </worldbody>
  <actuator>{actuator}</actuator>
  {rest}
</mujoco>
"""
MOTOR = '<motor name="slider" joint="slider"/>'


def rail(path, texts='<text name="inputs" data="accelerations"/>', joint='', actuator=MOTOR,
         rest=''):
    """Write a model of a user's own for the system rail_slider; return its path."""
    path.write_text(RAIL.format(texts=texts, joint=joint, actuator=actuator, rest=rest))
    return path


def wired(name):
    """Return the wiring of a described system."""
    return wiring_of(SystemSpec(DescriptionConfig(str(name))))


def body_of(name, path='', **faults):
    """Return the system and the MuJoCo body of a description."""
    wiring = wired(name)
    return wiring.system, MujocoBody(
        mujoco(), wiring, file_of(wiring.name, str(path)), Faults(**faults))


def random_steps(system, count, seed=0, size=1.0):
    """Return states (count, n) and inputs (count, m) within a part of the limits."""
    rng = np.random.default_rng(seed)
    return (size * rng.uniform(-1, 1, (count, system.n)) * system.state_scale,
            size * rng.uniform(-1, 1, (count, system.m)) * system.input_scale)
