"""A bag of 25 control steps from before messages lost their fixed lengths: it is read by the definitions in it."""

from __future__ import annotations

from pathlib import Path

from dactyl.recording import latency
from dactyl.recording.analysis import analyse
from dactyl.recording.decisions import read
from dactyl.recording.reading import Bag
from dactyl.recording.test_sets import from_bag

OLD_BAG = Path(__file__).parent / "data" / "fixed_lengths"


def test_its_messages_had_fixed_lengths() -> None:
    """Protects this file's point: the fixture is never recorded anew."""
    definitions = Bag(OLD_BAG).topics
    assert "float32[20] action" in definitions["/dactyl/action"].definition
    assert "Point[5] positions" in definitions["/dactyl/fingertips"].definition


def test_its_decisions_and_latencies_are_understood() -> None:
    """Protects `report`, `latency` and `replay` of old recordings."""
    found = analyse(OLD_BAG)
    assert len(found.trials) == 1
    assert len(found.latencies_ms) > 0
    assert all(len(times) > 20 for times in found.latencies_ms.values())
    questions = read(Bag(OLD_BAG), "mocap")
    assert len(questions) == 25
    assert all(len(question.answer.bins) == 20 for question in questions)
    assert len(latency.examine(OLD_BAG).rows) == 25
    assert not found.problems


def test_it_makes_a_test_set(tmp_path: Path) -> None:
    """Protects `dataset from-bag` of old recordings."""
    found = from_bag.make(OLD_BAG, tmp_path / "set", "block", from_bag.Matching(every=0.0))
    assert found.samples == 26
