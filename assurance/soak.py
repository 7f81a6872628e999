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
Endurance: half an hour at 100 control cycles a second, with experts that change all the time.

    python -m assurance.soak --minutes 30

Writes results/soak.json and exits with 1 when memory grows by more than 5 % after the warm-up, one
control cycle in a thousand is late, or a limit is broken. A cycle is late when the plant applied
anything but the controller's answer to the state before.
"""

import argparse
import json
from pathlib import Path
import sys
import tempfile
import time

from assurance.fleet import begin_ros, Fleet, NODES
from assurance.oracle import Oracle
from assurance.tally import Tally
from assurance.witness import Witness
import numpy as np
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
import rclpy
from rclpy.executors import SingleThreadedExecutor
from scpo_ros.config import EXPERTS, Spec


SWITCH_S, SAMPLE_S = 7.0, 5.0


def memory_mb(pid):
    """Return the resident memory of a process and its descendants [MB]."""
    total, waiting = 0.0, [pid]
    while waiting:
        process = waiting.pop()
        try:
            for line in Path(f'/proc/{process}/status').read_text().splitlines():
                if line.startswith('VmRSS:'):
                    total += int(line.split()[1]) / 1024
            for task in Path(f'/proc/{process}/task').iterdir():
                waiting += [int(child) for child in (task / 'children').read_text().split()]
        except OSError:
            continue  # it ended meanwhile
    return total


class Soak:
    """One fleet, watched for long."""

    def __init__(self, oracle, tally, folder, factor):
        """Prepare."""
        ledger = {'ledger_dir': str(Path(folder) / 'ledgers')}
        self.fleet = Fleet(folder, {
            'plant': {'real_time_factor': factor}, 'expert': {'expert': 'benign'},
            'controller': ledger, 'adapter': ledger})
        self.witness, self._tally = Witness(oracle, tally), tally
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.witness)
        self._client = self.witness.create_client(SetParameters, 'expert/set_parameters')
        self.memory = []  # (seconds, {node: MB})

    def spin(self, duration, until=lambda: False):
        """Let time pass."""
        deadline = time.monotonic() + duration
        while time.monotonic() < deadline and not until():
            self._executor.spin_once(timeout_sec=0.05)
        return until()

    def run(self, seconds):
        """Run so long; experts change every few seconds."""
        for node in NODES:
            self.fleet.start(node)
        self.spin(90.0, lambda: self.witness.ready >= 1)
        self.witness.samples = self.witness.deprived_steps = 0
        began, number = time.monotonic(), 0
        switch = sample = began
        while (now := time.monotonic()) - began < seconds:
            if now >= sample:
                sample += SAMPLE_S
                self.memory.append((now - began, {
                    node: memory_mb(process.pid)
                    for node, process in self.fleet.running.items()}))
            if now >= switch:
                switch, number = switch + SWITCH_S, number + 1
                self._client.call_async(SetParameters.Request(parameters=[Parameter(
                    name='expert', value=ParameterValue(
                        type=ParameterType.PARAMETER_STRING,
                        string_value=EXPERTS[number % len(EXPERTS)]))]))
            self.spin(0.5)
            for node, code in self.fleet.deaths_of_their_own():
                self._tally.fail('other_crashes', f'{node} ended with {code}: '
                                 + self.fleet.log(node))
                return

    def figures(self, warm_up):
        """Return what was measured; growth is that of a straight line from the warm-up on."""
        times = np.array([t for t, _ in self.memory])
        late = times >= warm_up
        growth = {}
        for node in NODES:
            values = np.array([sizes.get(node, np.nan) for _, sizes in self.memory])[late]
            if np.count_nonzero(np.isfinite(values)) < 5:
                growth[node] = None
                continue
            slope, start = np.polyfit(times[late], values, 1)
            first, last = slope * times[late][0] + start, slope * times[late][-1] + start
            growth[node] = {'mb_after_warm_up': round(float(first), 1),
                            'mb_at_the_end': round(float(last), 1),
                            'growth_percent': round(float(100 * (last / first - 1)), 2)}
        witness = self.witness
        return {'cycles': witness.samples, 'late_cycles': witness.deprived_steps,
                'late_percent': round(100 * witness.deprived_steps / max(1, witness.samples), 4),
                'memory': growth, 'by_source': witness.by_source,
                'policies_let_through': witness.ready,
                'violations_in_late_cycles': witness.violations_deprived,
                'diagnostics': {name: text for name, (_, text) in witness.diagnostics.items()}}

    def end(self):
        """End all."""
        self.fleet.interrupt()
        self._executor.shutdown()
        self.witness.destroy_node()


def main(arguments=None):
    """Soak; return the exit code."""
    parser = argparse.ArgumentParser(prog='python -m assurance.soak')
    parser.add_argument('--minutes', type=float, default=30.0)
    parser.add_argument('--warm-up', type=float, default=5.0, help='minutes')
    parser.add_argument('--factor', type=float, default=10.0, help='simulated seconds a second')
    parser.add_argument('--output', default='results/soak.json')
    options = parser.parse_args(arguments)
    tally, oracle = Tally(), Oracle(Spec())
    begin_ros()
    with tempfile.TemporaryDirectory(prefix='soak-') as folder:
        soak = Soak(oracle, tally, folder, options.factor)
        try:
            soak.run(60 * options.minutes)
            figures = soak.figures(60 * options.warm_up)
        finally:
            soak.end()
    rclpy.try_shutdown()
    grown = [m['growth_percent'] for m in figures['memory'].values() if m is not None]
    good = (tally.passed and figures['late_percent'] < 0.1
            and not figures['violations_in_late_cycles'] and max(grown, default=0.0) <= 5.0)
    result = {'minutes': options.minutes, 'warm_up_minutes': options.warm_up, 'passed': good,
              **figures, **tally.failures, 'details': tally.details}
    path = Path(options.output)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')
    print(json.dumps(result, indent=2))
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
