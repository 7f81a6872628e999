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

"""The recorder node: writes the messages of the stack's topics into a bag, byte by byte."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
import sys
from typing import Any, TypedDict

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from scpo_ros.config import RecorderConfig, Specification, SystemSpec
from scpo_ros.interface.size_limits import SIZED_TOPICS, SizeLimits
from scpo_ros.interface.stack_topics import KEPT_NAMES, KINDS, names_text
from scpo_ros.nodes.health import Health, OK, SELDOM, STEADY, WARN
from scpo_ros.nodes.parameters import declare
from scpo_ros.nodes.run import run
from scpo_ros.recording.arrival import ArrivalClock
from scpo_ros.recording.bag import (
    BagError, BagWriter, DESCRIPTION, PARAMETERS, profile, TYPES)


SHARED = ('/clock', '/diagnostics', '/parameter_events', '/rosout')  # topics of all namespaces
_LOOK_S = 0.05  # how often new topics are looked for [s]
_LARGEST_BYTES = 16 * 2**20  # of a message of another topic, say an image
_NEEDED = ('joint_states', 'joint_command')  # names without which a bag cannot be audited
_DEPTH = 1000  # messages of a topic that may wait to be written


class Arrival(TypedDict):
    """The part of rclpy's information on a message that the recorder uses."""

    received_timestamp: int  # wall clock [ns], 0 where it is not known


class RecorderNode(Node):
    """
    Records every topic of its namespace and the shared ones, as soon as a publisher appears.

    Topics with other names (`-r joint_states:=/arm/states`) are recorded too, and the bag keeps
    the names: the recorder is given the remappings of the controller.

    A subscription asks for the quality of service that the publishers offer: it hears best-effort
    publishers, and gets the latched message of publishers that were there before it.
    """

    def __init__(self) -> None:
        """Declare parameters and open the bag."""
        super().__init__('recorder', automatically_declare_parameters_from_overrides=True)
        spec, config = declare(self, RecorderConfig)
        self._limits, self._skipped = SizeLimits.of(spec), 0
        self._prefix = self.get_namespace().rstrip('/') + '/'
        self._names = {name: self.resolve_topic_name(name) for name in KINDS}
        self._bag = BagWriter(config.bag_path, {
            KEPT_NAMES: names_text(self._prefix, self._names),
            **_run_of(spec, config.parameters_file)})
        self._arrivals = ArrivalClock()
        self._topics: dict[str, Any] = {}  # {topic: subscription}
        self._unknown: set[str] = set()  # topics of types that no bag can hold
        self._written = 0
        self._look()
        self.create_timer(_LOOK_S, self._look, clock=STEADY)
        self._health = Health(self, 'recording', self._diagnose)

    def _look(self) -> None:
        """Subscribe to the topics that have a publisher now."""
        for topic, kinds in self.get_topic_names_and_types():
            if topic in self._topics or topic in self._unknown:
                continue
            if not (topic.startswith(self._prefix) or topic in (*SHARED, *self._names.values())):
                continue
            offered = [end.qos_profile for end in self.get_publishers_info_by_topic(topic)]
            if offered:
                self._subscribe(topic, kinds[0], offered)

    def _subscribe(self, topic: str, kind: str, offered: Sequence[QoSProfile]) -> None:
        """Record a topic. :param kind: name of its type. :param offered: by its publishers."""
        if kind not in TYPES.types:
            self._unknown.add(topic)
            self.get_logger().warn(f'{topic} is not recorded: the type {kind} is unknown')
            return
        reliable = all(qos.reliability == ReliabilityPolicy.RELIABLE for qos in offered)
        latched = all(qos.durability == DurabilityPolicy.TRANSIENT_LOCAL for qos in offered)
        self._bag.add(topic, kind, [
            profile(qos.reliability == ReliabilityPolicy.RELIABLE,
                    qos.durability == DurabilityPolicy.TRANSIENT_LOCAL, qos.depth or _DEPTH)
            for qos in offered])
        package, _, name = kind.split('/')
        self._topics[topic] = self.create_subscription(
            getattr(import_module(f'{package}.msg'), name), topic, self._writing(topic),
            QoSProfile(
                depth=_DEPTH,
                reliability=ReliabilityPolicy.RELIABLE if reliable
                else ReliabilityPolicy.BEST_EFFORT,
                durability=DurabilityPolicy.TRANSIENT_LOCAL if latched
                else DurabilityPolicy.VOLATILE), raw=True)

    def _writing(self, topic: str) -> Callable[..., None]:
        """Return the function that writes a message of a topic into the bag."""
        name = topic.removeprefix(self._prefix)
        largest = self._limits.bytes_of(name) if name in SIZED_TOPICS else _LARGEST_BYTES

        def write(raw: bytes, info: Arrival) -> None:
            if not len(raw) <= largest:
                self._skip(topic, len(raw), largest)
                return
            self._bag.write(topic, self._arrivals.time_of(info['received_timestamp']), raw)
            self._written += 1

        return write

    def _skip(self, topic: str, size: int, largest: int) -> None:
        self._skipped += 1
        self.get_logger().warn(
            f'not recorded: {topic}: the message has {size} bytes, at most {largest} are kept',
            **SELDOM)

    def _diagnose(self) -> tuple[bytes, str, dict[str, int]]:
        """Return the diagnostic status: level, message, values."""
        values = {'messages': self._written, 'topics': len(self._topics),
                  'too_long': self._skipped}
        if self._skipped:
            return WARN, f'{self._skipped} messages were too long to be recorded', values
        if not self._written:
            return WARN, 'nothing recorded yet: is anything running?', values
        silent = [self._names[name] for name in _NEEDED if self._names[name] not in self._topics]
        if silent:
            return WARN, (f'nobody publishes {" or ".join(silent)}: the recorder needs the '
                          'remappings of the controller'), values
        return OK, f'{self._written} messages recorded', values

    def stop(self) -> None:
        """Write the messages that have arrived and close the bag."""
        for topic, subscription in self._topics.items():
            write = self._writing(topic)
            with subscription.handle:
                taken = subscription.handle.take_message(subscription.msg_type, True)
                while taken is not None:
                    write(*taken)
                    taken = subscription.handle.take_message(subscription.msg_type, True)
        self._bag.close()


def _run_of(spec: Specification, parameters_file: str) -> dict[str, str]:
    """
    Return {key: text} of what the run was made with: parameter file, description of the system.

    :raises ScpoRosError: when one of the files cannot be read.
    """
    kept = {PARAMETERS: _text_of(parameters_file)} if parameters_file else {}
    if isinstance(spec, SystemSpec):
        from scpo_ros.systems.loading import file_of, text_of_file  # takes long to import
        kept[DESCRIPTION] = text_of_file(file_of(spec.system.description))
    return kept


def _text_of(path: str) -> str:
    """Return the text of the parameter file; raise BagError when it cannot be read."""
    try:
        return Path(path).read_text(encoding='utf-8')
    except (OSError, ValueError) as error:
        raise BagError(f'the parameter file {path} cannot be read: {error}') from error


def main(args: list[str] | None = None) -> int:
    """Run the recorder."""
    return run(RecorderNode, args=args)


if __name__ == '__main__':
    sys.exit(main())
