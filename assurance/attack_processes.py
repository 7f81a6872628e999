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
Runs that are ended in every way, and two runs in one namespace, as processes.

    python -m assurance.attack_processes --count 10 --output results/processes.json

No process may outlive its run; of two runs in one namespace the second must be refused, or, where
both begin at the same moment, both must say that they were disturbed.
"""

import argparse
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import time

from assurance.fleet import ROOT
from assurance.process_tree import descendants, left
from assurance.tally import Tally
import numpy as np
from scpo_ros.process.discovery import lease_s


SIGNALS = (signal.SIGKILL, signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
WAYS = ('in a terminal', '&', 'nohup')  # how a shell starts it
END_S = 50.0  # a run has ended, and all of its processes
LONGEST_S = 12.0  # until the signal: the nodes have begun to run by then, or not
TOGETHER_S = 10.0  # two runs side by side, beyond the lease of a dead node
SPACE = 'assure_runs'


def start(folder, way='in a terminal'):
    """Start a run as a shell does it in one of the WAYS."""
    ignored = {'in a terminal': (), '&': (signal.SIGINT, signal.SIGQUIT),
               'nohup': (signal.SIGHUP,)}[way]

    def begin():
        os.setsid()
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
    with open(f'{folder}.log', 'ab') as log:
        return subprocess.Popen(
            [sys.executable, '-m', 'scpo_ros.sim', f'namespace:={SPACE}', 'duration:=0',
             f'results:={folder}'], cwd=ROOT, stdout=log, stderr=log, preexec_fn=begin)


def code_of(process):
    """Return the exit code of a run that should have ended, None when it has not."""
    try:
        return process.wait(END_S)
    except subprocess.TimeoutExpired:
        return None


def signalled(tally, rng, folder, number):
    """Send a run a signal at any time; see that nothing is left of it."""
    way = WAYS[rng.integers(len(WAYS))]
    process = start(folder, way)
    seen = {}
    while not seen and process.poll() is None:  # until then signals are those of the shell
        seen.update(descendants(process.pid))
    wait, began = rng.uniform(0.0, LONGEST_S), time.monotonic()
    while time.monotonic() < began + wait:
        seen.update(descendants(process.pid))
        time.sleep(0.2)
    seen.update(descendants(process.pid))
    kind = f'kill a run: {number.name}, {way}'
    tally.fault(kind)
    process.send_signal(number)
    if number == signal.SIGHUP and way == 'nohup':
        time.sleep(1.0)
        if process.poll() is not None:
            tally.fail('orphans', f'{kind}: it ended in spite of nohup')
        process.send_signal(signal.SIGTERM)
    code = code_of(process)
    rest = left(seen, END_S)
    if code is None or rest:
        tally.fail('orphans', f'{kind} after {wait:.1f} s: code {code}, left {rest}')
        for one in (process.pid, *seen):
            _kill(one)


def _kill(process):
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass


def doubled(tally, folder, at_once):
    """Start two runs in one namespace, the second at once, or while the first one runs."""
    kind = 'two runs at once' if at_once else 'a run beside another'
    tally.tried(kind)
    one = start(folder / 'one')
    if not at_once:
        running(folder / 'one')
    other = start(folder / 'other')
    if at_once:
        both = running(folder / 'one') and running(folder / 'other')
        time.sleep(lease_s() + TOGETHER_S if both else 0.0)
        other.send_signal(signal.SIGINT)
    codes = [0, code_of(other)]
    one.send_signal(signal.SIGINT)
    codes[0] = code_of(one)
    text = (folder / 'other.log').read_text()
    if codes[1] == 2:
        tally.refusal(kind, next((line for line in text.splitlines() if 'in use' in line), ''))
    if codes[1] != 2 and (0 in codes or not at_once):
        tally.fail('runs_mixed', f'{kind}: codes {codes}: {text[-300:]}')


def running(folder):
    """Wait until the nodes of a run are there; return whether they are."""
    deadline = time.monotonic() + END_S
    while not (folder / 'controller.ledger').exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    return (folder / 'controller.ledger').exists()


def attack(tally, rng, folder, count):
    """End `count` runs, each signal in turn, and start a fourth as many beside another one."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        signalled(tally, rng, folder / f'run{number}', SIGNALS[number % len(SIGNALS)])
    for number in range((count + 3) // 4):
        beside = folder / f'two{number}'
        beside.mkdir()
        doubled(tally, beside, at_once=bool(number % 2))


def main(arguments=None):
    """Run the campaign alone."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[1])
    parser.add_argument('--count', type=int, default=10, help='runs to be ended')
    parser.add_argument('--seed', type=int, default=0, help='of all randomness')
    parser.add_argument('--output', default='results/processes.json', help='where it is written')
    options, tally = parser.parse_args(arguments), Tally()
    with tempfile.TemporaryDirectory(prefix='assurance-') as folder:
        attack(tally, np.random.default_rng([options.seed, 300]), Path(folder, 'runs'),
               options.count)
    tally.write(Path(options.output))
    print(json.dumps(tally.summary(), indent=2))
    return 0 if tally.passed else 1


if __name__ == '__main__':
    sys.exit(main())
