"""The adapter node: rollouts and demonstrations in, certified policies out. A lifecycle node."""

import sys

import numpy as np
from rcl_interfaces.msg import ParameterEvent
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.adapter.health import judgement
from scpo_ros.adapter.session import Session
from scpo_ros.config import AdapterConfig
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.health.severity import Severity
from scpo_ros.ledger.history import History
from scpo_ros.nodes.adapter_services import AdapterServices
from scpo_ros.nodes.conversions import (
    event_message, LATCHED, policy_values, read_active, read_command, read_event, read_state,
    read_trajectory, stamp_of, trajectory_message)
from scpo_ros.nodes.health import ERROR, Health, Metrics, OK, STEADY, WARN
from scpo_ros.nodes.markers import phase_plane
from scpo_ros.nodes.parameters import Changes, declare
from scpo_ros.nodes.run import run
from scpo_ros.process.priority import step_back
from scpo_ros.process.stopping import stop_each
from scpo_ros.process.worker import Worker
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.verification.backup.evidence import demands_of
from scpo_ros.verification.backup.required import require_certified_backup
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory
from visualization_msgs.msg import MarkerArray


_LEVELS = {Severity.OK: OK, Severity.WARN: WARN, Severity.ERROR: ERROR}
_NICENESS = 5  # of the node; its worker has 10 more
_POLL_S = 0.01  # how often the worker's answer is looked for [s]


