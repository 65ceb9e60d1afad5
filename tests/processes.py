"""The processes of a graph that was started from outside."""

from __future__ import annotations

import os
from pathlib import Path


def nodes_of(launcher: int) -> dict[int, str]:
    """Process ids and names of the nodes that a process has started, as long as that lives."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text().split("\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == launcher and "--ros-args" in words:
            program = words[words.index("--ros-args") - 1]  # a module or an executable
            found[int(folder.name)] = program.rpartition("/")[2].rpartition(".")[2]
    return found


def alive(pid: int) -> bool:
    """Whether a process runs: one that has ended and waits for its parent has no program."""
    try:
        return bool(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return False
