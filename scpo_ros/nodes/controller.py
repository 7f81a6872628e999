"""The controller node: small, trusted, real-time; checks every policy itself before its use."""

import sys

import numpy as np
from rcl_interfaces.msg import ParameterEvent
from rclpy.node import Node
from scpo_ros.config import ControllerConfig
from scpo_ros.control.guarded_policy import GuardedPolicy, Source
from scpo_ros.control.task import ControlTask
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.nodes.conversions import (
    command_message, event_message, LATCHED, policy_values, read_policy, read_state)
from scpo_ros.nodes.health import ERROR, Health, Metrics, OK, STEADY, WARN
from scpo_ros.nodes.parameters import declare
from scpo_ros.nodes.run import run
from scpo_ros.policy_gate import PolicyGate
from scpo_ros.policy_record import backup_record
from scpo_ros.verification import Verifier
from scpo_ros.worker import Worker
from sensor_msgs.msg import JointState


try:
    from rclpy.experimental import EventsExecutor as Executor
except ImportError:
    from rclpy.executors import SingleThreadedExecutor as Executor

_POLL_S = 0.02  # how often the verifier's answer is looked for [s]


class ControllerNode(Node):
    """
    Answers every state with an action of policy, guard or backup.

    Policies are verified in a process of its own, never in the callback of a state. With
    lockstep the answer to a state waits for a verification under way, so that one seed gives one
    sequence of swaps.
    """

    def __init__(self):
        """Declare parameters, build the control task, start with the backup."""
        super().__init__('controller', automatically_declare_parameters_from_overrides=True)
        spec, self._config = declare(self, ControllerConfig)
        self._task = ControlTask.build(spec)
        theta = self._task.initial_theta
        self._law = GuardedPolicy(self._task, theta, guard=self._config.safety)
        dwell = self._config.swap_dwell_s
        dwell = spec.metrics.horizon_s if dwell < 0 else dwell
        self._gate = PolicyGate(
            backup_record(theta, self._task.digest), self._config.certified_margin,
            dwell if self._config.safety else 0.0)
        self._verifier = None
        if self._config.safety:
            self._verifier = Worker(Verifier, (spec,))
        else:
            self.get_logger().warn(
                'SAFETY IS OFF: policies are neither checked nor guarded. For demonstrations.')
        self._lockstep = (
            self._config.lockstep and self.get_parameter('use_sim_time').value)
        self._counts = dict.fromkeys(Source, 0)
        self._malformed, self._held, self._last_time, self._arrival = 0, None, None, None
        self._periods, self._announced = [], None
        self._commands = self.create_publisher(JointState, 'joint_command', 1)
        self._active = self.create_publisher(ParameterEvent, '~/active_policy', LATCHED)
        self._metrics = Metrics(
            self, ('policy_version', 'guard_interventions', 'input_margin', 'residual',
                   'period_ms', 'position_use', 'velocity_use'), ('backup_active',))
        self.create_subscription(JointState, 'joint_states', self._on_state, 1)
        self.create_subscription(ParameterEvent, 'policy', self._on_policy, LATCHED)
        self.create_timer(_POLL_S, self._poll, clock=STEADY)
        self._health = Health(self, 'policy', self._diagnose)
        self._announce()

    def _on_state(self, message):
        try:
            state = read_state(message)
            if self._lockstep and self._gate.head is not None:
                self._held = message
                return
            self._answer(state)
        except InvalidArrayError as error:
            self._malformed += 1
            self.get_logger().error(f'no action on a malformed state: {error}',
                                    throttle_duration_sec=5.0)

    def _answer(self, state):
        if state.time == self._last_time:
            self._commands.publish(self._command)  # the state came again: so does the answer
            return
        now = STEADY.now().nanoseconds * 1e-9
        if self._arrival is not None:
            self._periods = self._periods[-999:] + [1e3 * (now - self._arrival)]
        self._arrival = now
        inside = bool(self._task.safe_set.contains(state.x))
        record = self._gate.swap(state.time, inside or not self._config.safety)
        if record is not None:
            self._law.swap(record.theta)
            self._announce()
        action = self._law.act(state.x)
        self._command = command_message(
            state.stamp, action.source.value, self._gate.running.version, action.u)
        self._last_time = state.time
        self._commands.publish(self._command)
        self._counts[action.source] += 1
        self._report(state, action)

    def _report(self, state, action):
        residual = self._task.policy.network(self._law.theta[None], state.x[None])[0, 0]
        margin = -self._task.bounds.excess(state.x, action.u)
        position, velocity = state.x / self._task.system.state_limit
        self._metrics.publish(
            position_use=float(position), velocity_use=float(velocity),  # of the limits, +-1
            policy_version=float(self._gate.running.version), residual=float(residual),
            guard_interventions=float(self._interventions), input_margin=float(margin),
            period_ms=self._periods[-1] if self._periods else 0.0,
            backup_active=action.source is not Source.POLICY)

    @property
    def _interventions(self):
        return sum(n for source, n in self._counts.items() if source is not Source.POLICY)

    def _on_policy(self, message):
        try:
            record = read_policy(message)
        except InvalidArrayError as error:
            self._gate.refuse(-1, 'malformed', str(error))
        else:
            if not self._config.safety:
                self._gate.admit_unchecked(record)
            elif self._gate.submit(record):
                self._verify_next()
        self._announce()

    def _verify_next(self):
        record = self._gate.head
        if record is not None and not self._verifier.busy and self._verifier.alive:
            self._verifier.request(
                'judge', record.theta, timeout=self._config.verification_timeout_s)

    def _poll(self):
        if self._verifier is None:
            return
        answer = self._verifier.poll()
        if answer is None:
            return
        if answer.method == 'judge':
            verdict = answer.value
            self._gate.verdict(answer.ok and verdict.safe is True,
                               verdict.reason if answer.ok else answer.failure)
            self._announce()
        if not self._verifier.alive:
            self._verifier.restart((self._task.spec,))
        else:
            self._verify_next()
        if self._held is not None and self._gate.head is None:
            message, self._held = self._held, None
            self._on_state(message)

    def _announce(self):
        """Publish what runs, what waits for its swap and what was refused last."""
        gate = self._gate
        key = (gate.running.version, gate.newest.version, gate.refusals)
        if key == self._announced:
            return
        self._announced = key
        self._active.publish(event_message(
            self.get_clock().now().to_msg(), self.get_fully_qualified_name(),
            {**policy_values(gate.running), 'ready.version': gate.newest.version,
             'refused.version': gate.refused.version, 'refused.kind': gate.refused.kind,
             'refused.reason': gate.refused.reason, 'refused.count': gate.refusals}))

    def _diagnose(self):
        gate = self._gate
        p99 = float(np.percentile(self._periods, 99)) if self._periods else 0.0
        values = {'version': gate.running.version, 'ready': gate.newest.version,
                  'swaps': gate.swaps, 'refused': gate.refusals,
                  'last_refusal': gate.refused.reason, 'period_p99_ms': f'{p99:.2f}',
                  'malformed_states': self._malformed,
                  **{source.value: count for source, count in self._counts.items()}}
        silent = STEADY.now().nanoseconds * 1e-9 - (self._arrival or -np.inf)
        if not self._config.safety:
            return ERROR, 'SAFETY IS OFF: whatever arrives is run', values
        if silent > self._config.state_timeout_s:
            return ERROR, 'no state arrives: is the plant running?', values
        if self._counts[Source.LAST_RESORT]:
            return ERROR, 'the backup was infeasible: the last resort has acted', values
        if self._interventions:
            return WARN, f'the guard has acted {self._interventions} times', values
        if gate.refused.version >= gate.running.version and gate.refusals:
            return WARN, f'policy {gate.refused.version} refused: {gate.refused.reason}', values
        return OK, f'running policy {gate.running.version}', values

    def stop(self):
        """End the verifier."""
        if self._verifier is not None:
            self._verifier.stop()


def main(args=None):
    """Run the controller."""
    return run(ControllerNode, Executor, args=args)


if __name__ == '__main__':
    sys.exit(main())
