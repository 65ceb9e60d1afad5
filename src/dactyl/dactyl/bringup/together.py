"""Nodes that share one process and its executor: `python -m dactyl.bringup.together NODE ARGUMENTS -- NODE …`.

Each has the arguments that it would have alone. They end together, whichever ends first.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from dactyl.bringup.processes import BETWEEN
from dactyl.errors import DactylError
from dactyl.ros.node import DactylNode, run, started_with


def parts(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each node's name and its arguments, out of a command line."""
    rest = list(words)
    while rest:
        end = rest.index(BETWEEN) if BETWEEN in rest else len(rest)
        name, *arguments = rest[:end]
        yield name, arguments
        rest = rest[end + 1 :]


def make(name: str, arguments: list[str]) -> DactylNode:
    """A node by the name of its module, with arguments of its own.

    Raises:
        DactylError: it cannot be made; says which.
    """
    module = importlib.import_module(f"dactyl.nodes.{name}")
    kinds: list[Any] = [
        found
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, DactylNode) and found.__module__ == module.__name__
    ]
    (kind,) = kinds
    try:
        with started_with(arguments):
            made: DactylNode = kind()
    except DactylError as error:
        raise DactylError(f"{name}: {error}") from error
    return made


def main() -> int:
    return run(*(partial(make, *each) for each in parts(sys.argv[1:])), arguments=[])


if __name__ == "__main__":
    sys.exit(main())
