"""Trials of a policy in the running ROS graph in real time: by the command `sim`, whose code is a floor above."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from dactyl.errors import DactylError
from dactyl.learning.evaluation import Trial, summarize
from dactyl.learning.trainer import signals
from dactyl.reproduction.experiment import StoppedError
from dactyl.reproduction.store import DAMAGED

COMMAND = (sys.executable, "-m", "dactyl.cli", "sim", "--headless", "--no-dashboard")
REPORT, LOG = "trials.json", "graph.log"
LOOK = 0.5  # s between two looks at whether it has ended
PATIENCE = 30.0  # s that it has to end in order


def judge(
    policy: Path, calibration: Path, trials: int, folder: Path, seed: int = 0, command: Sequence[str] = COMMAND
) -> dict[str, Any]:
    """`evaluation.summarize`'s figures of so many trials, drawn actions.

    Args:
        policy: a policy file.
        calibration: a file of `calibrate model`: the simulated robot's parameters.
        trials: one after the other.
        folder: for what the graph writes.
        seed: of everything random.
        command: that runs the graph.

    Raises:
        StoppedError: a signal came; the graph has ended.
        DactylError: the graph failed, or did not run all trials; names the file with what it said.
    """
    report, log = (folder / name for name in (REPORT, LOG))
    report.unlink(missing_ok=True)
    options = {
        "trials": trials, "seed": seed, "policy": policy.resolve(), "calibration": calibration.resolve(),
        "json": report.resolve(),
    }  # fmt: skip
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    with log.open("w") as said, signals() as received:
        # in a session of its own, or a terminal's ctrl-C would reach it too, and it would not end in order
        graph = subprocess.Popen([*command, *words], stdout=said, stderr=said, start_new_session=True)
        try:
            while graph.poll() is None and not received:
                with suppress(subprocess.TimeoutExpired):
                    graph.wait(LOOK)
        finally:
            _end(graph)
    if received:
        raise StoppedError(received[0])
    if graph.returncode:
        raise DactylError(f"the graph ended with exit code {graph.returncode}; what it said is in {log}")
    return summarize(_read(report, trials, log), seed)


def _end(graph: subprocess.Popen[bytes]) -> None:
    """The graph, if it still runs: in order, else at once."""
    if graph.poll() is not None:
        return
    graph.terminate()
    try:
        graph.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        graph.kill()
        graph.wait()


def _read(report: Path, trials: int, log: Path) -> list[Trial]:
    try:
        found = [Trial(**trial) for trial in json.loads(report.read_text())["results"]["trials"]]
    except (OSError, *DAMAGED) as error:
        raise DactylError(f"the graph left no results in {report}; what it said is in {log}") from error
    if len(found) != trials:
        raise DactylError(f"the graph ran {len(found)} of {trials} trials; what it said is in {log}")
    return found
