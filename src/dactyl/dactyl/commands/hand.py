"""hand …: what a person does while `./dactyl real` runs."""

from __future__ import annotations

from typing import Annotated

from dactyl import ranges, topics
from dactyl.commands.app import Commands
from dactyl.commands.arguments import Namespace, checked_namespace

app = Commands()
DeadManButton = Annotated[int, ranges.Range(0, 63)]


@app.command
def enable(namespace: Namespace = topics.NAMESPACE) -> None:
    """Let the hand follow actions.

    For example:
      ./dactyl hand enable
    """
    _call("enable", namespace)


@app.command
def disable(namespace: Namespace = topics.NAMESPACE) -> None:
    """Hold the hand, then send nothing more.

    For example:
      ./dactyl hand disable
    """
    _call("disable", namespace)


@app.command
def stop(namespace: Namespace = topics.NAMESPACE) -> None:
    """Hold the hand until it is reset: the emergency stop.

    For example:
      ./dactyl hand stop
    """
    _call("stop", namespace)


@app.command
def reset(namespace: Namespace = topics.NAMESPACE) -> None:
    """Lift a stop. The hand does not move before it is enabled again.

    For example:
      ./dactyl hand reset
    """
    _call("reset", namespace)


@app.command
def watch(dead_man_button: DeadManButton | None = None, namespace: Namespace = topics.NAMESPACE) -> None:
    """Stop the hand at any key, or at a button of a gamepad on the topic /joy, within milliseconds.

    It also tells the driver that somebody watches, which an enable needs where config/real.yaml has heartbeat_after.

    For example:
      ./dactyl hand watch
      ./dactyl hand watch --dead-man-button 5

    Args:
        dead_man_button: the hand stays enabled only while this button of the gamepad is pressed
    """
    from dactyl.bringup.graph import Graph, Node
    from dactyl.bringup.processes import become

    node = Node("hand_watch", {"dead_man_button": -1 if dead_man_button is None else dead_man_button})
    become(node, Graph((node,), namespace=checked_namespace(namespace)))


def _call(what: str, namespace: str) -> None:
    from dactyl.monitoring import hand_services

    print(hand_services.call(what, checked_namespace(namespace)))
