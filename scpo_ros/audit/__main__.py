"""
Check every certificate, policy swap and motion in a bag, offline.

    python -m scpo_ros.audit BAG [--params FILE]

The exit code is 0 when everything holds, 1 when something does not, 2 when the bag or its
parameters cannot be read.
"""

import argparse
from collections.abc import Sequence
from functools import partial
import sys

from scpo_ros.audit.auditor import audit, Report
from scpo_ros.exceptions import ScpoRosError
from scpo_ros.recording.bag import Bag, BagError, read_bag
from scpo_ros.recording.recorded_parameters import recorded_parameters
from tqdm import tqdm

_SHOWN = 50  # findings that are printed unless all are asked for


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit the bag of the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        prog='python -m scpo_ros.audit',
        description='Checks every certificate, every policy swap and every motion in a bag again.',
        epilog='Exit code: 0 everything holds, 1 something does not, 2 it cannot be read.')
    parser.add_argument('bag', help='folder of the bag')
    parser.add_argument('--params', help='parameter file of the run (default: as recorded)')
    parser.add_argument('--all', action='store_true', help='print every finding')
    given = parser.parse_args(arguments)
    try:
        bag = read_bag(given.bag)
        if not bag.namespaces:
            raise BagError(f'{given.bag} holds no joint_states: there is nothing to audit')
        reports = [_audited(bag, namespace, given) for namespace in bag.namespaces]
    except (ScpoRosError, OSError) as error:
        print(f'[scpo_ros] error: {error}', file=sys.stderr)
        return 2
    return 1 if any(report.findings for report in reports) else 0


def _audited(bag: Bag, namespace: str, given: argparse.Namespace) -> Report:
    """Audit a namespace, print the outcome and return it."""
    parameters = recorded_parameters(bag, namespace, given.params)
    bar = partial(tqdm, desc='policies', unit='', leave=False, delay=1.0,
                  disable=not sys.stderr.isatty())
    report = audit(bag, namespace, parameters, bar)
    print(f'{bag.path}, {namespace}: {bag.duration:.1f} s, parameters from {parameters.source}')
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
