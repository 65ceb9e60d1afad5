"""What robots add to the command line."""

from __future__ import annotations

from collections.abc import Mapping

from dactyl import registry
from dactyl.commands.app import Commands


def add(groups: Mapping[str, Commands]) -> None:
    """Let every robot add its commands to the groups.

    Raises:
        DactylError: a robot's package cannot be imported.
    """
    from dactyl.robot import robot as robots  # takes numpy

    for name in robots.names():
        if place := robots.load(name).commands:
            registry.resolve(place)(groups)
