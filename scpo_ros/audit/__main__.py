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
Check every certificate, policy swap and motion in a bag, offline.

    python -m scpo_ros.audit BAG [--params FILE] [--namespace NS] [--remap NAME:=TOPIC]

The exit code is 0 when everything holds, 1 when something does not, 2 when the bag or its
parameters cannot be read.
"""

import argparse
from collections.abc import Sequence
from functools import partial
import sys

from scpo_ros.audit.auditor import audit, Report
from scpo_ros.exceptions import ScpoRosError
from scpo_ros.process.program import program
from scpo_ros.recording.bag import Bag
from scpo_ros.recording.chosen_robots import bag_parser, chosen
from scpo_ros.recording.recorded_parameters import recorded_parameters
from scpo_ros.recording.robots import remarks, Robot
from tqdm import tqdm

_SHOWN = 50  # findings that are printed unless all are asked for


@program
def main(arguments: Sequence[str] | None = None) -> int:
    """Audit the bag of the command line; return the exit code."""
    parser = bag_parser(
        'python -m scpo_ros.audit',
        'Checks every certificate, every policy swap and every motion in a bag again.',
        'Exit code: 0 everything holds, 1 something does not, 2 it cannot be read.')
    parser.add_argument('--all', action='store_true', help='print every finding')
    given = parser.parse_args(arguments)
    try:
        bag, robots = chosen(given)
        reports = [_audited(bag, robot, given) for robot in robots]
        for remark in remarks(bag, robots):
            print(f'  note: {remark}')
    except (ScpoRosError, OSError) as error:
        print(f'[scpo_ros] error: {error}', file=sys.stderr)
        return 2
    return 1 if any(report.findings for report in reports) else 0


def _audited(bag: Bag, robot: Robot, given: argparse.Namespace) -> Report:
    """Audit a robot, print the outcome and return it."""
    parameters = recorded_parameters(bag, robot.namespace, given.params)
    bar = partial(tqdm, desc='policies', unit='', leave=False, delay=1.0,
                  disable=not sys.stderr.isatty())
    report = audit(bag, robot, parameters, bar)
    print(f'{bag.path}, {robot.namespace}: {bag.duration:.1f} s, '
          f'parameters from {parameters.source}')
    shown = report.findings if given.all else report.findings[:_SHOWN]
    for finding in shown:
        print(f'  t = {finding.time:9.3f} s  {finding.topic}: {finding.sentence}')
    if len(shown) < len(report.findings):
        print(f'  and {len(report.findings) - len(shown)} more: --all prints them')
    for note in report.notes:
        print(f'  note: {note}')
    print('  checked: ' + ', '.join(f'{n} {what}' for what, n in report.checked.items()))
    print(f'  {len(report.findings) or "nothing"} found that does not hold')
    return report


if __name__ == '__main__':
    sys.exit(main())
