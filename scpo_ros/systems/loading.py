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
Reads described systems: shipped ones by their name, files by their path, texts and mappings.

:func:`load` checks all that can be checked before anything is computed from a description.
"""

from collections.abc import Mapping
import os
from pathlib import Path
import stat

from scpo_ros.arrays import Array
from scpo_ros.config.paths import expanded
from scpo_ros.config.resources import share_file
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems.certified_system import certified_system
from scpo_ros.systems.description import SystemDescription
from scpo_ros.systems.model_error import with_model_error
from scpo_ros.systems.reading import described
from scpo_ros.systems.requirements import check_dynamics, check_limits, check_supported
from scpo_ros.systems.system import sampling_of, System
from scpo_ros.systems.yaml_tree import parse, Plain, Tree

_LARGEST = 2**20  # bytes of a description


def load(system: str | os.PathLike[str] | Mapping[str, Plain]) -> System:
    """
    Return the system of a shipped description, of a file, of a text, or of a mapping.

    :param system: the name of a shipped description such as 'cart_pole'; the path of a file, which
        ends in .yaml or .yml or contains a '/', relative to the working directory; the text of
        such a file, which has several lines; or a mapping with its keys.
    :raises ConfigurationError: naming file, line, entry, value and rule.
    """
    description = described(_tree(system))
    check_supported(description)
    check_limits(description)
    return system_of(with_model_error(description))


def system_of(description: SystemDescription) -> System:
    """
    Return the system of a description whose disturbance covers all that it has to.

    :raises ConfigurationError: naming what cannot work.
    """
    A, B = _over_one_step(description)
    check_dynamics(description, A, B)
    return certified_system(description, A, B)


def _tree(system: str | os.PathLike[str] | Mapping[str, Plain]) -> Tree:
    if isinstance(system, Mapping):
        return Tree('system', dict(system), {})
    if isinstance(system, str) and '\n' in system:
        return parse(system, 'the description')
    path = file_of(system)
    return parse(text_of_file(path), path.name)


def file_of(system: str | os.PathLike[str]) -> Path:
    """
    Return the file of a description. :param system: as in :func:`load`.

    :raises ConfigurationError: when there is no shipped one of that name.
    """
    text = os.fspath(system)
    if isinstance(system, str) and not _is_path(text):
        return shipped(text)
    return Path(expanded('system', text))


def text_of_file(path: Path) -> str:
    """
    Return the text of a description.

    :raises ConfigurationError: when it cannot be read, or is no file of a sensible size: a pipe
        would keep its reader waiting.
    """
    try:
        status = path.stat()
        usable = stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST
        text = path.read_text(encoding='utf-8') if usable else ''
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or 'is not UTF-8 text'
        raise ConfigurationError('system', str(path), f'cannot be read: {reason}') from error
    if not usable:
        raise ConfigurationError(
            'system', str(path), f'must be a file of at most {_LARGEST} bytes')
    return text


def _is_path(text: str) -> bool:
    return '/' in text or os.sep in text or text.endswith(('.yaml', '.yml'))


def shipped(name: str) -> Path:
    """
    Return the file of a shipped description.

    :raises ConfigurationError: with the names of all, when there is none of that name.
    """
    folder = share_file('config/systems/double_integrator.yaml').parent
    path = folder / f'{name}.yaml'
    if not os.path.isfile(path):  # False too for a name that no file can have
        raise ConfigurationError(
            'system', name, f"must be one of {', '.join(shipped_names())}, or the path of a file, "
            'such as my_robot.yaml')
    return path


def shipped_names() -> list[str]:
    """Return the names of the shipped descriptions."""
    folder = share_file('config/systems/double_integrator.yaml').parent
    return sorted(path.stem for path in folder.glob('*.yaml'))


def _over_one_step(description: SystemDescription) -> tuple[Array, Array]:
    """Return A (n, n) and B (n, m) over dt."""
    dynamics = description.dynamics
    if dynamics.kind == 'discrete':
        return dynamics.A, dynamics.B
    return sampling_of(description).held(description.dt)
