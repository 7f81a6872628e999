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
Faults: processes killed and stopped, messages lost, disks filled, CPUs taken, at random moments.

These laws must hold. No limit is broken while the controller answers. A killed controller comes
back. No policy that it had let through is lost. No process ends that was not killed.
"""

from collections.abc import Callable, Sequence
import os
from pathlib import Path
import resource
import signal
import subprocess
import sys
import time

from assurance.fleet import Fleet, NAMESPACE, NODES
from assurance.oracle import Oracle
from assurance.tally import Tally
from assurance.witness import Witness
import numpy as np
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import JointState


PATIENCE_S = 30.0  # longest wait for a node to be back before that is a failure
_BUSY = 'while True: pass'


class Relay(Node):
    """The network between the plant and the other nodes; it can lose messages."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Relay states and commands."""
        super().__init__('network', namespace=NAMESPACE)
        self._rng, self.loss, self.lost = rng, 0.0, 0
        for source, target in (('raw/joint_states', 'joint_states'),
                               ('joint_command', 'raw/joint_command')):
            publisher = self.create_publisher(JointState, target, 10)
            self.create_subscription(
                JointState, source, lambda message, to=publisher: self._pass(message, to), 10)

    def _pass(self, message: JointState, publisher: Publisher) -> None:
        """Publish a message, or lose it."""
        if self._rng.uniform() < self.loss:
            self.lost += 1
        else:
            publisher.publish(message)


