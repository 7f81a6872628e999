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

"""The gate of arrays: what passes is frozen, what does not is named; digests tell apart."""

import hashlib
import struct

from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest
from scpo_ros.arrays import checked, digest, frozen
from scpo_ros.exceptions import InvalidArrayError, InvalidValueError, ScpoRosError

FINITE = st.floats(allow_nan=False, allow_infinity=False)
ARRAYS = hnp.arrays(np.float64, hnp.array_shapes(max_dims=3, max_side=4), elements=FINITE)


@given(ARRAYS)
def test_frozen_is_an_equal_read_only_copy(array):
    copy = frozen(array)
    assert np.array_equal(copy, array) and copy.dtype == np.float64
    assert copy.flags.c_contiguous and not np.shares_memory(copy, array)
    with pytest.raises(ValueError, match='read-only'):
        copy[...] = 0.0


def test_what_comes_in_may_change_later_without_effect():
    mine = np.zeros(3)
    copy = checked('x', mine, (3,))
    mine[:] = 7.0
    assert np.array_equal(copy, np.zeros(3))


@given(ARRAYS)
def test_checked_passes_what_fits(array):
    assert np.array_equal(checked('x', array.tolist(), array.shape), array)
    assert np.array_equal(checked('x', array, (None,) * array.ndim), array)


@pytest.mark.parametrize('value, shape', [
    ([1.0, 2.0], (3,)), ([1.0, 2.0], (2, 1)), ([[1.0, 2.0]], (2,)), (1.0, (1,)), ([], (1,)),
    ([[1.0], [2.0]], (None, 2)), (np.zeros((2, 3)), (2, 3, 1)),
])
def test_a_wrong_shape_is_named(value, shape):
    with pytest.raises(InvalidArrayError, match='gain must have the shape') as caught:
        checked('gain', value, shape)
    assert caught.value.name == 'gain' and caught.value.value == np.shape(value)


@pytest.mark.parametrize('poison', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('at', [0, 1, 2])
def test_one_entry_that_is_not_finite_is_named(poison, at):
    value = np.arange(3.0)
    value[at] = poison
    with pytest.raises(InvalidArrayError, match=f'must be finite.*{poison}'):
        checked('theta', value, (3,))


@pytest.mark.parametrize('value', ['abc', [1.0, 'x'], [[1.0], [1.0, 2.0]], {'a': 1}, [1j], None,
                                   [None], object()])
def test_what_is_no_array_of_numbers_is_refused(value):
    with pytest.raises(InvalidArrayError, match='theta must'):
        checked('theta', value, (1,))


@pytest.mark.parametrize('value, kind', [
    (np.array([1.0 + 0j]), 'complex128'), (np.ma.array([1.0], mask=[True]), 'masked'),
    (np.ma.array([1.0]), 'masked'), ([np.ma.array([1.0], mask=[False])], 'masked'),
    (np.array([1.0], dtype=object), 'object'), (np.array(['1.0']), '<U3'), ([b'1'], '|S1'),
    (np.array(['2020'], dtype='datetime64[Y]'), 'datetime64[Y]'), ([2**70], 'object'),
    (np.ones((9, 9), dtype=complex), 'complex128'), ([[1.0], [1.0, 2.0]], 'different lengths')])
def test_what_numpy_would_drop_a_part_of_is_refused_in_one_line(value, kind):
    with pytest.raises(InvalidArrayError) as caught:
        checked('theta', value, (1,))
    assert str(caught.value).startswith('theta must be an array of real numbers, got ')
    assert kind in str(caught.value) and '\n' not in str(caught.value)
    with pytest.raises((TypeError, ValueError)):
        frozen(value)


@pytest.mark.parametrize('value', [
    [1], (True,), np.float32([1.0]), np.array([1], dtype=np.uint8), [np.float64(1.0)],
    range(1, 2)])
def test_real_numbers_of_every_kind_pass(value):
    assert checked('theta', value, (1,)).tolist() == [1.0]


def test_an_error_carries_name_value_and_rule_and_is_a_value_error():
    error = InvalidArrayError('x', 3, 'must be small')
    assert str(error) == 'x must be small, got 3'
    assert (error.name, error.value, error.rule) == ('x', 3, 'must be small')
    assert isinstance(error, (InvalidValueError, ScpoRosError)) and isinstance(error, ValueError)


@given(ARRAYS)
def test_a_digest_depends_on_values_and_shape_only(array):
    wanted = digest(array)
    assert digest(array.astype('>f8')) == wanted
    assert digest(np.asfortranarray(array)) == wanted
    assert digest(np.repeat(array, 2, axis=0)[::2]) == wanted
    assert digest(array.tolist()) == wanted


@given(ARRAYS, st.data())
def test_one_bit_changes_the_digest(array, data):
    other = array.copy().ravel()
    index = data.draw(st.integers(0, other.size - 1))
    other[index] = np.nextafter(other[index], np.inf if other[index] <= 0 else -np.inf)
    assert digest(other.reshape(array.shape)) != digest(array)


@pytest.mark.parametrize('first, second', [
    ([np.zeros(4)], [np.zeros((2, 2))]),
    ([np.zeros((1, 4))], [np.zeros((4, 1))]),
    ([np.array([1.0, 2.0])], [np.array([2.0, 1.0])]),
    ([np.array([[1.0, 2.0], [3.0, 4.0]])], [np.array([[1.0, 3.0], [2.0, 4.0]])]),
    ([np.zeros(1), np.zeros(2)], [np.zeros(2), np.zeros(1)]),
    ([np.zeros(2)], [np.zeros(1), np.zeros(1)]),
    (['ab', 'c'], ['a', 'bc']), (['a'], ['a', '']), ([], ['']), ([], [np.zeros(0)]),
    (['1.0'], [np.array([1.0])]), ([np.array([0.0])], [np.array([-0.0])]),
    (['a', np.zeros(1)], [np.zeros(1), 'a']),
])
def test_digests_tell_apart(first, second):
    assert digest(*first) != digest(*second)
    assert digest(*first) == digest(*first)


def test_a_digest_is_the_same_on_every_machine():
    encoded = b's2:ab' + b'a(3,):' + struct.pack('<3d', 0.0, 1.0, 2.0)
    assert digest('ab', np.arange(3.0)) == hashlib.sha256(encoded).hexdigest()
