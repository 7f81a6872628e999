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

"""Parameters of the nodes, derived from the configuration classes."""

from array import array
from collections.abc import Callable, Sized
from typing import Generic, TYPE_CHECKING, TypeAlias, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult)
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter
from scpo_ros.config import build_node, NODES, Specification
from scpo_ros.config.node_parameters import STANDARD
from scpo_ros.config.validation import build, flatten, Validated
from scpo_ros.exceptions import ConfigurationError, ScpoRosError

if TYPE_CHECKING:
    from scpo_ros.config.validation import Metadata


Scalar: TypeAlias = bool | int | float | str
Value: TypeAlias = Scalar | list[Scalar]  # of a parameter
Config = TypeVar('Config', bound=Validated)  # configuration class of a node
_LONGEST = 4096  # entries or characters of a value
_FOUND_BY_NAME = ('plant', 'controller', 'adapter')  # whose topics and services others use


def _descriptor(name: str, default: Value, meta: 'Metadata') -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        name=name, description=meta['description'], read_only=not meta['dynamic'],
        dynamic_typing=True)
    low, high = meta['low'], meta['high']
    if meta['choices']:
        descriptor.additional_constraints = 'one of ' + ', '.join(meta['choices'])
    if isinstance(default, list):  # ranges of ROS are those of single numbers
        descriptor.additional_constraints = (
            'a list of texts' if low is None else f'each in [{low}, {high}]')
    elif type(default) is int:
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=0)]
    elif type(default) is float and low is not None and high is not None:
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(low), to_value=float(high), step=0.0)]
    return descriptor


def _plain(item: 'Value | tuple[Scalar, ...] | array[float] | array[int]') -> Value:
    return list(item) if isinstance(item, (array, tuple)) else item


def declare(node: Node, kind: type[Config]) -> tuple[Specification, Config]:
    """
    Declare the shared and the node's own parameters; return (specification, configuration).

    The node must have been made with `automatically_declare_parameters_from_overrides=True`, so
    that what a parameter file gives is seen here, unknown names included.

    :param kind: the node's configuration class.
    :raises ConfigurationError: naming the first bad parameter and the rule it broke, or a node
        that was given another name.
    """
    _check_name(node, kind)
    given = {name: _plain(node.get_parameter(name).value)
             for name in node.get_parameters_by_prefix('') if name not in STANDARD}
    clock = node.get_parameter('use_sim_time').value
    if type(clock) is not bool:
        raise ConfigurationError('use_sim_time', clock, 'must be of type bool')
    spec, config = build_node(kind, given)
    node.add_on_set_parameters_callback(lambda parameters: _admissible(node, parameters))
    for name, (item, meta) in {**flatten(config), **flatten(spec)}.items():
        _declare_one(node, name, _plain(item), meta, name in given)
    return spec, config


def _check_name(node: Node, kind: type[Validated]) -> None:
    """Pass a node under its own name. :raises ConfigurationError: for another one."""
    for name in _FOUND_BY_NAME:
        if NODES[name] is kind and node.get_name() != name:
            raise ConfigurationError(
                '__node', node.get_name(), f'must stay {name}: the other nodes look for it under '
                'this name, and a namespace (__ns) keeps two copies apart')


def _declare_one(node: Node, name: str, item: Value, meta: 'Metadata', given: bool) -> None:
    """Declare a parameter; one that was given was declared with the node, without all this."""
    try:
        if given:
            node.undeclare_parameter(name)
        node.declare_parameter(name, item, _descriptor(name, item, meta), ignore_override=True)
    except ParameterException as error:
        raise ConfigurationError(name, item, f'is refused: {error}') from error


def _too_long(parameters: list[Parameter]) -> str:
    """Return which of some values is longer than any parameter, as a sentence, or ''."""
    return next((f'{p.name[:_LONGEST]}: the value has {len(p.value)} entries or characters, at '
                 f'most {_LONGEST} are taken' for p in parameters
                 if isinstance(p.value, Sized) and not len(p.value) <= _LONGEST), '')


def _admissible(node: Node, parameters: list[Parameter]) -> SetParametersResult:
    """Refuse another clock, decided at the start, and what is longer than any parameter."""
    reason = _too_long(parameters)
    if reason:
        return SetParametersResult(successful=False, reason=reason)
    present = node.get_parameter('use_sim_time').value
    if any(p.name == 'use_sim_time' and p.value != present for p in parameters):
        return SetParametersResult(
            successful=False, reason='use_sim_time must be given at the start of the node')
    return SetParametersResult(successful=True)


class Changes(Generic[Config]):
    """Changes of a node's dynamic parameters: all of one request take effect, or none."""

    def __init__(self, node: Node, config: Config, apply: Callable[[Config], None]) -> None:
        """
        Check changes from now on, against each other and against the present values.

        :param config: the node's present configuration. :param apply: called with the new one,
            of the same class; what it raises refuses the change.
        """
        self.config, self._node, self._apply = config, node, apply
        node.add_on_set_parameters_callback(self._check)

    def _check(self, parameters: list[Parameter]) -> SetParametersResult:
        clock = _admissible(self._node, parameters)
        if not clock.successful:
            return clock
        present = {name: item for name, (item, _) in flatten(self.config).items()}
        wanted = {parameter.name: _plain(parameter.value) for parameter in parameters
                  if parameter.name in present}
        try:
            config = build(type(self.config), {**present, **wanted})
            if wanted:
                self._apply(config)
        except ScpoRosError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.config = config
        return SetParametersResult(successful=True)
