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
