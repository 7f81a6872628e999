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
A robot under ros2_control, as far as its topics go: a program of its own.

    python ros2_control_stub.py --rate 200 --ros-args -r __ns:=/robot

It speaks exactly the topics of two controllers of ros2_controllers, Jazzy:

* joint_state_broadcaster: `joint_states`, at the rate of the controller manager, with the stamp of
  its update. All joints of the robot, in an order of their own; position, velocity and effort of
  each, NaN where the joint has no such interface; frame_id `base_link`.
* forward_command_controller: `forward_command_controller/commands`, bare numbers. A message of
  another size is ignored; the last one is applied for ever.

Its only moving joint is a carriage on a rail, x' = (v, u + w), with a bounded w. Every so many
seconds somebody carries it elsewhere: the broadcaster is silent for a second then. The topic
`fault` has a std_msgs/String with the name of a fault, '' for none.
"""

import argparse
import math
import random
import time

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, String

NAMES = ['gripper', 'slider', 'lift']
JITTER = 2e-5  # of the updates of a real-time controller manager [s]
LATEST = 0.02  # updates are made up for [s]
FRICTION = 0.005  # half-width of w [m/s^2]


class Robot(Node):
    """The controller manager's loop, in steps of the wall clock."""

    def __init__(self, options):
        super().__init__('controller_manager')
        self.options, self.fault, self.frozen = options, '', None
        self.x, self.u, self.random = [0.5, 0.0], 0.0, random.Random(options.seed)
        self.states = self.create_publisher(JointState, 'joint_states', 10)
        self.create_subscription(
            Float64MultiArray, 'forward_command_controller/commands', self.on_commands, 10)
        self.create_subscription(String, 'fault', self.on_fault, 10)
        self.start, self.cycle, self.moved = time.time(), 0, time.time()
        self.create_timer(0.5 / options.rate, self.update)

    def on_commands(self, message):
        if len(message.data) == 1:
            self.u = message.data[0]

    def on_fault(self, message):
        self.fault, self.frozen = message.data, None

    def update(self):
        """Do the updates that are due; after a long pause of this process those are left out."""
        late = time.time() - self.start - self.cycle / self.options.rate
        if late > LATEST:  # updates in arrears would not hear the commands in between
            self.cycle += int(late * self.options.rate)
        while time.time() >= self.start + self.cycle / self.options.rate:
            self.cycle += 1
            stamp = (self.start + self.cycle / self.options.rate
                     + self.random.uniform(-JITTER, JITTER))
            self.move(stamp - self.moved)
            self.moved = stamp
            if not self.carried(stamp - self.start):
                self.broadcast(stamp)

    def move(self, h):
        a = max(-1.0, min(1.0, self.u)) + self.random.uniform(-FRICTION, FRICTION)
        self.x = [self.x[0] + h * self.x[1] + h * h / 2 * a, self.x[1] + h * a]

    def carried(self, since):
        """Return whether somebody carries the carriage now; then it will start elsewhere."""
        if not self.options.carried or since % self.options.carried < self.options.carried - 1:
            return False
        self.x = [0.6 * math.sin(3.7 * (since // self.options.carried + 1)), 0.0]
        return True

    def broadcast(self, stamp):
        x = list(self.x)
        if self.fault == 'nan':
            x[1] = math.nan
        if self.fault == 'frozen_numbers':
            x = self.frozen = self.frozen or x
        if self.fault == 'frozen_stamps':
            stamp = self.frozen = self.frozen or stamp
        if self.fault == 'late':
            stamp -= 2.0
        effort = self.u if self.options.effort else math.nan
        message = JointState(
            name=list(NAMES), position=[0.7, x[0], 0.2], velocity=[math.nan, x[1], 0.0],
            effort=[math.nan, effort, math.nan])
        message.header.frame_id = 'base_link'
        nanoseconds = round(stamp * 1e9)
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(nanoseconds, 10**9)
        if self.fault == 'other_robot':
            message.name = ['gripper', 'arm', 'lift']
        if self.fault != 'silent':
            self.states.publish(message)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--rate', type=float, default=200.0)
    parser.add_argument('--effort', action='store_true', help='has an effort state interface')
    parser.add_argument('--carried', type=float, default=0.0, help='every so many seconds')
    parser.add_argument('--seed', type=int, default=0)
    options, words = parser.parse_known_args()
    rclpy.init(args=words)
    node = Robot(options)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == '__main__':
    main()
