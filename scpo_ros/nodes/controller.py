"""The controller node: small, trusted, real-time; checks every policy itself before its use."""

import sys

from rcl_interfaces.msg import ParameterEvent
from rclpy.node import Node
from scpo_ros.config import ControllerConfig
from scpo_ros.controller.admission import Admission
from scpo_ros.controller.control_loop import ControlLoop
from scpo_ros.controller.cost_budget import CostBudget
from scpo_ros.controller.diagnosis import ControllerDiagnosis
from scpo_ros.controller.model_monitor import ModelMonitor
from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.health.severity import Severity
from scpo_ros.health.timing import Punctuality
from scpo_ros.interface.policy_record import backup_record
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.interface.state_watch import Fate, StateWatch
from scpo_ros.ledger.history import History
from scpo_ros.nodes.conversions import (
    command_message, event_message, identity_values, LATCHED, LATCHED_QUEUE, read_policy,
    read_state)
from scpo_ros.nodes.health import ERROR, Health, Metrics, OK, STEADY, WARN
from scpo_ros.nodes.markers import refused_policy
from scpo_ros.nodes.parameters import declare
from scpo_ros.nodes.run import run
from scpo_ros.policy.safety_filter import GuardedPolicy
from scpo_ros.process.worker import Worker
from scpo_ros.verification.backup.evidence import demands_of
from scpo_ros.verification.backup.required import require_certified_backup
from scpo_ros.verification.task import ControlTask
from sensor_msgs.msg import JointState
from visualization_msgs.msg import MarkerArray


try:
    from rclpy.experimental import EventsExecutor as Executor
except ImportError:
    from rclpy.executors import SingleThreadedExecutor as Executor

_LEVELS = {Severity.OK: OK, Severity.WARN: WARN, Severity.ERROR: ERROR}
_POLL_S = 0.02  # how often the verifier's answer is looked for [s]
# Between two starts of the verifier, and before the first: the first answers to states come first.
_PATIENCE_S = 1.0


def make_verifier(spec, margin):
    """Return the verifier, in its own process, which alone pays for its imports."""
    from scpo_ros.verification.verifier import Verifier
    return Verifier(spec, margin)


def _steady():
    return STEADY.now().nanoseconds * 1e-9


def build_loop(spec, config):
    """
    Return the :class:`~scpo_ros.controller.control_loop.ControlLoop` of a configuration.

    :raises LedgerError: when the ledger cannot be opened.
    """
    task, history = ControlTask.build(spec), History(config.ledger_dir, 'controller')
    gate = PolicyGate(backup_record(task.initial_theta, task.digest), config.certified_margin,
                      config.dwell(spec), spec.metrics.invariance)
    judging = (spec, config.certified_margin)
    worker = Worker(make_verifier, judging, niceness=10, started=False,
                    pause=_PATIENCE_S) if config.safety else None
    admission = Admission(gate, worker, history, config.verification_timeout_s, judging)
    dt = task.system.dt
    return ControlLoop(
        task, GuardedPolicy(task, task.initial_theta, guard=config.safety), admission,
        StateWatch(dt, config.state_timeout_s, age_limit=config.state_age_limit_s),
        ModelMonitor(task, round(config.model_calm_s / dt), history.revoked),
        config.safety, make_budget(task, config))


def make_budget(task, config):
    """Return the :class:`CostBudget` of a configuration, None where task cost does not count."""
    if not (config.safety and task.spec.metrics.no_regret):
        return None
    return CostBudget(task, config.cost_tolerance_of(task.spec))


