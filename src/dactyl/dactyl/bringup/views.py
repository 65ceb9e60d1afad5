"""The files of RViz, rqt and the diagnostics' aggregator for a graph in any namespace, made of the shipped ones."""

from __future__ import annotations

import re
from pathlib import Path

from dactyl.errors import DactylError
from dactyl.storage.files import write_atomically
from dactyl.storage.shared import shared
from dactyl.topics import NAMESPACE

FILES = ("rviz/dactyl.rviz", "rqt/dactyl.perspective", "diagnostics.yaml")
"""In the folder config; they are for the usual namespace."""
_NAME = re.compile(rf"(?<![\w/]){NAMESPACE}/")
"""Where a name of that namespace begins."""
_PATH = re.compile(rf"^(\s*path:\s*){NAMESPACE.strip('/')}$", re.MULTILINE)
"""Where the aggregator's tree is named after it."""


def in_namespace(text: str, namespace: str) -> str:
    """A file's text with the topics, services and nodes of a graph in that namespace, such as /left."""
    named = _PATH.sub(lambda found: f"{found[1]}{namespace.strip('/')}", text)
    return _NAME.sub(lambda _: f"{namespace}/", named)


def write(folder: Path, namespace: str) -> list[Path]:
    """Write the files into a folder, which is made where it is not there; their paths.

    Raises:
        DactylError: they cannot be written.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            path = folder / Path(name).name
            write_atomically(path, in_namespace(shared("config", *name.split("/")).read_text(), namespace))
            written.append(path)
    except OSError as error:
        raise DactylError(f"cannot write into {folder}: {error.strerror}") from error
    return written