class Campaign:
    """A fleet of nodes, and the faults that it suffers."""

    def __init__(self, oracle: Oracle, tally: Tally, rng: np.random.Generator,
                 folder: str | Path, real_time_factor: float = 2.0) -> None:
        """Prepare the fleet, the network and the witness."""
        ledger = {'ledger_dir': str(Path(folder) / 'ledgers')}
        self._ledgers = Path(ledger['ledger_dir'])
        self.fleet = Fleet(folder, {
            'plant': {'real_time_factor': real_time_factor, 'seed': int(rng.integers(10**6))},
            'controller': {'swap_dwell_s': 0.5, 'model_calm_s': 2.0, **ledger},
            'adapter': {'update_period_s': 0.5, 'min_demonstrations': 20, **ledger},
            'expert': {'expert': 'overspeed'}},
            {'plant': [('joint_states', 'raw/joint_states'),
                       ('joint_command', 'raw/joint_command')]})
        self._rng, self._tally = rng, tally
        self.relay = Relay(rng)
        self.witness = Witness(oracle, tally, states='raw/joint_states')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.relay)
        self._executor.add_node(self.witness)
        self.recoveries: list[float] = []  # times until the controller was back [s]

    def spin(self, duration: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Let time pass until a condition holds; return whether it does."""
        deadline = time.monotonic() + duration
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.02)
            for node, code in self.fleet.deaths_of_their_own():
                self._tally.fail('controller_crashes' if node == 'controller'
                                 else 'other_crashes',
                                 f'{node} ended with {code}: {self.fleet.log(node)}')
                self.fleet.start(node)
            if until():
                return True
        return until()

    def begin(self) -> None:
        """Start all and wait for the first learnt policies."""
        for node in NODES:
            self.fleet.start(node)
        if not self.spin(90.0, lambda: self.witness.ready >= 2):
            self._tally.fail('other_crashes', 'the fleet did not start to learn: '
                             + ' '.join(self.fleet.log(node) for node in NODES))

    def kill(self, nodes: Sequence[str], alone: bool = False) -> None:
        """
        Kill nodes, start them again at once, and count what was lost.

        :param alone: whether their worker processes are left to end by themselves.
        """
        ready = self.witness.ready
        for node in nodes:
            (self.fleet.kill_alone if alone else self.fleet.kill)(node)
            self._tally.fault(f'kill {node}')
        # the last messages of the dead controller count as well
        self.spin(0.05)
        ready, killed = max(ready, self.witness.ready), time.monotonic()
        commands = self.witness.commands_seen
        for node in nodes:
            self.fleet.start(node)
        if 'controller' in nodes:
            back = self.spin(PATIENCE_S, lambda: self.witness.commands_seen > commands)
            self.recoveries.append(time.monotonic() - killed)
            if not back:
                self._tally.fail('controller_crashes', 'the controller did not come back: '
                                 + self.fleet.log('controller'))
            if not self.spin(PATIENCE_S, lambda: self.witness.ready >= ready):
                self._tally.fail('policies_lost', f'version {ready} was let through before the '
                                 f'kill, {self.witness.ready} after it')

    def stop(self, node: str, duration: float) -> None:
        """Stop a node for a while."""
        self._tally.fault(f'stop {node}')
        self.fleet.signal(node, signal.SIGSTOP)
        self.spin(duration)
        self.fleet.signal(node, signal.SIGCONT)
        commands = self.witness.commands_seen
        if not self.spin(PATIENCE_S, lambda: self.witness.commands_seen > commands):
            self._tally.fail('controller_crashes', f'no command after {node} was stopped')

    def lose_messages(self, share: float, duration: float) -> None:
        """Lose a share of all messages between plant and controller."""
        self._tally.fault('network loss')
        self.relay.loss = share
        self.spin(duration)
        self.relay.loss = 0.0

    def starve(self, duration: float) -> None:
        """Take the CPUs away."""
        self._tally.fault('CPU starvation')
        hogs = [subprocess.Popen([sys.executable, '-c', _BUSY])
                for _ in range(2 * (os.cpu_count() or 1))]
        try:
            self.spin(duration)
        finally:
            for hog in hogs:
                hog.kill()
                hog.wait()

    def fill_disk(self, node: str, duration: float) -> None:
        """Let a node's files grow no further; with the limit gone it goes on."""
        self._tally.fault(f'full disk of the {node}')
        process = self.fleet.running[node].pid
        forever = resource.RLIM_INFINITY
        resource.prlimit(process, resource.RLIMIT_FSIZE, (1, forever))
        self.spin(duration)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (forever, forever))
        ready = self.witness.ready
        if node == 'controller' and not self.spin(
                2 * PATIENCE_S, lambda: self.witness.ready > ready):
            self._tally.figures['updates_stalled_after_full_disk'] = 1 + self._tally.figures.get(
                'updates_stalled_after_full_disk', 0)

    def _has_its_ledger(self, node: str) -> bool:
        """Return whether a node has opened its ledger."""
        ledger = self._ledgers / f'{node}.ledger'
        opened = Path(f'/proc/{self.fleet.running[node].pid}/fd').iterdir()
        return any(os.path.realpath(item) == str(ledger.resolve()) for item in opened)

    def unwritable(self, duration: float) -> None:
        """Take the folder of the ledgers away while the nodes run, then bring it back."""
        if not self.spin(PATIENCE_S, lambda: all(
                node in self.fleet.running and self._has_its_ledger(node)
                for node in ('controller', 'adapter'))):
            self._tally.fail('other_crashes', 'a node that was started has opened no ledger')
            return
        self._tally.fault('ledgers taken away')
        aside = self._ledgers.with_name('taken')
        self._ledgers.rename(aside)
        self.spin(duration)
        aside.rename(self._ledgers)

    def random_fault(self) -> None:
        """Do one thing to the fleet."""
        self.spin(float(self._rng.uniform(0.1, 2.0)))
        kind = self._rng.choice(
            ['kill', 'kill alone', 'kill two', 'kill all', 'stop', 'loss', 'starve', 'disk',
             'unwritable'], p=[.36, .14, .1, .06, .18, .06, .03, .04, .03])
        node = str(self._rng.choice(NODES, p=[.15, .45, .25, .15]))
        self.witness.context_note = f'{kind} {node}'
        if kind in ('kill', 'kill alone'):
            self.kill([node], alone=kind == 'kill alone')
        elif kind == 'kill two':
            self.kill(['adapter', 'controller'])
        elif kind == 'kill all':
            self.kill(['controller', 'adapter', 'plant', 'expert'])
        elif kind == 'stop':
            self.stop(node, float(self._rng.uniform(0.2, 2.0)))
        elif kind == 'loss':
            self.lose_messages(float(self._rng.choice([0.1, 0.5, 1.0])), 2.0)
        elif kind == 'starve':
            self.starve(2.0)
        elif kind == 'disk':
            self.fill_disk(str(self._rng.choice(['controller', 'adapter'])), 2.0)
        else:
            self.unwritable(1.0)

    def end(self) -> None:
        """End all; note the figures."""
        codes = self.fleet.interrupt()
        for node, code in codes.items():
            if code != 0:
                self._tally.fail('controller_crashes' if node == 'controller'
                                 else 'other_crashes', f'{node} ended with {code} when asked to: '
                                 + self.fleet.log(node))
        self._executor.shutdown()
        witness, times = self.witness, np.array(self.recoveries or [np.nan])
        for name, value in (
                ('samples', witness.samples), ('deprived_steps', witness.deprived_steps),
                ('limit_violations_without_controller', witness.violations_deprived),
                ('messages_lost', self.relay.lost), ('commands_by_source', witness.by_source),
                ('highest_version', witness.ready),
                ('controller_back_s_median', round(float(np.median(times)), 2)),
                ('controller_back_s_95', round(float(np.percentile(times, 95)), 2)),
                ('controller_back_s_max', round(float(times.max()), 2)),
                ('controller_back_within_2_s', f'{int((times <= 2.0).sum())} of {len(times)}')):
            self._tally.figure(f'faults_{name}', value)
        self.relay.destroy_node()
        self.witness.destroy_node()


def run(oracle: Oracle, tally: Tally, rng: np.random.Generator, folder: str | Path,
        kills: int) -> None:
    """Inject faults until so many processes have been killed or stopped."""
    campaign = Campaign(oracle, tally, rng, folder)
    try:
        campaign.begin()
        while tally.kills < kills and len(tally.details) < 20:
            campaign.random_fault()
        campaign.spin(3.0)
    finally:
        campaign.end()
