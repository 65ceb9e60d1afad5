"""Lets `ros2 launch dactyl FILE` work in the root of a checkout, where the front door is a file named dactyl.

`ros2 launch` takes its first word for a launch file wherever a file has that name, and the second for an argument.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ros2launch.option import OptionExtension

PACKAGE = "dactyl"


class BesideFrontDoor(OptionExtension):
    """What `ros2 launch` asks for its options, before it reads the words that it was given. It adds none."""

    def add_arguments(self, parser: Any, cli_name: str, **_: Any) -> None:
        sys.argv = by_path(sys.argv)


def by_path(words: Sequence[str]) -> list[str]:
    """The words of a command line; the launch file's path is in the place of `dactyl FILE` where dactyl is a file."""
    from ament_index_python.packages import get_package_share_path

    words = list(words)
    if PACKAGE in words[:-1] and Path(PACKAGE).is_file():
        at = words.index(PACKAGE)
        found = get_package_share_path(PACKAGE) / "launch" / words[at + 1]
        if found.is_file():
            words[at : at + 2] = [str(found)]
    return words
