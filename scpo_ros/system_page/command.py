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

"""The command `python -m scpo_ros.systems FILE`."""

import argparse
from collections.abc import Sequence
import sys

from scpo_ros.exceptions import ConfigurationError, NoSafeSetError
from scpo_ros.sets.system_set import safe_parts
from scpo_ros.system_page.page import (
    conclusion, introduction, room_for_a_residual, safe_set_of_a_part)
from scpo_ros.system_page.picture import draw
from scpo_ros.systems.loading import load, shipped_names
from scpo_ros.verification.system_task import SystemTask


def explain(name: str, picture: str | None) -> None:
    """
    Print the page of a system.

    :param name: of a shipped description, or the path of a file. :param picture: file, or None.
    :raises ConfigurationError: for a bad description. :raises NoSafeSetError: for an empty set.
    :raises OSError: when the picture cannot be written.
    """
    system = load(name)
    for line in introduction(system):
        print(line, flush=True)
    parts = safe_parts(system)
    for number, part in enumerate(parts, start=1):
        for line in safe_set_of_a_part(system, number, part):
            print(line, flush=True)
    task = SystemTask.build(system)
    for line in (*room_for_a_residual(task), *conclusion(system, task.residual)):
        print(line)
    if picture is not None:
        draw(system, parts, picture)
        print(f'picture: {picture}')


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, 2 for a bad description or 3 for an empty safe set."""
    parser = argparse.ArgumentParser(
        prog='python -m scpo_ros.systems',
        description='Explain a system: its modes, decoupled parts, safe set and room to learn.')
    parser.add_argument('system', nargs='?', help='a shipped name, or the path of a file; '
                        'without one, the shipped names are listed')
    parser.add_argument('--picture', help='write slices of the safe set to this file (PNG, SVG)')
    chosen = parser.parse_args(arguments)
    if chosen.system is None:
        print('\n'.join(shipped_names()))
        return 0
    try:
        explain(chosen.system, chosen.picture)
    except NoSafeSetError as error:
        print(f'[scpo_ros] error: {error}', file=sys.stderr)
        return 3
    except (ConfigurationError, OSError, ValueError) as error:
        print(f'[scpo_ros] error: {error}', file=sys.stderr)
        return 2
    return 0
