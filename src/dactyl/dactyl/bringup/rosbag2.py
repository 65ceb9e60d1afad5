"""`ros2 bag record`, where a ROS installation has it, with the same choices as the project's own recorder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dactyl.errors import DactylError
from dactyl.recording.bag import RESERVE_BYTES


def installed() -> bool:
    """Whether `ros2 bag record` can write MCAP here."""
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    index = [Path(prefix, "share/ament_index/resource_index/packages") for prefix in prefixes if prefix]
    needed = ("ros2bag", "rosbag2_storage_mcap")
    return bool(shutil.which("ros2")) and all(any((folder / name).exists() for folder in index) for name in needed)


def command(parameters: Mapping[str, Any]) -> list[str]:
    """The command line that does what the recorder node does with these parameters."""
    words = ["ros2", "bag", "record", "--storage", "mcap", "--storage-preset-profile", "zstd_fast"]
    words += ["--output", str(parameters["bag"])]
    if parameters["split_mb"]:
        words += ["--max-bag-size", str(parameters["split_mb"] * 10**6)]
    if parameters["topics"]:
        return [*words, "--topics", *str(parameters["topics"]).split()]
    without_images = ["--exclude-regex", ".*/image_raw"] if not parameters["images"] else []
    return [*words, "--all-topics", *without_images]


def record(parameters: Mapping[str, Any]) -> int:
    """Run it; its exit code, 0 where it was ended by ctrl-C or after `seconds`.

    Raises:
        DactylError: a choice that it does not have, or no room on the disk.
    """
    if parameters["report"]:
        raise DactylError("json: `ros2 bag record` writes no results; use --own for the project's recorder")
    folder = Path(parameters["bag"])
    folder.parent.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(folder.parent).free) < 2 * RESERVE_BYTES:
        raise DactylError(f"the disk of {folder.parent} has only {free / 1e9:.1f} GB free")
    # a job in the background of a script ignores SIGINT, and so would the recorder, which is ended by it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command(parameters))
    try:
        return process.wait(timeout=parameters["seconds"] or None)
    except KeyboardInterrupt:  # the terminal has sent it the signal too
        pass
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    code = process.wait()
    return 0 if code in (-signal.SIGINT, 128 + signal.SIGINT) else code
