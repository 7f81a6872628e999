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
The control round trip at 100 Hz while the adapter learns: events against single-threaded executor.

Plant, controller, adapter and expert run as processes of their own, as in `make sim`; the plant
measures the time from publishing a state until it has the answer. Both executors are given to the
plant and to the controller; runs alternate. Counted is from the first swaps on: before that the
adapter and the controller's verifier load their tables. The same with two nodes that do nothing,
:mod:`.echo`, shows what of it is the executors'.
"""

import json
import os
from pathlib import Path
import sys
import tempfile
import time

from benchmark.measure import Result, spread_of, summarised
from benchmark.processes import Processes, Stillness
import numpy as np
from scpo_ros.bringup.preparation import set_up
from scpo_ros.ledger.ledger import read
from scpo_ros.sim import command, parse

DT = 0.01
START_S = 5.0  # until everything runs that does not learn
PATIENCE_S = 180.0  # for the first swaps
SWAPS = 2  # so many before anything is counted


def values_of(folder, arguments):
    """Return the launch arguments of a run whose results go to a folder."""
    return parse([f'results:={folder}', f'namespace:=bench_{os.getpid()}', 'log_level:=error',
                  *arguments])


class Run(Processes):
    """One run of the closed loop; a context manager."""

    def __init__(self, folder, arguments, executor=None, adapting=True):
        """
        Prepare tables, the parameter file and the processes' command lines.

        :param folder: an empty folder of the run's own. :param arguments: launch arguments.
        :param executor: 'events' or 'single' for plant and controller; None for the nodes' own.
        """
        values = values_of(folder / 'run', arguments)
        path, _ = set_up(values)
        nodes = ['plant', 'controller'] + ['expert', 'adapter'] * adapting
        self.result, self._ledger = folder / 'plant.json', folder / 'run' / 'controller.ledger'
        lines = {node: command(node, values, path) for node in nodes}
        if executor is not None:
            for node in ('plant', 'controller'):
                line = lines[node]
                lines[node] = [*line[:2], 'benchmark.timed_node', node, executor,
                               str(self.result), *line[3:]]
        super().__init__(lines)

    @property
    def swaps(self):
        """Return how many policies the controller has swapped in, by its ledger."""
        try:
            entries = read(self._ledger.read_bytes()).entries
        except OSError:
            return 0
        return sum(entry.body.get('kind') == 'running' for entry in entries)

    def await_swaps(self, number):
        """
        Wait until so many policies were swapped in.

        :raises RuntimeError: when that takes longer than PATIENCE_S, or a process ends.
        """
        end = time.monotonic() + PATIENCE_S
        while self.swaps < number:
            if time.monotonic() > end:
                raise RuntimeError(f'{self.swaps} policies were swapped in {PATIENCE_S:.0f} s, '
                                   f'{number} expected: does the adapter learn?')
            self.check()
            time.sleep(0.5)


def trips(executor, seconds, adapting):
    """
    Return round trips [ms] of one run, and what came of its periods.

    :param executor: 'events' or 'single'. :param seconds: counted, once everything is at work.
    :param adapting: whether expert and adapter run.
    :returns: (trips, {'late': part of the periods without an answer in time, a state that the
        plant itself did not publish being one of those; 'still': part of the time in which the
        machine stood still; 'swaps': policies swapped in}).
    """
    with tempfile.TemporaryDirectory() as name:
        run = Run(Path(name), [f'dt:={DT}'], executor, adapting)
        with run:
            time.sleep(START_S)
            run.await_swaps(SWAPS * adapting)
            before = run.swaps
            with Stillness() as stillness:
                start = time.monotonic()
                time.sleep(seconds)
            run.check()
            swaps = run.swaps - before
        times = _counted(run.result, start, seconds)
    late = max(0.0, 1.0 - float(np.sum(times <= 1e3 * DT)) * DT / seconds)
    return times, {'late': late, 'still': stillness.total_s / seconds, 'swaps': swaps}


def echoes(executor, seconds):
    """Return round trips [ms] between two nodes that do nothing else."""
    with tempfile.TemporaryDirectory() as name:
        result = Path(name) / 'echo.json'
        lines = {kind: [sys.executable, '-m', 'benchmark.echo', kind, executor, str(result),
                        '--ros-args', '-r', f'__ns:=/bench_{os.getpid()}']
                 for kind in ('ask', 'answer')}
        with Processes(lines) as nodes:
            time.sleep(START_S)
            start = time.monotonic()
            time.sleep(seconds)
            nodes.check()
        return _counted(result, start, seconds)


def _counted(path, start, seconds):
    """
    Return the round trips [ms] that began within the time counted.

    :raises RuntimeError: when there was none, or nothing was written.
    """
    try:
        times = np.array(json.loads(path.read_text())['trips']).reshape(-1, 2)
    except FileNotFoundError:
        raise RuntimeError(f'{path.name} was not written: its node was killed') from None
    times = times[(times[:, 0] > start) & (times[:, 0] < start + seconds), 1]
    if not len(times):
        raise RuntimeError('nothing was answered: are the nodes running?')
    return 1e3 * times


def measure(quick):
    """Return the results; runs of both executors alternate."""
    seconds, rounds = (5.0, 1) if quick else (20.0, 3)
    found = {'single': [], 'events': [], 'alone': []}
    bare = {'single': [], 'events': []}
    for _ in range(rounds):
        for executor in ('single', 'events'):
            found[executor].append(trips(executor, seconds, True))
            bare[executor].append(echoes(executor, seconds))
        found['alone'].append(trips('events', seconds, False))
    medians = {kind: np.array([np.median(times) for times, _ in runs])
               for kind, runs in found.items()}
    least = {kind: np.array([np.median(times) for times in runs]) for kind, runs in bare.items()}
    events = np.concatenate([times for times, _ in found['events']])
    swaps = sum(counts['swaps'] for _, counts in found['events'])
    still = _percent('round_trip_still_percent', found['events'], 'still',
                     note='of that time the machine itself stood still')
    return [
        summarised('round_trip_events_vs_single', medians['single'] / medians['events'], 'x',
                   target=1.8, note=f'medians of {rounds} runs of {seconds:.0f} s, adapting'),
        summarised('round_trip_echo_events_vs_single', least['single'] / least['events'], 'x',
                   note='two nodes that do nothing'),
        Result('round_trip_events_ms', float(np.median(events)), spread_of(events), 'ms'),
        Result('round_trip_events_p99_ms', float(np.quantile(events, 0.99)), 0.0, 'ms'),
        summarised('round_trip_single_ms', medians['single'], 'ms'),
        summarised('round_trip_echo_events_ms', least['events'], 'ms'),
        summarised('round_trip_echo_single_ms', least['single'], 'ms'),
        _percent('round_trip_late_percent', found['events'], 'late', target=1.0,
                 higher_is_better=False,
                 note=f'no answer within 10 ms, while {swaps} policies were swapped in'),
        *[still] * bool(np.isfinite(still.value)),
        _percent('round_trip_late_percent_without_adaptation', found['alone'], 'late')]


def _percent(name, runs, count, **more):
    """Return the Result of a part of all periods; the spread is from the least to the most."""
    parts = [100 * counts[count] for _, counts in runs]
    return Result(name, float(np.mean(parts)), float(np.ptp(parts)), '%', **more)
