"""The queue: nothing is lost, nothing is done twice."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from dactyl.errors import DactylError
from dactyl.farm.job_queue import DONE, FAILED, QUEUED, RUNNING, JobQueue
from tests.farm.made_up import JOB, add, queue_of


@pytest.fixture
def queue(tmp_path: Path) -> JobQueue:
    return queue_of(tmp_path)


def forget(queue: JobQueue, number: int) -> None:
    """As if the worker of a job had been silent since 1970."""
    with sqlite3.connect(queue._path) as database:
        database.execute("UPDATE jobs SET heartbeat = 0 WHERE id = ?", (number,))


def test_jobs_are_taken_in_the_order_in_which_they_came(queue: JobQueue) -> None:
    numbers = [add(queue, replace(JOB, seed=seed)) for seed in range(3)]
    assert [queue.ahead(number) for number in numbers] == [0, 1, 2]
    taken = [queue.claim("worker", 0) for _ in range(4)]
    assert [entry and entry.id for entry in taken] == [*numbers, None]
    assert [entry.job.seed for entry in taken if entry] == [0, 1, 2]


def test_a_job_whose_policy_is_not_stored_is_not_there(queue: JobQueue) -> None:
    """Protects workers from a job without its file, and the list from what was never sent whole."""
    number = queue.reserve(JOB)
    assert queue.claim("worker", 0) is None
    assert queue.get(number) is None
    assert queue.entries() == []
    queue.discard_reserved()
    queue.enqueue(number)
    assert queue.get(number) is None


def test_the_queue_survives_a_restart(queue: JobQueue, tmp_path: Path) -> None:
    """Protects jobs from the end of the server: another one finds them as they were."""
    first, second = add(queue), add(queue)
    taken = queue.claim("worker", 3)
    assert taken
    queue.beat(taken, {"actions": 7})
    again = JobQueue(tmp_path / "jobs.sqlite")
    running = again.get(first)
    assert running
    assert (running.state, running.robot, running.progress) == (RUNNING, 3, {"actions": 7})
    waiting = again.get(second)
    assert waiting
    assert waiting.state == QUEUED
    assert again.finish(running, "")
    assert [entry.state for entry in again.entries()] == [QUEUED, DONE]


def test_two_workers_never_get_one_job(queue: JobQueue) -> None:
    """Protects robots from doing the same work, and results from two writers."""
    numbers = [add(queue) for _ in range(40)]
    taken: list[int] = []

    def take(worker: int) -> None:
        mine = JobQueue(queue._path)
        while entry := mine.claim(f"worker {worker}", worker):
            taken.append(entry.id)

    threads = [threading.Thread(target=take, args=[worker]) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == numbers


def test_a_lost_workers_job_comes_back_once_and_then_fails(queue: JobQueue) -> None:
    """Protects a job from a killed worker, and the farm from a job that kills every worker."""
    number = add(queue)
    later = add(queue)
    first = queue.claim("worker", 0)
    assert first
    assert queue.lost() == []
    forget(queue, number)
    assert queue.lost() == []
    again = queue.claim("another", 1)
    assert again
    assert (again.id, again.attempt) == (number, 2), "it has kept its place before the later one"
    forget(queue, number)
    assert [entry.id for entry in queue.lost()] == [number]
    found = queue.get(number)
    assert found
    assert (found.state, "lost 2 times" in found.why) == (FAILED, True)
    assert found.ended is not None
    following = queue.claim("worker", 0)
    assert following
    assert following.id == later


def test_whoever_lost_a_job_can_neither_beat_nor_end_it(queue: JobQueue) -> None:
    """Protects the second attempt from the first worker, which was only slow."""
    number = add(queue)
    slow = queue.claim("slow", 0)
    assert slow
    forget(queue, number)
    queue.lost()
    assert not queue.beat(slow, {})
    second = queue.claim("second", 1)
    assert second
    assert not queue.finish(slow, "")
    assert not queue.release(slow)
    assert queue.finish(second, "")


def test_a_released_job_counts_as_not_taken(queue: JobQueue) -> None:
    """Protects jobs from a farm that is closed again and again."""
    number = add(queue)
    for _ in range(3):
        entry = queue.claim("worker", 0)
        assert entry
        assert entry.attempt == 1
        assert queue.release(entry)
    found = queue.get(number)
    assert found
    assert (found.state, found.robot) == (QUEUED, None)


def test_a_file_that_is_no_queue_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(DactylError, match="cannot use the queue"):
        JobQueue(path)
