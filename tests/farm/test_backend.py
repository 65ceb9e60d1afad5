"""The simulated robot, as the worker sees it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dactyl.bringup.claim import Claim
from dactyl.errors import DactylError
from dactyl.farm import backend, files, hidden, play
from dactyl.farm.backend import GraphRobot
from dactyl.farm.job_queue import DONE
from dactyl.farm.options import Limits
from dactyl.farm.worker import Worker
from dactyl.robot import robot as robots
from dactyl.simulation.scene import build
from tests.farm.made_up import JOB, STATUS, add, queue_of, write_run


def test_a_run_is_followed_by_what_recorder_and_referee_have_written(tmp_path: Path) -> None:
    robot = GraphRobot(0, tmp_path / "robot")
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
    assert GraphRobot(0, tmp_path).progress(tmp_path) == {"actions": 0, "trials": 0, "goals": 0}


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
    robot = GraphRobot(0, tmp_path)
    with taken(), pytest.raises(DactylError, match="another graph runs"):
        robot.prepare()
    robot.prepare()


def test_only_a_simulated_robot_knows_the_truth(tmp_path: Path) -> None:
    assert GraphRobot(0, tmp_path).truth
    assert not GraphRobot(0, tmp_path, "real").truth


def test_each_kind_of_robot_can_be_played() -> None:
    """Protects the worker from a kind that the process it starts does not know."""
    assert set(play.KINDS) == {"simulated", "real", "emulated"}
    command = GraphRobot(0, Path("place"), "real").command(JOB, Path("policy"), Path("out"))
    assert command[-5] in play.KINDS
    assert command[-4:] == [JOB.to_json(), "policy", "place", "out"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["simulated", "emulated"])
def test_the_worker_plays_a_job_on_either_kind_of_robot(kind: str, tmp_path: Path, ros_domain: int) -> None:
    """Protects the interface: a real robot, here with emulated hardware, is one more backend behind the same worker."""
    from dactyl.learning.policy import Contract, Policy

    place = tmp_path / "lab.yaml"
    place.write_text("")
    if kind == "simulated":
        place, robot = tmp_path / "robot", robots.load("shadow")
        hidden.write(place, robot, hidden.draw(robot, build().parameters, 0, 0))
    queue = queue_of(tmp_path / "farm")
    number = add(queue, replace(JOB, seconds=5.0))
    policy = files.job_folder(tmp_path / "farm", number) / files.POLICY
    policy.parent.mkdir(parents=True)
    Policy(Contract(trained={"untrained": True})).save(policy)
    worker = Worker(tmp_path / "farm", queue, GraphRobot(0, place, kind), Limits(longest=240.0), threading.Event())
    assert worker.take()
    entry = queue.get(number)
    assert entry
    out = files.attempt_folder(tmp_path / "farm", entry)
    assert entry.state == DONE, f"{entry.why}\n{(out / files.LOG).read_text(errors='replace')}"
    score = files.read_json(out / files.SCORE)
    assert score["by"] == ("truth" if kind == "simulated" else "referee")
    assert len(score["trials"]) == 1
    assert files.read_json(out / files.REPORT)["state"] == DONE
