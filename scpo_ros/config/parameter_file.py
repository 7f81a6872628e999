"""
The parameter file: which sections it may have, and which parameters they give to which node.

The sections are those of ROS 2: '/**' for all nodes, '/**/NODE' or 'NODE' for one.
"""

from collections.abc import Mapping
import os
from typing import TypeAlias

from scpo_ros.config.node_parameters import NODES
from scpo_ros.exceptions import ConfigurationError
import yaml


Sections: TypeAlias = Mapping[object, object]  # section: body, as YAML has them
Given: TypeAlias = dict[str, dict[str, object]]  # node: {parameter: value}, not checked yet


def _flat(tree: Mapping[object, object], prefix: str = '') -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, item in tree.items():
        if isinstance(item, dict):
            flat.update(_flat(item, f'{prefix}{name}.'))
        else:
            flat[f'{prefix}{name}'] = item
    return flat


def read_parameter_file(path: str | os.PathLike[str]) -> Given:
    """
    Return {node: {parameter: value}} of a parameter file.

    Understands the sections '/**' (all nodes), '/**/NODE' and 'NODE'.

    :raises ConfigurationError: when it cannot be read, or names an unknown section.
    """
    try:
        with open(path, encoding='utf-8') as stream:
            text = stream.read()
    except (OSError, ValueError) as error:
        raise ConfigurationError('params_file', str(path), f'cannot be read: {error}') from error
    return by_node(sections_of(text, path))


def sections_of(text: str, source: str | os.PathLike[str]) -> Sections:
    """
    Return {section: body} of the text of a parameter file.

    :raises ConfigurationError: naming the source, when it is no parameter file.
    """
    try:
        sections = yaml.safe_load(text) or {}
    except (ValueError, yaml.YAMLError) as error:
        raise ConfigurationError('params_file', str(source), f'cannot be read: {error}') from error
    if not isinstance(sections, dict):
        raise ConfigurationError('params_file', str(source), 'must hold sections such as /**')
    return sections


def by_node(sections: Sections) -> Given:
    """
    Return {node: {parameter: value}} of the sections of a parameter file.

    :raises ConfigurationError: for an unknown section, or one that holds other things.
    """
    result: Given = {node: {} for node in NODES}
    for section in sorted(map(str, sections), key=len):
        body = sections.get(section)
        node = section.removeprefix('/**').removeprefix('/')
        if node not in ('', *NODES) or not isinstance(body, dict) or set(body) != {
                'ros__parameters'}:
            raise ConfigurationError(
                'params_file section', section,
                f'must be /** or /**/NODE, NODE one of {", ".join(NODES)}, and hold '
                'ros__parameters only')
        parameters = body['ros__parameters'] or {}
        if not isinstance(parameters, dict):
            raise ConfigurationError(f'{section}: ros__parameters', parameters,
                                     'must hold name: value')
        for target in [node] if node else NODES:
            result[target].update(_flat(parameters))
    return result
