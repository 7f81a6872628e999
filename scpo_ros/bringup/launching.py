"""Launch actions that both launch files share. An installation with pip has no `launch`."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
import signal
import sys
from typing import TypeAlias

from launch.action import Action
from launch.actions import (
    DeclareLaunchArgument, EmitEvent, ExecuteProcess, RegisterEventHandler)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.launch_context import LaunchContext
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from scpo_ros.bringup.observers import readiness
from scpo_ros.bringup.processes import MAY_DIE
from scpo_ros.config.arguments import Argument, full_name, value_of

# A file, or {node: {parameter: value}}.
Parameters: TypeAlias = str | Mapping[str, Mapping[str, object]]

_RESPAWN_DELAY_S = 2.0
# A process is interrupted, terminated, killed so long after one another. The monitor needs
# seconds to write the summary, on a busy machine many.
PATIENCE = {'sigterm_timeout': '30', 'sigkill_timeout': '10'}
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
    """
    values = {argument.name: LaunchConfiguration(argument.name).perform(context)
              for argument in arguments}
    if Path(launch_file).name in {Path(word).name for word in sys.argv}:
        values.update((name, text) for name, _, text in (
            word.partition(':=') for word in context.argv)
            if name not in values and not name.startswith('launch-prefix'))
    return values


def nodes(names: Iterable[str], parameters: Parameters, values: Mapping[str, str],
          remappings: Iterable[tuple[str, str]] = ()) -> list[Action]:
    """
    Return the actions that run nodes and watch over them.

    The launch ends with the monitor. It also ends, with an error, when plant or controller end;
    adapter and expert may die without the robot noticing.

    :param names: of the executables. :param parameters: a file, or {name: {parameter: value}}.
    :param values: {argument: text}. :param remappings: (from, to) pairs.
    """
    made = {name: _node(name, parameters, values, remappings) for name in names}
    return [*made.values(), *(_watched(name, node, values) for name, node in made.items())]


def _node(name: str, parameters: Parameters, values: Mapping[str, str],
          remappings: Iterable[tuple[str, str]]) -> Node:
    return Node(
        package='scpo_ros', executable=name, name=name,
        namespace=full_name('', values).rstrip('/') or '/',
        parameters=[parameters if isinstance(parameters, str) else parameters[name]],
        ros_arguments=['--log-level', values['log_level']], output='screen',
        remappings=list(remappings), respawn=_respawns(name, values),
        respawn_delay=_RESPAWN_DELAY_S, additional_env=_ONE_THREAD, **PATIENCE)


def _respawns(name: str, values: Mapping[str, str]) -> bool:
    return name != 'monitor' and bool(value_of('use_respawn', values))


def _watched(name: str, node: Node, values: Mapping[str, str]) -> Action:
    return RegisterEventHandler(OnProcessExit(
        target_action=node, on_exit=partial(_ended, name, _respawns(name, values))))


def _ended(name: str, respawns: bool, event: ProcessExited, context: LaunchContext
           ) -> list[Action] | None:
    """End the launch with the monitor; an end that was not asked for is an error."""
    if context.is_shutdown:
        if event.returncode not in (0, -signal.SIGINT):  # interrupted while it was starting
            raise RuntimeError(f'the {name} ended with code {event.returncode}')
    elif name == 'monitor' and event.returncode == 0:
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
    actions = [_process(recording, recording[0])] if recording else []
    if viewers:
        waiting = _process(readiness(values), 'ready')
        actions += [waiting, RegisterEventHandler(OnProcessExit(
            target_action=waiting,
            on_exit=[_process(line, name) for name, line in viewers.items()]))]
    return actions


def _process(line: list[str], name: str) -> ExecuteProcess:
    return ExecuteProcess(cmd=line, name=name, output='screen', **PATIENCE)
