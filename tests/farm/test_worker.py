"""A worker and a made-up graph: whatever that does, the job ends and the robot is free."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dactyl.farm import files, watch
from dactyl.farm.job_queue import DONE, FAILED, QUEUED, Entry, JobQueue
from dactyl.farm.options import Limits
from dactyl.farm.worker import Pulse, Worker
from tests.farm.made_up import SCORE, MadeUpRobot, add, queue_of, write_results

ACTS = "(out / 'actions').write_text('5')\n"
HANGS = "while True: time.sleep(0.05)\n"


class Bench:
    """A farm with one made-up robot."""

    def __init__(self, farm: Path) -> None:
        self.farm, self.queue, self.stop = farm, queue_of(farm), threading.Event()

    def worker(self, code: str, **limits: float) -> Worker:
        return Worker(self.farm, self.queue, MadeUpRobot(code), Limits(**limits), self.stop, beat=0.05)

    def run(self, code: str, **limits: float) -> Entry:
        """The first job, after it was taken."""
        number = add(self.queue)
        assert self.worker(code, **limits).take()
        return self.entry(number)

    def entry(self, number: int) -> Entry:
        found = self.queue.get(number)
        assert found
        return found

    def report(self, entry: Entry) -> dict[str, object]:
        return files.read_json(files.attempt_folder(self.farm, entry) / files.REPORT)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(watch, "PERIOD", 0.05)
    monkeypatch.setattr(watch, "PATIENCE", 1.0)
    return Bench(tmp_path / "farm")


def good(tmp_path: Path) -> str:
    """A graph that leaves a whole run."""
    write_results(tmp_path / "prepared")
    return f"{ACTS}shutil.copytree({str(tmp_path / 'prepared')!r}, out, dirs_exist_ok=True)\n"


def test_a_good_run_is_done_and_scored(bench: Bench, tmp_path: Path) -> None:
    entry = bench.run(good(tmp_path))
    assert (entry.state, entry.why) == (DONE, "")
    out = files.attempt_folder(bench.farm, entry)
    assert files.read_json(out / files.SCORE)["goals_reached"] == SCORE["successes"]
    assert bench.report(entry)["state"] == DONE


@pytest.mark.parametrize(
    ("code", "limits", "said"),
    [
        (HANGS, {"first_action": 0.5}, "no action came within"),
        (ACTS + HANGS, {"silence": 0.5}, "no further action"),
        (ACTS + HANGS, {"longest": 0.5}, "took longer"),
        ("raise SystemExit(3)", {}, "ended with exit code 3"),
        ("os.kill(os.getpid(), 9)", {}, "killed by signal 9"),
        ("print('all is well')", {}, "there is no recording.json"),
        ("[(out / n).write_bytes(b'\\xff' * 99) for n in ('recording.json', 'trials.json', 'bag')]", {}, "damaged"),
    ],
)
def test_a_bad_run_fails_with_its_reason_and_the_next_job_is_taken(
    code: str, limits: dict[str, float], said: str, bench: Bench, tmp_path: Path
) -> None:
    """Protects the robot: late, hanging, crashing and garbage-writing graphs."""
    entry = bench.run(code, **limits)
    assert entry.state == FAILED
    assert said in entry.why
    assert bench.report(entry)["why"] == entry.why
    assert bench.run(good(tmp_path)).state == DONE


def test_a_fault_of_the_farm_itself_fails_the_job(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the other jobs from one that the farm stumbles over."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("nobody thought of that")

    monkeypatch.setattr(MadeUpRobot, "prepare", fail)
    entry = bench.run(HANGS)
    assert (entry.state, "nobody thought of that" in entry.why) == (FAILED, True)


def test_a_closed_farm_gives_the_job_back(bench: Bench) -> None:
    """Protects jobs from a restart: the same one is taken again, as if for the first time."""
    number = add(bench.queue)
    thread = threading.Thread(target=bench.worker(ACTS + HANGS).take)
    thread.start()
    until(lambda: bench.entry(number).progress.get("actions") == 5)
    bench.stop.set()
    thread.join(20.0)
    assert not thread.is_alive()
    entry = bench.entry(number)
    assert (entry.state, entry.attempt) == (QUEUED, 0)


def test_a_worker_that_lost_its_job_lets_it_go(bench: Bench) -> None:
    """Protects the second attempt: the first worker ends its graph and writes nothing more."""
    number = add(bench.queue)
    thread = threading.Thread(target=bench.worker(ACTS + HANGS).take)
    thread.start()
    until(lambda: bench.entry(number).progress.get("actions") == 5)
    with sqlite3.connect(bench.queue._path) as database:
        database.execute("UPDATE jobs SET state = 'queued' WHERE id = ?", (number,))
    thread.join(20.0)
    assert not thread.is_alive()
    assert bench.entry(number).state == QUEUED
    again = bench.queue.claim("another", 1)
    assert again
    assert again.attempt == 2


def test_a_pulse_goes_on_while_a_bag_is_judged(tmp_path: Path) -> None:
    """Protects a job whose judgement takes longer than a lost worker is waited for."""
    queue = queue_of(tmp_path)
    add(queue)
    entry = queue.claim("worker", 0)
    assert entry
    with Pulse(queue, entry, lambda: {"actions": 3}, 0.05) as pulse:
        until(lambda: heartbeat(queue) > (entry.started or 0.0) + 0.2)
        assert not pulse.lost
        assert pulse.progress == {"actions": 3}


def heartbeat(queue: JobQueue) -> float:
    with sqlite3.connect(queue._path) as database:
        return float(database.execute("SELECT heartbeat FROM jobs").fetchone()[0])


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
