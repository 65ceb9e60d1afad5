"""Subscriptions that are looked at now and then instead of waking the executor for each message."""

from __future__ import annotations

from typing import Any, NamedTuple

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription


class NotExecuted(CallbackGroup):
    """Keeps subscriptions from the executor: with many busy topics to be woken costs more than all the rest.

    `DactylNode.subscriptions` leaves them out, because the events executor does not ask groups.
    """

    def can_execute(self, entity: Any) -> bool:
        return False

    def beginning_execution(self, entity: Any) -> bool:
        return False

    def ending_execution(self, entity: Any) -> None:
        pass


class Taken(NamedTuple):
    """A message from DDS, and what DDS says about it."""

    message: Any
    """Or its bytes, of a raw subscription."""
    received_ns: int
    sent_ns: int
    """System time, both."""
    sequence: int
    """Which of its publisher's messages, from 1; 0 where that is not known."""


def subscribe(node: Node, kind: type[Any], topic: str, qos: QoSProfile, group: NotExecuted, raw: bool) -> Subscription:
    """A subscription to `take` from."""
    return node.create_subscription(kind, topic, _never, qos, raw=raw, callback_group=group)


def take(subscription: Subscription) -> list[Taken]:
    """What has come since the last time, up to the subscription's depth."""
    taken = []
    with subscription.handle:
        while (found := subscription.handle.take_message(subscription.msg_type, subscription.raw)) is not None:
            message, info = found
            stamps = info["received_timestamp"], info["source_timestamp"]
            taken.append(Taken(message, *stamps, info["publication_sequence_number"] or 0))
    return taken


def _never(_: Any) -> None:
    pass
