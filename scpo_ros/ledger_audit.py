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
Check every entry of a ledger and of the files put aside before it, and count them; no ROS.

    python -m scpo_ros.ledger_audit results/latest/controller.ledger

Exit code 1 when a digest, a link or a policy does not hold. Where the oldest files were deleted to
keep the size limit, the chain begins at the digest that the ledger itself names: everything behind
it is checked, and what stood before it can no longer be shown.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
import sys

from scpo_ros.arrays import digest
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.ledger.ledger import Body, GENESIS, read
from scpo_ros.ledger.policy_entry import read_record
from scpo_ros.ledger.retention import put_aside
from scpo_ros.process.program import program

_HELP = """\
Check every entry of a ledger and of the files put aside before it, and count them:

    python -m scpo_ros.ledger_audit results/latest/controller.ledger

Exit code 1 when a digest, a link or a policy does not hold."""


def parts(path: Path) -> list[Path]:
    """Return the files of a ledger, oldest first."""
    return [*put_aside(path, 'full'), path]


def audit(path: Path) -> tuple[Counter[str], list[str], str]:
    """
    Return (counts of entries by kind, sentences on each defect, digest of the last entry).

    :param path: of NAME.ledger.
    """
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    versions: dict[int, str] = {}  # {version: digest}
    last, first, named = GENESIS, GENESIS, {GENESIS}  # ..., where the chain begins, and may begin
    for index, part in enumerate(parts(path)):
        reading = read(part.read_bytes())
        if reading.fault:
            wrong.append(f'{part.name}: {reading.fault} after {len(reading.entries)} entries')
        for number, entry in enumerate(reading.entries):
            if number == index == 0:
                first = entry.previous
            elif number == 0 and entry.previous != last:
                wrong.append(f'{part.name}: does not go on from the entry before')
            kind = str(entry.body.get('kind'))
            counts[kind if kind != 'refused' else f'refused: {entry.body.get("why")}'] += 1
            if kind == 'accepted':
                wrong += [f'{part.name}, entry {number + 1}: {text}'
                          for text in _policy_faults(entry.body, versions)]
            elif kind == 'deleted':
                named.add(str(entry.body.get('begins_after')))
            last = entry.digest
    if first not in named:
        wrong.insert(0, f'{parts(path)[0].name}: begins after an entry that is not there, and '
                     'nothing says that it was deleted')
    return counts, wrong, last


def _policy_faults(body: Body, versions: dict[int, str]) -> list[str]:
    """Return the defects of an accepted policy; `versions` gains its version and digest."""
    try:
        record = read_record(body['record'])
    except (InvalidArrayError, KeyError) as error:
        return [f'holds no policy: {error}']
    known = versions.setdefault(record.version, record.digest)
    rules = ((record.digest == digest(record.theta), 'its digest is not that of its weights'),
             (known == record.digest, f'version {record.version} was another policy before'),
             (versions.get(record.parent, record.parent_digest) == record.parent_digest,
              f'its parent, version {record.parent}, was another policy'))
    return [sentence for holds, sentence in rules if not holds]


@program
def main(arguments: Sequence[str] | None = None) -> int:
    """Audit the files of the command line; return the exit code."""
    given, faulty = sys.argv[1:] if arguments is None else arguments, False
    if not given or given[0] in ('-h', '--help'):
        print(_HELP)
        return 0 if given else 2
    for name in given:
        try:
            counts, wrong, last = audit(Path(name))
        except OSError as error:
            print(f'[scpo_ros] error: {error}', file=sys.stderr)
            return 2
        print(f'{name}: ' + (', '.join(f'{count} {kind}' for kind, count in sorted(
            counts.items())) or 'no entries'))
        print(f'  last digest {last}')
        if counts['deleted']:
            print('  the oldest files were deleted to keep the size limit: what they held cannot '
                  'be shown any more')
        for sentence in wrong:
            print(f'  WRONG: {sentence}')
        faulty |= bool(wrong)
    return int(faulty)


if __name__ == '__main__':
    sys.exit(main())
