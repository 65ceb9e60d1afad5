"""Arguments that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

FLAT = tyro.conf.arg(name="")
"""Of an argument that is a dataclass: its fields are options without a prefix."""
Json = Annotated[Path | None, tyro.conf.arg(metavar="FILE", help="also write the results to this file, as JSON")]
BagPath = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="BAG", help="folder of a bag, or an .mcap file")]
Preset = Annotated[
    str, tyro.conf.Positional, tyro.conf.arg(metavar="PRESET", help="one that is shipped, or a path ending in .yaml")
]
Namespace = Annotated[str, tyro.conf.arg(help="of the graph that is meant")]


def checked_namespace(name: str) -> str:
    """A namespace as ROS writes it. DactylError where it is none."""
    from dactyl.bringup.names import check_name

    written = f"/{name.strip('/')}"
    check_name("namespace", written)
    return written
