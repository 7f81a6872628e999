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

"""Policies as files: what ~/save_policy writes and ~/load_policy reads. No ROS."""

from pathlib import Path
from zipfile import ZipFile

import numpy as np
from scpo_ros.exceptions import in_words, InvalidValueError
from scpo_ros.interface.policy_codec import policy_of, policy_values, Value
from scpo_ros.interface.policy_record import (
    evidence_defects, identity_defects, PolicyRecord)
from scpo_ros.interface.refusal import Defect


_LARGEST = 64 * 2**20  # bytes, unpacked


class PolicyFileError(InvalidValueError):
    """A file holds no policy that may be tried."""


def write_policy(path: Path | str, record: PolicyRecord) -> None:
    """
    Write a :class:`~scpo_ros.interface.policy_record.PolicyRecord` with everything that it says.

    :raises OSError: when that cannot be done.
    """
    np.savez(path, **policy_values(record))  # type: ignore[arg-type]  # no name is an option's


def load_policy(path: Path | str, size: int, spec_digest: str, margin: float,
                kind: str) -> PolicyRecord:
    """
    Return the PolicyRecord that a file holds, if nothing in it contradicts the rest.

    The record is a proposal and no more: its certificate is checked and then forgotten, since the
    author of the weights wrote it too. Its lineage is history.

    :param size: d, the number of weights. :param spec_digest: of the reader's specification.
    :param margin: the least margin that its certificate must claim. :param kind: that it must be
        of.
    :raises PolicyFileError: naming the file and the rules that it broke.
    """
    found: tuple[Defect | str, ...]
    try:
        record = policy_of(_contents(path))
        found = (identity_defects(record, size, spec_digest)
                 or evidence_defects(record, margin, kind))
    except Exception as error:  # noqa: B902 - whatever a file does to its reader, it is refused
        found = (in_words(error)[:300],)
    if found:
        why = '; '.join(map(str, found))
        raise PolicyFileError(
            'policy_file', str(path), f'must hold a policy that can be tried ({why})')
    return record


def _contents(path: Path | str) -> dict[str, Value]:
    """Return {name: value} of a file of arrays; nothing in it is executed."""
    if not Path(path).is_file():
        raise OSError('there is no such file')
    with ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
            raise ValueError(f'it holds more than {_LARGEST} bytes')
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    for name, array in arrays.items():
        if array.dtype.kind not in 'fiU':
            raise ValueError(f'{name} holds {array.dtype}')
    return {name: array if array.ndim else array.item() for name, array in arrays.items()}
