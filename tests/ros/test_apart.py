"""Nodes apart from those of the process, and what is left of them."""

from __future__ import annotations

import pytest
from rclpy.context import Context
from rclpy.exceptions import InvalidHandle
from rclpy.utilities import get_default_context

from dactyl.ros.apart import end, node_apart

pytestmark = pytest.mark.usefixtures("ros_domain")


def test_a_node_apart_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the next node of the process from a participant of this one; and this node from a command's words."""
    monkeypatch.setattr("sys.argv", ["dactyl", "--ros-args", "-r", "__node:=somebody"])
    with node_apart("newcomer", namespace="/left") as node:
        context = node.context
        assert context is not get_default_context()
        assert node.get_fully_qualified_name() == "/left/newcomer"
    with pytest.raises(InvalidHandle):
        context.ok()


def test_it_leaves_nothing_after_an_error_either() -> None:
    """Protects from what a traceback refers to."""
    left: list[Context] = []

    def fail() -> None:
        with node_apart("newcomer") as node:
            left.append(node.context)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    with pytest.raises(InvalidHandle):
        left[0].ok()


def test_a_context_that_never_began_can_be_ended() -> None:
    """Protects whoever cleans up after ROS could not be started."""
    context = Context()
    end(context)
    assert not context.ok()
