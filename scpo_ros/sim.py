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
The closed loop without `ros2 launch`: the same nodes, parameter file and arguments.

    python -m scpo_ros.sim expert:=sign_flip duration:=60 seed:=1

Every process has a session of its own, so that Ctrl-C reaches this one only. It then stops the
monitor first, which writes the summary, and the others after it. SIGTERM, SIGQUIT and a closed
terminal (SIGHUP, unless `nohup` ignores it) do the same; a second signal changes nothing. Where
this process is killed, the others end by themselves.
"""

import signal

if __name__ == '__main__':  # Ctrl-C waits until all modules are there to answer it
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

from collections.abc import Callable, Mapping, Sequence  # noqa: I100
from pathlib import Path
import sys
import time

from scpo_ros.bringup.observers import readiness
from scpo_ros.bringup.preparation import set_up
from scpo_ros.bringup.processes import Processes
from scpo_ros.bringup.results_folder import bag_path
from scpo_ros.config import RUN_NODES
from scpo_ros.config.arguments import ARGUMENTS, full_name, parsed, value_of
from scpo_ros.exceptions import ScpoRosError
from scpo_ros.process.parent import end_with_parent
from scpo_ros.process.program import program
from scpo_ros.process.stopping import interrupted_once
from scpo_ros.process.user_folders import ensure_user_folders


_HELP = """\
The closed loop without `ros2 launch`: the same nodes, parameter file and arguments.

    python -m scpo_ros.sim expert:=sign_flip duration:=60 seed:=1

Arguments and their defaults:"""
_DEFAULTS = {**{argument.name: argument.default for argument in ARGUMENTS}, 'duration': '60'}


def parse(arguments: Sequence[str]) -> dict[str, str]:
    """
    Return {name: text} of arguments `name:=value`, defaults filled in.

    :raises ConfigurationError: for what is not of that form, or a path below no known home folder.
    """
    return parsed(arguments, _DEFAULTS)


def command(node: str, values: Mapping[str, str], path: Path) -> list[str]:
    """Return the command line that starts a node with a parameter file."""
    return [sys.executable, '-m', f'scpo_ros.nodes.{node}', '--ros-args',
            '-r', f'__ns:={full_name("", values)}',
            '--log-level', values['log_level'], '--params-file', str(path)]


def simulate(values: Mapping[str, str], deaf: Callable[[], None]) -> int:
    """
    Run the closed loop; return the exit code.

    :param values: {argument: text}. :param deaf: has signals ignored from then on.
    :raises ScpoRosError: for a bad configuration, before anything moves.
    :raises KeyboardInterrupt: when a signal comes before anything was started.
    """
    ensure_user_folders()
    path, shown = set_up(values)
    nodes = [*(['recorder'] if value_of('record', values) else []), *RUN_NODES]
    lines = {node: command(node, values, path) for node in nodes}
    if shown:
        lines['ready'] = readiness(values)
    end, codes = _run(Processes(
        lines, bool(value_of('use_respawn', values)), shown, bag_path(values)), deaf)
    if end is not None and end[0] != 'monitor':
        print(f'the {end[0]} ended unexpectedly with code {end[1]}', file=sys.stderr)
    bad = {name: code for name, code in codes.items() if code != 0}
    if bad:
        print(f'exit codes that are not 0: {bad}', file=sys.stderr)
    written = [path.parent / 'summary.json', path.parent / 'run.png']
    written += [bag_path(values)] if value_of('record', values) else []
    print(f'results: {", ".join(str(path) for path in written if path.exists()) or "none"}')
    return 1 if bad else 0


def _run(processes: Processes, deaf: Callable[[], None]
         ) -> tuple[tuple[str, int] | None, dict[str, int]]:
    """
    Run processes until one ends or a signal comes, then stop them all.

    :returns: (name, exit code) of the one that ended, None after a signal; {name: exit code}.
    """
    end: tuple[str, int] | None = None
    try:
        processes.start()
        while end is None:
            time.sleep(0.1)
            end = processes.ended()
    except KeyboardInterrupt:
        print('\nstopping', file=sys.stderr)
    finally:
        deaf()  # an impatient Ctrl-C must leave nothing behind
        codes = processes.stop()
    return end, codes


@program
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulation of the command line."""
    given = sys.argv[1:] if arguments is None else arguments
    if any(argument in ('-h', '--help') for argument in given):
        print(_HELP)
        for argument in ARGUMENTS:
            default = _DEFAULTS[argument.name]
            print(f'  {argument.name + ":=" + default:28s} {argument.description}')
        return 0
    end_with_parent(signal.SIGTERM)
    with interrupted_once() as deaf:
        try:
            return simulate(parse(given), deaf)
        except ScpoRosError as error:
            print(f'[scpo_ros] error: {error}', file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print('\nstopped before anything was started', file=sys.stderr)
            return 130


if __name__ == '__main__':
    sys.exit(main())
