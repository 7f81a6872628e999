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

"""The manifest, setup.py, the changelog, the README and the Makefile agree with each other."""

import ast
from pathlib import Path
import re
import runpy
import shlex
import subprocess
from unittest import mock
import xml.etree.ElementTree as ElementTree

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def arguments(monkeypatch):
    """Return the arguments that setup.py hands to setup()."""
    monkeypatch.chdir(ROOT)
    with mock.patch('setuptools.setup') as setup:
        runpy.run_path('setup.py')
    return setup.call_args.kwargs


@pytest.fixture
def manifest():
    """Return the root element of package.xml, which a parser has found to be well-formed."""
    return ElementTree.parse(ROOT / 'package.xml').getroot()


@pytest.fixture
def make_targets():
    """Return the names of the targets that the Makefile declares phony."""
    declared = re.search(r'^\.PHONY:(.*)$', (ROOT / 'Makefile').read_text(), re.MULTILINE)
    return set(declared.group(1).split())


def test_the_manifest_is_one_of_a_python_package(manifest):
    assert manifest.tag == 'package'
    assert manifest.get('format') == '3'
    assert manifest.findtext('export/build_type') == 'ament_python'


@pytest.mark.parametrize('tag, argument', [
    ('name', 'name'), ('version', 'version'), ('license', 'license'), ('author', 'author'),
    ('maintainer', 'maintainer'),
])
def test_the_manifest_agrees_with_setup(manifest, arguments, tag, argument):
    assert manifest.findtext(tag) == arguments[argument]


def test_the_maintainer_has_one_address(manifest, arguments):
    assert manifest.find('maintainer').get('email') == arguments['maintainer_email']


def test_the_addresses_of_the_website_agree(manifest, arguments):
    assert manifest.findtext('url') == arguments['url']


def test_the_changelog_has_an_entry_for_the_version(arguments):
    changelog = (ROOT / 'CHANGELOG.rst').read_text()
    assert re.search(rf'\b{re.escape(arguments["version"])}\b', changelog)


def test_every_message_package_that_the_nodes_import_is_a_dependency(manifest):
    declared = {element.text for element in manifest.findall('depend')}
    for path in (ROOT / 'scpo_ros' / 'nodes').glob('*.py'):
        used = set(re.findall(r'^\s*(?:from|import) (rclpy|\w+_(?:msgs|srvs|interfaces))\b',
                              path.read_text(), re.MULTILINE))
        assert used <= declared, f'{path.name} imports {used - declared}'


def test_every_wheel_of_ros_is_a_dependency_of_the_package_too(manifest, arguments):
    wheels = {re.match(r'ros-([a-z-]+)', requirement).group(1).replace('-', '_')
              for requirement in arguments['extras_require']['ros']}
    assert wheels == {element.text for element in manifest.findall('depend')}


@pytest.mark.parametrize('name', [
    'plant', 'controller', 'adapter', 'expert', 'sim', 'monitor', 'recorder',
    'ros2_control_driver', 'report', 'audit', 'identify', 'excite'])
def test_every_executable_has_its_function(arguments, name):
    scripts = dict(re.split(r'\s*=\s*', script)
                   for script in arguments['entry_points']['console_scripts'])
    module, function = scripts[name].split(':')
    path = ROOT.joinpath(*module.split('.')).with_suffix('.py')
    defined = {node.name for node in ast.parse(path.read_text()).body
               if isinstance(node, ast.FunctionDef)}
    assert function in defined


def test_every_package_of_the_tree_is_installed(arguments):
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / 'scpo_ros').rglob('*.py')}
    assert {'.'.join(folder.parts) for folder in folders} == set(arguments['packages'])


def test_every_launch_and_configuration_file_is_installed_where_ros_looks(arguments):
    installed = {Path(folder, Path(name).name): Path(name)
                 for folder, names in arguments['data_files'] for name in names}
    for folder in ('launch', 'config'):
        for path in (ROOT / folder).rglob('*'):
            name = path.relative_to(ROOT)
            if path.is_file() and '__pycache__' not in name.parts:
                assert installed.get(Path('share/scpo_ros') / name) == name
    assert Path('share/ament_index/resource_index/packages/scpo_ros') in installed
    assert Path('share/scpo_ros/package.xml') in installed


