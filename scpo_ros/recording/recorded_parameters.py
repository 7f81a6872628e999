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

"""The parameters with which a recorded run was made, and the description of its system."""

from dataclasses import dataclass, replace
from pathlib import Path

from scpo_ros.config import Specification, SystemSpec
from scpo_ros.config.configuration import configuration_of, Configurations
from scpo_ros.config.parameter_file import by_node, Given, nodes_of
from scpo_ros.config.renamed import present_names
from scpo_ros.config.ros_yaml import sections_of
from scpo_ros.config.system_spec import DescriptionConfig
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.interface.wiring import wiring_of
from scpo_ros.recording.bag import Bag, BagError, DESCRIPTION, PARAMETERS

_BESIDE, _SYSTEM_BESIDE = 'run.parameters.yaml', 'system.yaml'  # files in the bag's folder


@dataclass(frozen=True)
class RecordedParameters:
    """The parameters of a run: the specification and the configuration of each node."""

    spec: Specification  # on which certificates rest; it holds the text of a description
    nodes: Configurations
    source: str  # where they were found
    text: str  # as they stood there

    @property
    def description(self) -> str:
        """Return the text of the description of the system, '' where parameters define it."""
        return self.spec.system.description if isinstance(self.spec, SystemSpec) else ''


def recorded_parameters(
        bag: Bag, namespace: str, path: str | Path | None = None) -> RecordedParameters:
    """
    Return the :class:`RecordedParameters` of one namespace of a bag.

    They come from the given file, else from the bag itself, else from the run.parameters.yaml in
    the bag's folder or beside it. The description of a system comes from the same place: from the
    file that the given one names, from the bag, or from the system.yaml beside the parameters.
    A place that holds none names a shipped one, or a file.

    :param namespace: with slashes around it. :param path: of a parameter file, or None.
    :raises BagError: when there are none. :raises ConfigurationError: when they are bad.
    """
    source, text, description = _found(bag, path)
    try:
        given = _own(text, source, namespace)
        nodes, spec = configuration_of(
            {node: present_names(values) for node, values in given.items()})
        spec = _described(spec, description)
    except ConfigurationError as error:
        reason = ' '.join(str(error).split())  # one line
        raise BagError(f'the parameters of {source} cannot be used: {reason}') from error
    return RecordedParameters(spec, nodes, source, text)


def _found(bag: Bag, path: str | Path | None) -> tuple[str, str, str]:
    """Return (where the parameters are, their text, that of the description or '')."""
    if path is not None:
        return str(path), _read(Path(path)), ''
    if PARAMETERS in bag.data:
        return (f'the data of {bag.path}', bag.data[PARAMETERS], bag.data.get(DESCRIPTION, ''))
    for folder in (bag.path, bag.path.parent):
        beside, system = folder / _BESIDE, folder / _SYSTEM_BESIDE
        if beside.is_file():
            return str(beside), _read(beside), _read(system) if system.is_file() else ''
    raise BagError(f'{bag.path} does not say with which parameters it was made: '
                   'give them with --params FILE')


def _described(spec: Specification, description: str) -> Specification:
    """
    Return the specification with the text of the description in place of its name or path.

    :param description: its text, '' where it is still to be read.
    :raises ConfigurationError: when there is none, or it is bad.
    """
    if isinstance(spec, SystemSpec):
        from scpo_ros.systems.loading import file_of, text_of_file  # takes long to import
        spec = replace(spec, system=DescriptionConfig(
            description or text_of_file(file_of(spec.system.description))))
        wiring_of(spec)
    return spec


def _read(path: Path) -> str:
    """Return the text of a file; raise BagError when it cannot be read."""
    try:
        return path.read_text(encoding='utf-8')
    except (OSError, ValueError) as error:
        raise BagError(f'{path} cannot be read: {error}') from error


def _own(text: str, source: str, namespace: str) -> Given:
    """
    Return {node: {parameter: value}} of the namespace's nodes.

    :raises ConfigurationError: when all sections are for other nodes.
    """
    sections = sections_of(text, source)
    own = [section for section in sections if nodes_of(section, namespace)]
    if sections and not own:
        raise ConfigurationError(
            'params_file', sections[0].name, f'holds nothing for {namespace}')
    return by_node(own, source, namespace)
