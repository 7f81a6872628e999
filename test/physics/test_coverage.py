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

"""Coverage of a body by a description: linear bodies with a known error, and the command."""

import numpy as np
from physics_samples import needs_mujoco
import pytest
from scpo_ros.physics.command import main
from scpo_ros.physics.coverage import coverage, linearised
from scpo_ros.sets.system_set import safe_set
from scpo_ros.systems import load
from scpo_ros.systems.plant import Motion


class Crooked:
    """Moves as the model says, and by some error."""

    def __init__(self, system, error):
        self._system, self._error = system, error

    def begin(self, x, rng):
        self._x = x
        return x

    def step(self, u, rng):
        x = self._system.step(self._x, u) + self._error(self._x, u)
        return Motion(x, u, x)


@pytest.fixture(scope='module')
def rail():
    """Return a system and its safe set."""
    system = load('rail_slider')
    return system, safe_set(system)


@pytest.mark.parametrize('part, covered', [(0.0, True), (0.99, True), (1.01, False)])
def test_an_error_is_covered_up_to_the_bound(rail, part, covered):
    system, found = rail
    result = coverage(Crooked(system, lambda x, u: -part * system.step_disturbance), system, found,
                      200, 0)
    assert result.complete is covered and result.covered == float(covered)
    assert result.error == pytest.approx(part * system.step_disturbance)
    assert result.reach == float(covered)


def test_an_error_that_grows_outwards_is_covered_from_a_part_of_the_set(rail):
    """|e| = wbar (2 |v| / limit)^2 is within wbar up to half of the limit."""
    system, found = rail
    limit = system.state_scale[1]
    result = coverage(Crooked(system, lambda x, u: np.array(
        [0, system.step_disturbance[1] * (2 * x[1] / limit)**2])), system, found, 600, 0)
    assert 0 < result.covered < 1 and result.reach == pytest.approx(0.5, abs=0.06)


def test_an_error_that_is_no_number_is_not_covered(rail):
    system, found = rail
    result = coverage(Crooked(system, lambda x, u: np.nan), system, found, 50, 0)
    assert not result.complete and result.covered == result.reach == 0.0


def test_a_linear_body_is_linearised_exactly(rail):
    system, _ = rail
    A, B = linearised(Crooked(system, lambda x, u: x @ [[0.0, 0.1], [0.0, 0.0]]), system)
    assert np.allclose(A, system.A + [[0, 0], [0.1, 0]]) and np.allclose(B, system.B)


@needs_mujoco
@pytest.mark.parametrize('words, code, says', [
    ([], 0, 'rail_slider'), (['rail_slider', '--states', '60'], 0, '100.0%'),
    (['rail_slider', '--states', '40', '--mass-scale', '1.3'], 1, 'of the safe set')])
def test_the_command_says_whether_the_disturbance_covers_the_model(capsys, words, code, says):
    assert main(words) == code and says in capsys.readouterr().out


@pytest.mark.parametrize('words', [['nowhere'], ['six_joints'], ['rail_slider', '--states', '0'],
                                   ['rail_slider', '--mass-scale', 'nan']])
def test_bad_words_end_the_command_with_two(capsys, words):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2 and 'error' in capsys.readouterr().err


def test_the_filled_in_model_is_written(tmp_path):
    path = tmp_path / 'cart_pole.xml'
    assert main(['cart_pole', '--write', str(path)]) == 0
    text = path.read_text()
    assert 'mass="0.1"' in text and 'range="-1.0 1.0"' in text and '${' not in text
