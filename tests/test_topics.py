"""The names of the graph's topics, which bags, tools and other people's nodes rely on."""

from __future__ import annotations

import pytest

from dactyl import topics
from dactyl.ros.messages import message_class


def test_a_relative_name_gets_the_namespace_and_one_of_ross_own_does_not() -> None:
    assert topics.absolute(topics.ACTION) == "/dactyl/action"
    assert topics.absolute(topics.image("camera_0"), "/left") == "/left/camera_0/image_raw"
    assert topics.absolute(topics.JOINT_STATES, "/left") == "/joint_states"


@pytest.mark.parametrize("topic", topics.TYPES)
def test_every_message_type_exists(topic: str) -> None:
    """Protects names that are text and that no type checker reads; tf2 is no wheel, ROS installations have it."""
    if topic in (topics.TF, topics.TF_STATIC):
        pytest.importorskip("tf2_msgs")
    assert message_class(topics.TYPES[topic]).__name__ == topics.TYPES[topic].rpartition("/")[2]