class ControllerNode(Node):
    """
    Answers every state with an action of policy, guard or backup.

    What it decides is in :class:`~scpo_ros.controller.control_loop.ControlLoop` and
    :class:`~scpo_ros.controller.admission.Admission`. With lockstep the answer to a state waits
    for a verification under way, so that one seed gives one sequence of swaps. Whatever goes
    wrong in a callback is counted and reported, and costs one message, never the node.
    """

    def __init__(self):
        """
        Declare parameters, have the backup certified, start with it.

        :raises ScpoRosError: for a bad configuration, or one whose backup is not certified.
        """
        super().__init__('controller', automatically_declare_parameters_from_overrides=True)
        spec, self._config = declare(self, ControllerConfig)
        require_certified_backup(spec, demands_of(controller=self._config))
        self._loop = build_loop(spec, self._config)
        self._admission = self._loop.admission
        self._gate = self._admission.gate
        if not self._config.safety:
            self.get_logger().warn(
                'SAFETY IS OFF: policies are neither checked nor guarded, and nothing is '
                'certified, the backup neither. For demonstrations.')
        self._lockstep = (
            self._config.lockstep and self.get_parameter('use_sim_time').value)
        # A clock that waits for the adapter must not take the processor from it.
        self.realtime_priority = 0 if self._lockstep else self._config.realtime_priority
        self.scheduling = ''
        self._diagnosis = ControllerDiagnosis(self._loop, self._config)
        self._held = self._announced = self._drawn = None
        self._punctuality = Punctuality(spec.system.dt)
        self._commands = self.create_publisher(JointState, 'joint_command', 1)
        self._active = self.create_publisher(ParameterEvent, '~/active_policy', LATCHED)
        self._markers = self.create_publisher(MarkerArray, '~/markers', LATCHED)
        self._metrics = Metrics(
            self, ('policy_version', 'guard_interventions', 'input_margin', 'residual',
                   'period_ms', 'latency_ms', 'position_use', 'velocity_use', 'model_error',
                   'judged_share', 'input_mismatch', 'cost_balance'),
            ('backup_active', 'model_valid'))
        self.create_subscription(JointState, 'joint_states', self._guarded(self._on_state), 1)
        self.create_subscription(
            ParameterEvent, 'policy', self._guarded(self._on_policy), LATCHED_QUEUE)
        self.create_timer(_POLL_S, self._guarded(self._poll), clock=STEADY)
        self._health = Health(self, 'policy', self._diagnose)
        self._announce()

    def _guarded(self, callback):
        """Return the callback, whose failure costs one message and never the node."""
        def guarded(*arguments):
            try:
                callback(*arguments)
            except Exception as error:  # noqa: B902 - the robot must not fall with a callback
                why = f'{type(error).__name__}: {error}'
                self._diagnosis.failed(why)
                self.get_logger().error(f'a callback failed: {why}', throttle_duration_sec=5.0)
        return guarded

    def _on_state(self, message):
        arrival = _steady()
        try:
            state = read_state(message)
        except InvalidArrayError as error:
            self._diagnosis.saw_malformed(arrival)
            self.get_logger().error(f'no action on a malformed state: {error}',
                                    throttle_duration_sec=5.0)
            return
        if self._lockstep and self._admission.busy:
            self._held = message
            return
        now = None
        if not self._lockstep:
            now = self.get_clock().now().nanoseconds * 1e-9
        reply = self._loop.answer(state, now)
        self._diagnosis.saw(state, self._loop.fate, arrival)
        if reply is not None:
            self._commands.publish(command_message(
                state.stamp, reply.source.value, reply.version, reply.u))
        if self._loop.fate is Fate.FRESH:
            self._punctuality.note(arrival, _steady())
            self._report(state, reply)
            self._announce()

    def _report(self, state, reply):
        margin, residual = self._loop.figures(state.x, reply.u)
        position, velocity = state.x / self._loop.task.system.state_limit
        monitor = self._loop.monitor
        if monitor.judged:
            self._metrics.publish(model_error=monitor.ratio)
        self._metrics.publish(
            position_use=float(position), velocity_use=float(velocity),  # of the limits, +-1
            policy_version=float(reply.version), residual=residual,
            guard_interventions=float(self._loop.interventions), input_margin=margin,
            period_ms=self._punctuality.period_ms,
            latency_ms=self._punctuality.latency_ms,
            judged_share=monitor.judged_share, input_mismatch=float(monitor.mismatches),
            cost_balance=self._cost_balance,
            model_valid=not self._gate.revoked, backup_active=reply.backup)

    @property
    def _cost_balance(self):
        """Return what the policies may still cost beyond the backup; 0 without a budget."""
        budget = self._loop.budget
        return 0.0 if budget is None else budget.balance

    def _on_policy(self, message):
        try:
            self._admission.submit(read_policy(message))
        except Exception as error:  # noqa: B902 - what cannot be read is refused, with its reason
            self._admission.refuse(
                -1, RefusalKind.MALFORMED, f'{type(error).__name__}: {error}')
        self._announce()

    def _poll(self):
        self._admission.poll()
        self._announce()
        if self._held is not None and not self._admission.busy:
            message, self._held = self._held, None
            self._on_state(message)

    def _announce(self):
        """Publish what runs, what waits for its swap and what was refused last, if it changed."""
        gate = self._gate
        key = (gate.running.version, gate.newest.version, gate.refusals, gate.revoked)
        if key == self._announced:
            return
        self._announced = key
        stamp = self.get_clock().now().to_msg()
        self._active.publish(event_message(
            stamp, self.get_fully_qualified_name(),
            {**identity_values(gate.running), **self._admission.announcement()}))
        found = gate.refused.counterexample
        if found is not None and found is not self._drawn:
            self._drawn = found
            self._markers.publish(refused_policy(stamp, found.states, gate.refused.reason))

    def _diagnose(self):
        gate, loop, history = self._gate, self._loop, self._admission.history
        monitor = loop.monitor
        values = {'version': gate.running.version, 'ready': gate.newest.version,
                  'certificate': gate.claim.coverage,
                  'swaps': gate.swaps, 'refused': gate.refusals,
                  'last_refusal': gate.refused.reason, 'revoked': gate.revoked,
                  'revocations': monitor.revocations,
                  'malformed_states': self._diagnosis.malformed,
                  'model_error': f'{monitor.ratio:.3f}',
                  'judged_share': f'{monitor.judged_share:.3f}', 'judged': monitor.judged,
                  'input_mismatch': monitor.mismatches, 'last_mismatch': monitor.mismatch,
                  'callback_faults': self._diagnosis.faults, 'scheduling': self.scheduling,
                  'cost_balance': f'{self._cost_balance:.4g}',
                  'ledger': history.failure or history.fault or 'in order',
                  **{f'states_{fate.value}': count for fate, count in loop.watch.counts.items()},
                  **{source.value: count for source, count in loop.counts.items()},
                  **self._punctuality.values}
        severity, message = self._diagnosis.judge(_steady())
        return _LEVELS[severity], message, values

    def stop(self):
        """End the verifier and close the ledger."""
        self._admission.stop()


def main(args=None):
    """Run the controller."""
    return run(ControllerNode, Executor, args=args)


if __name__ == '__main__':
    sys.exit(main())
