"""Machine-readable results: every command's --json file has this one shape.

{"command": …, "version": …, "commit": …, "seed": …, "machine": {…}, "results": {…}}
"""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dactyl import __version__
from dactyl.errors import DactylError


def check_writable(path: Path) -> None:
    """Raise DactylError if results could not be written to path; called before a long run, not after it."""
    folder = path.absolute().parent
    if path.is_dir():
        raise DactylError(f"cannot write results to {path}: it is a folder")
    if not folder.is_dir():
        raise DactylError(f"cannot write results to {path}: there is no folder {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise DactylError(f"cannot write results to {path}: no permission")


def write(path: Path, command: str, seed: int | None, results: Mapping[str, Any]) -> None:
    """Write one results file, whole or not at all. Values may be numpy's or torch's; NaN and infinity become null."""
    check_writable(path)
    document = {
        "command": command,
        "version": __version__,
        "commit": commit(),
        "seed": seed,
        "machine": machine(),
        "results": results,
    }
    text = json.dumps(_plain(document), indent=2, allow_nan=False) + "\n"
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):  # /dev/stdout, a pipe: nothing to replace
            path.write_text(text)
            return
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        unfinished.write_text(text)
        os.replace(unfinished, path)
    except OSError as error:
        raise DactylError(f"cannot write results to {path}: {error.strerror}") from error


def commit() -> str | None:
    """The commit of the running source, with '+' if tracked files differ from it; None outside a git checkout."""
    folder = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        run = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=10)
        return run.stdout

    try:
        changed = git("status", "--porcelain", "--untracked-files=no").strip()
        return git("rev-parse", "--short=12", "HEAD").strip() + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def machine() -> dict[str, Any]:
    """What the figures were measured on: system, python, cpu, cores (usable by this process), memory_gb, gpus."""
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "gpus": gpus(),
    }


def gpus() -> list[str]:
    """Names of the NVIDIA GPUs, without importing torch (seconds)."""
    if not shutil.which("nvidia-smi"):
        return []
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        output = subprocess.run(query, capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in output.splitlines() if line.strip()]


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _plain(value: Any) -> Any:
    """The value as JSON types: dicts, lists, strings, finite numbers, booleans, None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy and torch, scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"results cannot hold a {type(value).__name__}")
