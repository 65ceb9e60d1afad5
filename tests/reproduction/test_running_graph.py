"""Trials in the running graph, by a command that only pretends: what it leaves counts, what it leaves out is said."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from dactyl.errors import DactylError
from dactyl.reproduction import running_graph
from dactyl.reproduction.experiment import StoppedError

GRAPH = """
import json, sys
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert options["--policy"].endswith("policy.safetensors") and options["--calibration"].endswith("hand.yaml"), options
trials = [{"successes": i, "reason": "dropped", "seconds": 1.0} for i in range(int(options["--trials"]))]
open(options["--json"], "w").write(json.dumps({"results": {"trials": trials[LESS:]}}))
"""
SLEEPING = """
import os, pathlib, sys, time
pathlib.Path(sys.argv[-1]).with_name("pid").write_text(str(os.getpid()))
time.sleep(60)
"""


def judged(folder: Path, code: str, trials: int = 3) -> float:
    command = (sys.executable, "-c", code)
    found = running_graph.judge(folder / "policy.safetensors", folder / "hand.yaml", trials, folder, command=command)
    return float(found["mean"])


def test_the_trials_of_the_graph_are_summarized(tmp_path: Path) -> None:
    assert judged(tmp_path, GRAPH.replace("LESS", "0")) == 1.0


def test_a_graph_that_fails_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(DactylError, match=r"the graph ended with exit code 3; what it said is in .*graph\.log"):
        judged(tmp_path, "import sys; print('there is no ROS here'); sys.exit(3)")
    assert "there is no ROS here" in (tmp_path / running_graph.LOG).read_text()


def test_trials_that_are_missing_do_not_pass_for_all(tmp_path: Path) -> None:
    with pytest.raises(DactylError, match="the graph ran 2 of 3 trials"):
        judged(tmp_path, GRAPH.replace("LESS", "1"))


@pytest.mark.parametrize("left", ["", "{", '{"results": {"trials": [{"goals": 1}]}}'])
def test_no_results_or_damaged_ones_are_one_line(tmp_path: Path, left: str) -> None:
    code = f"import sys; open(sys.argv[-1], 'w').write({left!r})" if left else ""
    with pytest.raises(DactylError, match="the graph left no results"):
        judged(tmp_path, code)


def test_an_earlier_try_s_results_are_not_taken(tmp_path: Path) -> None:
    """Protects from half of a run that was stopped."""
    judged(tmp_path, GRAPH.replace("LESS", "0"))
    with pytest.raises(DactylError, match="the graph left no results"):
        judged(tmp_path, "")


def test_a_signal_ends_the_graph_first(tmp_path: Path) -> None:
    """Protects the machine from a graph that goes on when nobody waits for it any more."""

    def stop() -> None:
        deadline = time.monotonic() + 30.0
        while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(StoppedError, match="SIGTERM"):
        judged(tmp_path, SLEEPING)
    thread.join()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
