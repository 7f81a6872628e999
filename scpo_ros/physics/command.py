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

"""The command `python -m scpo_ros.physics SYSTEM`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scpo_ros.atomic_file import write_whole
from scpo_ros.config import SystemSpec
from scpo_ros.config.system_spec import DescriptionConfig
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.interface.wiring import Wiring, wiring_of
from scpo_ros.physics.body import MujocoBody
from scpo_ros.physics.coverage import Coverage, coverage, linearised
from scpo_ros.physics.faults import Faults
from scpo_ros.physics.mjcf import file_of, filled_in, numbers_of, shipped_files
from scpo_ros.physics.wheel import mujoco
from scpo_ros.process.program import program
from scpo_ros.sets.system_set import safe_set
from scpo_ros.systems.loading import load
from scpo_ros.systems.system import System


def introduction(wiring: Wiring, system: System, path: Path) -> list[str]:
    """Return the lines on the model without faults, and without friction."""
    body = MujocoBody(mujoco(), wiring, path, Faults(friction_scale=0.0))
    A, B = linearised(body, system)
    return [f'{system.name}: {path}, {body.steps} steps of MuJoCo in dt = {system.dt:g} s',
            'linear part without friction: the largest difference from A is '
            f'{np.max(np.abs(A - system.A)):.1e}, from B {np.max(np.abs(B - system.B)):.1e}']


def table(system: System, found: Coverage) -> list[str]:
    """Return the lines on the errors of one step."""
    lines = [f'{"state":24s} {"largest error":>14s} {"disturbance":>12s} {"ratio":>8s}']
    for name, error, bound in zip(system.states.names, found.error, found.bound):
        ratio = f'{error / bound:8.3g}' if bound > 0 else '     inf' if error > 0 else '       0'
        lines.append(f'{name:24s} {error:14.3g} {bound:12.3g} {ratio}')
    share = f'covered: {found.covered:.1%} of {found.transitions} transitions'
    if not found.complete:
        share += (f'; all of them from {found.reach:.2f} of the safe set and of the inputs'
                  if found.reach else '; no part of the safe set is covered')
    return [*lines, share]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog='python -m scpo_ros.physics',
        description='Measure by how much a model in MuJoCo leaves the linear model of a '
        'description over one step. The exit code is 1 where the disturbance does not cover it.')
    parser.add_argument('system', nargs='?', help='a shipped name, or the path of a file; without '
                        'one, the systems with a shipped model are listed')
    parser.add_argument('--model', default='', help='an MJCF file of your own')
    parser.add_argument('--mass-scale', type=float, default=1.0)
    parser.add_argument('--friction-scale', type=float, default=1.0)
    parser.add_argument('--states', type=int, default=2000, help='how many are sampled')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--write', help='only write the model, with its numbers, to this file: '
                        'to be looked at with python -m mujoco.viewer')
    return parser.parse_args(arguments)


@program
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, 1 where the disturbance does not cover the model."""
    chosen = parse(arguments)
    if chosen.system is None:
        print('\n'.join(sorted(shipped_files())))
        return 0
    if not (chosen.states > 0 and chosen.mass_scale > 0 and chosen.friction_scale >= 0):
        raise ConfigurationError('states, mass-scale, friction-scale', (
            chosen.states, chosen.mass_scale, chosen.friction_scale), 'must be positive')
    system = load(chosen.system)
    wiring = wiring_of(SystemSpec(DescriptionConfig(chosen.system)))
    path = file_of(system.name, chosen.model)
    if chosen.write:
        write_whole(Path(chosen.write), filled_in(path, numbers_of(wiring)))
        return 0
    print('\n'.join(introduction(wiring, system, path)), flush=True)
    body = MujocoBody(mujoco(), wiring, path, Faults(chosen.mass_scale, chosen.friction_scale))
    found = coverage(body, system, safe_set(system), chosen.states, chosen.seed)
    print('\n'.join(table(system, found)))
    return 0 if found.complete else 1
