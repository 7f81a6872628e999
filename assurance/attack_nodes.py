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
Hostile messages, parameters and services against the real nodes, over DDS.

One fleet runs while everything is sent to it; the witness looks on. What must hold is what holds
without an attacker: nothing dangerous runs, every refusal has its reason, nobody dies, no limit is
broken.
"""

import time

from assurance.attack_learning import hostile_demonstration, hostile_proposal
from assurance.attack_policy import Target
from assurance.attack_states import hostile_state
from assurance.fleet import Fleet, NODES
from assurance.hostile_policies import ATTACKS, Case, SLOW
from assurance.witness import Witness
from builtin_interfaces.msg import Time
from lifecycle_msgs.srv import ChangeState
import numpy as np
from rcl_interfaces.msg import Parameter, ParameterEvent, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from scpo_ros.interface.policy_record import PolicyRecord
from scpo_ros.nodes.conversions import event_message, LATCHED, stamp_of
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory


BAD_PARAMETERS = [
    ('plant', 'disturbance_scale', -1.0), ('plant', 'disturbance_scale', float('nan')),
    ('plant', 'real_time_factor', 0.0), ('plant', 'real_time_factor', float('inf')),
    ('plant', 'system.dt', 0.5), ('controller', 'safety', False),
    ('controller', 'certified_margin', 0.0), ('controller', 'system.velocity_limit', 5.0),
    ('controller', 'swap_dwell_s', 0.0), ('controller', 'verification_timeout_s', 1e9),
    ('controller', 'ledger_dir', '/nowhere'), ('controller', 'model_calm_s', 0.0),
    ('adapter', 'safety', False), ('adapter', 'accept_margin', 0.0),
    ('adapter', 'update_period_s', -1.0), ('adapter', 'rollback_version', -7),
    ('adapter', 'demonstrations', 10**9), ('adapter', 'metrics.seed', 3),
    ('expert', 'expert', 'saboteur'), ('expert', 'batch', 0), ('expert', 'expert', 3)]


def _value(item):
    kinds = {bool: ('BOOL', 'bool_value'), int: ('INTEGER', 'integer_value'),
             float: ('DOUBLE', 'double_value'), str: ('STRING', 'string_value')}
    name, field = kinds[type(item)]
    return ParameterValue(type=getattr(ParameterType, f'PARAMETER_{name}'), **{field: item})


class Attacker:
    """Sends everything that can be sent, and waits for what comes back."""

    def __init__(self, learnt, oracle, tally, rng, folder):
        """Start the fleet."""
        ledger = {'ledger_dir': str(folder / 'ledgers')}
        self._file = str(folder / 'hostile.npz')
        self._tally, self._rng, self._learnt = tally, rng, learnt
        self._fleet = Fleet(folder, {
            'plant': {'real_time_factor': 2.0}, 'expert': {'expert': 'outward_edge'},
            'controller': {'swap_dwell_s': 0.5, 'model_calm_s': 2.0, **ledger},
            'adapter': {'update_period_s': 0.5, 'min_demonstrations': 20, **ledger,
                        'results_dir': str(folder), 'policy_file': self._file}})
        self.witness = Witness(oracle, tally)
        node = self.witness
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        self._policy = node.create_publisher(ParameterEvent, 'policy', LATCHED)
        self._proposals = node.create_publisher(ParameterEvent, 'proposals', 10)
        self._demonstrations = node.create_publisher(JointTrajectory, 'demonstrations', 10)
        self._states = node.create_publisher(JointState, 'joint_states', 10)
        self._commands = node.create_publisher(JointState, 'joint_command', 1)
        target = Target(learnt)
        self._target, self._earlier, self._clients = target, [], {}

    def spin(self, duration, until=lambda: False):
        """Let time pass, or until something holds; return whether it did."""
        deadline = time.monotonic() + duration
        while time.monotonic() < deadline and not until():
            self._executor.spin_once(timeout_sec=0.02)
            for node, code in self._fleet.deaths_of_their_own():
                self._tally.fail(
                    'controller_crashes' if node == 'controller' else 'other_crashes',
                    f'{node} ended with {code} ({self.witness.context_note}): '
                    + self._fleet.log(node))
                self._fleet.start(node)
        return until()

    def begin(self):
        """Start all nodes; wait until something learnt runs and a state was seen."""
        for node in NODES:
            self._fleet.start(node)
        if not self.spin(90.0, lambda: (
                self.witness.ready >= 1 and self.witness.last_state is not None)):
            self._tally.fail('other_crashes', 'the fleet did not start to learn')

    def _case(self):
        """Return the case of the controller as it is now."""
        seen, good = self.witness.active, self._target.good
        version = max(seen.ready, seen.version) + 1
        running = PolicyRecord(seen.theta, seen.version, seen.version, seen.digest, seen.digest,
                               good.spec_digest, good.certificate)
        parent = seen.digest if seen.version == seen.ready else good.parent_digest
        forged = PolicyRecord(good.theta, version, seen.ready, good.digest, parent,
                              good.spec_digest, good.certificate)
        return Case(forged, running, self._learnt.task, self._target.spy)

    def policy(self):
        """Send one hostile policy and wait until the controller has dealt with it."""
        kinds = [kind for kind in ATTACKS if kind not in SLOW] + [ATTACKS[-3]]
        kind = kinds[self._rng.integers(len(kinds))]
        name = f'node: policy: {kind.__name__}'
        with np.errstate(all='ignore'):
            values = kind(self._rng, self._case())
        before = self.witness.active.refusals
        self._tally.tried(name)
        self._policy.publish(event_message(Time(), 'attacker', values))
        if self.spin(0.25, lambda: self.witness.active.refusals > before):
            self._tally.refusal(name, self.witness.active.refused_reason)

    def demonstration(self):
        """Send one hostile demonstration."""
        kind, message = hostile_demonstration(self._rng, self._learnt.task, self._earlier)
        self._earlier = [*self._earlier, message][-20:]
        self._tally.tried(f'node: demonstration: {kind}')
        self._demonstrations.publish(message)

    def proposal(self):
        """Send one hostile proposal."""
        kind, values = hostile_proposal(self._rng, self._learnt.task.policy.network.d)
        self._tally.tried(f'node: {kind}')
        self._proposals.publish(event_message(Time(), 'learner', values))

    def state(self):
        """Send one hostile state, to everybody."""
        present = self.witness.last_state
        kind, message = hostile_state(self._rng, present)
        if kind == 'state: same stamp':
            kind, message.position = 'state: not finite', [float('nan')]
        self._tally.tried(f'node: {kind}')
        self.witness.forged(message)
        self._states.publish(message)

    def command(self):
        """Send the plant a command that is no number, or that answers another state."""
        message = JointState(name=['slider'], effort=[float(self._rng.choice(
            [np.nan, np.inf, -np.inf, 1e308]))])
        now = self.witness.last_state.time
        finite = np.isfinite(message.effort[0])
        message.header.stamp = stamp_of(now + (1000.0 if finite else 0.0))
        if self._rng.integers(4) == 0:
            message.effort = []
        self._tally.tried('node: command')
        message.header.frame_id = 'attacker'
        self.witness.forged(message)
        self._commands.publish(message)

    def parameter(self):
        """Ask for a parameter that no node may take."""
        node, name, item = BAD_PARAMETERS[self._rng.integers(len(BAD_PARAMETERS))]
        kind = f'node: parameter: {node}'
        self._tally.tried(kind)
        answer = self._call(SetParameters, f'{node}/set_parameters', SetParameters.Request(
            parameters=[Parameter(name=name, value=_value(item))]))
        if answer is None:
            return
        result = answer.results[0]
        if result.successful:
            self._tally.fail('unsafe_policies_applied', f'{node} took {name} = {item}')
        else:
            self._tally.refusal(kind, result.reason)

    def service(self):
        """Call a service of the adapter or the plant, whatever is going on."""
        name = str(self._rng.choice(['rollback', 'save_policy', 'reset', 'set_enabled',
                                     'change_state', 'plant reset', 'rollback to',
                                     'load_policy'],
                                    p=[.2, .1, .1, .2, .1, .1, .1, .1]))
        self._tally.tried(f'node: service: {name}')
        if name == 'set_enabled':
            self._call(SetBool, 'adapter/set_enabled',
                       SetBool.Request(data=bool(self._rng.integers(4))))
        elif name == 'change_state':
            request = ChangeState.Request()
            request.transition.id = int(self._rng.choice([1, 2, 3, 4, 9, 200]))
            self._call(ChangeState, 'adapter/change_state', request)
        elif name == 'plant reset':
            self._call(Trigger, 'plant/reset', Trigger.Request())
        else:
            if name == 'rollback to':
                self._call(SetParameters, 'adapter/set_parameters', SetParameters.Request(
                    parameters=[Parameter(name='rollback_version', value=_value(
                        int(self._rng.choice([-1, 0, 1, 2, 5, 10**6]))))]))
                name = 'rollback'
            elif name == 'load_policy':
                kind = ATTACKS[self._rng.integers(len(ATTACKS))]
                with np.errstate(all='ignore'):
                    np.savez(self._file, **kind(self._rng, self._case()))
            answer = self._call(Trigger, f'adapter/{name}', Trigger.Request())
            if answer is not None and not answer.success:
                self._tally.refusal(f'node: service: {name}', answer.message)

    def _call(self, kind, name, request):
        if name not in self._clients:
            self._clients[name] = self.witness.create_client(kind, name)
        client = self._clients[name]
        if not client.service_is_ready():
            self.spin(1.0, client.service_is_ready)
        if not client.service_is_ready():
            return None
        future = client.call_async(request)
        self.spin(10.0, future.done)
        return future.result() if future.done() else None

    def attack(self):
        """Send one hostile thing."""
        kinds = (self.policy, self.demonstration, self.proposal, self.state, self.command,
                 self.parameter, self.service)
        kind = kinds[self._rng.choice(len(kinds), p=[.35, .15, .1, .2, .1, .06, .04])]
        self.witness.context_note = kind.__name__
        kind()
        self.spin(0.01)

    def end(self):
        """See that all of it is alive and learns again; end it."""
        for transition in (1, 3):  # configure and activate, if it was cleaned up or deactivated
            request = ChangeState.Request()
            request.transition.id = transition
            self._call(ChangeState, 'adapter/change_state', request)
        self._call(SetBool, 'adapter/set_enabled', SetBool.Request(data=True))
        commands, ready = self.witness.commands_seen, self.witness.ready
        self.spin(5.0)
        if self.witness.commands_seen < commands + 20:
            self._tally.fail('controller_crashes', 'the controller is silent after the attack')
        self._tally.figure('nodes_learning_after_the_attack', self.spin(
            60.0, lambda: self.witness.ready > ready))
        self._tally.figure('nodes_diagnostics_at_the_end', {
            name: text for name, (_, text) in self.witness.diagnostics.items()})
        for node, code in self._fleet.interrupt().items():
            if code != 0:
                self._tally.fail('controller_crashes' if node == 'controller' else
                                 'other_crashes', f'{node} ended with {code} when asked to: '
                                 + self._fleet.log(node))
        witness = self.witness
        for name in ('samples', 'deprived_steps', 'violations_deprived', 'by_source', 'ready'):
            self._tally.figure(f'nodes_{name}', getattr(witness, name))
        self._executor.shutdown()
        witness.destroy_node()


def run(learnt, oracle, tally, rng, folder, count):
    """Attack the nodes `count` times."""
    attacker = Attacker(learnt, oracle, tally, rng, folder)
    try:
        attacker.begin()
        for _ in range(count):
            attacker.attack()
            if len(tally.details) > 20:
                break
        attacker.spin(2.0)
    finally:
        attacker.end()
