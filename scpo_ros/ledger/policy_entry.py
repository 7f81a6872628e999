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

"""A policy as JSON keeps it in a ledger: weights bit for bit. No ROS."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.policy_codec import policy_of, policy_values, Value
from scpo_ros.interface.policy_record import PolicyRecord
from scpo_ros.ledger.ledger import Json


def _packed(item: Value) -> Json:
    """Return what JSON keeps bit for bit of an array, and anything else as it is."""
    if not isinstance(item, np.ndarray):
        return item
    data = np.ascontiguousarray(item, dtype='<f8').tobytes()
    return {'shape': item.shape, 'float64': b64encode(data).decode()}


def _unpacked(item: Json) -> Value:
    """Return what :func:`_packed` was given; raise TypeError or ValueError for anything else."""
    if isinstance(item, (str, int, float)):
        return item
    if not isinstance(item, Mapping):
        raise TypeError(f'{item!r} is no value of a policy')
    text, shape = item['float64'], item['shape']
    if not isinstance(text, str) or not isinstance(shape, Sequence):
        raise TypeError('an array must have a text float64 and a list shape')
    sizes = [size for size in shape if isinstance(size, int)]
    if len(sizes) < len(shape):
        raise TypeError(f'shape {shape} must hold integers')
    array: Array = np.frombuffer(b64decode(text, validate=True), '<f8').reshape(sizes)
    return array


def _mapping(values: Json) -> dict[str, Json]:
    if not isinstance(values, Mapping):
        raise TypeError(f'{values!r} is no mapping')
    return dict(values)


def record_values(record: PolicyRecord) -> dict[str, Json]:
    """Return what JSON can keep of a :class:`~scpo_ros.interface.policy_record.PolicyRecord`."""
    groups: dict[str, dict[str, Json]] = {'policy': {}, 'certificate': {}}
    for name, item in policy_values(record).items():
        group, _, field = name.partition('.')
        groups[group][field] = _packed(item)
    return {**groups['policy'], 'certificate': groups['certificate'] or None}


def read_record(values: Json) -> PolicyRecord:
    """
    Return the PolicyRecord of :func:`record_values`.

    :raises InvalidArrayError: for a missing, unknown or malformed value.
    """
    try:
        policy = _mapping(values)
        certificate = policy.pop('certificate')
        given = {f'policy.{name}': _unpacked(item) for name, item in policy.items()}
        if certificate is not None:
            given.update({f'certificate.{name}': _unpacked(item)
                          for name, item in _mapping(certificate).items()})
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidArrayError('ledger entry', str(error), 'must hold a policy') from error
    record = policy_of(given)
    if policy_values(record).keys() != given.keys() or certificate == {}:
        raise InvalidArrayError('ledger entry', sorted(given), 'must hold a policy')
    return record
