"""From a parameter file and launch arguments to the checked configuration of every node."""

from collections.abc import Iterable, Mapping
import os
from typing import TypeAlias, TypedDict, TypeVar

from scpo_ros.config.arguments import Argument, ARGUMENTS, overrides
from scpo_ros.config.node_parameters import (
    AdapterConfig, build_node, ControllerConfig, ExpertConfig, MonitorConfig, NODES, PlantConfig)
from scpo_ros.config.parameter_file import Given, read_parameter_file
from scpo_ros.config.shared_parameters import Spec
from scpo_ros.config.validation import flatten, Scalar, Validated
from scpo_ros.exceptions import ConfigurationError


class Configurations(TypedDict):
    """The configuration of every node, by the node's name."""

    plant: PlantConfig
    controller: ControllerConfig
    adapter: AdapterConfig
    expert: ExpertConfig
    monitor: MonitorConfig


Path: TypeAlias = str | os.PathLike[str]
_Config = TypeVar('_Config', bound=Validated)


def checked_configuration(path: Path, values: Mapping[str, str],
                          arguments: Iterable[Argument] = ARGUMENTS
                          ) -> tuple[Configurations, Spec]:
    """
    Return ({node: configuration}, Spec) of a parameter file and launch arguments.

    :param values: {argument name: text}. :param arguments: the known ones.
    :raises ConfigurationError: naming the first bad value and its rule, before anything moves.
    """
    return configuration_of(_given(path, values, arguments))


def _given(path: Path, values: Mapping[str, str], arguments: Iterable[Argument]
           ) -> Given:
    """Return {node: {parameter: value}} of the file, overridden by the arguments."""
    given, changes = read_parameter_file(path), overrides(values, arguments)
    return {node: {**given[node], **changes[node]} for node in NODES}


def configuration_of(given: Mapping[str, Mapping[str, object]]) -> tuple[Configurations, Spec]:
    """
    Return ({node: configuration}, Spec) of {node: {parameter: value}}.

    :raises ConfigurationError: naming the first bad value and its rule.
    """
    specs: dict[str, Spec] = {}

    def built(node: str, kind: type[_Config]) -> _Config:
        own = {name: item for name, item in given[node].items() if name != 'use_sim_time'}
        specs[node], config = build_node(kind, own)
        return config

    configs = Configurations(
        plant=built('plant', PlantConfig), controller=built('controller', ControllerConfig),
        adapter=built('adapter', AdapterConfig), expert=built('expert', ExpertConfig),
        monitor=built('monitor', MonitorConfig))
    required, claimed = configs['controller'].certified_margin, configs['adapter'].accept_margin
    if required > claimed:
        raise ConfigurationError(
            'controller: certified_margin', required,
            f'must not exceed the margin that the adapter certifies, accept_margin = {claimed}')
    return configs, _common(specs)


def _common(specs: Mapping[str, Spec]) -> Spec:
    """Return the Spec that all nodes have. :raises ConfigurationError: where two differ."""
    first, *others = specs
    wanted = flatten(specs[first])
    for node in others:
        for name, (item, _) in flatten(specs[node]).items():
            if item != wanted[name][0]:
                raise ConfigurationError(
                    f'{node}: {name}', item,
                    f'must be that of every node, as of the {first}: {wanted[name][0]!r}')
    return specs[first]


def node_parameters(path: Path, values: Mapping[str, str],
                    arguments: Iterable[Argument] = ARGUMENTS) -> tuple[Given, Spec]:
    """
    Return ({node: {parameter: value}}, Spec): every parameter of every node, checked.

    :param values: {argument name: text}. :param arguments: the known ones.
    :raises ConfigurationError: naming the first bad value and its rule, before anything moves.
    """
    given = _given(path, values, arguments)
    configs, spec = configuration_of(given)
    return {node: {'use_sim_time': given[node].get('use_sim_time', False),
                   **_plain(spec), **_plain(config)}
            for node, config in configs.items() if isinstance(config, Validated)}, spec


def _plain(config: Validated) -> dict[str, Scalar | list[Scalar]]:
    """Return {parameter: value} as YAML and ROS have them: sequences are lists."""
    return {name: list(item) if isinstance(item, tuple) else item
            for name, (item, _) in flatten(config).items()}
