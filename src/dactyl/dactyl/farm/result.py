"""Judges a run that has ended and writes its results, see `files`."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dactyl import __version__, machine
from dactyl.errors import DactylError
from dactyl.farm import files
from dactyl.farm import score as scores
from dactyl.farm.job import Job
from dactyl.farm.job_queue import DONE, FAILED, Entry
from dactyl.farm.score import TrialScore


def begin(farm: Path, entry: Entry, kind: str, robot: int | None) -> Path:
    """An empty folder for an attempt, with info.json; what an interrupted one left there is gone.

    Raises:
        OSError: the disk does not take it.
    """
    out = files.attempt_folder(farm, entry)
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    about = {
        "job": entry.id,
        "attempt": entry.attempt,
        **json.loads(entry.job.to_json()),
        "robot": {"kind": entry.job.robot, "number": robot, "backend": kind},
        "version": __version__,
        "commit": machine.commit(),
        "submitted": entry.submitted,
        "started": entry.started,
    }
    files.write_json(out / files.INFO, about)
    return out


def evaluate(out: Path, job: Job, truth: bool) -> None:
    """Write goal.json and score.json of a run that has ended.

    Args:
        out: the attempt's folder.
        job: what was asked.
        truth: whether the robot knows where the object truly was; else the referee's word counts.

    Raises:
        DactylError: a part is damaged or missing, or referee and recording contradict each other.
    """
    check_recording(files.read_json(out / files.RECORDING))
    run, told = scores.read(out / files.BAG), _results(files.read_json(out / files.TRIALS)).get("trials")
    files.write_json(
        out / files.GOAL, {"task": job.task, "object": job.object, "seed": job.seed, "trials": scores.goals(run)}
    )
    found = scores.score(run, job) if truth else scores.of_referee(told, job)
    if truth:
        check_referee(told, found)
    files.write_json(out / files.SCORE, scores.summary(job, found, "truth" if truth else "referee"))


def check_recording(document: Mapping[str, Any]) -> None:
    """Raise DactylError unless the recorder says that it has lost nothing that counts."""
    lost = _results(document).get("lost_by_topic")
    if not isinstance(lost, Mapping):
        raise DactylError(f"{files.RECORDING} does not say what was lost")
    for topic in (scores.STATUS, scores.GOAL, scores.TRUTH):
        if lost.get(topic):
            raise DactylError(f"the recorder lost {lost[topic]} messages of {topic}")


def check_referee(told: Any, found: Sequence[TrialScore]) -> None:
    """Raise DactylError unless the referee saw what the recorded truth says."""
    mine = [{"successes": t.successes, "reason": t.reason, "seconds": round(t.seconds, 2)} for t in found]
    if told != mine:
        raise DactylError("the recorded truth gives other results than the referee's")


def report(out: Path, entry: Entry, why: str) -> None:
    """Write report.json: done, or failed where there is a reason. To be written last.

    Raises:
        OSError: the disk does not take it.
    """
    made = {
        name: {"bytes": (out / name).stat().st_size, "sha256": files.checksum(out / name)}
        for name in files.names(out)
        if name != files.REPORT
    }
    document = {
        "job": entry.id, "attempt": entry.attempt, "state": FAILED if why else DONE, "why": why,
        "ended": time.time(), "files": made,
    }  # fmt: skip
    files.write_json(out / files.REPORT, document)


def _results(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a --json file that counts."""
    results = document.get("results")
    return results if isinstance(results, Mapping) else {}
