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
Drivers with a fault over DDS: the real controller, adapter and expert, as processes.

    python -m assurance.field_nodes --seconds 35 --output results/field_nodes.json

Each run begins healthy and goes on until a learnt policy runs; then the fault begins. What is
taken down is what a user sees: metrics, diagnostics, and the policies that were let through.
"""

import argparse
import json
from pathlib import Path
import sys
import tempfile
import time

from assurance.attack_field import start
from assurance.field_plant import Fault, FAULTS, FieldPlant
from assurance.fleet import begin_ros, Fleet, NAMESPACE
from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from rcl_interfaces.msg import ParameterEvent
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from scpo_ros.config import SystemConfig
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.messages import read_active, read_command
from scpo_ros.nodes.conversions import LATCHED_QUEUE, stamp_of, state_message
from scpo_ros.sets.invariant_set import contractive_set
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.verification.task import contraction_factor
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64


ROWS = ('healthy', 'commands applied 1 step late', '30 % of the commands lost', 'double rate',
        'every other state lost', 'an episode at every state')
QUICK = ROWS[:2] + ROWS[4:5]
PROCESSES = ('controller', 'adapter', 'expert')
EPISODE = 60  # steps: at rest there is nothing to learn from
BEGIN_S, MARGIN_S = 90.0, 2.0  # until something learnt runs; until a revocation is known to all
METRICS = {'judged_share': Float64, 'input_mismatch': Float64, 'model_valid': Bool}
ERROR = b'\x02'


class Driver(Node):
    """Publishes the states of a plant with a fault, and applies what answers them."""

    def __init__(self, seed: int) -> None:
        """Begin without a fault; nothing moves before the first command."""
        super().__init__('driver', namespace=NAMESPACE)
        system = double_integrator(SystemConfig())
        self._safe_set = contractive_set(system, contraction_factor(SystemConfig()))
        self._rng = np.random.default_rng(seed)
        self._fault, self._steps, self._command, self._started = Fault(), 0, None, False
        self.plant = FieldPlant(system, start(self._safe_set, self._rng), 'uniform', self._rng)
        self._states = self.create_publisher(JointState, 'joint_states', 10)
        self.create_subscription(JointState, 'joint_command', self._on_command, 1)
        self._timer = self.create_timer(self.plant.period, self._step)

    def begin(self, fault: Fault) -> None:
        """Have a fault from the next episode on, which begins now."""
        self._fault = fault
        self._carry()
        self._timer.timer_period_ns = round(self.plant.period * 1e9)

    def _carry(self):
        self.plant.begin(start(self._safe_set, self._rng), self._fault, 1.0, self._rng)
        self._steps = 0

    def _on_command(self, message):
        command = read_command(message)
        if abs(command.time - self.plant.state.time) < 1e-6:
            self._command, self._started = command.u, True

    def _step(self):
        state = self.plant.state
        if self._started:
            state = self.plant.advance(self._command)
            self._command, self._steps = None, self._steps + 1
            if self._steps >= EPISODE:
                self._carry()
                state = self.plant.state
        if state is not None:
            self._states.publish(state_message(
                stamp_of(state.time), state.episode, state.x, state.applied))


class Watcher(Node):
    """Sees what a user sees."""

    def __init__(self) -> None:
        """Watch metrics, diagnostics and what the controller says of its policies."""
        super().__init__('watcher', namespace=NAMESPACE)
        self.metrics, self.diagnostics, self.active = {}, {}, None
        self.accepted = 0  # the newest version that was ever let through
        for name, kind in METRICS.items():
            self.create_subscription(kind, f'controller/metrics/{name}',
                                     lambda message, name=name: self._on_metric(name, message), 10)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 50)
        self.create_subscription(ParameterEvent, 'controller/active_policy', self._on_active,
                                 LATCHED_QUEUE)

    def _on_metric(self, name, message):
        self.metrics[name] = message.data

    def _on_active(self, message):
        try:
            self.active = read_active(message)
            self.accepted = max(self.accepted, self.active.ready)
        except InvalidArrayError as error:
            self.get_logger().error(str(error))

    def _on_diagnostics(self, message):
        for status in message.status:
            self.diagnostics[status.name.split('/')[-1].split(':')[0]] = (
                status.level, status.message)

    @property
    def running(self) -> int:
        """Return the version that runs."""
        return -1 if self.active is None else self.active.version


class Trial:
    """One fault, one fleet."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Start the processes."""
        self._fleet = Fleet(folder, {
            'expert': {'expert': 'benign'}, 'controller': {'swap_dwell_s': 0.5},
            'adapter': {'update_period_s': 0.5, 'min_demonstrations': 20,
                        'results_dir': str(folder)}})
        self._driver, self._watcher = Driver(seed), Watcher()
        self._executor = SingleThreadedExecutor()
        for node in (self._driver, self._watcher):
            self._executor.add_node(node)
        for name in PROCESSES:
            self._fleet.start(name)

    def spin(self, duration: float, until=lambda: False) -> bool:
        """Let time pass, or until something holds; return whether it did."""
        deadline = time.monotonic() + duration
        while time.monotonic() < deadline and not until():
            self._executor.spin_once(timeout_sec=0.02)
        return until()

    def run(self, fault: Fault, seconds: float) -> dict:
        """Run healthily until a learnt policy runs, then with a fault; return what was seen."""
        watcher = self._watcher
        begun = self.spin(BEGIN_S, lambda: watcher.running > 0)
        before = watcher.accepted
        self._driver.begin(fault)
        began, deadline = time.monotonic(), time.monotonic() + seconds
        revoked = self.spin(seconds, lambda: watcher.metrics.get('model_valid') is False)
        after = time.monotonic() - began if revoked else None
        broken = len(self._driver.plant.broken)
        self.spin(min(MARGIN_S, seconds), lambda: not revoked)
        then = watcher.accepted
        self.spin(max(0.0, deadline - time.monotonic()))
        controller, adapter = (watcher.diagnostics.get(name, (b'', ''))
                               for name in ('controller', 'adapter'))
        return {'begun': begun, 'accepted before': before, 'accepted with the fault':
                watcher.accepted - before, 'accepted once revoked': watcher.accepted - then,
                'revoked after s': after and round(after, 1), **watcher.metrics,
                'broken until then': broken, 'broken': len(self._driver.plant.broken),
                'controller error': controller[0] == ERROR, 'controller': controller[1],
                'adapter': adapter[1]}

    def end(self) -> None:
        """End the processes and the nodes."""
        self._fleet.interrupt()
        self._executor.shutdown()
        for node in (self._driver, self._watcher):
            node.destroy_node()


