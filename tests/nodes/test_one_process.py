"""The graph with its small nodes in one process, and on either executor."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any, Literal

import pytest
from trajectory_msgs.msg import JointTrajectory

from dactyl import topics
from dactyl.bringup.options import SimOptions
from dactyl.bringup.run import sim_graph
from dactyl.robots.shadow import topics as names

FINGERS = topics.of_simulated_hand(names.FINGERS)


def results(run_graph: Any, report: Path, one_process: bool, executor: Literal["waitset", "events"]) -> Any:
    """What two short trials in lockstep come to."""
    options = SimOptions(
        headless=True, lockstep=True, trials=2, seed=4, json=str(report), dashboard=False,
        one_process=one_process, executor=executor,
    )  # fmt: skip
    with run_graph(sim_graph(options), trial={"timeout": 3.2}) as graph:
        assert graph.join() == 0, graph.text
        assert "Traceback" not in graph.text
    return json.loads(report.read_text())["results"]


@pytest.mark.slow
@pytest.mark.parametrize("one_process", [False, True])
def test_the_same_trials_come_out(run_graph: Any, tmp_path: Path, one_process: bool) -> None:
    """Protects the choice of process and executor from changing what the hand does: in lockstep all is the same."""
    usual = results(run_graph, tmp_path / "usual.json", False, "waitset")
    assert results(run_graph, tmp_path / "other.json", one_process, "events") == usual


@pytest.mark.parametrize("executor", ["waitset", "events"])
def test_a_killed_process_starts_again_with_all_its_nodes(
    run_graph: Any, executor: Literal["waitset", "events"]
) -> None:
    """Protects an endless run: the hand keeps its last targets, and is driven again once all nodes are back."""
    options = SimOptions(headless=True, dashboard=False, one_process=True, executor=executor)
    with run_graph(sim_graph(options)) as graph:
        targets = graph.listen(JointTrajectory, FINGERS)
        assert set(graph.runner.pids()) <= {"together", "sim", "pose_estimator", "policy"}
        graph.until(lambda: len(targets) > 50)
        os.kill(graph.runner.pids()["together"], signal.SIGKILL)
        graph.until(lambda: "together killed by signal 9; it starts again" in graph.text)
        sent = len(targets)
        graph.until(lambda: len(targets) > sent + 50)


@pytest.mark.parametrize("executor", ["waitset", "events"])
def test_ending_the_run_ends_every_node_in_order(run_graph: Any, executor: Literal["waitset", "events"]) -> None:
    """Protects the last messages of nodes that share a process: none is cut off, and nothing is left."""
    options = SimOptions(headless=True, dashboard=False, one_process=True, executor=executor)
    with run_graph(sim_graph(options)) as graph:
        targets = graph.listen(JointTrajectory, FINGERS)
        graph.until(lambda: len(targets) > 20)
        pid = graph.runner.pids()["together"]
        os.kill(pid, signal.SIGTERM)
        graph.until(lambda: "together ended with exit code 0; it starts again" in graph.text)
        assert "Traceback" not in graph.text
