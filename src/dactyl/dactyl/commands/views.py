"""views: what RViz and rqt open, for a graph in a namespace of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dactyl import topics
from dactyl.commands.arguments import Namespace, checked_namespace

Folder = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER", help="to write them into")]


def views(folder: Folder, /, namespace: Namespace = topics.NAMESPACE) -> None:
    """Write RViz's, rqt's and the diagnostic aggregator's files for a graph in any namespace.

    For example:
      ./dactyl views left --namespace /left
    """
    from dactyl.bringup import views as files

    for path in files.write(folder, checked_namespace(namespace)):
        print(path)
