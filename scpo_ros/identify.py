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
The model of a robot from a recording: a complete description, and a page on how far to trust it.

    python -m scpo_ros.identify RECORDING --system DRAFT --output FILE [--picture FILE]

RECORDING is a bag of the stack's own topics or a table (CSV). DRAFT is a description whose
dynamics may be a guess: what is 0 in them stays 0. See docs/identification.md.
"""

import argparse
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
import sys

from scpo_ros.atomic_file import write_whole
from scpo_ros.config.paths import expanded
from scpo_ros.exceptions import ConfigurationError, ScpoRosError
from scpo_ros.identification.bag_record import read_states
from scpo_ros.identification.csv_record import read_csv
from scpo_ros.identification.description_text import description_text
from scpo_ros.identification.identified import Choices, Identified, identify, names_of
from scpo_ros.identification.insufficient import InsufficientDataError
from scpo_ros.identification.outlook import outlook_of
from scpo_ros.identification.page import page_of, safe_set_lines
from scpo_ros.identification.picture import draw_residuals
from scpo_ros.identification.record import Record
from scpo_ros.process.program import program
from scpo_ros.systems.loading import load
from scpo_ros.systems.system import System

_PICTURES = ('.png', '.svg', '.pdf')
_EPILOG = """\
Exit code: 0 the description was written and has a safe set, 1 a file was not written, 2 the
recording or the draft is bad, 3 the description was written and no safe set remains, 4 the
recording does not show what is to be identified, and nothing was written."""


def comments(found: Identified, now: datetime) -> Iterator[str]:
    """Yield the comments at the beginning of the description."""
    record, choices = found.record, found.choices
    yield (f'Identified by python -m scpo_ros.identify from {record.source} on '
           f'{now:%Y-%m-%d %H:%M} UTC.')
    yield (f'{found.data.count} transitions of {record.samples} states were used; '
           f'{sum(record.gaps.values())} were not.')
    yield (f'Free entries of the dynamics: {found.entries.count}, jointly known with confidence '
           f'{choices.confidence:g}:')
    names = names_of(found.draft)
    for (row, column), value, width in zip(
            found.entries.places, found.fit.theta, found.region.half_widths):
        yield f'  {found.draft.states[row].name} by {names[column]}: {value:.6g} +- {width:.2g}'
    yield (f'disturbance: {choices.factor:g} times the largest observed (an assumption), and the '
           'uncertainty of the dynamics within the limits.')
    yield (f'Without the factor a fresh transition exceeds it with a probability of at most '
           f'{found.probability:.2g}, with confidence {found.confidence:.3g}.')
    yield ('measurement_error: ' + (
        f'from {found.rest.samples} samples at rest.' if found.rest.samples else
        'not measured, no segment at rest; it is in the disturbance.'))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m scpo_ros.identify', epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description='Identify dynamics, delay, disturbance and measurement error of a robot.')
    parser.add_argument('recording', help='a table (NAME.csv), the folder of a bag, or its file')
    parser.add_argument('--system', required=True, metavar='DRAFT',
                        help='description: a shipped name, or the path of a file')
    parser.add_argument('--output', required=True, metavar='FILE', help='description to write')
    parser.add_argument('--force', action='store_true', help='replace the file if it exists')
    parser.add_argument('--picture', metavar='FILE', help='write a picture of the residuals')
    parser.add_argument('--free', choices=('nonzero', 'all'), default='nonzero',
                        help='which entries of the draft are free, beside kinematic rows '
                        '(default: nonzero)')
    parser.add_argument('--confidence', type=float, default=Choices.confidence,
                        help='of the joint region of A and B (default: %(default)s)')
    parser.add_argument('--factor', type=float, default=Choices.factor,
                        help='of the largest disturbance over the largest observed one '
                        '(default: %(default)s)')
    parser.add_argument('--namespace', action='append', default=[], help='of the robot in a bag')
    parser.add_argument('--remap', action='append', default=[], metavar='NAME:=TOPIC',
                        help='a topic of a bag with another name, such as '
                        'joint_states:=/arm/states (may be repeated)')
    return parser


def _choices(given: argparse.Namespace) -> Choices:
    """Return the choices of the command line; raise ConfigurationError."""
    if not 0.5 <= given.confidence < 1:
        raise ConfigurationError('--confidence', given.confidence, 'must lie in [0.5, 1)')
    if not 1 <= given.factor <= 100:
        raise ConfigurationError('--factor', given.factor, 'must lie in [1, 100]')
    return Choices(given.free == 'all', given.confidence, factor=given.factor)


def _output(given: argparse.Namespace) -> Path:
    """Return the file to write; raise ConfigurationError where it must not be written."""
    path = Path(expanded('--output', given.output))
    if path.exists() and not given.force:
        raise ConfigurationError(
            '--output', given.output, 'must not exist yet; --force replaces it')
    if path.suffix not in ('.yaml', '.yml'):
        raise ConfigurationError('--output', given.output, 'must end in .yaml or .yml')
    return path


def _picture(given: argparse.Namespace) -> Path | None:
    """Return the file of the picture, None for none; raise ConfigurationError."""
    if given.picture is None:
        return None
    path = Path(expanded('--picture', given.picture))
    if path.suffix.lower() not in _PICTURES:
        raise ConfigurationError(
            '--picture', given.picture, f'must end in one of {", ".join(_PICTURES)}')
    return path


def _record(given: argparse.Namespace, system: System) -> Record:
    path = Path(expanded('recording', given.recording))
    if path.suffix.lower() == '.csv':
        return read_csv(path, system)
    return read_states(path, system, given.namespace, given.remap)


def _identify(given: argparse.Namespace) -> int:
    """Identify, write and print; return 0, or 3 without a safe set."""
    choices, output, picture = _choices(given), _output(given), _picture(given)
    system = load(given.system)
    found = identify(system.description, _record(given, system), choices)
    now = datetime.now(timezone.utc)
    write_whole(output, description_text(found.description, comments(found, now)))
    for line in page_of(found):
        print(line, flush=True)
    outlook = outlook_of(found.description)
    for line in safe_set_lines(found, outlook):
        print(line)
    print(f'\ndescription: {output}')
    if picture is not None:
        draw_residuals(found, picture)
        print(f'picture: {picture}')
    if outlook.system is None:
        print(f'[scpo_ros] error: {outlook.empty}', file=sys.stderr)
        return 3
    return 0


@program
def main(arguments: Sequence[str] | None = None) -> int:
    """Identify from the recording of the command line; return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        return _identify(given)
    except InsufficientDataError as error:
        print(f'[scpo_ros] error: {error}', file=sys.stderr)
        return 4
    except ScpoRosError as error:
        print(f'[scpo_ros] error: {error}', file=sys.stderr)
        return 2


if __name__ == '__main__':
    sys.exit(main())