class AdapterNode(LifecycleNode):
    """
    Collects what the topics show, has the worker learn from it, publishes what was certified.

    Deactivated it freezes learning; the controller carries on. The bookkeeping is in
    :class:`~scpo_ros.adapter.session.Session`, the learning in a worker process.
    """

    def __init__(self):
        """
        Declare parameters, have the backup certified; with `autostart` configure and activate.

        :raises ScpoRosError: for a bad configuration, or one whose backup is not certified.
        """
        super().__init__('adapter', automatically_declare_parameters_from_overrides=True)
        self._spec, self._config = declare(self, AdapterConfig)
        require_certified_backup(self._spec, demands_of(adapter=self._config))
        self._lockstep = (
            self._config.lockstep and self.get_parameter('use_sim_time').value)
        self._worker = self._session = None
        self._active, self._undo = False, []  # calls that undo what was configured
        self._changes = Changes(self, self._config, self._reconfigure)
        self._health = Health(self, 'adaptation', self._diagnose)
        if not self._config.safety:
            self.get_logger().warn('SAFETY IS OFF: raw steps are published, and nothing is '
                                   'certified, the backup neither. For demonstrations.')
        if self._config.autostart:
            self._starter = self.create_timer(0.0, self._autostart, clock=STEADY)

    def _reconfigure(self, config):
        self._config = config
        if self._session is not None:
            self._session.reconfigure(config)

    def _autostart(self):
        self._starter.cancel()
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def on_configure(self, _):
        """Create the topics and start the worker process; what fails halfway is undone."""
        try:
            self._configure()
        except BaseException:
            self.stop()
            raise
        return TransitionCallbackReturn.SUCCESS

    def _configure(self):
        self._history = History(self._config.ledger_dir, 'adapter')
        self._undo.append(self._history.stop)
        self._told_ignored = 0
        self._session = Session(
            self._config, double_integrator(self._spec.system), self._lockstep,
            history=self._history)
        self._worker = Worker(Adaptation, (self._spec, self._config), niceness=10)
        self._undo.append(self._worker.stop)
        self._policies = self._made('publisher', ParameterEvent, 'policy', LATCHED)
        self._rollouts = self._made('publisher', JointTrajectory, '~/rollouts', 10)
        self._markers = self._made('publisher', MarkerArray, '~/markers', LATCHED)
        self._metrics = Metrics(self, (
            'loss', 'worst_metric', 'step_scale', 'accepted_total', 'refused_total',
            'policy_version', 'update_time_ms', 'processed_time'), ('model_valid',))
        self._undo.append(lambda: self._metrics.destroy(self))
        for kind, topic, callback, qos in (
                (JointState, 'joint_states', self._on_state, 10),
                (JointState, 'joint_command', self._on_command, 10),
                (JointTrajectory, 'demonstrations', self._on_demonstration, 10),
                (ParameterEvent, 'controller/active_policy', self._on_active, LATCHED),
                (ParameterEvent, 'proposals', self._on_proposal, 10)):
            self._made('subscription', kind, topic, callback, qos)
        for service in AdapterServices(self, self._session, self._ask,
                                       self._spec.metrics.invariance).created:
            self._undo.append(lambda service=service: self.destroy_service(service))
        timer = self._made('timer', _POLL_S, self._poll, clock=STEADY)
        self._undo.append(timer.cancel)

    def _made(self, kind, *arguments, **named):
        """Return a new publisher, subscription or timer, which :meth:`stop` will destroy."""
        made = getattr(self, f'create_{kind}')(*arguments, **named)
        self._undo.append(lambda: getattr(self, f'destroy_{kind}')(made))
        return made

    def on_activate(self, state):
        """Start learning; version 0 is published once the worker has certified it."""
        self._active = True
        return super().on_activate(state)

    def on_deactivate(self, state):
        """Freeze learning."""
        self._active = False
        return super().on_deactivate(state)

    def on_cleanup(self, _):
        """Undo :meth:`on_configure`."""
        self.stop()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, _):
        """Undo :meth:`on_configure` for good."""
        self.stop()
        return TransitionCallbackReturn.SUCCESS

    def stop(self):
        """End all that was configured, the newest first, each whatever the others do."""
        self._active, self._worker = False, None
        undo, self._undo = self._undo, []
        stop_each(*reversed(undo))

    def _reading(self, read, message, use):
        try:
            use(read(message))
        except InvalidArrayError as error:
            self._session.ignore(str(error))
            self.get_logger().warn(f'ignored a malformed message: {error}',
                                   throttle_duration_sec=5.0)

    def _on_state(self, message):
        self._reading(read_state, message, self._session.add_state)

    def _on_command(self, message):
        self._reading(read_command, message, self._take_command)
        if self._lockstep:
            self._poll()

    def _take_command(self, command):
        rollout = self._session.add_command(
            command.time, f'{command.source}/{command.version}', command.u)
        if rollout is not None:
            times = np.arange(len(rollout.u)) * self._spec.system.dt
            self._rollouts.publish(trajectory_message(
                stamp_of(rollout.time), 'plant', times, rollout.x, rollout.u[:, 0]))

    def _on_demonstration(self, message):
        self._reading(read_trajectory, message, lambda d: self._session.add_demonstration(
            *d, message.header.frame_id))

    def _on_proposal(self, message):
        self._reading(read_event, message,
                      lambda values: self._session.add_proposal(values.get('proposal.step')))

    def _on_active(self, message):
        self._reading(read_active, message, self._session.acknowledge)
        if self._session.halted:
            self._metrics.publish(worst_metric=float(self._session.worst_metric))

    def _poll(self):
        if self._worker is None:
            return  # a call that was due when the node was cleaned up
        answer = self._worker.poll()
        if answer is not None:
            self._conclude(answer)
        self._worker.revive(lambda: (self._spec, self._config, self._session.replacement()))
        if self._active and not self._worker.busy:
            request = self._session.next_request(
                self.count_publishers('demonstrations') > 0)
            if request is not None:
                self._worker.request(*request, timeout=self._config.update_timeout_s)
        done = self._session.processed(self._worker.busy, self._active)
        if self._lockstep and done is not None:
            self._metrics.publish(processed_time=done)

    def _conclude(self, answer):
        session = self._session
        records = session.conclude(answer)
        for record in records:
            self._policies.publish(event_message(
                self.get_clock().now().to_msg(), self.get_fully_qualified_name(),
                policy_values(record)))
        if answer.method in ('start', 'describe', 'reconfigure'):
            return
        for name in ('loss', 'step_scale'):
            if np.isfinite(getattr(session, name)):
                self._metrics.publish(**{name: float(getattr(session, name))})
        self._metrics.publish(
            worst_metric=float(session.worst_metric),  # NaN: nothing is certified
            policy_version=float(session.version), update_time_ms=session.update_time_ms,
            accepted_total=float(session.accepted), refused_total=float(session.refused),
            model_valid=session.model_valid)
        if session.vertices is not None:
            self._markers.publish(phase_plane(
                self.get_clock().now().to_msg(), self._spec.system, session))

    def _ask(self, method, *arguments):
        """Have the worker do something now, waiting for it; return its answer."""
        if self._worker.busy:
            answer = self._worker.wait()
            if answer is not None:
                self._conclude(answer)
        self._worker.request(method, *arguments, timeout=self._config.update_timeout_s)
        answer = self._worker.wait()
        self._conclude(answer)
        return answer

    def _diagnose(self):
        if self._worker is None:
            return WARN, 'not configured: call the transition configure, then activate', {}
        session, history = self._session, self._history
        values = {**session.values(), 'ledger': history.failure or history.fault or 'in order'}
        level, message = judgement(session, self._config, self._active, history.failure,
                                   session.ignored - self._told_ignored)
        self._told_ignored = session.ignored
        return _LEVELS[level], message, values


def main(args=None):
    """Run the adapter, behind whatever controls."""
    step_back(_NICENESS)
    return run(AdapterNode, args=args)


if __name__ == '__main__':
    sys.exit(main())
