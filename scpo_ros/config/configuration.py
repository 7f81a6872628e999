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

"""From a parameter file and launch arguments to the checked configuration of every node."""

from collections.abc import Iterable, Mapping
import os
from typing import TypeAlias, TypedDict, TypeVar

from scpo_ros.config.arguments import Argument, ARGUMENTS, namespace_of, overrides
from scpo_ros.config.driver_parameters import DriverConfig
from scpo_ros.config.excite_parameters import ExciteConfig
from scpo_ros.config.node_parameters import (
    AdapterConfig, build_node, ControllerConfig, ExpertConfig, MonitorConfig, NODES, RUN_NODES,
    STANDARD)
from scpo_ros.config.parameter_file import Given, read_parameter_file
from scpo_ros.config.plant_parameters import PlantConfig
from scpo_ros.config.ros_scalar import Scalar
from scpo_ros.config.shared_parameters import Spec
from scpo_ros.config.system_spec import NAME, PARAMETERS, Specification
from scpo_ros.config.validation import flatten, Validated
from scpo_ros.exceptions import ConfigurationError


class Configurations(TypedDict):
    """The configuration of every node, by the node's name."""

    plant: PlantConfig
    controller: ControllerConfig
    adapter: AdapterConfig
    expert: ExpertConfig
    monitor: MonitorConfig
    ros2_control_driver: DriverConfig
    excite: ExciteConfig


Path: TypeAlias = str | os.PathLike[str]
_Config = TypeVar('_Config', bound=Validated)


def checked_configuration(path: Path, values: Mapping[str, str],
                          arguments: Iterable[Argument] = ARGUMENTS
                          ) -> tuple[Configurations, Specification]:
    """
    Return ({node: configuration}, specification) of a parameter file and launch arguments.

    :param values: {argument name: text}. :param arguments: the known ones.
    :raises ConfigurationError: naming the first bad value and its rule, before anything moves.
    """
    return configuration_of(_given(path, values, arguments, {}))


def _given(path: Path, values: Mapping[str, str], arguments: Iterable[Argument],
           outside: Mapping[str, Mapping[str, object]]) -> Given:
    """
    Return {node: {parameter: value}} of the file, overridden by the arguments.

    What an including launch file sets fills the gaps, and stands above the installed file.
    """
    changes = overrides(values, arguments)
    given = read_parameter_file(path, namespace_of(values))
    if not values.get('params_file') and changes['plant'].get(NAME, PARAMETERS) != PARAMETERS:
        given = _without_shared(given)
    for node, beside in outside.items():
        chosen: dict[str, object] = {**(given[node] if values.get('params_file') else {}),
                                     **changes[node]}
        for name, item in beside.items():
            if name in chosen and chosen[name] != item:
                raise ConfigurationError(
                    f'{node}: {name}, set by an including launch file,', item,
                    f'must be what params_file or arguments give: {chosen[name]!r}')
        given[node].update(beside)
    return {node: {**given[node], **changes[node]} for node in NODES}


def _without_shared(given: Given) -> Given:
    """Return what the installed file gives, less what defines the double integrator."""
    shared = flatten(Spec())
    return {node: {name: item for name, item in values.items() if name not in shared}
            for node, values in given.items()}


def configuration_of(given: Mapping[str, Mapping[str, object]],
                     nodes: Iterable[str] = RUN_NODES) -> tuple[Configurations, Specification]:
    """
    Return ({node: configuration}, specification) of {node: {parameter: value}}.

    :param nodes: those that run, which must agree with each other.
    :raises ConfigurationError: naming the first bad value and its rule.
    """
    specs: dict[str, Specification] = {}

    def built(node: str, kind: type[_Config]) -> _Config:
        own = {name: item for name, item in given[node].items() if name not in STANDARD}
        specs[node], config = build_node(kind, own)
        return config

    configs = Configurations(
        plant=built('plant', PlantConfig), controller=built('controller', ControllerConfig),
        adapter=built('adapter', AdapterConfig), expert=built('expert', ExpertConfig),
        monitor=built('monitor', MonitorConfig),
        ros2_control_driver=built('ros2_control_driver', DriverConfig),
        excite=built('excite', ExciteConfig))
    _check_clocks({node: given[node] for node in nodes})
    required, claimed = configs['controller'].certified_margin, configs['adapter'].accept_margin
    if required > claimed:
        raise ConfigurationError(
            'controller: certified_margin', required,
            f'must not exceed the margin that the adapter certifies, accept_margin = {claimed}')
    return configs, _common({node: specs[node] for node in nodes})


def _check_clocks(given: Mapping[str, Mapping[str, object]]) -> None:
    """Pass truth values of which all nodes have the same `use_sim_time`."""
    for node, values in given.items():
        for name in STANDARD:
            if type(values.get(name, False)) is not bool:
                raise ConfigurationError(f'{node}: {name}', values[name], 'must be of type bool')
    first, *others = given
    wanted = given[first].get('use_sim_time', False)
    for node in others:
        found = given[node].get('use_sim_time', False)
        if found is not wanted:
            raise ConfigurationError(f'{node}: use_sim_time', found, 'must be that of every node, '
                                     f'as of the {first}: {wanted!r}')


def _common(specs: Mapping[str, Specification]) -> Specification:
    """
    Return the specification that all nodes have.

    :raises ConfigurationError: where two differ.
    """
    first, *others = specs
    wanted = flatten(specs[first])
    for node in others:
        if type(specs[node]) is not type(specs[first]):
            raise ConfigurationError(
                f'{node}: {NAME}', given_name(specs[node]),
                f'must be that of every node, as of the {first}: {given_name(specs[first])!r}')
        for name, (item, _) in flatten(specs[node]).items():
            if item != wanted[name][0]:
                raise ConfigurationError(
                    f'{node}: {name}', item,
                    f'must be that of every node, as of the {first}: {wanted[name][0]!r}')
    return specs[first]


def given_name(spec: Specification) -> str:
    """Return the name or the path of the description that a specification is of."""
    return PARAMETERS if isinstance(spec, Spec) else spec.system.description


def node_parameters(path: Path, values: Mapping[str, str],
                    arguments: Iterable[Argument] = ARGUMENTS, nodes: Iterable[str] = RUN_NODES,
                    outside: Mapping[str, Mapping[str, object]] | None = None
                    ) -> tuple[Given, Specification]:
    """
    Return ({node: {parameter: value}}, specification): every parameter of the nodes, checked.

    :param values: {argument name: text}. :param arguments: the known ones.
    :param nodes: those that are to run.
    :param outside: {node: {parameter: value}} that an including launch file sets.
    :raises ConfigurationError: naming the first bad value and its rule, before anything moves.
    """
    given = _given(path, values, arguments, outside or {})
    configs, spec = configuration_of(given, nodes)
    built = {node: config for node, config in configs.items() if isinstance(config, Validated)}
    return {node: {'use_sim_time': False,
                   **{name: given[node][name] for name in STANDARD if name in given[node]},
                   **_plain(spec), **_plain(built[node])} for node in nodes}, spec


def _plain(config: Validated) -> dict[str, Scalar | list[Scalar]]:
    """Return {parameter: value} as YAML and ROS have them: sequences are lists."""
    return {name: list(item) if isinstance(item, tuple) else item
            for name, (item, _) in flatten(config).items()}
