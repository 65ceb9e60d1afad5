"""Names that a person may choose from, as types: `--help` lists them. Imports nothing that takes time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from dactyl import objects, registry

if TYPE_CHECKING:
    RobotName = str
    TaskName = str
    ObjectName = str
    AnyObject = str
else:
    RobotName = Literal[registry.names("robots")]
    TaskName = Literal[registry.names("tasks")]
    ObjectName = Literal[objects.names()]
    AnyObject = Literal[("", *objects.names())]  # empty: none is named
