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

"""Subscriptions that look at the length of a message before they unpack it."""

from collections.abc import Callable
from typing import TypeVar

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from rclpy.subscription import Subscription


Message = TypeVar('Message')


def subscribe(node: Node, kind: type[Message], topic: str, take: Callable[[Message], object],
              qos: QoSProfile | int, largest: int,
              refuse: Callable[[str], object]) -> Subscription:
    """
    Subscribe to a topic; a message that is too long is never unpacked.

    :param take: called with every other message. :param largest: length of a message [bytes].
    :param refuse: called with the sentence that says what was too long, or no message.
    """
    def receive(raw: bytes) -> None:
        if not len(raw) <= largest:
            refuse(f'{topic}: the message has {len(raw)} bytes, at most {largest} are taken')
            return
        try:
            message = deserialize_message(raw, kind)
        except Exception as error:  # noqa: B902 - whatever the bytes are, they are refused
            refuse(f'{topic}: no message of its type: {error}'[:200])
            return
        take(message)

    return node.create_subscription(kind, topic, receive, qos, raw=True)
