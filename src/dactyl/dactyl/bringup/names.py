"""Names of ROS that a person gives: checked before any node starts, and said in one line."""

from __future__ import annotations

import re

from dactyl.errors import DactylError

_NAME = re.compile(r"~?/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")
ARROW = ":="


def check_name(what: str, name: str) -> None:
    """Raise DactylError unless ROS takes this as the name of a topic or a namespace."""
    if not _NAME.fullmatch(name) or "__" in name:
        rule = "letters, digits and single underscores between slashes, no digit first"
        raise DactylError(f"{what} = {name!r} is no name for ROS: {rule}")


def remappings(text: str) -> tuple[tuple[str, str], ...]:
    """Pairs out of FROM:=TO, separated by spaces.

    Raises:
        DactylError: one is none, or a name is there twice.
    """
    pairs: list[tuple[str, str]] = []
    for rule in text.split():
        before, arrow, after = rule.partition(ARROW)
        if not arrow:
            raise DactylError(f"remap: {rule!r} is not FROM{ARROW}TO")
        check_name("remap", before)
        check_name("remap", after)
        if before in dict(pairs):
            raise DactylError(f"remap: {before} is there twice")
        pairs.append((before, after))
    return tuple(pairs)