def test_the_marker_of_annotations_is_installed(arguments, manifest):
    assert arguments['package_data'] == {'scpo_ros': ['py.typed']}
    assert (ROOT / 'scpo_ros' / 'py.typed').read_text() == ''
    assert 'python3-mypy' in {element.text for element in manifest.findall('test_depend')}


def test_every_installed_file_exists(arguments):
    for _, names in arguments['data_files']:
        assert all((ROOT / name).is_file() for name in names), names


def test_every_command_of_the_readme_is_a_target_of_make(make_targets):
    code = re.findall(r'```.*?```|`[^`]+`', (ROOT / 'README.md').read_text(), re.DOTALL)
    commands = set(re.findall(r'\bmake ([a-z]+)\b', '\n'.join(code)))
    assert {'sim', 'test'} <= commands
    assert commands <= make_targets


def pinned(name):
    """Return {package: version} of a file of constraints."""
    return dict(re.findall(r'^([a-z0-9-]+)==([^;\s]+)', (ROOT / name).read_text(), re.MULTILINE))


def test_the_oldest_constraints_are_the_bounds_of_setup(arguments):
    oldest, required = pinned('constraints-oldest.txt'), arguments['install_requires']
    bounds = dict(requirement.split('>=') for requirement in required if '>=' in requirement)
    assert len(bounds) >= 8
    for name, bound in bounds.items():
        assert oldest[name] in (bound, f'{bound}.0'), name


def test_the_constraints_pin_what_setup_asks_for(arguments):
    pins = pinned('constraints.txt')
    extras = arguments['extras_require']
    for requirement in [*arguments['install_requires'], *sum(extras.values(), [])]:
        name, version = re.fullmatch(
            r'([a-z0-9-]+)(?:\[\w+\])?(?:==([\d.]+))?.*', requirement).groups()
        assert name in pins, f'{requirement} has no pin'
        assert version in (None, pins[name]), f'{requirement} is pinned to {pins[name]}'


SYSTEM = {'setuptools', 'numpy', 'scipy', 'matplotlib', 'pyyaml', 'tqdm'}  # Debian packages


def test_the_readme_installs_from_pip_what_has_no_debian_package(arguments, manifest):
    line = re.search(r'^pip install --break-system-packages (.*)$',
                     (ROOT / 'README.md').read_text(), re.MULTILINE).group(1)
    named, pins = dict(item.split('==') for item in line.split()), pinned('constraints.txt')
    required = {re.match('[a-z0-9-]+', text).group() for text in arguments['install_requires']}
    assert set(named) == required - SYSTEM
    assert all(pins[name] == version for name, version in named.items())
    executed = {element.text for element in manifest.findall('exec_depend')}
    skipped = re.search(r"--skip-keys '(.*)'", (ROOT / 'README.md').read_text()).group(1).split()
    assert {key for key in executed if key.endswith('-pip')} <= set(skipped)


def test_cvxpy_is_a_reference_of_tests_and_benchmark_only(manifest, arguments):
    """It brings a numpy that hides the system's, for which the system's matplotlib was built."""
    assert not any('cvxpy' in text for text in arguments['install_requires'])
    for extra in ('test', 'bench'):
        assert any('cvxpy' in text for text in arguments['extras_require'][extra])
    keys = {kind: [element.text for element in manifest.findall(kind)]
            for kind in ('depend', 'exec_depend', 'test_depend')}
    assert ['python3-cvxpy-pip' in keys[kind] for kind in keys] == [False, False, True]


def test_continuous_integration_runs_the_command_of_the_readme():
    commands = [shlex.split(line, comments=True)
                for line in (ROOT / '.ci' / 'run').read_text().splitlines()
                if line.startswith('timeout ')]
    assert len(commands) == 1
    assert {'make', 'test'} <= set(commands[0])


def test_no_package_of_others_lies_in_the_tree():
    listed = subprocess.run(['git', 'ls-files'], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip('the tree is no clone')
    packed = ('.whl', '.gz', '.zip', '.bz2', '.xz', '.deb', '.so', '.egg')
    assert [name for name in listed.stdout.splitlines() if name.endswith(packed)] == []
