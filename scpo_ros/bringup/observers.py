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
Programs that only look at a run: recorder, rqt, rviz. None of them moves the robot.

Here are their command lines; :mod:`scpo_ros.bringup.processes` and the launch files start them.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
import posixpath
import re
import shutil
import signal
import sys
import tempfile

from scpo_ros.bringup.layouts import layout, SHIPPED_NAMESPACE
from scpo_ros.config.arguments import full_name, value_of
from scpo_ros.config.resources import share_file
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.interface.stack_topics import KEPT_NAMES, KINDS, names_text
from scpo_ros.process.bound import following


_SHARED = ('/clock', '/diagnostics', '/parameter_events', '/rosout')  # by all namespaces
_VIEWERS = {  # argument: program, command line, file
    'rqt': ('rqt', [sys.executable, '-m', 'scpo_ros.nodes.rqt', '--perspective-file'],
            'config/scpo.perspective'),
    'rviz': ('rviz2', ['rviz2', '-d'], 'config/scpo.rviz')}


def ros2_bag_record(values: Mapping[str, str], folder: str | Path | None = None) -> list[str]:
    """
    Return the command line with which `ros2 bag` records, for the launch files.

    It records the topics of the namespace, those that were given another name, and those that all
    namespaces share, so that two copies of the nodes make two bags. The bag keeps the names.

    :param values: {argument: text}. :param folder: of the bag; None: named by date and time.
    :raises ConfigurationError: when it is not installed.
    """
    if find_spec('ros2bag') is None:
        raise ConfigurationError(
            'record', values['record'], "needs 'ros2 bag', which is not installed here")
    prefix = full_name('', values).rstrip('/')
    topics = {name: posixpath.join(f'{prefix}/', values.get(name, name)) for name in KINDS}
    others = sorted(topic for topic in topics.values() if not topic.startswith(f'{prefix}/'))
    wanted = [f'{re.escape(prefix)}/.*', *_SHARED, *map(re.escape, others)]
    return following([
        'ros2', 'bag', 'record', '--storage', 'mcap', '--disable-keyboard-controls',
        '--node-name', '_'.join(['recorder', *prefix.split('/')[1:]]),
        '--regex', f'^({"|".join(wanted)})$',
        '--custom-data', f'{KEPT_NAMES}={names_text(f"{prefix}/", topics)}',
        *(['--output', str(folder)] if folder else [])], signal.SIGINT)


def viewers(values: Mapping[str, str], states: Sequence[str] | None = None
            ) -> dict[str, list[str]]:
    """
    Return {program: command line} of the viewers that are asked for.

    :param values: {argument: text}. :param states: names of those that are plotted; None: those
        of the shipped files.
    :raises ConfigurationError: when one is not installed.
    """
    lines = {}
    for name, (program, line, config) in _VIEWERS.items():
        if value_of(name, values):
            if shutil.which(program) is None:
                raise ConfigurationError(
                    name, values[name], f'needs {program!r}, which is not installed here')
            lines[program] = following(
                [*line, str(_written(share_file(config), values, states))], signal.SIGKILL)
    return lines


def readiness(values: Mapping[str, str]) -> list[str]:
    """Return the command line of a process that ends once the viewers have something to show."""
    return [sys.executable, '-m', 'scpo_ros.nodes.ready', '--ros-args', '-r',
            f'__ns:={full_name("", values)}']


def _written(path: Path, values: Mapping[str, str], states: Sequence[str] | None) -> Path:
    """Return the path of a viewer's file whose topics are those of the run."""
    prefix = full_name('', values).rstrip('/')
    if prefix == f'/{SHIPPED_NAMESPACE}' and states is None:
        return path
    folder = Path(tempfile.mkdtemp(prefix='scpo_ros_'))
    text = layout(path.name, prefix, *([] if states is None else [states]))
    (folder / path.name).write_text(text, encoding='utf-8')
    return folder / path.name
