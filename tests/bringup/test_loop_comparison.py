"""Ways to run the graph, measured in turns."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dactyl import variables
from dactyl.bringup.graph import Graph
from dactyl.bringup.loop_comparison import Measurement, as_text, chosen, compare
from dactyl.bringup.options import SimOptions, Way
from dactyl.errors import DactylError

MEASUREMENT = Measurement(SimOptions(headless=True), 3.0, cameras=False)


class Machine:
    """Stands in for what runs a graph: writes figures of its own, or ends with an exit code."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.ran: list[tuple[str, bool]] = []

    def run(self, graph: Graph) -> int:
        self.ran.append((graph.environment[variables.EXECUTOR], bool(graph.together)))
        code = self.codes.pop(0) if self.codes else 0
        report = Path(str(graph.node("loop_benchmark").parameters["report"]))
        if not code:
            figures = {
                "period_ms": {"p50": 80.0, "p99": 80.0 + len(self.ran), "max": 90.0},
                "latency_ms": {"p50": 5.0, "p99": 9.0, "max": 20.0},
                "targets_period_ms": {"p50": 8.0, "p99": 9.0, "max": 11.0},
                "real_time_factor": 1.0,
                "cpu_percent": {"sim": 20.0, "trial": 1.5 * len(self.ran)},
                "rss_mb": {"sim": 200.0, "trial": 80.0},
            }
            report.write_text(json.dumps({"results": figures}))
        return code


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr("dactyl.bringup.processes.run", made.run)
    return made


def test_a_way_is_an_executor_and_how_many_processes() -> None:
    """Protects the comparison from measuring one thing twice."""
    ways: tuple[Way, ...] = ("waitset", "events", "events-together")
    found = {way: chosen(MEASUREMENT.options, way) for way in ways}
    assert {way: (options.executor, options.one_process) for way, options in found.items()} == {
        "waitset": ("waitset", False),
        "events": ("events", False),
        "events-together": ("events", True),
    }


def test_ways_are_measured_in_turns_and_saved_each_time(machine: Machine) -> None:
    """Protects from a machine that grows warm, and an hour's figures from the failure of the last minute."""
    saved: list[Mapping[str, Any]] = []
    outcome = compare(("waitset", "events-together"), 2, MEASUREMENT, lambda found: saved.append(copy.deepcopy(found)))
    assert machine.ran == [("waitset", False), ("events", True)] * 2
    assert [sum(map(len, found["ways"].values())) for found in saved] == [1, 2, 3, 4]
    assert saved[-1] == outcome
    assert [figures["period_ms"]["p99"] for figures in outcome["ways"]["events-together"]] == [82.0, 84.0]
    text = as_text(outcome)
    rows = {line[: len("latency_ms p99   ")].strip(): line.split() for line in text.splitlines()}
    assert rows["period_ms p99"][-6:] == ["81", "/", "83", "82", "/", "84"]
    assert "cpu_percent in all" in text
    assert "images_per_s" not in text


def test_what_a_person_ends_is_said_to_be_incomplete(machine: Machine) -> None:
    """Protects readers from a table that looks whole."""
    machine.codes = [0, 0, 130]
    outcome = compare(("waitset", "events"), 2, MEASUREMENT, lambda _: None)
    assert outcome["incomplete"] == {"asked": 2}
    assert [len(turns) for turns in outcome["ways"].values()] == [1, 1]
    assert "ended before every way was measured 2 times" in as_text(outcome)


def test_a_graph_without_figures_is_named(machine: Machine) -> None:
    machine.codes = [0, 1]
    with pytest.raises(DactylError, match="events: the graph ended with exit code 1, without figures"):
        compare(("waitset", "events"), 1, MEASUREMENT, lambda _: None)


@pytest.mark.parametrize("ways", [("events",), ("events", "events")])
def test_one_way_is_nothing_to_compare(machine: Machine, ways: Any) -> None:
    with pytest.raises(DactylError, match="nothing to compare"):
        compare(ways, 1, MEASUREMENT, lambda _: None)
    assert not machine.ran


@pytest.mark.slow
def test_the_command_writes_every_way(ros_domain: int, tmp_path: Path) -> None:
    """Protects `./dactyl bench loop --versus …`, before and after in one run."""
    report = tmp_path / "ways.json"
    command = [sys.executable, "-m", "dactyl.cli", "bench", "loop", "--seconds", "3", "--turns", "1", "--json"]
    run = subprocess.run(
        [*command, str(report), "--versus", "waitset", "events-together"], capture_output=True, text=True, timeout=240
    )
    assert run.returncode == 0, run.stdout + run.stderr
    ways = json.loads(report.read_text())["results"]["ways"]
    (before,), (after,) = ways["waitset"], ways["events-together"]
    assert "hand_driver" in before["cpu_percent"]
    assert any("+hand_driver" in name for name in after["cpu_percent"])
    assert "period_ms p99" in run.stdout
