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

"""The parameters with which a recorded run was made."""

from dataclasses import dataclass
from pathlib import Path

from scpo_ros.config import Spec
from scpo_ros.config.configuration import configuration_of, Configurations
from scpo_ros.config.parameter_file import by_node, Given, nodes_of
from scpo_ros.config.renamed import present_names
from scpo_ros.config.ros_yaml import sections_of
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.recording.bag import Bag, BagError, PARAMETERS


@dataclass(frozen=True)
class RecordedParameters:
    """The parameters of a run: the specification and the configuration of each node."""

    spec: Spec  # on which certificates rest
    nodes: Configurations
    source: str  # where they were found
    text: str  # as they stood there


def recorded_parameters(
        bag: Bag, namespace: str, path: str | Path | None = None) -> RecordedParameters:
    """
    Return the :class:`RecordedParameters` of one namespace of a bag.

    They come from the given file, else from the bag itself, else from the run.parameters.yaml in
    the bag's folder or beside it.

    :param namespace: with slashes around it. :param path: of a parameter file, or None.
    :raises BagError: when there are none. :raises ConfigurationError: when they are bad.
    """
    source, text = _found(bag, path)
    try:
        given = _own(text, source, namespace)
        nodes, spec = configuration_of(
            {node: present_names(values) for node, values in given.items()})
    except ConfigurationError as error:
        reason = ' '.join(str(error).split())  # one line
        raise BagError(f'the parameters of {source} cannot be used: {reason}') from error
    return RecordedParameters(spec, nodes, source, text)


def _found(bag: Bag, path: str | Path | None) -> tuple[str, str]:
    """Return (where the parameters are, their text)."""
    if path is not None:
        return str(path), _read(Path(path))
    if PARAMETERS in bag.data:
        return f'the data of {bag.path}', bag.data[PARAMETERS]
    for folder in (bag.path, bag.path.parent):
        beside = folder / 'run.parameters.yaml'
        if beside.is_file():
            return str(beside), _read(beside)
    raise BagError(f'{bag.path} does not say with which parameters it was made: '
                   'give them with --params FILE')


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
