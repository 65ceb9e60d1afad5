"""Lets `ros2 launch dactyl FILE` work in the root of a checkout, where the front door is a file named dactyl.

`ros2 launch` takes its first word for a launch file wherever a file has that name, and the second for an argument.
It loads this, as an extension of its options, at each start: here the words that it is still to read are changed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ros2launch.option import OptionExtension

from dactyl.errors import DactylError
from dactyl.ros.packages import package_share

PACKAGE = "dactyl"


class BesideFrontDoor(OptionExtension):
    """What `ros2 launch` asks for its options, before it reads the words that it was given. It adds none."""

    def add_arguments(self, parser: Any, cli_name: str, **_: Any) -> None:
        sys.argv = by_path(sys.argv)


def by_path(words: Sequence[str]) -> list[str]:
    """The words of a command line; the launch file's path is in the place of `dactyl FILE` where dactyl is a file."""
    words = list(words)
    if PACKAGE not in words[:-1] or not Path(PACKAGE).is_file():
        return words
    at = words.index(PACKAGE)
    try:
        found = package_share(PACKAGE) / "launch" / words[at + 1]
    except DactylError:  # its workspace is not sourced: `ros2 launch` has its own words for that
        return words
    return [*words[:at], str(found), *words[at + 2 :]] if found.is_file() else words
