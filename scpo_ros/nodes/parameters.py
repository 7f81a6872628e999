"""Parameters of the nodes, derived from the configuration classes."""

from array import array

from rcl_interfaces.msg import (
    FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult)
from rclpy.exceptions import ParameterException
from rclpy.parameter import Parameter
from scpo_ros.config import build, build_node, flatten
from scpo_ros.exceptions import ConfigurationError


_STANDARD = ('use_sim_time', 'start_type_description_service', 'qos_overrides.')


def _descriptor(name, default, meta):
    descriptor = ParameterDescriptor(
        name=name, description=meta['description'], read_only=not meta['dynamic'],
        dynamic_typing=True)
    if meta['choices']:
        descriptor.additional_constraints = 'one of ' + ', '.join(meta['choices'])
    kind = type(default)
    if kind in (int, float) and meta['low'] is not None and meta['high'] is not None:
        if kind is int:
            descriptor.integer_range = [IntegerRange(
                from_value=meta['low'], to_value=meta['high'], step=0)]
        else:
            descriptor.floating_point_range = [FloatingPointRange(
                from_value=float(meta['low']), to_value=float(meta['high']), step=0.0)]
    return descriptor


def _plain(item):
    return list(item) if isinstance(item, array) else item


def declare(node, kind):
    """
    Declare the shared and the node's own parameters; return (Spec, configuration).

    The node must have been made with `automatically_declare_parameters_from_overrides=True`, so
    that what a parameter file gives is seen here, unknown names included.

    :param kind: the node's configuration class.
    :raises ConfigurationError: naming the first bad parameter and the rule it broke.
    """
    given = {name: _plain(parameter.value)
             for name, parameter in node.get_parameters_by_prefix('').items()
             if not name.startswith(_STANDARD)}
    spec, config = build_node(kind, given)
    for name, (item, meta) in {**flatten(spec), **flatten(config)}.items():
        item = list(item) if isinstance(item, tuple) else item
        try:
            if name in given:
                node.set_parameters([Parameter(name, value=item)])
                node.set_descriptor(name, _descriptor(name, item, meta))
            else:
                node.declare_parameter(name, item, _descriptor(name, item, meta))
        except ParameterException as error:
            raise ConfigurationError(name, item, f'is refused: {error}') from error
    return spec, config


def refuse_bad_changes(node, kind, apply):
    """
    Check changes of dynamic parameters; call apply(name, value) for the good ones.

    :param kind: the node's configuration class.
    """
    def check(parameters):
        known = flatten(kind())
        for parameter in parameters:
            if parameter.name not in known:
                continue
            try:
                build(kind, {parameter.name: parameter.value})
            except ConfigurationError as error:
                return SetParametersResult(successful=False, reason=str(error))
        for parameter in parameters:
            if parameter.name in known:
                apply(parameter.name, parameter.value)
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(check)
