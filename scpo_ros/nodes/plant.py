"""The plant node: publishes states, applies the commands that answer them."""

import math
import sys

from rclpy.clock import ClockType
from rclpy.node import Node
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from scpo_ros.config import PlantConfig
from scpo_ros.health.silence import without_commands
from scpo_ros.nodes.conversions import seconds, state_message
from scpo_ros.nodes.health import ERROR, Health, Metrics, OK, STEADY, WARN
from scpo_ros.nodes.parameters import Changes, declare
from scpo_ros.nodes.run import run
from scpo_ros.sets.invariant_set import contractive_set
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.systems.plant import SimulatedPlant
from scpo_ros.verification.task import contraction_factor
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from std_srvs.srv import Trigger


_REPEAT_S = 0.2  # with use_sim_time: a state without answer is published again [s, wall]


class PlantNode(Node):
    """
    Simulates the double integrator in steps of dt.

    Stamps lie on the grid t_0 + k dt. On the wall clock a step lasts dt / real_time_factor,
    whether a command came or not. With use_sim_time the plant is the clock: it publishes /clock
    and advances only when the state is answered and the adapter is done with it. When it is not
    within the time-out, the plant goes on without it until it is heard again.
    """

    def __init__(self):
        """Declare parameters and start."""
        super().__init__('plant', automatically_declare_parameters_from_overrides=True)
        spec, self._config = declare(self, PlantConfig)
        system = double_integrator(spec.system)
        safe_set = contractive_set(system, contraction_factor(spec.system))
        self._dt = spec.system.dt
        self._plant = SimulatedPlant(system, safe_set, self._config)
        self._lockstep = self.get_parameter('use_sim_time').value
        # A clock that waits for the adapter must not take the processor from it.
        self.realtime_priority = 0 if self._lockstep else self._config.realtime_priority
        self.scheduling = ''
        self._start = 0 if self._lockstep else self.get_clock().now().nanoseconds
        self._command, self._processed, self._forced, self._waited = None, None, 0, 0.0
        self._malformed, self._told = 0, 0  # commands; violations that diagnostics told
        self._alone = False  # whether no adapter has answered in time
        self._states = self.create_publisher(JointState, 'joint_states', 100)
        self._clock_publisher = (
            self.create_publisher(Clock, '/clock', 1) if self._lockstep else None)
        self.create_subscription(JointState, 'joint_command', self._on_command, 1)
        self.create_subscription(
            Float64, 'adapter/metrics/processed_time', self._on_processed, 10)
        self.create_service(Trigger, '~/reset', self._on_reset)
        self._metrics = Metrics(self, ('deadline_misses', 'limit_violations'))
        self._health = Health(self, 'simulation', self._diagnose)
        self._period = self._dt / self._config.real_time_factor
        self._timer = self.create_timer(self._period, self._tick, clock=STEADY)
        self._changes = Changes(self, self._config, self._reconfigure)
        self._publish()

    @property
    def _time(self):
        """Return the stamp of the present state [s]."""
        return self._stamp().nanoseconds * 1e-9

    def _stamp(self):
        kind = ClockType.ROS_TIME
        return Time(nanoseconds=self._start + round(self._plant.state.step * self._dt * 1e9),
                    clock_type=kind)

    def _reconfigure(self, config):
        self._period = self._dt / config.real_time_factor
        self._timer.timer_period_ns = round(self._period * 1e9)
        self._plant.disturbance_scale = config.disturbance_scale

    def _on_command(self, message):
        if len(message.effort) != 1 or not math.isfinite(message.effort[0]):
            self._malformed += 1
            return  # must not take the place of a genuine command
        if abs(seconds(message.header.stamp) - self._time) < 1e-6:
            self._command = message.effort[0]

    def _on_processed(self, message):
        self._processed, self._alone = message.data, False

    def _on_reset(self, _, response):
        """Have the next step begin an episode; until then the present one goes on."""
        episode = self._plant.reset()
        response.success, response.message = True, f'episode {episode} begins with the next step'
        return response

    def _tick(self):
        if self._plant.asked:
            return self._advance()  # the present state needs no answer any more
        if not self._plant.started and self._command is None:
            return self._publish()  # nothing moves before the first command
        if self._lockstep and not self._answered():
            self._waited += self._period
            if self._waited < self._config.lockstep_timeout_s:
                if self._waited % _REPEAT_S < self._period:
                    self._publish()  # for whoever was not there yet
                return None
            self._forced += 1
            self._alone = not self._learned
        return self._advance()

    def _advance(self):
        self._waited = 0.0
        self._plant.advance(self._command)
        self._command = None
        return self._publish()

    @property
    def _learned(self):
        """Return whether the adapter is done with the present state."""
        return self._processed is not None and self._processed > self._time - 1e-6

    def _answered(self):
        return self._command is not None and (self._alone or self._learned)

    def _publish(self):
        state, stamp = self._plant.state, self._stamp().to_msg()
        if self._clock_publisher is not None:
            self._clock_publisher.publish(Clock(clock=stamp))
        self._states.publish(state_message(stamp, state.episode, state.x, state.applied))

    def _diagnose(self):
        plant = self._plant
        self._metrics.publish(deadline_misses=float(plant.deadline_misses),
                              limit_violations=float(plant.limit_violations))
        values = {'episode': plant.state.episode, 'step': plant.state.step,
                  'deadline_misses': plant.deadline_misses,
                  'limit_violations': plant.limit_violations,
                  'malformed_commands': self._malformed, 'lockstep_timeouts': self._forced,
                  'scheduling': self.scheduling}
        new, self._told = plant.limit_violations - self._told, plant.limit_violations
        if new:
            return ERROR, (f'outside the limits: {new} samples since this was said last, '
                           f'{plant.limit_violations} in all'), values
        if not plant.started:
            return WARN, without_commands(self._malformed), values
        return OK, 'running', values


def main(args=None):
    """Run the plant."""
    return run(PlantNode, args=args)


if __name__ == '__main__':
    sys.exit(main())
