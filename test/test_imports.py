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
Imports point one way, and adapter and controller never meet.

The order of the folders is written down here and in docs/architecture.md: a folder may import
those of the lines before its own. The imports are read from the source and not executed, so that a
forbidden one is found also where the forbidden package is not installed. Imports by a computed
name escape the reading; what a fresh process has loaded is looked at besides.
"""

import ast
from pathlib import Path
import re
import sys

import ahead
import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = 'scpo_ros'
ORDER = (  # folders and loose modules; a line may import the lines before it
    ('exceptions',),
    ('arrays', 'tolerances', 'atomic_file'),
    ('config', 'health'),
    ('scpo', 'process'),
    ('systems',),
    ('sets',),
    ('backup',),
    ('policy', 'simulation'),
    ('proofs', 'interface'),
    ('verification', 'ledger', 'experts', 'physics', 'driver'),
    ('backup_certification',),
    ('adapter', 'controller', 'recording', 'bringup'),
    ('excite',),
    ('sim', 'report', 'ledger_audit', 'audit', 'experiments', 'nodes', 'system_page'),
    ('identification',),
    ('identify',))
COMMAND = '__main__'
RANK = {name: rank for rank, line in enumerate(ORDER) for name in line}
RANK[COMMAND] = len(ORDER)
WITHOUT_ROBOT = {'scpo'}  # the method: numpy and the foundation
LOOSE_MODULES = 8  # beside the folders, at most
SOLVERS = {'casadi'}
NOWHERE = {'cvxpy'}  # hides the system's numpy; the reference asks for it by a computed name


def is_ros(package):
    """Tell whether `package` is rclpy, or holds ROS messages or services."""
    return (package in {'rclpy', 'std_srvs', 'builtin_interfaces', 'rcl_interfaces'}
            or package.endswith(('_msgs', '_srvs', '_interfaces')))


def is_launch(package):
    """Tell whether `package` is part of the launch system."""
    return package.split('_')[0] == 'launch'


def layer_of(module):
    """
    Return the folder or loose module of the package to which a dotted name belongs.

    The `__main__` of a folder is a command: it may import everything, and nothing imports it.
    """
    parts = module.split('.')
    if parts[2:3] == ['__main__']:
        return COMMAND
    return parts[1] if len(parts) > 1 else ''


def may_import(layer, target):
    """Return whether a folder of the package may import another one."""
    if target in ('', layer):
        return True  # the package itself holds its version and nothing else
    if layer == '':
        return False
    if layer in WITHOUT_ROBOT:
        return RANK[target] < RANK['scpo'] and target != 'health'
    return RANK[target] < RANK[layer]


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
    of_launch = module.startswith('launch.') or module == 'scpo_ros.bringup.launching'
    layer = 'sim' if module.startswith('launch.') else layer_of(module)
    found = []
    for name in imported(source, module, is_package):
        package = name.split('.')[0]
        if package == PACKAGE:
            target = layer_of(name)
            broken = target not in {*RANK, ''} or not may_import(layer, target) or (
                name.startswith('scpo_ros.bringup.launching') and not of_launch)
        else:
            broken = (is_ros(package) and layer != 'nodes'
                      or is_launch(package) and not of_launch
                      or package in NOWHERE
                      or package in SOLVERS and (layer == 'nodes' or of_launch))
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


def test_every_folder_has_its_place_and_few_modules_are_loose():
    found = {layer_of(module) for module, _ in sources() if module.startswith(PACKAGE)}
    assert found | {COMMAND} == {*RANK, ''}
    loose = [path for path in (ROOT / PACKAGE).glob('*.py') if path.name != '__init__.py']
    assert len(loose) <= LOOSE_MODULES


def order_of_the_page():
    """Return ORDER as the table of docs/architecture.md has it."""
    lines = {}
    for row in (ROOT / 'docs' / 'architecture.md').read_text().splitlines():
        cells = re.match(r'\| (\d+) \| ([^|]*) \|', row)
        if cells:
            names = re.findall(r'`(\w+)/?`', cells[2])
            lines.setdefault(int(cells[1]), set()).update(names)
    return [lines[number] for number in sorted(lines)]


def test_the_page_on_the_architecture_has_the_same_order():
    assert order_of_the_page() == [set(line) for line in ORDER]


def reached(start, graph):
    """Return the modules that a module imports, directly or through others."""
    seen, rest = set(), [start]
    while rest:
        for name in graph.get(rest.pop(), ()):
            if name not in seen:
                seen.add(name)
                rest.append(name)
    return seen


def import_graph():
    """Return {module: modules of the package that it imports}."""
    modules = {module for module, _ in sources()}
    graph = {}
    for module, path in sources():
        names = imported(path.read_text(), module, path.name == '__init__.py')
        graph[module] = {'.'.join(name.split('.')[:n]) for name in names
                         for n in range(2, len(name.split('.')) + 1)} & modules
    return graph


def circles(graph):
    """Return the modules from which one comes back to themselves; packages are not counted."""
    packages = {name.rpartition('.')[0] for name in graph}
    alone = {module: names - packages for module, names in graph.items()}
    return sorted(module for module in alone if module in reached(module, alone))


def test_no_module_imports_itself_through_others():
    assert circles(import_graph()) == []


def test_a_circle_is_found():
    graph = import_graph()
    graph['scpo_ros.arrays'] |= {'scpo_ros.scpo.update'}
    assert 'scpo_ros.arrays' in circles(graph)


def meetings(graph):
    """Return the modules of one side from which the other side can be reached."""
    sides = ('scpo_ros.adapter', 'scpo_ros.controller')
    return [(module, other) for module in graph for one, other in (sides, sides[::-1])
            if module.startswith((f'{one}.', f'scpo_ros.nodes.{one.split(".")[1]}'))
            and any(name.startswith(f'{other}.') for name in reached(module, graph))]


def test_adapter_and_controller_never_meet():
    assert meetings(import_graph()) == []


def test_a_meeting_through_others_is_found():
    graph = import_graph()
    graph['scpo_ros.interface.refusal'] |= {'scpo_ros.adapter.session'}
    assert ('scpo_ros.controller.policy_gate', 'scpo_ros.adapter') in meetings(graph)


SIDES = [('controller', 'adapter'), ('adapter', 'controller')]


def loaded_by(node, other):
    """Return the finished process of one side that names what it has loaded of the other."""
    return ahead.finished([sys.executable, '-c', f'import scpo_ros.nodes.{node}, sys; '
                           f'print([m for m in sys.modules if m.startswith("scpo_ros.{other}")])'],
                          cwd=ROOT)


def begin_ahead(_):
    for side in SIDES:
        ahead.once(loaded_by, *side)


@pytest.mark.parametrize('node, other', SIDES)
def test_a_fresh_process_of_one_side_has_loaded_nothing_of_the_other(node, other):
    loaded = ahead.once(loaded_by, node, other).result()
    assert loaded.stdout.strip().splitlines()[-1:] == ['[]'], loaded.stderr


@pytest.mark.parametrize('module, source', [
    ('scpo_ros.scpo.update', 'import scpo_ros.simulation.rollout'),
    ('scpo_ros.scpo.update', 'from scpo_ros.simulation import rollout'),
    ('scpo_ros.scpo.update', 'from ..simulation.rollout import Simulator'),
    ('scpo_ros.scpo.update', 'def f():\n    from scpo_ros.nodes import plant'),
    ('scpo_ros.scpo.update', 'from scpo_ros.report import main'),
    ('scpo_ros.scpo.update', 'from scpo_ros.health.severity import Severity'),
    ('scpo_ros.scpo.update', 'from scpo_ros.nowhere import something'),
    ('scpo_ros.simulation.rollout', 'from scpo_ros.policy.imitation import ImitationLoss'),
    ('scpo_ros.simulation.rollout', 'if False:\n    from scpo_ros.proofs import invariance'),
    ('scpo_ros.simulation.rollout', 'import rclpy'),
    ('scpo_ros.simulation.rollout', 'from sensor_msgs.msg import JointState'),
    ('scpo_ros.controller.admission', 'from scpo_ros.adapter.session import Session'),
    ('scpo_ros.adapter.session', 'from scpo_ros.controller.admission import Admission'),
    ('scpo_ros.interface.messages', 'from scpo_ros.ledger.history import History'),
    ('scpo_ros.arrays', 'from scpo_ros.scpo.projection import project'),
    ('scpo_ros.verification.task', 'from scpo_ros.backup_certification import findings'),
    ('scpo_ros.config', 'from scpo_ros.sim import main'),
    ('scpo_ros.sim', 'from scpo_ros.nodes.plant import Plant'),
    ('scpo_ros.sim', 'from rclpy.node import Node'),
    ('scpo_ros.sim', 'import launch'),
    ('scpo_ros.report', 'from rcl_interfaces.msg import ParameterEvent'),
    ('scpo_ros.nodes.adapter', 'import cvxpy as cp'),
    ('scpo_ros.proofs.stability_norm', 'def f():\n    import cvxpy as cp'),
    ('scpo_ros.nodes.controller', 'from casadi import conic'),
    ('scpo_ros.nodes.plant', 'from launch_ros.actions import Node'),
    ('scpo_ros.nodes.plant', 'from scpo_ros.experiments import regression'),
    ('launch.sim.launch', 'from scpo_ros.nodes import plant'),
    ('launch.sim.launch', 'import rclpy'),
    ('scpo_ros.bringup.launching', 'from scpo_ros.nodes import plant'),
    ('scpo_ros.sim', 'from scpo_ros.bringup.launching import nodes'),
    ('scpo_ros.systems.system', 'from scpo_ros.system_page.command import main'),
    ('scpo_ros.audit.auditor', 'from scpo_ros.systems.__main__ import main'),
])
def test_a_violation_is_found(module, source):
    assert len(violations(source, module)) == 1


@pytest.mark.parametrize('module, source', [
    ('scpo_ros.scpo.update', 'import numpy\nfrom scpo_ros.arrays import checked'),
    ('scpo_ros.scpo.update', 'from .projection import project\nfrom .. import exceptions'),
    ('scpo_ros.backup.mpc', 'import casadi\nfrom scpo_ros.config import BackupConfig'),
    ('scpo_ros.arrays', 'from scpo_ros.exceptions import InvalidArrayError'),
    ('scpo_ros.sim', 'from scpo_ros import adapter\nfrom scpo_ros.bringup import observers'),
    ('scpo_ros.nodes.plant', 'import rclpy\nfrom sensor_msgs.msg import JointState'),
    ('scpo_ros.nodes.plant', 'from . import parameters\nfrom scpo_ros.systems import plant'),
    ('scpo_ros.systems.__main__', 'from scpo_ros.system_page.command import main'),
    ('launch.sim.launch', 'import launch_ros\nfrom scpo_ros.bringup.launching import nodes'),
])
def test_what_is_allowed_passes(module, source):
    assert violations(source, module) == []


def test_a_package_resolves_relative_imports_from_itself():
    source = 'from .update import ScpoUpdater\nfrom ..simulation import rollout'
    assert violations(source, 'scpo_ros.scpo', is_package=True) == [
        'scpo_ros.scpo (scpo) must not import scpo_ros.simulation.rollout']
