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
Damaged and foreign bags: report and audit answer rightly, or refuse in one line.

The bags are those of the tests of the audit (test/samples): a genuine run, and the same one
outside its limits. Damage goes over every part of every file; topics, types and names are foreign.
"""

from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
import shutil
import sys
import tempfile

from assurance.learning import Learnt
from assurance.oracle import Oracle
from assurance.tally import Tally
import numpy as np
from rosbags.rosbag2 import CompressionMode, StoragePlugin
from scpo_ros import report
from scpo_ros.audit.__main__ import main as audit

sys.path.append(str(Path(__file__).parents[1] / 'test' / 'samples'))
import foreign_bags  # noqa: E402, I100, I202 - the path comes first
import quick_audit  # noqa: E402, I100, I202
import recorded_run  # noqa: E402, I100, I202
import tampering  # noqa: E402, I100, I202


UNTIL = 1003.0  # end of the recordings [s]
OUTSIDE = slice(15, 25)  # states that are outside the limits in the bad run
STORED = {  # how a bag may be stored
    'ours': recorded_run.write,
    'mcap': foreign_bags.store,
    'mcap, packed': lambda path, entries: foreign_bags.store(
        path, entries, mode=CompressionMode.FILE),
    'sqlite3': lambda path, entries: foreign_bags.store(path, entries, StoragePlugin.SQLITE3),
    'split': lambda path, entries: foreign_bags.split(path, entries, 1001.5)}
DAMAGE = ('bits', 'noise', 'zeros', 'cut', 'hole', 'doubled', 'gone', 'no metadata')
REPORT_EVERY = 12  # damaged bags: a picture takes a second


def runs():
    """Return {name: entries} of the good run and of the bad one."""
    good = tuple(e for e in recorded_run.genuine() if e.time < UNTIL)
    bad = good
    for index in range(OUTSIDE.start, OUTSIDE.stop):
        bad = tampering.field(tampering.STATES, 'position', lambda p: p + 3.0, index)(bad)
    return {'good': good, 'bad': bad}


def damaged(data, kind, share, rng):
    """Return a file after damage at a share of its length, None where the file is gone."""
    data, at = bytearray(data), int(share * len(data))
    some = int(rng.integers(1, 40))
    if kind == 'bits':
        data[at:at + 1] = bytes(b ^ (1 << int(rng.integers(8))) for b in data[at:at + 1])
    elif kind in ('noise', 'zeros'):
        end = min(at + some, len(data))
        data[at:end] = rng.bytes(end - at) if kind == 'noise' else bytes(end - at)
    elif kind == 'cut':
        del data[at:]
    elif kind == 'hole':
        del data[at:at + some]
    elif kind == 'doubled':
        data[at:at] = data[at:at + some]
    else:
        return None
    return bytes(data)


def asked(program, path, *options):
    """Return (exit code, output, error) of a program; the code is a text where it raised."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = program([str(path), *options])
        except SystemExit as end:
            code = end.code
        except BaseException as error:  # noqa: B902 - a traceback is what must not be
            code = f'{type(error).__name__}: {error}'
    return code, out.getvalue(), err.getvalue()


def judge(tally, kind, name, code, error):
    """Count an answer: a refusal, or what must not be. :param name: of the run."""
    if code == 2:
        lines = error.splitlines()
        one = len(lines) == 1 and lines[0].startswith('[scpo_ros] error: ')
        tally.refusal(kind, lines[0] if one else '')
    elif code not in (0, 1):
        tally.fail('other_crashes', f'{kind}: {code}')
    elif code == 0 and name == 'bad':
        tally.fail('unnoticed_faults', f'{kind}: a run outside its limits passed')
    else:
        tally.take(kind)


def attack_files(tally, rng, folder, count):
    """Damage every part of every file of bags, and ask."""
    kept = {(run, how): store(folder / f'{run}_{number}', entries)
            for run, entries in runs().items() for number, (how, store) in enumerate(
                STORED.items())}
    places = [(*key, file.name) for key, path in kept.items() for file in sorted(path.iterdir())]
    for number in range(count):
        name, how, file = places[number % len(places)]
        kind = DAMAGE[number // len(places) % len(DAMAGE)]
        share = (number // len(places) + rng.uniform()) / max(1, count // len(places)) % 1.0
        shutil.rmtree(folder / 'bag', ignore_errors=True)
        shutil.copytree(kept[name, how], folder / 'bag')
        target = folder / 'bag' / ('metadata.yaml' if kind == 'no metadata' else file)
        content = damaged(target.read_bytes(), kind, share, rng)
        target.unlink() if content is None else target.write_bytes(content)
        what = f'bag, {how}: {kind} in {target.suffix}'
        tally.tried(what)
        code, _, error = asked(audit, folder / 'bag')
        judge(tally, what, name, code, error)
        if number % REPORT_EVERY == 0:
            code, _, error = asked(report.main, folder / 'bag', '--output', str(folder / 'out'))
            judge(tally, f'report, {what}', '', code, error)


def foreign(entries):
    """Yield (kind, entries, options, whether it must be answered as without)."""
    topics = sorted({e.topic for e in entries})
    remap = [f'--remap={name}:={foreign_bags.ARM[f"/scpo/{name}"]}'
             for name in ('joint_states', 'joint_command')]
    yield 'states of an arm', foreign_bags.panda(entries), [], True
    yield 'other names', foreign_bags.renamed(entries, foreign_bags.ARM), remap, True
    yield 'other names, not given', foreign_bags.renamed(entries, foreign_bags.ARM), [], False
    yield 'other node', foreign_bags.node_renamed(entries, 'controller', 'ctl'), [
        '--remap=controller:__node:=ctl'], True
    yield 'other joints', foreign_bags.panda(entries, '/scpo/joint_states'), [], False
    for topic in ('/clock', '/diagnostics', '/rosout', '/scpo/extra', '/x/joint_states',
                  '/x/policy'):
        yield f'text on {topic}', (*entries, foreign_bags.text(1001.0, topic)), [], True
    for topic in topics:
        yield 'another type', foreign_bags.mistyped(entries, topic), [], False
        yield 'a second type', (*entries, foreign_bags.text(1001.0, topic)), [], False


def attack_topics(tally, folder, rng, count):
    """Ask about bags with foreign topics, names and types."""
    entries = runs()
    plain = {name: asked(audit, recorded_run.write(folder / name, entries[name]))
             for name in entries}
    cases = [(name, *case) for name in entries for case in foreign(entries[name])]
    for number, index in enumerate(rng.permutation(len(cases))[:count]):
        name, kind, changed, options, same = cases[index]
        tally.tried(f'bag: {kind}')
        path = foreign_bags.store(folder / f'foreign_{number}', changed)
        code, output, error = asked(audit, path, *options)
        judge(tally, f'bag: {kind}', name, code, error)
        if same and (code, checked(output)) != (plain[name][0], checked(plain[name][1])):
            tally.fail('false_alarms', f'{kind}: {code}, {checked(output) or error}')


def checked(output):
    """Return the line of an audit that says how much was looked at."""
    return next((line for line in output.splitlines() if 'checked:' in line), '')


def attack(_: Learnt, __: Oracle, tally: Tally, rng: np.random.Generator, count: int) -> None:
    """Ask about `count` damaged bags, and about as many foreign ones as there are kinds."""
    with tempfile.TemporaryDirectory() as folder, quick_audit.quick_audits():
        attack_topics(tally, Path(folder), rng, count)
        attack_files(tally, rng, Path(folder), count)
