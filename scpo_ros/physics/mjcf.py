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
Which MJCF file belongs to which system, and the numbers that a file takes from the description.

A shipped file (config/mujoco/) names the systems that it is for in `<text name="systems">`. A file
may hold placeholders, `${cart_mass}`: the parameters of the description's model, and the limits of
each state, `${position_lower}` and `${position_upper}`. So such a number stands in the description
alone.
"""

from collections.abc import Mapping
from pathlib import Path
from string import Template
from types import ModuleType
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from scpo_ros.config.resources import share_file
from scpo_ros.exceptions import ConfigurationError, in_words
from scpo_ros.interface.wiring import Wiring
from scpo_ros.systems.system import System

if TYPE_CHECKING:
    from mujoco import MjModel

_LARGEST = 2**24  # bytes of a file


def shipped_files() -> dict[str, Path]:
    """Return {name of a system: its shipped MJCF file}."""
    folder = share_file('config/mujoco/rail_slider.xml').parent
    return {system: path for path in sorted(folder.glob('*.xml'))
            for system in _systems(path.read_text(encoding='utf-8'))}


def _systems(text: str) -> list[str]:
    """Return the names of the systems that a file is for."""
    found = ElementTree.fromstring(text).find("custom/text[@name='systems']")
    return [] if found is None else found.get('data', '').split()


def file_of(system: str, given: str) -> Path:
    """
    Return the MJCF file of a system.

    :param given: the path of one, the name of a shipped one such as 'rail_slider', or '' for the
        one that is shipped for the system.
    :raises ConfigurationError: when none is shipped for it.
    """
    files = shipped_files()
    if given:
        return {path.stem: path for path in files.values()}.get(given, Path(given))
    if system not in files:
        raise ConfigurationError(
            'plant: the system', system, f'must be one of {", ".join(sorted(files))} where plant '
            'is mujoco, or mujoco_model must be a shipped model or an MJCF file of your own')
    return files[system]


def numbers_of(wiring: Wiring) -> dict[str, float]:
    """Return {placeholder: number} of a system."""
    system, numbers = wiring.system, dict[str, float]()
    for name, lower, upper in zip(system.states.names, system.state_lower, system.state_upper):
        numbers |= {f'{name}_lower': float(lower), f'{name}_upper': float(upper)}
    if isinstance(system, System) and system.description.dynamics.model is not None:
        numbers |= system.description.dynamics.model.parameters
    return numbers


def filled_in(path: Path, numbers: Mapping[str, float]) -> str:
    """
    Return the text of a file with its placeholders replaced.

    :raises ConfigurationError: for a file that cannot be read, or an unknown placeholder.
    """
    template = Template(_text(path))
    try:
        return template.substitute({name: repr(number) for name, number in numbers.items()})
    except KeyError as error:
        raise ConfigurationError(
            f'{path.name}: placeholder', error.args[0],
            f'must be a number of the description: {", ".join(numbers)}') from error
    except ValueError as error:
        raise ConfigurationError(f'{path.name}: placeholder', str(error),
                                 'must read ${name}') from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigurationError(
                'mujoco_model', str(path), f'must have at most {_LARGEST} bytes')
        return path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            'mujoco_model', str(path), f'cannot be read: {in_words(error)}') from error


def compiled(mujoco: ModuleType, path: Path, numbers: Mapping[str, float]) -> 'MjModel':
    """
    Return the MuJoCo model of a file. One without placeholders may name other files.

    :param mujoco: the package.
    :raises ConfigurationError: for what MuJoCo does not take.
    """
    text = filled_in(path, numbers)
    try:
        if text == _text(path):
            return mujoco.MjModel.from_xml_path(str(path))
        return mujoco.MjModel.from_xml_string(text)
    except ValueError as error:
        said = ' '.join(str(error).split())
        raise ConfigurationError('mujoco_model', str(path),
                                 f'must be a model that MuJoCo reads: {said}') from error
