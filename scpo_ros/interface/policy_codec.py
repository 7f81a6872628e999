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

"""
The one codec of a policy record: to and from named values, for message, file and ledger. No ROS.

A record is {'policy.theta': (d,), 'policy.version': 1, ..., 'certificate.kind': 'proved', ...};
without a certificate no name begins with 'certificate.'. How a message, a file or a ledger writes
a text, an integer, a number or a vector is the business of each of them.
"""

from collections.abc import Mapping
from typing import TypeAlias, TypeVar

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.config.ros_scalar import TYPES
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.policy_record import PolicyRecord
from scpo_ros.scpo import Certificate


Value: TypeAlias = str | int | float | Array
Values: TypeAlias = Mapping[str, Value]
Kind = TypeVar('Kind')
_CERTIFICATE = 'certificate.'


def text(values: Values, name: str) -> str:
    """
    Return the text of that name.

    :raises InvalidArrayError: when it is missing or of another type.
    """
    return _typed(values, name, str)


def integer(values: Values, name: str) -> int:
    """
    Return the integer of that name; a truth value is none.

    :raises InvalidArrayError: when it is missing or of another type.
    """
    return _typed(values, name, int)


def number(values: Values, name: str) -> float:
    """
    Return the floating-point number of that name; an integer is none.

    :raises InvalidArrayError: when it is missing or of another type.
    """
    return _typed(values, name, float)


def vector(values: Values, name: str) -> Array:
    """
    Return the one-dimensional array of that name, read-only; its entries may be NaN or infinite.

    :raises InvalidArrayError: when it is missing, of another type or not one-dimensional.
    """
    item = _typed(values, name, np.ndarray)
    if item.ndim != 1:
        raise InvalidArrayError(name, item.shape, 'must be a vector')
    try:
        return frozen(item)
    except (TypeError, ValueError) as error:
        raise InvalidArrayError(name, item, 'must convert to an array of numbers') from error


def _typed(values: Values, name: str, wanted: type[Kind]) -> Kind:
    item = values.get(name)
    if not isinstance(item, wanted) or isinstance(item, bool):
        kind = TYPES.get(wanted, 'double array')
        raise InvalidArrayError(name, item, f'must be there, of type {kind}')
    return item


def identity_values(record: PolicyRecord) -> dict[str, Value]:
    """Return {name: value} of a record without its certificate."""
    return {'policy.theta': record.theta, 'policy.version': record.version,
            'policy.parent': record.parent, 'policy.digest': record.digest,
            'policy.parent_digest': record.parent_digest,
            'policy.spec_digest': record.spec_digest}


def policy_values(record: PolicyRecord) -> dict[str, Value]:
    """Return {name: value} of a record; :func:`policy_of` is the way back."""
    certificate = record.certificate
    if certificate is None:
        return identity_values(record)
    return {**identity_values(record), 'certificate.kind': certificate.kind,
            'certificate.coverage': certificate.coverage, 'certificate.g': certificate.g,
            'certificate.bound': certificate.bound,
            'certificate.smoothness': certificate.smoothness,
            'certificate.margin': certificate.margin,
            'certificate.theta_digest': certificate.theta_digest,
            'certificate.parent_digest': certificate.parent_digest,
            'certificate.violation': certificate.violation,
            'certificate.duality_gap': certificate.duality_gap,
            'certificate.verification_size': certificate.verification_size,
            'certificate.verification_max': certificate.verification_max}


def policy_of(values: Values) -> PolicyRecord:
    """
    Return the record of :func:`policy_values`; names that are not of a record are left out.

    :raises InvalidArrayError: for a missing value, or one of a wrong type or size.
    """
    certified = any(name.startswith(_CERTIFICATE) for name in values)
    return PolicyRecord(
        vector(values, 'policy.theta'), integer(values, 'policy.version'),
        integer(values, 'policy.parent'), text(values, 'policy.digest'),
        text(values, 'policy.parent_digest'), text(values, 'policy.spec_digest'),
        _certificate_of(values) if certified else None)


def _certificate_of(values: Values) -> Certificate:
    return Certificate(
        kind=text(values, 'certificate.kind'), coverage=text(values, 'certificate.coverage'),
        g=vector(values, 'certificate.g'), bound=vector(values, 'certificate.bound'),
        smoothness=vector(values, 'certificate.smoothness'),
        margin=number(values, 'certificate.margin'),
        theta_digest=text(values, 'certificate.theta_digest'),
        parent_digest=text(values, 'certificate.parent_digest'),
        violation=number(values, 'certificate.violation'),
        duality_gap=number(values, 'certificate.duality_gap'),
        verification_size=integer(values, 'certificate.verification_size'),
        verification_max=number(values, 'certificate.verification_max'))
