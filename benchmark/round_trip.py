"""
The control round trip at 100 Hz while the adapter learns: events against single-threaded executor.

Plant, controller, adapter and expert run as processes of their own, as in `make sim`; the plant
measures the time from publishing a state until it has the answer. Both executors are given to the
plant and to the controller; runs alternate.
"""

import json
import os
from pathlib import Path
import signal
import subprocess
import tempfile
import time

from benchmark.measure import Result, spread_of, summarised
import numpy as np
from scpo_ros.sim import command, parse, set_up

DT = 0.01
START_S = 12.0  # until everything has started and the adapter is at work
_ROOT = Path(__file__).parents[1]


def values_of(folder, arguments):
    """Return the launch arguments of a run whose results go to a folder."""
    return parse([f'results:={folder}', f'namespace:=bench_{os.getpid()}', 'log_level:=error',
                  *arguments])


class Run:
    """One run of the closed loop; a context manager."""

    def __init__(self, folder, arguments, executor=None, adapting=True):
        """
        Prepare the parameter file and the processes' command lines.

        :param folder: an empty folder of the run's own. :param arguments: launch arguments.
        :param executor: 'events' or 'single' for plant and controller; None for the nodes' own.
        """
        values = values_of(folder / 'run', arguments)
        path, _ = set_up(values)
        nodes = ['plant', 'controller'] + ['expert', 'adapter'] * adapting
        self.result = folder / 'plant.json'
        self._lines = {node: command(node, values, path) for node in nodes}
        if executor is not None:
            for node in ('plant', 'controller'):
                line = self._lines[node]
                self._lines[node] = [*line[:2], 'benchmark.timed_node', node, executor,
                                     str(self.result), *line[3:]]
        self.processes = {}

    def __enter__(self):
        """Start the processes."""
        environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(
            [str(_ROOT), *filter(None, [os.environ.get('PYTHONPATH')])])}
        self.processes = {node: subprocess.Popen(line, env=environment)
                          for node, line in self._lines.items()}
        return self

    def __exit__(self, *_):
        """Interrupt the processes and wait for them."""
        for process in self.processes.values():
            process.send_signal(signal.SIGINT)
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def check(self):
        """
        Raise when a process has ended.

        :raises RuntimeError: naming it.
        """
        for node, process in self.processes.items():
            if process.poll() is not None:
                raise RuntimeError(f'the {node} ended with code {process.returncode}')


def trips(executor, seconds, adapting):
    """
    Return round trips [ms] of one run and the share of periods without an answer in time.

    A state that the plant itself did not publish in its period is one of those.

    :param executor: 'events' or 'single'. :param seconds: counted, once everything is at work.
    :param adapting: whether expert and adapter run.
    """
    with tempfile.TemporaryDirectory() as name:
        run = Run(Path(name), [f'dt:={DT}'], executor, adapting)
        with run:
            time.sleep(START_S)
            start = time.monotonic()
            time.sleep(seconds)
            run.check()
        measured = json.loads(run.result.read_text())
    times = np.array(measured['trips']).reshape(-1, 2)
    times = times[(times[:, 0] > start) & (times[:, 0] < start + seconds), 1]
    if not len(times):
        raise RuntimeError('no state was answered: are the nodes running?')
    return 1e3 * times, max(0.0, 1.0 - float(np.sum(times <= DT)) * DT / seconds)


def measure(quick):
    """Return the results; runs of both executors alternate."""
    seconds, rounds = (5.0, 1) if quick else (20.0, 3)
    found = {'single': [], 'events': [], 'alone': []}
    for _ in range(rounds):
        found['single'].append(trips('single', seconds, True))
        found['events'].append(trips('events', seconds, True))
        found['alone'].append(trips('events', seconds, False))
    medians = {kind: np.array([np.median(times) for times, _ in runs])
               for kind, runs in found.items()}
    events = np.concatenate([times for times, _ in found['events']])
    late = {kind: [100 * share for _, share in runs] for kind, runs in found.items()}
    return [
        summarised('round_trip_events_vs_single', medians['single'] / medians['events'], 'x',
                   target=1.8, note=f'medians of {rounds} runs of {seconds:.0f} s, adapting'),
        Result('round_trip_events_ms', float(np.median(events)), spread_of(events), 'ms'),
        Result('round_trip_events_p99_ms', float(np.quantile(events, 0.99)), 0.0, 'ms'),
        summarised('round_trip_single_ms', medians['single'], 'ms'),
        summarised('round_trip_late_percent', late['events'], '%', target=1.0,
                   higher_is_better=False, note='no answer within 10 ms, while adapting'),
        summarised('round_trip_late_percent_without_adaptation', late['alone'], '%')]
