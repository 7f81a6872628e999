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

"""Peak memory of the adapter, node and worker together, and of a worker when scenarios grow."""

import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time

from benchmark.measure import Result
from benchmark.processes import ROOT
from benchmark.round_trip import Run
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.config import AdapterConfig, Spec
from scpo_ros.config.validation import build


def peak_mb(process):
    """Return the largest resident memory of a process and of its descendants, together [MB]."""
    total = 0.0
    for line in Path(f'/proc/{process}/status').read_text(encoding='utf-8').splitlines():
        if line.startswith('VmHWM:'):
            total = float(line.split()[1]) / 1024
    for thread in Path(f'/proc/{process}/task').iterdir():
        for child in (thread / 'children').read_text().split():
            total += peak_mb(child)
    return total


def adapter(seconds):
    """Return the peak of the adapter at its defaults after `seconds` of learning."""
    with tempfile.TemporaryDirectory() as name:
        with Run(Path(name), []) as run:
            time.sleep(seconds)
            run.check()
            return peak_mb(run.processes['adapter'].pid)


def grown(count):
    """Return the peak of a worker that verified the backup on scenarios from `count` states."""
    done = subprocess.run([sys.executable, '-m', 'benchmark.memory', str(count)],
                          stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return float(done.stdout)


def peak_here(count):
    """Verify the backup in this process, on scenarios from `count` states; return its peak."""
    spec = build(Spec, {'metrics.verification_states': count})
    Adaptation(spec, AdapterConfig()).begin()
    return peak_mb(os.getpid())  # ru_maxrss would begin with that of the parent


def measure(quick):
    """Return the results."""
    counts = (300, 3000) if quick else (300, 3000, 30000)
    peaks = [grown(count) for count in counts]
    return [
        Result('adapter_peak_rss_mb', adapter(12.0 if quick else 30.0), 0.0, 'MB', 500.0, False,
               'node and worker, default size'),
        *(Result(f'worker_peak_rss_mb_{count}_states', peak, 0.0, 'MB',
                 note='verification grows')
          for count, peak in zip(counts, peaks))]


if __name__ == '__main__':
    print(peak_here(int(sys.argv[1])))
