"""A recorded run played back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from dactyl.bringup.options import RecordOptions, ReplayOptions, SimOptions
from dactyl.bringup.recording import record_graph, replay_graph
from dactyl.bringup.run import sim_graph

OLD_BAG = Path(__file__).parents[1] / "recording" / "data" / "fixed_lengths"


@pytest.mark.slow
def test_the_policy_decides_again_what_it_decided(run_graph: Any, tmp_path: Path) -> None:
    """Protects recordings as evidence: from a bag the policy's every decision can be had again, bit by bit."""
    sim = sim_graph(SimOptions(headless=True, lockstep=True, trials=2, seed=3, dashboard=False))
    recorder = record_graph(RecordOptions(bag=str(tmp_path / "bag"), images=False)).node("recorder")
    # it must not end the run; it may miss the first actions of the first trial, but not those of the second
    nodes = (dataclasses.replace(recorder, required=False), *sim.nodes)
    with run_graph(dataclasses.replace(sim, nodes=nodes)) as graph:
        assert graph.join(120.0) == 0, graph.text
    options = ReplayOptions(bag=str(tmp_path / "bag"), seed=3, json=str(tmp_path / "replay.json"))
    with run_graph(replay_graph(options)) as graph:
        assert graph.join(120.0) == 0, graph.text
    outcome = json.loads((tmp_path / "replay.json").read_text())["results"]
    assert outcome["recorded"] > 10
    assert outcome["asked"] > 0.8 * outcome["recorded"], outcome
    assert outcome["equal"] == outcome["compared"] > 10, outcome


def test_a_bag_with_messages_of_fixed_lengths_is_still_played(run_graph: Any, tmp_path: Path) -> None:
    """Protects old recordings: HandAction and FingertipPositions had 20 and 5 elements, whatever the robot.

    How many answers are equal is not asked: the shipped policy may have become another one since.
    """
    options = ReplayOptions(bag=str(OLD_BAG), seed=3, json=str(tmp_path / "replay.json"))
    with run_graph(replay_graph(options)) as graph:
        assert graph.join(120.0) == 0, graph.text
    outcome = json.loads((tmp_path / "replay.json").read_text())["results"]
    assert outcome["recorded"] == 25
    assert outcome["asked"] >= 24, "the first status may come after the first action"


def test_a_bag_that_lacks_a_reading_is_refused(run_graph: Any, tmp_path: Path) -> None:
    """Protects people from a replay of half the readings."""
    from tests.recording.graph_bag import write_graph_bag

    write_graph_bag(tmp_path / "bag")
    with run_graph(replay_graph(ReplayOptions(bag=str(tmp_path / "bag"), json=str(tmp_path / "r.json")))) as graph:
        code = graph.join(120.0)
    assert code != 0
    assert "/dactyl/goal, which" in graph.text
