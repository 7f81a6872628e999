"""
The report of a recorded run: the results that the monitor writes, and more, from the bag.

    python -m scpo_ros.report BAG [--output FOLDER] [--params FILE]

writes report.html, which needs nothing else to be looked at, run.png, summary.json and tables
(CSV) into a folder, by default BAG/report.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys

from scpo_ros.atomic_file import write_whole
from scpo_ros.config import Spec
from scpo_ros.exceptions import InvalidArrayError, ScpoRosError
from scpo_ros.recording.bag import Bag, BagError, read_bag
from scpo_ros.recording.bag_tables import write_tables
from scpo_ros.recording.recorded_parameters import recorded_parameters, RecordedParameters
from scpo_ros.recording.report_page import page
from scpo_ros.recording.run_record import RunRecord
from scpo_ros.recording.run_results import write_results


def record_of(bag: Bag, namespace: str, spec: Spec) -> RunRecord:
    """
    Return the :class:`~scpo_ros.recording.run_record.RunRecord` of one namespace of a bag.

    Malformed messages are left out, as the monitor leaves them out; the audit names them.
    """
    record = RunRecord(spec)
    for item in bag.messages:
        if item.topic.startswith(namespace):
            try:
                record.take(item.topic.removeprefix(namespace), item.message)
            except InvalidArrayError:
                pass
    return record


def report(bag: Bag, folder: str | Path, namespace: str,
           parameters: RecordedParameters) -> list[Path]:
    """
    Write the report of one namespace of a bag into a folder.

    :param namespace: with slashes around it. :returns: the paths written.
    """
    record = record_of(bag, namespace, parameters.spec)
    folder = Path(folder)
    simulated = any(m.topic.startswith(f'{namespace}plant/') for m in bag.messages)
    policy = [m.time for m in bag.messages if m.topic == f'{namespace}policy']
    summary = write_results(folder, record, {
        'expert': ', '.join(record.experts) or None,
        'seed': parameters.nodes['plant'].seed if simulated else None,
        'duration_s': round(bag.duration - policy[0], 3) if policy else None,
        'disturbed_by': None})
    tables = write_tables(bag, namespace, record, folder)
    write_whole(folder / 'report.html', page(
        bag, namespace, record, summary, (folder / 'run.png').read_bytes(),
        parameters.text))
    return [folder / 'report.html', folder / 'run.png', folder / 'summary.json', *tables]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report of the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        prog='python -m scpo_ros.report',
        description='Writes a page, a picture, numbers and tables of a recorded run.')
    parser.add_argument('bag', help='folder of the bag')
    parser.add_argument('--output', help='folder to write to (default: BAG/report)')
    parser.add_argument('--params', help='parameter file of the run (default: as recorded)')
    given = parser.parse_args(arguments)
    folder = Path(given.output or Path(given.bag) / 'report')
    try:
        bag = read_bag(given.bag)
        if not bag.namespaces:
            raise BagError(f'{given.bag} holds no joint_states: there is nothing to report')
        for namespace in bag.namespaces:
            own = namespace.strip('/') if len(bag.namespaces) > 1 else ''
            parameters = recorded_parameters(bag, namespace, given.params)
            print('\n'.join(map(str, report(bag, folder / own, namespace, parameters))))
    except (ScpoRosError, OSError) as error:
        print(f'[scpo_ros] error: {error}', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
