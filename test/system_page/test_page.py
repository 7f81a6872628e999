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

"""`python -m scpo_ros.systems` explains a description, and its exit code says what it found."""

import re

import numpy as np
import pytest
from scpo_ros.policy.residual_bound import ResidualBound
from scpo_ros.system_page.command import main
from scpo_ros.system_page.page import introduction
from scpo_ros.systems import load, shipped_names
from system_samples import task_of


@pytest.fixture
def described(tmp_path):
    """Return a function that writes a changed double integrator and returns its path."""
    from scpo_ros.systems.loading import shipped

    def write(old='', new=''):
        path = tmp_path / 'mine.yaml'
        text = shipped('double_integrator').read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return str(path)
    return write


def test_the_page_names_everything_and_the_check_holds(capsys):
    assert main(['ball_and_beam']) == 0
    page = capsys.readouterr().out
    for word in ('position [m]', 'rate [rad/s]', 'angular_acceleration', 'part 1:',
                 'contraction:', 'as it must be', 'certificate: guarded'):
        assert word in page
    gauge, contraction = re.search(
        r'gauge of the next state ([\d.]+), contraction ([\d.]+)', page).groups()
    assert float(gauge) <= float(contraction) + 1e-6


def test_without_a_name_the_shipped_ones_are_listed(capsys):
    assert main([]) == 0
    assert capsys.readouterr().out.split() == shipped_names()


def test_a_bad_description_is_code_2_and_one_line(described, capsys):
    assert main([described('dt: 0.1', 'dt: 0.0')]) == 2
    error = capsys.readouterr().err
    assert 'mine.yaml:3: dt must lie in' in error and error.count('\n') == 1


def test_an_empty_safe_set_is_code_3_with_the_scale_that_leaves_one(described, capsys):
    assert main([described('disturbance: 0.003', 'disturbance: 0.5')]) == 3
    assert 'times the disturbance leaves one' in capsys.readouterr().err


def test_a_picture_is_written_where_it_is_asked_for(described, tmp_path, capsys):
    path = tmp_path / 'slices.png'
    assert main([described(), '--picture', str(path)]) == 0
    assert path.read_bytes().startswith(b'\x89PNG')
    assert main([described(), '--picture', str(tmp_path / 'none' / 'slices.png')]) == 2


def test_the_room_for_a_residual_is_that_of_the_bound(capsys):
    """At least what the contraction pays for at every state, and more at most states."""
    assert main(['ball_and_beam']) == 0
    page = capsys.readouterr().out
    least, median = map(float, re.search(
        r'residual that needs no filter.*\n  angular_acceleration \[.*\]: ([\d.]+), ([\d.]+)\n',
        page).groups())
    bound = ResidualBound(task_of('ball_and_beam').policy.filters[0])
    scale = bound.part.backup.block.input_scale[0]
    assert np.isclose(least, bound.least * scale, rtol=1e-2)
    assert 1.5 * least < median <= 2.01 * scale


def test_a_delay_and_limits_between_the_ticks_are_named(described):
    system = load(described('contraction: 0.95', 'contraction: 0.95\ndelay_steps: 1\n'
                            'delay_fraction: 0.02\nbetween_ticks: true'))
    page = '\n'.join(introduction(system))
    assert 'acts 1.02 steps after' in page and 'between the ticks too' in page
    assert 'steps after' not in '\n'.join(introduction(load(described())))


def test_what_a_measurement_error_costs_is_printed(described, capsys):
    error = 'disturbance: 0.003, measurement_error: 0.002'
    assert main([described('disturbance: 0.003', error)]) == 0
    page = capsys.readouterr().out
    assert 'measured to within 0.002' in page
    left = float(re.search(r'time between ticks leave ([\d.]+) of', page).group(1))
    assert 0.9 < left < 0.999
    assert main([described()]) == 0
    assert 'measured to within' not in capsys.readouterr().out
