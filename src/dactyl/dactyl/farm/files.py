"""The files of a farm and their names.

Of a job: its policy, and a folder for each attempt, which holds in the end

    bag/             what was recorded
    log.txt          what the nodes printed
    info.json        job, attempt, kind and number of the robot, version and commit
    trials.json      the referee's results
    recording.json   what was recorded and lost
    goal.json        the goals that were shown
    score.json       computed from where the object truly was
    report.json      state, reason, and size and checksum of every other file

report.json is written last: whoever finds it finds everything that it names.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dactyl.errors import DactylError
from dactyl.farm.job_queue import Entry
from dactyl.storage.files import write_atomically

BAG, LOG, INFO, TRIALS, RECORDING, GOAL, SCORE, REPORT = (
    "bag", "log.txt", "info.json", "trials.json", "recording.json", "goal.json", "score.json", "report.json",
)  # fmt: skip
POLICY = "policy.safetensors"


def job_folder(farm: Path, number: int) -> Path:
    """Of a job: its policy, and a folder for each attempt."""
    return farm / "jobs" / str(number)


def attempt_folder(farm: Path, entry: Entry) -> Path:
    """Of the results of one attempt."""
    return job_folder(farm, entry.id) / f"attempt-{entry.attempt}"


def names(out: Path) -> list[str]:
    """Every plain file in a folder and those below it, links left out, by its path from there."""
    found = []
    for folder, _, files in os.walk(out):
        for file in files:
            path = Path(folder, file)
            if path.is_file() and not path.is_symlink() and not file.startswith("."):
                found.append(path.relative_to(out).as_posix())
    return sorted(found)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        DactylError: there is none.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise DactylError(f"there is no {path.name}") from error
    except (ValueError, RecursionError) as error:
        raise DactylError(f"{path.name} is damaged") from error
    if not isinstance(document, dict):
        raise DactylError(f"{path.name} is damaged")
    return document


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON object, whole or not at all.

    Raises:
        OSError: the disk does not take it.
    """
    write_atomically(path, json.dumps(document, indent=2) + "\n")


def checksum(path: Path) -> str:
    """Of a file: SHA-256, in hexadecimal digits."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
