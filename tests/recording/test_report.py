"""Reports of bags."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from dactyl import cli
from dactyl.errors import DactylError
from dactyl.recording import report
from dactyl.recording.analysis import analyse
from tests.recording.bags import write_bag
from tests.recording.graph_bag import DROP_TICK, END_TICK, SUCCESS_TICKS, TICK, texts, write_graph_bag
from tests.recording.mcap_files import write_mcap


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bags") / "b"
    write_graph_bag(folder, hidden_ticks=range(30, 36), lost_ticks=range(10, 12))
    return folder


def test_trials_and_successes_are_those_of_the_status(bag: Path) -> None:
    """Protects the figures that people will quote."""
    analysis = analyse(bag)
    first, second = analysis.trials
    assert (first.number, first.reason, second.number, second.reason) == (0, "dropped", 1, "")
    # the bag's first message is a marker frame of step 1, a status is sent 3 ms after its step
    expected = [(tick * TICK + 3_000_000 - TICK) * 1e-9 for tick in SUCCESS_TICKS]
    assert np.allclose(first.success_times, expected, atol=1e-3)
    assert first.success_stamps == [tick * TICK for tick in SUCCESS_TICKS]
    assert len(first.times) == DROP_TICK - 1
    assert np.isclose(first.angles.min(), 0.3)
    assert len(second.times) == END_TICK - 1 - DROP_TICK
    assert analysis.successes == 2


def test_latencies_and_silences_are_found(bag: Path) -> None:
    """Protects the search for what went wrong."""
    analysis = analyse(bag)
    assert np.allclose(analysis.latencies_ms["markers → fingertips"], 1.0, atol=1e-3)
    assert np.allclose(analysis.latencies_ms["fingertips → action"], 3.0, atol=1e-3)
    assert np.isclose(np.median(analysis.latencies_ms["period of actions"]), 80.0, atol=1e-3)
    flows = {flow.name: flow for flow in analysis.flows}
    ((start, length),) = flows["/dactyl/object_pose/mocap"].gaps
    assert np.isclose(length, 6 * 0.08 + 0.008, atol=1e-3)
    assert flows["/dactyl/mocap/markers"].gaps == []
    assert np.isclose(flows["/dactyl/mocap/markers"].rate, 125.0, rtol=1e-3)
    ((start, length),) = analysis.lost_fingertips
    assert np.isclose(length, 0.16, atol=1e-3)
    assert np.isclose(start, 9 * 0.08 + 0.001, atol=2e-3)


def test_the_page_stands_alone(bag: Path, tmp_path: Path) -> None:
    """Protects the use of a report: one file that opens anywhere, with a strip of pictures for each success."""
    report.write(bag, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert not re.findall(
        r"(?:src|href)=['\"]?(?!data:|#)[^'\" >]+", re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)
    )
    assert page.count("data:image/jpeg;base64,") == 3 * len(SUCCESS_TICKS)
    assert page.count("<svg") >= 4
    said = texts(page)
    assert "2 goals reached" in said
    assert "trial 0 goal 2" in said
    assert "dropped" in said


def test_a_damaged_bag_is_reported_as_such(bag: Path, tmp_path: Path) -> None:
    """Protects against conclusions from half a bag."""
    whole = next(bag.glob("*.mcap")).read_bytes()
    damaged = tmp_path / "half.mcap"
    damaged.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DactylError, match=r"no messages that can be read: half\.mcap ends or is damaged"):
        analyse(damaged)


def test_a_report_is_made_inside_a_bag(bag: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects who has changed into the bag's folder: the page lies beside it, under its whole name."""
    dotted = bag.with_name("b.2026")
    bag.rename(dotted)
    try:
        monkeypatch.chdir(dotted)
        assert cli.main(["report", "."]) == 0
        assert dotted.with_name("b.2026.html").is_file()
    finally:
        dotted.rename(bag)


def test_a_foreign_topic_with_a_name_of_ours_is_named(tmp_path: Path) -> None:
    """Protects from a report that is silent about what it could not read."""
    write_mcap(tmp_path / "a.mcap", 5, topic="/dactyl/action")
    report.write(tmp_path / "a.mcap", tmp_path / "report.html")
    assert "5 messages of /dactyl/action cannot be decoded" in texts((tmp_path / "report.html").read_text())


def test_a_bag_without_trials_has_a_page(tmp_path: Path) -> None:
    """Protects recordings of something else."""
    write_bag(tmp_path / "b", 10).close()
    report.write(tmp_path / "b", tmp_path / "report.html")
    assert "No trial ran in this bag" in texts((tmp_path / "report.html").read_text())


def test_a_graph_in_another_namespace_is_reported_by_it(bag: Path, tmp_path: Path) -> None:
    """Protects labs with two hands: the same trials and pictures, topics by their own names."""
    left = tmp_path / "left"
    write_graph_bag(left, hidden_ticks=range(30, 36), lost_ticks=range(10, 12), namespace="/left")
    usual, found = analyse(bag), analyse(left, "/left")
    assert found.as_results()["trials"] == usual.as_results()["trials"]
    assert {flow.name for flow in found.flows} == {flow.name.replace("/dactyl/", "/left/") for flow in usual.flows}
    assert "/left/trial/status" in {flow.name for flow in found.flows}
    assert cli.main(["report", str(left), "--namespace", "/left", "--out", str(tmp_path / "left.html")]) == 0
    assert (tmp_path / "left.html").read_text().count("data:image/jpeg") == 2 * 3
    with pytest.raises(DactylError, match=r"has nothing of a graph in /dactyl; it has graphs in other .*: /left"):
        analyse(left)
