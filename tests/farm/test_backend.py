"""The simulated robot, as the worker sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dactyl.bringup.claim import Claim
from dactyl.errors import DactylError
from dactyl.farm import backend, files
from dactyl.farm.backend import SimulatedRobot
from tests.farm.made_up import STATUS, write_run


def test_a_run_is_followed_by_what_recorder_and_referee_have_written(tmp_path: Path) -> None:
    robot = SimulatedRobot(0, tmp_path / "robot")
    assert robot.progress(tmp_path) == {"actions": 0, "trials": 0, "goals": 0}
    write_run(tmp_path / files.BAG)
    assert backend.recorded(tmp_path / files.BAG, STATUS) == 26
    assert backend.recorded(tmp_path / files.BAG, "/nothing") == 0
    (tmp_path / files.TRIALS).write_text(json.dumps({"results": {"trials": [{}, {}], "goals_reached": 7}}))
    assert robot.progress(tmp_path) == {"actions": 0, "trials": 2, "goals": 7}


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"results": 3}', b'{"results": {"trials": 1}}', b"\xff"])
def test_half_written_files_say_nothing(content: bytes, tmp_path: Path) -> None:
    """Protects the worker from files that are being written, and from what was never one."""
    (tmp_path / files.BAG).mkdir()
    (tmp_path / files.BAG / "metadata.yaml").write_bytes(content)
    (tmp_path / files.BAG / "bag_0.mcap").write_bytes(content)
    (tmp_path / files.TRIALS).write_bytes(content)
    assert SimulatedRobot(0, tmp_path).progress(tmp_path) == {"actions": 0, "trials": 0, "goals": 0}


@contextmanager
def taken() -> Iterator[None]:
    claim = Claim()
    try:
        yield
    finally:
        claim.release()


def test_a_robot_is_waited_for_until_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ros_domain: int
) -> None:
    """Protects a job from the end of the one before, whose recorder still writes."""
    monkeypatch.setattr(backend, "FREE_WITHIN", 0.6)
    robot = SimulatedRobot(0, tmp_path)
    with taken(), pytest.raises(DactylError, match="another graph runs"):
        robot.prepare()
    robot.prepare()
