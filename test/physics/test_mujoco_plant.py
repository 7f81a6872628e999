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

"""The plant of the nodes with a body in MuJoCo: episodes, silence, violations; and without it."""

from pathlib import Path
import subprocess
import sys

import numpy as np
from physics_samples import needs_mujoco
import pytest
from scpo_ros.bringup.simulated_plant import simulated_plant
from scpo_ros.config import PlantConfig, Spec, SystemSpec
from scpo_ros.config.system_spec import DescriptionConfig
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.physics import wheel

ROOT = Path(__file__).parents[2]
RAIL = SystemSpec(DescriptionConfig('rail_slider'))


def plant(spec=RAIL, **parameters):
    """Return the plant of a specification in MuJoCo."""
    return simulated_plant(spec, PlantConfig(physics='mujoco', **parameters))


@needs_mujoco
def test_episodes_resets_and_missing_commands_are_those_of_the_simulated_plant():
    moving, linear = plant(episode_steps=5), simulated_plant(RAIL, PlantConfig(episode_steps=5))
    for step in range(30):
        command = None if step % 4 == 3 else np.array([0.4])
        if step == 12:
            assert moving.reset() == linear.reset()
        one, other = moving.advance(command), linear.advance(command)
        assert (one.step, one.episode) == (other.step, other.episode)
        assert moving.deadline_misses == linear.deadline_misses
        if command is not None:
            assert np.allclose(one.applied, other.applied, rtol=0, atol=1e-9)


@needs_mujoco
@pytest.mark.parametrize('silence, wanted', [('hold', 0.3), ('zero', 0.0)])
def test_on_silence_is_that_of_the_description(tmp_path, silence, wanted):
    text = (ROOT / 'config' / 'systems' / 'rail_slider.yaml').read_text()
    file = tmp_path / 'silent.yaml'
    file.write_text(text.replace('on_silence: feedback', f'on_silence: {silence}'))
    silent = plant(SystemSpec(DescriptionConfig(str(file))))
    silent.advance(np.array([0.3]))
    assert silent.advance(None).applied == pytest.approx([wanted], abs=1e-9)


@needs_mujoco
def test_feedback_on_silence_brings_it_to_rest():
    silent = plant(random_start=False, initial_state=[0.5, 0.2], episode_steps=1000)
    for _ in range(200):
        state = silent.advance(None)
    assert np.all(np.abs(state.x) < 0.05) and silent.limit_violations == 0


@needs_mujoco
def test_violations_are_counted_on_the_true_state():
    """Noise as large as the limit puts most measured states outside; the true one stays inside."""
    noisy = plant(random_start=False, initial_state=[0.0, 0.0], sensor_noise=1.0,
                  episode_steps=1000)
    seen = np.array([noisy.advance(np.zeros(1)).x for _ in range(50)])
    assert np.any(np.abs(seen) > 0.9) and noisy.limit_violations == 0
    driven = plant(random_start=False, initial_state=[0.5, 0.0], episode_steps=1000)
    for _ in range(40):
        driven.advance(np.ones(1))
    assert driven.limit_violations > 10  # too fast, then at the end stop


@needs_mujoco
def test_the_double_integrator_of_the_parameters_has_a_body_too():
    moving = plant(Spec(), friction_scale=0.0, random_start=False, initial_state=[0.5, 0.0])
    assert moving.advance(-0.5).x == pytest.approx([0.4975, -0.05], abs=1e-12)


@needs_mujoco
def test_a_system_without_a_model_names_those_that_have_one():
    with pytest.raises(ConfigurationError, match='rail_slider.*six_joints'):
        plant(SystemSpec(DescriptionConfig('six_joints')))


@needs_mujoco
def test_a_shipped_model_moves_under_a_description_of_another_name(tmp_path):
    text = (ROOT / 'config' / 'systems' / 'rail_slider.yaml').read_text()
    file = tmp_path / 'my_slider.yaml'
    file.write_text(text.replace('name: rail_slider', 'name: my_slider'))
    mine = SystemSpec(DescriptionConfig(str(file)))
    with pytest.raises(ConfigurationError, match='a shipped model.*my_slider'):
        plant(mine)
    still = {'random_start': False, 'initial_state': [0.5, 0.0]}
    moved = plant(mine, mujoco_model='rail_slider', **still).advance(np.array([-0.5]))
    assert np.array_equal(moved.x, plant(**still).advance(np.array([-0.5])).x)


@pytest.mark.parametrize('name, value', [
    ('mass_scale', 1.3), ('friction_scale', 0.0), ('sensor_noise', 0.01), ('actuation_delay', 1),
    ('mujoco_model', 'own.xml')])
def test_what_the_linear_plant_does_not_heed_is_refused(name, value):
    with pytest.raises(ConfigurationError, match=f'{name} must be .* unless the plant is mujoco'):
        PlantConfig(**{name: value})
    assert getattr(PlantConfig(physics='mujoco', **{name: value}), name) == value


@pytest.mark.parametrize('name, value', [
    ('physics', 'bullet'), ('mass_scale', 0.0), ('friction_scale', -1.0), ('sensor_noise', 2.0),
    ('actuation_delay', -1), ('mass_scale', float('nan'))])
def test_a_bad_fault_is_refused(name, value):
    with pytest.raises(ConfigurationError, match=name):
        PlantConfig(**{'physics': 'mujoco', name: value})


HIDDEN = """
import sys
sys.modules['mujoco'] = None  # as where the package is not installed
{}
"""


def without_mujoco(program):
    """Return the finished process of a program that finds no package mujoco."""
    return subprocess.run([sys.executable, '-c', HIDDEN.format(program)], cwd=ROOT,
                          capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize('program', [
    'from scpo_ros.sim import main; sys.exit(main(["plant:=mujoco", "results:=/nowhere"]))',
    'from scpo_ros.physics.command import main; sys.exit(main(["rail_slider"]))'])
def test_without_the_package_one_line_says_what_to_install(program):
    ended = without_mujoco(program)
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert 'pip install mujoco' in ended.stderr and 'Traceback' not in ended.stderr


def test_nothing_but_the_plant_in_mujoco_needs_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mujoco', None)
    assert simulated_plant(RAIL, PlantConfig()).advance(np.zeros(1)).step == 1
    with pytest.raises(ConfigurationError, match='is not installed'):
        wheel.mujoco()


def test_a_package_that_does_not_load_is_not_called_missing(monkeypatch, tmp_path):
    (tmp_path / 'mujoco.py').write_text('import a_library_that_is_not_there')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'mujoco', raising=False)
    with pytest.raises(ConfigurationError, match='does not load .*a_library_that_is_not_there'):
        wheel.mujoco()
