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
The report of a recorded run: the results that the monitor writes, and more, from the bag.

    python -m scpo_ros.report BAG [--output FOLDER] [--params FILE] [--namespace NS]
                                  [--remap NAME:=TOPIC]

writes report.html, which needs nothing else to be looked at, run.png, summary.json and tables
(CSV) into a folder, by default BAG/report.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
import sys

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.atomic_file import write_whole
from scpo_ros.config import Specification
from scpo_ros.exceptions import InvalidArrayError, ScpoRosError
from scpo_ros.process.program import program
from scpo_ros.recording.bag import Bag
from scpo_ros.recording.bag_tables import write_tables
from scpo_ros.recording.chosen_robots import bag_parser, chosen
from scpo_ros.recording.frames import strip
from scpo_ros.recording.recorded_parameters import recorded_parameters, RecordedParameters
from scpo_ros.recording.report_page import page
from scpo_ros.recording.robots import remarks, Robot
from scpo_ros.recording.run_record import RunRecord
from scpo_ros.recording.run_results import write_results
from scpo_ros.recording.written_files import WrittenFiles


_FRAMES = 6  # of a strip
_OF_THE_PLANT = ('plant/metrics/deadline_misses', 'plant/metrics/limit_violations')  # simulated


def record_of(bag: Bag, robot: Robot, spec: Specification) -> tuple[RunRecord, list[str]]:
    """
    Return the :class:`~scpo_ros.recording.run_record.RunRecord` of one robot of a bag.

    Malformed messages are left out, as the monitor leaves them out; the audit names each.

    :returns: the record, and a sentence for every topic of which messages were left out.
    """
    record, left_out = RunRecord(spec), Counter[str]()
    first: dict[str, str] = {}  # {topic: why its first malformed message is one}
    for item in bag.messages:
        name = robot.reads(item)
        if name is None:
            continue
        try:
            record.take(name, item.message)
        except InvalidArrayError as error:
            left_out[item.topic] += 1
            first.setdefault(item.topic, str(error))
    return record, [f'{topic}: {count} messages are malformed and left out, the first: '
                    f'{first[topic]}' for topic, count in sorted(left_out.items())]


def report(bag: Bag, folder: str | Path, robot: Robot, parameters: RecordedParameters,
           notes: Iterable[str] = ()) -> tuple[WrittenFiles, list[str]]:
    """
    Write the report of one robot of a bag into a folder.

    :param notes: on the bag. :returns: the files, and all notes.
    """
    record, malformed = record_of(bag, robot, parameters.spec)
    said = [*notes, *malformed]
    files = WrittenFiles(folder)
    names = [(m.time, robot.reads(m)) for m in bag.messages]
    policy = [time for time, name in names if name == 'policy']
    simulated = any(name in _OF_THE_PLANT for _, name in names)
    summary, image = write_results(files, record, {
        'expert': ', '.join(record.experts) or None,
        'seed': parameters.nodes['plant'].seed if simulated else None,
        'duration_s': round(bag.duration - policy[0], 3) if policy else None,
        'disturbed_by': None})
    write_tables(files, bag, robot, record)
    frames = b''
    if simulated and parameters.nodes['plant'].physics == 'mujoco':
        frames = strip(parameters.spec, parameters.nodes['plant'].mujoco_model, _chosen(record))
        said += [] if frames else ['no frames of the motion: MuJoCo does not draw on this machine']
    if frames:
        files.add('frames.png', lambda path: write_whole(path, frames))
    files.add('report.html', lambda path: write_whole(path, page(
        bag, robot, record, summary, image,
        {'Parameters': parameters.text, 'Description of the system': parameters.description},
        said, frames)))
    return files, said


def _chosen(record: RunRecord) -> Array:
    """Return states (k, n) of the last episode but one, evenly spaced; of the last, if only."""
    episodes = sorted({state.episode for state in record.states})
    shown = [state.x for state in record.states if state.episode in episodes[-2:][:1]]
    return np.array(shown)[np.linspace(0, len(shown) - 1, _FRAMES).astype(int)] if shown else (
        np.zeros((0, record.system.n)))


@program
def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report of the command line; return the exit code."""
    parser = bag_parser(
        'python -m scpo_ros.report',
        'Writes a page, a picture, numbers and tables of a recorded run.',
        'Exit code: 0 all was written, 1 a file was not, 2 the bag cannot be read.')
    parser.add_argument('--output', help='folder to write to (default: BAG/report)')
    given = parser.parse_args(arguments)
    failures: list[str] = []
    try:
        bag, robots = chosen(given)
        folder = Path(given.output or _beside(bag.path))
        notes = remarks(bag, robots)
        for robot in robots:
            own = robot.namespace.strip('/') if len(robots) > 1 else ''
            parameters = recorded_parameters(bag, robot.namespace, given.params)
            files, said = report(bag, folder / own, robot, parameters, notes)
            print('\n'.join([*map(str, files.paths), *(f'note: {text}' for text in said)]))
            failures += files.failures
    except ScpoRosError as error:
        failures.append(str(error))
        return 2
    finally:
        for failure in failures:
            print(f'[scpo_ros] error: {failure}', file=sys.stderr)
    return 1 if failures else 0


def _beside(path: Path) -> Path:
    """Return the folder of the report of a bag, or of one of its files."""
    return (path if path.is_dir() else path.parent) / 'report'


if __name__ == '__main__':
    sys.exit(main())
