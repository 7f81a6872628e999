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

"""The plant node: publishes states, applies the commands that answer them."""

from dataclasses import dataclass
import sys

from builtin_interfaces.msg import Time as TimeMessage
from rclpy.clock import ClockType
from rclpy.node import Node
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from scpo_ros.bringup.simulated_plant import simulated_plant
from scpo_ros.config import PlantConfig
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.health.silence import without_commands
from scpo_ros.interface.joint_layout import JointLayout
from scpo_ros.interface.messages import read_inputs, seconds
from scpo_ros.interface.size_limits import SizeLimits
from scpo_ros.interface.wiring import wiring_of
from scpo_ros.nodes.conversions import state_message
from scpo_ros.nodes.health import ERROR, Health, Metrics, OK, STEADY, WARN
from scpo_ros.nodes.incoming import subscribe
from scpo_ros.nodes.parameters import Changes, declare
from scpo_ros.nodes.plant_answers import Due, PendingAnswers
from scpo_ros.nodes.run import Events, run
from scpo_ros.systems.plant import PlantState
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from std_srvs.srv import Trigger


@dataclass(frozen=True)
class StampGrid:
    """The stamps of the states: t_0 + k dt."""

    start: int  # t_0 [ns]
    dt: float  # [s]

    def at(self, step: int) -> int:
        """Return the stamp of step k [ns]."""
        return self.start + round(step * self.dt * 1e9)


class Outgoing:
    """Publishes the states of a plant, and with the simulated clock the time before each."""

    def __init__(self, node: Node, layout: JointLayout, clock: bool) -> None:
        """Create the topics. :param layout: where states and inputs stand in a message."""
        self.layout = layout
        self._states = node.create_publisher(JointState, 'joint_states', 100)
        self._clock = node.create_publisher(Clock, '/clock', 1) if clock else None

    def publish(self, stamp: TimeMessage, state: PlantState) -> None:
        """Publish a state."""
        if self._clock is not None:
            self._clock.publish(Clock(clock=stamp))
        self._states.publish(
            state_message(stamp, state.episode, state.x, state.applied, self.layout))


class PlantNode(Node):
    """
    Simulates the system in steps of dt.

    On the wall clock a step lasts dt / real_time_factor, whether a command came or not. With
    use_sim_time the plant is the clock: it publishes /clock and advances only when the state is
    answered and the adapter is done with it, or when a time-out has passed.
    """

    def __init__(self) -> None:
        """Declare parameters and start."""
        super().__init__('plant', automatically_declare_parameters_from_overrides=True)
        spec, config = declare(self, PlantConfig)
        wiring = wiring_of(spec)
        system = wiring.system
        lockstep = self.get_parameter('use_sim_time').value
        self._plant = simulated_plant(spec, config)
        self._grid = StampGrid(
            0 if lockstep else self.get_clock().now().nanoseconds, system.dt)
        # A clock that waits for the adapter must not take the processor from it.
        self.realtime_priority = 0 if lockstep else config.realtime_priority
        self.scheduling = ''
        self._answers = PendingAnswers(lockstep, config.lockstep_timeout_s, system.m)
        self._told = 0  # violations that diagnostics told
        self._outgoing = Outgoing(self, wiring.layout, lockstep)
        self._metrics = Metrics(self, ('deadline_misses', 'limit_violations'))
        self._health = Health(self, 'simulation', self._diagnose, ('joint_command',))
        self._changes = Changes(self, config, self._reconfigure)
        self._listen(SizeLimits.of(spec).bytes_of('joint_command'))
        self._timer = self.create_timer(self._period(config), self._tick, clock=STEADY)
        self._publish()

    def _listen(self, largest: int) -> None:
        subscribe(self, JointState, 'joint_command', self._on_command, 1, largest,
                  self._answers.ignore)
        self.create_subscription(
            Float64, 'adapter/metrics/processed_time', self._on_processed, 10)
        self.create_service(Trigger, '~/reset', self._on_reset)

    def _period(self, config: PlantConfig) -> float:
        """Return how long a step lasts [s, wall]."""
        return self._grid.dt / config.real_time_factor

    @property
    def _stamp(self) -> int:
        """Return the stamp of the present state [ns]."""
        return self._grid.at(self._plant.state.step)

    def _reconfigure(self, config: PlantConfig) -> None:
        self._timer.timer_period_ns = round(self._period(config) * 1e9)
        self._plant.disturbance_scale = config.disturbance_scale

    def _on_command(self, message: JointState) -> None:
        try:
            u = read_inputs(message, self._outgoing.layout)
        except InvalidArrayError as error:
            self._answers.ignore(str(error))
            return
        self._answers.hear_command(u, seconds(message.header.stamp), 1e-9 * self._stamp)

    def _on_processed(self, message: Float64) -> None:
        self._answers.hear_adapter(message.data)

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Have the next step begin an episode; until then the present one goes on."""
        episode = self._plant.reset()
        response.success, response.message = True, f'episode {episode} begins with the next step'
        return response

    def _tick(self) -> None:
        if self._plant.asked:
            self._advance()  # the present state needs no answer any more
        elif not self._plant.started and self._answers.command is None:
            self._publish()  # nothing moves before the first command
        else:
            due = self._answers.due(1e-9 * self._stamp, self._period(self._changes.config))
            if due is Due.ADVANCE:
                self._advance()
            elif due is Due.REPEAT:
                self._publish()  # for a node that was not there yet

    def _advance(self) -> None:
        self._plant.advance(self._answers.take())
        self._publish()

    def _publish(self) -> None:
        stamp = Time(nanoseconds=self._stamp, clock_type=ClockType.ROS_TIME).to_msg()
        self._outgoing.publish(stamp, self._plant.state)

    def _diagnose(self) -> tuple[bytes, str, dict[str, int | str]]:
        plant = self._plant
        self._metrics.publish(deadline_misses=float(plant.deadline_misses),
                              limit_violations=float(plant.limit_violations))
        values: dict[str, int | str] = {
            'episode': plant.state.episode, 'step': plant.state.step,
            'deadline_misses': plant.deadline_misses, 'limit_violations': plant.limit_violations,
            'malformed_commands': self._answers.malformed,
            'lockstep_timeouts': self._answers.timeouts, 'scheduling': self.scheduling}
        new, self._told = plant.limit_violations - self._told, plant.limit_violations
        if new:
            return ERROR, (f'outside the limits: {new} samples since this was said last, '
                           f'{plant.limit_violations} in all'), values
        if not plant.started:
            return WARN, without_commands(
                self._answers.malformed, self._answers.unstamped), values
        return OK, 'running', values


def main(args: list[str] | None = None) -> int:
    """Run the plant."""
    return run(PlantNode, Events, args=args)


if __name__ == '__main__':
    sys.exit(main())
