"""
The closed loop: plant, controller, adapter, expert and monitor.

    ros2 launch scpo_ros sim.launch.py expert:=sign_flip duration:=60 seed:=1

Arguments are those of :mod:`scpo_ros.sim`. They and the parameter file are checked before any
process is started; what was checked is written to RESULTS/run.parameters.yaml, which is all that
the nodes read: one value for every parameter, so that no order of sections decides. The launch
ends with the monitor. It also ends, with an error, when plant or controller end; adapter and
expert may die without the robot noticing.
"""

from functools import partial
from pathlib import Path
import signal
import sys

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument, ExecuteProcess, OpaqueFunction, RegisterEventHandler, Shutdown)
from launch.event_handlers import OnProcessExit, OnProcessStart
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from scpo_ros.arguments import ARGUMENTS
from scpo_ros.config import NODES
from scpo_ros.sim import full_name, MAY_DIE, ros2_bag_record, set_up, value_of

_RESPAWN_DELAY_S = 2.0
# A process is interrupted, terminated, killed so long after one another. The monitor needs
# seconds to write the summary, on a busy machine many.
_PATIENCE = {'sigterm_timeout': '30', 'sigkill_timeout': '10'}
_ONE_THREAD = {'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1'}


def generate_launch_description():
    """Return the declared arguments and what makes processes of their values."""
    return LaunchDescription([
        *(DeclareLaunchArgument(argument.name, default_value=argument.default,
                                description=argument.description) for argument in ARGUMENTS),
        OpaqueFunction(function=_run)])


def _run(context):
    """
    Return the actions of the run.

    :raises ConfigurationError: which ends the launch with an error before anything was started.
    """
    values = _values(context)
    record = [ros2_bag_record(values)] if value_of('record', values) else []
    path, lines = set_up(values)
    lines = [*record, *lines]
    nodes = {name: _node(name, str(path), values) for name in NODES}
    return [*_around(lines, nodes['monitor']), *nodes.values(),
            *(_watch(name, node, values) for name, node in nodes.items())]


def _values(context):
    """Return {argument: text}, with what is unknown where the command line names this file."""
    values = {argument.name: LaunchConfiguration(argument.name).perform(context)
              for argument in ARGUMENTS}
    if Path(__file__).name in {Path(word).name for word in sys.argv}:
        values.update((name, text) for name, _, text in (
            word.partition(':=') for word in context.argv)
            if name not in values and not name.startswith('launch-prefix'))
    return values


def _respawns(name, values):
    by_name = {argument.name: argument for argument in ARGUMENTS}
    return name != 'monitor' and by_name['use_respawn'].parse(values['use_respawn'])


def _node(name, path, values):
    return Node(
        package='scpo_ros', executable=name, name=name,
        namespace=full_name('', values).rstrip('/') or '/', parameters=[path],
        ros_arguments=['--log-level', values['log_level']], output='screen',
        respawn=_respawns(name, values), respawn_delay=_RESPAWN_DELAY_S,
        additional_env=_ONE_THREAD, **_PATIENCE)


def _watch(name, node, values):
    return RegisterEventHandler(OnProcessExit(
        target_action=node, on_exit=partial(_ended, name, _respawns(name, values))))


def _ended(name, respawns, event, context):
    """End the launch with the monitor; an end that was not asked for is an error."""
    if context.is_shutdown:
        if event.returncode not in (0, -signal.SIGINT):  # interrupted while it was starting
            raise RuntimeError(f'the {name} ended with code {event.returncode}')
    elif name == 'monitor' and event.returncode == 0:
        return [Shutdown(reason='the run is over')]
    elif not (respawns or name in MAY_DIE):
        raise RuntimeError(f'the {name} ended unexpectedly with code {event.returncode}')
    return None


def _around(lines, last):
    """Return the actions that start the recorder at once, and rqt after the last node."""
    actions = []
    for line in lines:
        process = ExecuteProcess(cmd=line, name=line[0], output='screen', **_PATIENCE)
        actions.append(process if line[0] != 'rqt' else RegisterEventHandler(
            OnProcessStart(target_action=last, on_start=[process])))
    return actions
