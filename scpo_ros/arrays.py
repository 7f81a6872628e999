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

"""Checks on arrays from outside: shape, finiteness, immutability and identity."""

from collections.abc import Sequence
import hashlib
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scpo_ros.exceptions import InvalidArrayError


Array: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Booleans: TypeAlias = npt.NDArray[np.bool_]

_REAL = 'biuf'  # kinds of numpy's types that hold real numbers


def frozen(array: object) -> Array:
    """
    Return a read-only float64 copy of `array`.

    :param array: real numbers, as an array or as what numpy makes an array of.
    :returns: a C-contiguous array whose `writeable` flag is off.
    :raises TypeError: for masked, complex and object arrays, text and dates, of which numpy would
        drop a part. :raises ValueError: for rows of different lengths.
    """
    if type(array) is not np.ndarray or array.dtype.kind not in _REAL:
        if _masked(array) or np.asarray(array).dtype.kind not in _REAL:
            raise TypeError(f'real numbers are needed, not {described(array)}')
    copy = np.array(array, dtype=np.float64, order='C')
    copy.setflags(write=False)
    return copy


def _masked(array: object) -> bool:
    """Return whether an array, or one in a sequence, has a mask, which numpy would drop."""
    parts = array if isinstance(array, (list, tuple)) else ()
    return isinstance(array, np.ma.MaskedArray) or any(
        isinstance(part, np.ma.MaskedArray) for part in parts)


def described(value: object) -> str:
    """Return what a value is, in a few words on one line."""
    try:
        array = np.asarray(value)
    except ValueError:
        return 'rows of different lengths'
    kind = 'masked' if _masked(value) else str(array.dtype)
    return f'entries of the kind {kind}'


def checked(name: str, value: object, shape: Sequence[int | None]) -> Array:
    """
    Return `value` as a read-only float64 array of the given shape with finite entries.

    :param name: the name to use in the error.
    :param value: array-like.
    :param shape: expected shape; None stands for any length along that axis.
    :raises InvalidArrayError: naming the value and the rule: conversion, shape, finiteness.
    """
    try:
        array = frozen(value)
    except (TypeError, ValueError) as error:
        raise InvalidArrayError(
            name, described(value), 'must be an array of real numbers') from error
    expected = tuple('any' if n is None else n for n in shape)
    fits = array.ndim == len(shape) and all(
        n is None or n == m for n, m in zip(shape, array.shape))
    if not fits:
        raise InvalidArrayError(
            name, array.shape, f'must have the shape ({", ".join(map(str, expected))})')
    if not np.all(np.isfinite(array)):
        first = array[~np.isfinite(array)][0]
        raise InvalidArrayError(name, float(first), 'must be finite in every entry')
    return array


def digest(*parts: npt.ArrayLike) -> str:
    """
    Return the SHA-256 hex digest of arrays and strings, independent of byte order and strides.

    Each part is prefixed by its kind, shape and length, so that no two different sequences of
    parts share an encoding.

    :param parts: arrays (hashed as little-endian float64) or strings.
    """
    sha = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            data = part.encode()
            header = f's{len(data)}:'
        else:
            array = np.ascontiguousarray(part, dtype='<f8')
            data = array.tobytes()
            header = f'a{array.shape}:'
        sha.update(header.encode())
        sha.update(data)
    return sha.hexdigest()
