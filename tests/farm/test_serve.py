"""A farm that is served: its robots, its folder, its workers; in the end the whole of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dactyl.errors import DactylError
from dactyl.farm import files, hidden, score
from dactyl.farm.job import Job
from dactyl.farm.job_queue import DONE, FAILED, JobQueue
from dactyl.farm.options import TOKEN, ServeOptions
from dactyl.farm.worker import QUEUE, robot_folder
from tests.farm.made_up import add, queue_of

pytest.importorskip("starlette", reason="needs the extra farm")
pytest.importorskip("uvicorn", reason="needs the extra farm")
pytest.importorskip("python_multipart", reason="needs the extra farm")
pytest.importorskip("httpx", reason="needs the extra farm")

from dactyl.farm import serve
from dactyl.farm.client import Client


def options(folder: Path, **choice: Any) -> ServeOptions:
    return ServeOptions(folder=folder, robots=2, **choice)


def drawn(folder: Path) -> dict[str, bytes]:
    """What the hidden robots' files hold."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("robots/*/*"))}


def test_robots_are_drawn_once(tmp_path: Path) -> None:
    """Protects results from before a restart: the farm has the same robots after it, and more of them if asked."""
    farm = tmp_path / "farm"
    farm.mkdir()
    serve.draw_robots(options(farm))
    before = drawn(farm)
    assert len(before) == 4
    serve.draw_robots(options(farm))
    assert drawn(farm) == before
    serve.draw_robots(replace(options(farm), robots=3))
    assert {name: content for name, content in drawn(farm).items() if name in before} == before
    assert len(drawn(farm)) == 6
    calibrations = {content for name, content in before.items() if name.endswith(hidden.CALIBRATION)}
    assert len(calibrations) == 2


def test_a_new_farm_has_a_seed_that_nobody_knows(tmp_path: Path) -> None:
    """Protects what is hidden from whoever has this code."""
    seeds = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        seeds.add(serve._seed(options(tmp_path / name)))
    assert len(seeds) == 2
    assert serve._seed(options(tmp_path / "a")) in seeds


@pytest.mark.parametrize(("choice", "said"), [({"seed": 7}, "another seed"), ({"robot": "tray"}, "farm of the robot")])
def test_another_farms_folder_is_refused(choice: dict[str, Any], said: str, tmp_path: Path) -> None:
    files.write_json(tmp_path / serve.ABOUT, {"robot": "shadow", "seed": 3})
    with pytest.raises(DactylError, match=said):
        serve._seed(options(tmp_path, **choice))


def test_a_farm_needs_its_ros_domains(tmp_path: Path) -> None:
    with pytest.raises(DactylError, match="62 at most"):
        serve.serve(replace(options(tmp_path / "farm"), robots=40, first_domain=90))
    assert not (tmp_path / "farm").exists()


def test_a_folder_is_served_once(tmp_path: Path) -> None:
    """Protects a queue from two servers with workers in the same ROS domains."""
    with (
        serve._claimed(tmp_path / "farm"),
        pytest.raises(DactylError, match=r"another process works in"),
        serve._claimed(tmp_path / "farm"),
    ):
        pass
    with serve._claimed(tmp_path / "farm"):
        assert (tmp_path / "farm").stat().st_mode & 0o077 == 0


def test_a_port_that_is_taken_is_one_line() -> None:
    with (
        serve._listening("127.0.0.1", 0) as taken,
        pytest.raises(DactylError, match="cannot listen on"),
        serve._listening("127.0.0.1", taken.getsockname()[1]),
    ):
        pass


def test_a_lost_job_leaves_a_report(tmp_path: Path) -> None:
    """Protects clients that wait for a report of a job whose workers were killed."""
    queue = queue_of(tmp_path)
    add(queue)
    entry = queue.claim("worker", 0)
    assert entry
    serve.Crew(options(tmp_path)).give_up(replace(entry, state=FAILED, why="its worker was lost 2 times"))
    report = files.read_json(files.attempt_folder(tmp_path, entry) / files.REPORT)
    assert (report["state"], report["why"]) == (FAILED, "its worker was lost 2 times")


# --------------------------------------------------------------------------------------------------- the whole of it


class Served:
    """A farm in processes of its own."""

    def __init__(self, folder: Path, port: int, domain: int) -> None:
        self.folder, self.url = folder, f"http://127.0.0.1:{port}"
        command = [
            sys.executable, "-m", "dactyl.cli", "farm", "serve", "--robots", "2", "--folder", str(folder),
            "--seed", "1", "--port", str(port), "--first-domain", str(domain), "--poll", "0.2", "--silence", "60",
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def client(self) -> Client:
        until((self.folder / TOKEN).exists, 60.0)
        return Client(self.url, (self.folder / TOKEN).read_text().strip())

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120.0)


@contextmanager
def served(folder: Path, domain: int) -> Iterator[Served]:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    made = Served(folder, port, domain)
    try:
        yield made
    finally:
        made.end()


def until(condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    from dactyl.learning.policy import Contract, Policy

    path = tmp_path / "policy.safetensors"
    Policy(Contract(trained={"untrained": True})).save(path)
    return path


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_jobs_go_through_the_farm_and_a_restart(tmp_path: Path, policy: Path, two_ros_domains: int) -> None:
    """Protects all of it: the ordinary graph on two hidden robots, a refused file, a killed worker, a new server."""
    pytest.importorskip("rclpy", reason="needs ROS: run with ./dactyl test")
    domain = two_ros_domains
    job = Job("shadow", "reorient", "block", trials=1, seed=3, seconds=5.0)
    farm = tmp_path / "farm"
    with served(farm, domain) as first:
        client = first.client()
        until(lambda: _answers(client), 60.0)
        (tmp_path / "notes").write_text("no weights")
        with pytest.raises(DactylError, match="not a policy file"):
            client.submit(tmp_path / "notes", job)
        numbers = [client.submit(policy, replace(job, seed=seed)) for seed in range(3)]
        until(lambda: client.status(numbers[0])["state"] != "queued", 60.0)
        _kill_worker_of(farm, numbers[0])
    with served(farm, domain) as second:
        client = second.client()
        until(lambda: _answers(client), 60.0)
        ends = {number: client.wait(number) for number in numbers}
        assert {number: found["state"] for number, found in ends.items()} == dict.fromkeys(numbers, DONE), ends
        for number in numbers:
            out = tmp_path / f"job-{number}"
            client.fetch(number, out)
            told = files.read_json(out / files.SCORE)
            asked = replace(job, seed=number - numbers[0])
            again = score.summary(asked, score.score(score.read(out / files.BAG), asked))
            assert told == json.loads(json.dumps(again)), "the server's score is a replay's of the bag"
            assert told["trials"][0]["seconds"] > 0.0
        assert {found["robot"] for found in ends.values()} <= {0, 1}
    assert [entry.state for entry in JobQueue(farm / QUEUE).entries()] == [DONE] * 3
    assert (robot_folder(farm, 1) / hidden.GRAPH).exists()


def _answers(client: Client) -> bool:
    try:
        client.jobs()
    except DactylError:
        return False
    return True


def _kill_worker_of(farm: Path, number: int) -> None:
    """SIGKILL, as the kernel does where memory runs out."""
    with closing(sqlite3.connect(farm / QUEUE)) as database:
        (worker,) = database.execute("SELECT worker FROM jobs WHERE id = ?", (number,)).fetchone()
    os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
