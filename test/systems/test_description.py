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

"""A description file is read exactly, and whatever cannot work is one line with its place."""

import copy
import math
import os

import numpy as np
import pytest
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems import load
from scpo_ros.systems.yaml_tree import parse
import yaml

CART = """\
name: my_robot
dt: 0.02
states:
  - {name: position, unit: m, lower: -1.0, upper: 2, disturbance: 1e-3, joint: cart}
  - {name: speed, unit: m/s, lower: -0.5, upper: 0.5, joint: cart, field: velocity}
inputs:
  - {name: push, unit: N, lower: -3.0, upper: 2.0}
dynamics:
  continuous: {A: [[0, 1], [0, -0.5]], B: [[0], [2]]}
cost: {Q: [1.0, 0.5], R: [0.3]}
"""


@pytest.fixture
def mapping():
    """Return the description as nested values, to be changed."""
    return copy.deepcopy(parse(CART, 'my_robot.yaml').values)


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a text into a file and loads it."""
    def load_text(text):
        path = tmp_path / 'my_robot.yaml'
        path.write_text(text)
        return load(str(path))
    return load_text


def test_everything_is_where_the_file_puts_it(written):
    system = written(CART)
    assert system.name == 'my_robot' and system.dt == 0.02
    assert (system.n, system.m) == (2, 1)
    assert system.state_lower.tolist() == [-1.0, -0.5]
    assert system.state_upper.tolist() == [2.0, 0.5]
    assert system.input_lower.tolist() == [-3.0] and system.input_upper.tolist() == [2.0]
    assert system.disturbance.tolist() == [1e-3, 0.0]
    assert system.description.inputs[0].joint == 'push'
    assert system.description.inputs[0].field == 'effort'
    assert system.description.horizon == 15 and system.description.contraction is None


def test_a_continuous_model_is_held_over_a_step(written):
    system, dt, decay = written(CART), 0.02, math.exp(-0.5 * 0.02)
    assert np.allclose(system.A, [[1, (1 - decay) / 0.5], [0, decay]], rtol=0, atol=1e-14)
    assert np.allclose(system.B[1], 2 * (1 - decay) / 0.5, rtol=0, atol=1e-14)
    assert np.allclose(system.B[0], 4 * (dt - (1 - decay) / 0.5), rtol=0, atol=1e-14)


def test_a_mapping_gives_the_system_of_the_file(written, mapping):
    one, other = written(CART), load(mapping)
    assert np.array_equal(one.A, other.A) and one.description.states == other.description.states


def test_limits_need_not_be_symmetric(written):
    system = written(CART)
    assert system.within_limits(np.array([1.9, 0.0]), np.array([-2.9]))
    assert not system.within_limits(np.array([-1.1, 0.0]), np.array([0.0]))
    assert not system.within_limits(np.array([0.0, 0.0]), np.array([2.1]))
    assert not system.within_limits(np.array([np.nan, 0.0]), np.array([0.0]))


def test_constraints_can_bound_a_state_without_limits(mapping):
    del mapping['states'][0]['lower'], mapping['states'][0]['upper']
    mapping['constraints'] = {'F': [[1, 1], [-1, -1]], 'f': [2, 3]}
    system = load(mapping)
    assert np.allclose(system.state_scale, [3.5, 0.5])
    assert not system.within_limits(np.array([1.9, 0.2]), np.zeros(1))


def changed(place, value):
    """Return a function that sets a dotted place of a mapping; None deletes it."""
    def change(mapping):
        *above, last = place.split('.')
        for name in above:
            mapping = mapping[int(name) if name.isdigit() else name]
        last = int(last) if last.isdigit() else last
        if value is None:
            del mapping[last]
        else:
            mapping[last] = value
    return change


BAD = {
    'not stabilisable': ('dynamics.continuous', {'A': [[0, 1], [0, 0.5]], 'B': [[1], [0]]},
                         'no input can stabilise (eigenvalue per step, magnitude 1.01005); it '
                         'moves speed most'),
    'equilibrium outside': ('states.0.lower', 0.5, 'must be negative: the equilibrium is at 0'),
    'equilibrium on the limit': ('inputs.0.upper', 0.0, 'must be positive'),
    'wrong shape of A': ('dynamics.continuous.A', [[0, 1]], 'must be a matrix of 2 x 2'),
    'rows of two lengths': ('dynamics.continuous.A', [[0, 1], [0]], 'rows of one length'),
    'wrong shape of B': ('dynamics.continuous.B', [[0, 1], [1, 0]], 'must be a matrix of 2 x 1'),
    'unknown key': ('dtt', 0.1, 'did you mean dt?'),
    'unknown key of a state': ('states.0.uper', 1.0, 'did you mean upper?'),
    'NaN': ('states.1.disturbance', float('nan'), 'must be finite'),
    'NaN in a matrix': ('dynamics.continuous.A', [[0, float('nan')], [0, 0]], 'must be finite'),
    'dt of 0': ('dt', 0, 'must lie in [1e-06, 10]'),
    'an input that does nothing': ('dynamics.continuous.B', [[0], [0]], 'must move a state'),
    'limits the wrong way round': ('states.0.lower', 3.0, 'must be less than upper = 2'),
    'two names alike': ('states.1.name', 'position', 'must not be the name of two entries'),
    'two on one wire': ('states.1.field', 'position', 'must not be the joint and field of two'),
    'a name with a space': ('states.0.name', 'my state', 'must be a word'),
    'no limit': ('states.0.upper', None, 'must be bounded above'),
    'an input without limit': ('inputs.0.lower', None, 'is missing'),
    'two dynamics': ('dynamics.discrete', {'A': [[1]], 'B': [[1]]}, 'must be exactly one of'),
    'negative weight': ('cost.Q', [1.0, -1.0], 'must have no negative eigenvalue'),
    'weight of 0 on the input': ('cost.R', [0.0], 'must have positive eigenvalues only'),
    'asymmetric weight': ('cost.Q', [[1.0, 0.1], [0.0, 1.0]], 'must be symmetric'),
    'a text for a number': ('states.0.upper', 'one', 'must be a number'),
    'a truth value for a number': ('dt', True, 'must be a number'),
    'no states': ('states', [], 'must be a list of one entry or more'),
    'planned outside': ('backup', {'planned': {'speed': 0.7}}, 'must lie in (0, 0.5]'),
    'unknown planned': ('backup', {'planned': {'sped': 0.1}}, 'did you mean speed?'),
    'half a step of delay': ('delay_steps', 0.5, 'must be an integer'),
    'contraction above 1': ('contraction', 1.5, 'must lie in'),
    'constraints that exclude 0': ('constraints', {'F': [[1, 0]], 'f': [-1]}, 'must be positive'),
    'unknown model': ('dynamics', {'model': {'name': 'cart'}}, 'must be one of cart_pole'),
    'model of another size': ('dynamics', {'model': {'name': 'cart_pole', 'parameters': {
        'cart_mass': 1.0, 'pole_mass': 0.1, 'length': 1.0}}}, '2 states'),
    'model without a parameter': ('dynamics', {'model': {'name': 'ball_and_beam'}}, 'is missing'),
}


@pytest.mark.parametrize('place, value, rule', BAD.values(), ids=BAD)
def test_what_cannot_work_is_one_line_that_names_it(mapping, place, value, rule):
    changed(place, value)(mapping)
    with pytest.raises(ConfigurationError) as error:
        load(mapping)
    assert rule in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize('place, value, rule', BAD.values(), ids=BAD)
def test_a_file_is_refused_as_the_mapping_is(mapping, written, place, value, rule):
    changed(place, value)(mapping)
    with pytest.raises(ConfigurationError) as error:
        written(yaml.safe_dump(mapping, allow_unicode=True))
    assert rule in str(error.value)


@pytest.mark.parametrize('text, line', [
    (CART.replace('upper: 2,', 'upper: two,'), 4),
    (CART.replace('dt: 0.02', 'dt: 0.02\ndt: 0.03'), 3),
    (CART.replace('lower: -0.5', 'lower: -0.5, lower: -0.6'), 5),
    (CART.replace('dt: 0.02', 'dt: &step 0.02'), 2),
    (CART.replace('dt: 0.02', 'dt: !!float 0.02'), 2),
    (CART + 'extra: 1\n', 11),
    (CART.replace('cost:', 'cost: ]'), 10)])
def test_the_line_of_the_fault_is_named(written, text, line):
    with pytest.raises(ConfigurationError, match=f'my_robot.yaml:{line}'):
        written(text)


@pytest.mark.parametrize('text', ['', '- 1\n', 'just a text', '\tname: x'])
def test_what_is_no_description_is_refused(written, text):
    with pytest.raises(ConfigurationError, match='my_robot.yaml'):
        written(text)


def test_a_missing_file_and_a_missing_name_are_told_apart(tmp_path):
    with pytest.raises(ConfigurationError, match='cannot be read: No such file'):
        load(str(tmp_path / 'none.yaml'))
    with pytest.raises(ConfigurationError, match='must be one of afti16, .*, or the path'):
        load('none')


@pytest.mark.parametrize('old, new, rule', [
    ('dt: 0.02', f'dt: {"9" * 5000}', 'dt must be finite'),
    ('lower: -3.0', f'lower: -{"9" * 400}', 'lower must be finite'),
    ('dt: 0.02', f'dt: {"[" * 3000}{"]" * 3000}', 'must not be nested so deeply'),
    ('[0, -0.5]', '[0, 1e6]', 'must be finite over a step'),
    ('lower: -1.0, upper: 2,', 'lower: -5e-324, upper: 5e-324,', 'must be finite over a step')],
    ids=['integer', 'limit', 'nest', 'stiff', 'tiny'])
def test_numbers_and_nests_of_any_size_are_one_line(written, old, new, rule):
    with pytest.raises(ConfigurationError, match=rule) as refused, np.errstate(all='ignore'):
        written(CART.replace(old, new))
    assert '\n' not in str(refused.value)


@pytest.mark.parametrize('name', ['os:system', 'os:getcwd', 'builtins:dict', 'builtins:len'])
def test_a_model_that_is_none_is_one_line(mapping, name):
    mapping['dynamics'] = {'model': {'name': name}}
    with pytest.raises(ConfigurationError, match='dynamics.model'):
        load(mapping)


def test_what_is_no_file_of_a_sensible_size_is_not_opened(tmp_path):
    pipe, large = tmp_path / 'pipe.yaml', tmp_path / 'large.yaml'
    os.mkfifo(pipe)
    large.write_bytes(b'#' * (2**20 + 1))
    for path in (pipe, large, tmp_path, '/dev/zero'):
        with pytest.raises(ConfigurationError, match='must be a file of at most 1048576 bytes'):
            load(str(path))


@pytest.mark.parametrize('name', ['n' * 5000, 'a\0b', '~nobody_is_called_so/x.yaml'],
                         ids=['long', 'nul', 'nobody'])
def test_a_name_that_no_file_can_have_is_one_line(name):
    with pytest.raises(ConfigurationError):
        load(name)