def trial(name: str, folder: Path, seconds: float, seed: int) -> dict:
    """Return what was seen of one fault."""
    one = Trial(folder, seed)
    try:
        return one.run(FAULTS[name], seconds)
    finally:
        one.end()


def wrong(name: str, seen: dict) -> str:
    """Return what must not be in what was seen, or ''."""
    if not seen['begun']:
        return 'nothing learnt ran before the fault'
    if not FAULTS[name].names:
        healthy = seen['model_valid'] and seen['accepted with the fault'] > 0
        return '' if healthy else 'the healthy plant was not trusted, or nothing was learnt'
    if seen['model_valid']:
        return 'it was not revoked'
    if not (seen['controller error'] and 'revoked' in seen['controller']):
        return 'the diagnostics are not at ERROR with the word revoked'
    return 'policies were let through while revoked' if seen['accepted once revoked'] else ''


def attack(tally, folder: Path, rows: tuple, seconds: float, seed: int) -> None:
    """Try the faults over DDS."""
    for name in rows:
        kind = f'node: field: {name}'
        seen = trial(name, folder / f'{rows.index(name)}', seconds, seed)
        tally.tried(kind)
        tally.figure(kind, seen)
        found = wrong(name, seen)
        if found:
            tally.fail('unnoticed_faults' if FAULTS[name].names else 'false_alarms',
                       f'{kind}: {found}: {seen}')
        elif FAULTS[name].names:
            tally.refusal(kind, seen['controller'])
        else:
            tally.take(kind)


def main(arguments=None) -> int:
    """Try all rows, one after the other; return 1 where one was not met."""
    parser = argparse.ArgumentParser(prog='python -m assurance.field_nodes',
                                     description=__doc__.split('\n')[1])
    parser.add_argument('--seconds', type=float, default=35.0, help='with each fault')
    parser.add_argument('--seed', type=int, default=0, help='of all randomness')
    parser.add_argument('--only', choices=ROWS, help='one row')
    parser.add_argument('--output', default='results/field_nodes.json', help='where it is written')
    options = parser.parse_args(arguments)
    rows, found, output = {}, False, Path(options.output)
    begin_ros()
    for name in ROWS if options.only is None else (options.only,):
        with tempfile.TemporaryDirectory(prefix='field-') as folder:
            rows[name] = trial(name, Path(folder), options.seconds, options.seed)
        rows[name]['wrong'] = wrong(name, rows[name])
        found |= bool(rows[name]['wrong'])
        print(name, json.dumps(rows[name]), flush=True)
    rclpy.try_shutdown()
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(rows, indent=1) + '\n', encoding='utf-8')
    return int(found)


if __name__ == '__main__':
    sys.exit(main())
