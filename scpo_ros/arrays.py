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


def frozen(array: object) -> Array:
    """
    Return a read-only float64 copy of `array`.

    :param array: anything numpy converts to float64.
    :returns: a C-contiguous array whose `writeable` flag is off.
    """
    copy = np.array(array, dtype=np.float64, order='C')
    copy.setflags(write=False)
    return copy


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
        raise InvalidArrayError(name, value, 'must convert to an array of numbers') from error
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
