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
Moves a robot safely while it is recorded; see docs/your_robot.md.

    python -m scpo_ros.excite system:=draft.yaml recording:=drive.csv duration:=60
"""

from collections.abc import Sequence
import sys

from scpo_ros.config.arguments import EXCITE_ARGUMENTS, full_name, parsed
from scpo_ros.excite.preparation import prepared
from scpo_ros.nodes.excite import main as run_node
from scpo_ros.process.program import program
from scpo_ros.process.user_folders import ensure_user_folders

_HELP = """\
Moves a robot by random inputs, through the safety filter of a draft, and writes a table for
`python -m scpo_ros.identify`.

    python -m scpo_ros.excite system:=draft.yaml recording:=drive.csv duration:=60

Exit code: 0 the robot was moved for the whole duration, 1 for less or nothing was written, 2 an
argument, the draft or another node does not allow it. Arguments and their defaults:"""
_REMAPPED = ('joint_states', 'joint_command')


@program
def main(arguments: Sequence[str] | None = None) -> int:
    """Move the robot as the command line says; return the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if any(argument in ('-h', '--help') for argument in given):
        print(_HELP)
        for argument in EXCITE_ARGUMENTS:
            print(f'  {argument.name + ":=" + argument.default:28s} {argument.description}')
        return 0
    values = parsed(given, {argument.name: argument.default for argument in EXCITE_ARGUMENTS},
                    EXCITE_ARGUMENTS)
    ensure_user_folders()
    path = prepared(values)
    renamed = [f'{name}:={values[name]}' for name in _REMAPPED if values[name] != name]
    return run_node(['excite', '--ros-args', '-r', f'__ns:={full_name("", values)}',
                     *(word for name in renamed for word in ('-r', name)),
                     '--log-level', values['log_level'], '--params-file', str(path)])


if __name__ == '__main__':
    sys.exit(main())
