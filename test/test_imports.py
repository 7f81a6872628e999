"""
Imports point one way: nodes -> top level -> {control, scpo} -> the foundation.

The imports are read from the source and not executed, so that a forbidden one is found also where
the forbidden package is not installed. Imports by a computed name escape.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = 'scpo_ros'
FOUNDATION = {'arrays', 'exceptions', 'config', 'specification', 'tolerances', 'validated'}
LAYERS = {'scpo', 'control', 'nodes', 'experiments'}

# layer -> the layers it may import besides itself; 'top' is every other module of scpo_ros/.
ALLOWED = {
    'foundation': set(),
    'scpo': {'foundation'},
    'control': {'foundation'},
    'top': {'foundation', 'scpo', 'control'},
    'experiments': {'foundation', 'scpo', 'control', 'top'},
    'nodes': {'foundation', 'scpo', 'control', 'top'},
    'launch': {'foundation', 'top'},
}
SOLVERS = {'casadi', 'cvxpy'}


def is_ros(package):
    """Tell whether `package` is rclpy, or holds ROS messages or services."""
    return (package in {'rclpy', 'std_srvs', 'builtin_interfaces', 'rcl_interfaces'}
            or package.endswith(('_msgs', '_srvs', '_interfaces')))


def is_launch(package):
    """Tell whether `package` is part of the launch system."""
    return package.split('_')[0] == 'launch'


def layer_of(module):
    """Return the layer of a dotted module name inside scpo_ros."""
    head = module.split('.')[1] if '.' in module else ''
    if head == 'launching':  # what the launch files share
        return 'launch'
    if head in LAYERS:
        return head
    if head in FOUNDATION or head == '' or head.startswith('__'):
        return 'foundation'
    return 'top'


def imported(source, module, is_package=False):
    """Yield the absolute dotted name of everything that `source` imports, at any depth."""
    parents = module.split('.') if is_package else module.split('.')[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = parents[:len(parents) + 1 - node.level] if node.level else []
            base = '.'.join([*above, *filter(None, [node.module])])
            yield from (f'{base}.{alias.name}' for alias in node.names)


def violations(source, module, is_package=False):
    """Return a sentence for every import in `source` that breaks a rule."""
    layer = 'launch' if module.startswith('launch.') else layer_of(module)
    found = []
    for name in imported(source, module, is_package):
        package = name.split('.')[0]
        if package == PACKAGE:
            target = layer_of(name)
            broken = target != layer and target not in ALLOWED[layer]
        else:
            broken = (is_ros(package) and layer != 'nodes'
                      or is_launch(package) and layer != 'launch'
                      or package in SOLVERS and layer in {'nodes', 'launch'})
        if broken:
            found.append(f'{module} ({layer}) must not import {name}')
    return found


def sources():
    """Yield (module, path) of every Python file of the package and of launch/."""
    for path in sorted([*(ROOT / PACKAGE).rglob('*.py'), *(ROOT / 'launch').rglob('*.py')]):
        parts = path.relative_to(ROOT).with_suffix('').parts
        yield '.'.join(parts[:-1] if parts[-1] == '__init__' else parts), path


@pytest.mark.parametrize('module, path', [pytest.param(*s, id=s[0]) for s in sources()])
def test_imports_point_one_way(module, path):
    found = violations(path.read_text(), module, path.name == '__init__.py')
    assert not found, '\n'.join(found)


def test_every_layer_of_the_method_is_read():
    assert {'foundation', 'scpo', 'control'} <= {layer_of(module) for module, _ in sources()}


@pytest.mark.parametrize('module, source', [
    ('scpo_ros.scpo.update', 'import scpo_ros.control.rollout'),
    ('scpo_ros.scpo.update', 'from scpo_ros.control import rollout'),
    ('scpo_ros.scpo.update', 'from scpo_ros import control'),
    ('scpo_ros.scpo.update', 'from ..control.rollout import roll_out'),
    ('scpo_ros.scpo.update', 'from .. import control'),
    ('scpo_ros.scpo.update', 'def f():\n    from scpo_ros.nodes import plant'),
    ('scpo_ros.scpo.update', 'from scpo_ros.report import main'),
    ('scpo_ros.control.rollout', 'if False:\n    from scpo_ros.scpo import ScpoUpdater'),
    ('scpo_ros.control.rollout', 'import rclpy'),
    ('scpo_ros.control.rollout', 'from sensor_msgs.msg import JointState'),
    ('scpo_ros.arrays', 'from scpo_ros.scpo.projection import project'),
    ('scpo_ros.config', 'from scpo_ros.sim import main'),
    ('scpo_ros.sim', 'from scpo_ros.nodes.plant import Plant'),
    ('scpo_ros.sim', 'from rclpy.node import Node'),
    ('scpo_ros.sim', 'import launch'),
    ('scpo_ros.report', 'from rcl_interfaces.msg import ParameterEvent'),
    ('scpo_ros.nodes.adapter', 'import cvxpy as cp'),
    ('scpo_ros.nodes.controller', 'from casadi import conic'),
    ('scpo_ros.nodes.plant', 'from launch_ros.actions import Node'),
    ('scpo_ros.nodes.plant', 'from scpo_ros.experiments import regression'),
    ('launch.sim.launch', 'from scpo_ros.nodes import plant'),
    ('launch.sim.launch', 'import rclpy'),
    ('scpo_ros.launching', 'from scpo_ros.nodes import plant'),
    ('scpo_ros.sim', 'from scpo_ros.launching import nodes'),
])
def test_a_violation_is_found(module, source):
    assert len(violations(source, module)) == 1


@pytest.mark.parametrize('module, source', [
    ('scpo_ros.scpo.update', 'import numpy\nfrom scpo_ros.arrays import checked'),
    ('scpo_ros.scpo.update', 'from .projection import project\nfrom .. import exceptions'),
    ('scpo_ros.scpo.projection', 'import cvxpy'),
    ('scpo_ros.control.backup_mpc', 'import casadi\nfrom scpo_ros.config import Config'),
    ('scpo_ros.arrays', 'from scpo_ros.exceptions import InvalidArrayError'),
    ('scpo_ros.sim', 'from scpo_ros import control, scpo\nfrom scpo_ros.report import main'),
    ('scpo_ros.nodes.plant', 'import rclpy\nfrom sensor_msgs.msg import JointState'),
    ('scpo_ros.nodes.plant', 'from . import parameters\nfrom scpo_ros.sim import main'),
    ('launch.sim.launch', 'import launch_ros\nfrom scpo_ros.report import summary'),
])
def test_what_is_allowed_passes(module, source):
    assert violations(source, module) == []


def test_a_package_resolves_relative_imports_from_itself():
    source = 'from .update import ScpoUpdater\nfrom ..control import rollout'
    assert violations(source, 'scpo_ros.scpo', is_package=True) == [
        'scpo_ros.scpo (scpo) must not import scpo_ros.control.rollout']
