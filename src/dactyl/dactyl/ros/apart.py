"""A node apart from those of the process, and how a context of ROS is ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.node import Node


@contextmanager
def node_apart(name: str, **options: Any) -> Iterator[Node]:
    """A node in a context of its own, of which nothing is left afterwards. Shut its executors down before that.

    Args:
        name: of the node.
        options: as `rclpy.create_node` takes them. The arguments of the process are none of this node's.

    Raises:
        RuntimeError: ROS cannot be started here.
    """
    context = Context()
    try:
        context.init(args=[])
        node = rclpy.create_node(name, context=context, **options)
        try:
            yield node
        finally:
            node.destroy_node()
    finally:
        end(context)


def end(context: Context) -> None:
    """Shut a context down and let it go, once its executors are shut down and its nodes destroyed.

    Else whatever refers to it, such as a traceback, keeps its participant alive. Two of them in one process can lock
    each other for ever.
    """
    context.try_shutdown()
    context.destroy()
