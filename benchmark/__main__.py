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
Measure scpo_ros against its alternatives, side by side in one process run.

    python -m benchmark [--quick] [--only NAME ...] [--output FILE]
"""

import argparse
import json
import os
from pathlib import Path
import platform
import sys
import time
import warnings

from benchmark import (
    backup, growth, invariant_set, memory, projection, rollouts, round_trip, whole_update)
import numpy as np

SECTIONS = {
    'backup_solve': backup.single, 'backup_law': backup.law, 'rollouts': rollouts.measure,
    'projection': projection.euclidean, 'projection_default': projection.default_path,
    'certificates': projection.certificates, 'invariant_set': invariant_set.measure,
    'whole_update': whole_update.measure, 'memory': memory.measure, 'growth': growth.measure,
    'round_trip': round_trip.measure}
_VERDICT = {True: 'met', False: 'MISSED', None: ''}


def machine():
    """Return what the numbers depend on, as a sentence."""
    name = platform.processor() or platform.machine()
    try:
        text = Path('/proc/cpuinfo').read_text(encoding='utf-8')
        name = next(line.partition(':')[2].strip() for line in text.splitlines()
                    if line.startswith('model name'))
    except (OSError, StopIteration):
        pass
    load = os.getloadavg()[0]
    return (f'{name}, {os.cpu_count()} processors, load {load:.1f}, Python '
            f'{platform.python_version()}, numpy {np.__version__}')


def row(result):
    """Return the cells of a result in the table."""
    target = ''
    if result.target is not None:
        target = f'{">=" if result.higher_is_better else "<="} {result.target:g}'
    return (result.name, f'{result.value:.4g}', f'{result.spread:.2g}', result.unit, target,
            _VERDICT[result.met], result.note)


def table(results):
    """Return the results as a Markdown table."""
    head = ('name', 'median', 'spread', 'unit', 'target', '', 'note')
    lines = [head, ('---',) * len(head), *map(row, results)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return '\n'.join('| ' + ' | '.join(cell.ljust(width) for cell, width in zip(line, widths))
                     + ' |' for line in lines)


def measured(names, quick):
    """Yield the results of sections, telling the progress on standard error."""
    for name in names:
        start = time.perf_counter()
        print(f'{name} ...', end=' ', file=sys.stderr, flush=True)
        yield from SECTIONS[name](quick)
        print(f'{time.perf_counter() - start:.0f} s', file=sys.stderr, flush=True)


def known(path):
    """Return {name: entry} of an earlier results file: what is not measured again stays."""
    try:
        return {entry['name']: entry
                for entry in json.loads(path.read_text(encoding='utf-8'))['results']}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def main(arguments=None):
    """Run the benchmark of the command line."""
    parser = argparse.ArgumentParser(prog='benchmark', description=__doc__.splitlines()[1])
    parser.add_argument('--quick', action='store_true', help='few minutes, wider spreads')
    parser.add_argument('--only', nargs='+', choices=SECTIONS, default=list(SECTIONS),
                        metavar='SECTION', help=f'some of: {", ".join(SECTIONS)}')
    parser.add_argument('--output', type=Path,
                        default=Path(__file__).parent / 'results.json', help='the results file')
    chosen = parser.parse_args(arguments)
    print(machine())
    warnings.filterwarnings('ignore', 'Solution may be inaccurate')  # of CVXPY's answers
    results = list(measured(chosen.only, chosen.quick))
    print(table(results))
    entries = {**known(chosen.output), **{result.name: result.entry for result in results}}
    chosen.output.write_text(
        json.dumps({'results': list(entries.values())}, indent=1) + '\n')
    print(f'results: {chosen.output}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
