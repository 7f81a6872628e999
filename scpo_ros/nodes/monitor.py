"""The monitor node: watches a run, shows a live line, writes its summary and picture."""

from functools import partial
import sys

from rcl_interfaces.msg import ParameterEvent
import rclpy
from rclpy.node import Node
from scpo_ros.config import MonitorConfig
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.nodes.conversions import LATCHED_QUEUE
from scpo_ros.nodes.health import Health, OK, STEADY, WARN
from scpo_ros.nodes.parameters import declare
from scpo_ros.nodes.run import run
from scpo_ros.recording.run_record import NUMBERS, RunRecord
from scpo_ros.recording.run_results import write_results
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory


_KINDS = {'joint_states': JointState, 'joint_command': JointState,
          'demonstrations': JointTrajectory, 'policy': ParameterEvent,
          'controller/active_policy': ParameterEvent}
_LATCHED = ('policy', 'controller/active_policy')


class MonitorNode(Node):
    """
    Records a run and ends it after its duration.

    The duration counts from the first certificate, with use_sim_time in the plant's time: /clock
    may be somebody else's. At the end learning is stopped and the controller's last swap awaited,
    so that the summary speaks of the policy that runs. Stopped early, it writes what there is.
    """

    def __init__(self):
        """Declare parameters and start watching."""
        super().__init__('monitor', automatically_declare_parameters_from_overrides=True)
        self._spec, self._config = declare(self, MonitorConfig)
        self._record, self._written = RunRecord(self._spec), False
        self._sim_time = self.get_parameter('use_sim_time').value
        self._began, self._ended, self._frozen, self._next_line = None, None, False, 0.0
        self._patience = self._spec.metrics.horizon_s + 10.0
        for topic, kind in {**_KINDS, **dict.fromkeys(NUMBERS, Float64)}.items():
            self.create_subscription(kind, topic, partial(self._take, topic),
                                     LATCHED_QUEUE if topic in _LATCHED else 10)
        self._freeze = self.create_client(SetBool, 'adapter/set_enabled')
        self.create_timer(0.25, self._watch, clock=STEADY)
        self._health = Health(self, 'run', self._diagnose)

    def _take(self, topic, message):
        try:
            self._record.take(topic, message)
        except InvalidArrayError as error:
            self.get_logger().warn(f'ignored a message: {error}', throttle_duration_sec=5.0)
        if topic == 'policy' and self._record.policies and self._began is None:
            self._began = self._seconds()

    def _seconds(self):
        if self._sim_time:
            return self._record.now if self._record.times else 0.0
        return STEADY.now().nanoseconds * 1e-9

    def _watch(self):
        elapsed = 0.0 if self._began is None else self._seconds() - self._began
        if self._config.live and not self._written:
            self._show(elapsed)
        if self._ended is None:
            if self._config.duration_s and elapsed >= self._config.duration_s:
                self._ended = elapsed
                self._freeze.call_async(SetBool.Request(data=False)).add_done_callback(
                    lambda _: setattr(self, '_frozen', True))
        elif (self._frozen and self._record.settled) or elapsed - self._ended > self._patience:
            self._finish()
            rclpy.try_shutdown()

    def _show(self, elapsed):
        line = f't = {elapsed:6.1f} s  {self._record.line()}'
        if sys.stdout.isatty():
            print(f'\r\033[K{line}', end='', flush=True)
        elif elapsed >= self._next_line:
            self._next_line = elapsed + 5.0
            print(line, flush=True)

    def _finish(self):
        if self._written:
            return
        self._written = True
        elapsed = self._ended if self._ended is not None else (
            0.0 if self._began is None else self._seconds() - self._began)
        summary = write_results(self._config.output, self._record, {
            'expert': ', '.join(self._record.experts) or None, 'seed': self._config.seed,
            'duration_s': round(elapsed, 3)})
        if self._config.live:
            print('\n' + '\n'.join(f'  {key:28s} {"not measured" if item is None else item}'
                                   for key, item in summary.items()),
                  flush=True)

    def _diagnose(self):
        level = OK if self._began is not None else WARN
        return level, self._record.line(), {}

    def stop(self):
        """Write what there is."""
        self._finish()


def main(args=None):
    """Run the monitor."""
    return run(MonitorNode, args=args)


if __name__ == '__main__':
    sys.exit(main())
