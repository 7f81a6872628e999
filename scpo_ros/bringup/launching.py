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

"""Launch actions that both launch files share. An installation with pip has no `launch`."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
import signal
import sys

from launch.action import Action
from launch.actions import (
    DeclareLaunchArgument, EmitEvent, ExecuteProcess, GroupAction, OpaqueFunction,
    RegisterEventHandler)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.launch_context import LaunchContext
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from scpo_ros.bringup.observers import readiness
from scpo_ros.bringup.processes import MAY_DIE
from scpo_ros.config.arguments import Argument, below, full_name, settled, value_of
from scpo_ros.config.parameter_file import from_outside, Given
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.process.parent import bound

_RESPAWN_DELAY_S = 2.0
# A process is interrupted, terminated, killed so long after one another. The monitor needs
# seconds to write the summary, on a busy machine many.
PATIENCE = {'sigterm_timeout': '30', 'sigkill_timeout': '10'}
_ENDING = ('monitor', 'excite')  # which end with the run, and end it
_ONE_THREAD = {'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1'}


def declared(arguments: Iterable[Argument]) -> list[Action]:
    """Return the actions that declare launch arguments."""
    return [DeclareLaunchArgument(
        argument.name, default_value=argument.default, description=argument.description)
        for argument in arguments]


def values_of(context: LaunchContext, arguments: Iterable[Argument], launch_file: str
              ) -> dict[str, str]:
    """
    Return {argument: text}; unknown arguments too where the command line names the launch file.

    So a misspelt argument is refused, and those of a launch file that includes this one are not.
    The namespace is a full name: below the one that an including launch file has pushed.

    :raises ConfigurationError: for a malformed namespace, or a path below no known home folder.
    """
    values = {argument.name: LaunchConfiguration(argument.name).perform(context)
              for argument in arguments}
    if Path(launch_file).name in {Path(word).name for word in sys.argv}:
        values.update((name, text) for name, _, text in (
            word.partition(':=') for word in context.argv)
            if name not in values and not name.startswith('launch-prefix'))
    pushed = context.launch_configurations.get('ros_namespace', '')
    return below(pushed, settled(values, arguments))


def set_outside(context: LaunchContext, values: Mapping[str, str]) -> Given:
    """
    Return {node: {parameter: value}} of what an including launch file sets for all nodes.

    :param values: {argument: text}.
    :raises ConfigurationError: for what ROS 2 would not read, or a changed name of a node.
    """
    for name, text in context.launch_configurations.get('ros_remaps', []):
        if name.rpartition(':')[2] in ('__node', '__name', '__ns'):
            raise ConfigurationError(name, text, 'must not be set for the nodes of scpo_ros: '
                                     'they find each other by their names')
    return from_outside(
        context.launch_configurations.get('global_params', []), full_name('', values))


def nodes(names: Iterable[str], parameters: str, values: Mapping[str, str],
          remappings: Iterable[tuple[str, str]] = ()) -> list[Action]:
    """
    Return the actions that run nodes and watch over them.

    The launch ends with the monitor, or with excite. It also ends, with an error, when plant or
    controller end; adapter and expert may die without the robot noticing. The nodes are given the
    file and nothing else: what an including launch file sets for all nodes is part of it.

    :param names: of the executables. :param parameters: path of the parameter file.
    :param values: {argument: text}. :param remappings: (from, to) pairs.
    """
    made = {name: _node(name, parameters, values, remappings) for name in names}
    return [GroupAction([OpaqueFunction(function=_forget_outside), *made.values()]),
            *(_watched(name, node, values) for name, node in made.items())]


def _forget_outside(context: LaunchContext) -> None:
    """Have the nodes of this group given no parameters beside those of their file."""
    context.launch_configurations.pop('global_params', None)


def _node(name: str, parameters: str, values: Mapping[str, str],
          remappings: Iterable[tuple[str, str]]) -> Node:
    return Node(
        package='scpo_ros', executable=name, name=name,
        namespace=full_name('', values),
        parameters=[parameters],
        ros_arguments=['--log-level', values['log_level']], output='screen',
        remappings=list(remappings), respawn=_respawns(name, values),
        respawn_delay=_RESPAWN_DELAY_S, additional_env=bound(_ONE_THREAD), **PATIENCE)


def _respawns(name: str, values: Mapping[str, str]) -> bool:
    return name not in _ENDING and bool(value_of('use_respawn', values))


def _watched(name: str, node: Node, values: Mapping[str, str]) -> Action:
    return RegisterEventHandler(OnProcessExit(
        target_action=node, on_exit=partial(_ended, name, _respawns(name, values))))


def _ended(name: str, respawns: bool, event: ProcessExited, context: LaunchContext
           ) -> list[Action] | None:
    """End the launch with the run; an end that was not asked for is an error."""
    if context.is_shutdown:
        if event.returncode not in (0, -signal.SIGINT):  # interrupted while it was starting
            raise RuntimeError(f'the {name} ended with code {event.returncode}')
    elif name in _ENDING and event.returncode == 0:
        return [EmitEvent(event=Shutdown(reason='the run is over'))]
    elif not (respawns or name in MAY_DIE):
        raise RuntimeError(f'the {name} ended unexpectedly with code {event.returncode}')
    return None


def observers(recording: list[str] | None, viewers: Mapping[str, list[str]],
              values: Mapping[str, str]) -> list[Action]:
    """
    Return the actions that start the recorder at once, and viewers when there is what they show.

    :param recording: command line, or None. :param viewers: {name: line}.
    :param values: {argument: text}.
    """
    actions = [_process(recording, 'ros2')] if recording else []
    if viewers:
        waiting = _process(readiness(values), 'ready')
        actions += [waiting, RegisterEventHandler(OnProcessExit(
            target_action=waiting,
            on_exit=[_process(line, name) for name, line in viewers.items()]))]
    return actions


def _process(line: list[str], name: str) -> ExecuteProcess:
    return ExecuteProcess(
        cmd=line, name=name, output='screen', additional_env=bound({}), **PATIENCE)
