"""The farm's jobs in SQLite: what is queued, running, done and failed outlives server, workers and machine.

Every change is one transaction, so two workers never get one job, and whoever lost a job cannot end it any more.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dactyl.errors import DactylError
from dactyl.farm.job import Job

QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"
ENDED = (DONE, FAILED)
_RESERVED = "reserved"
"""Its policy is not on the disk yet: nobody sees it."""
ATTEMPTS = 2
"""A job whose worker was lost comes back once."""
LOST_AFTER = 30.0
"""s without a sign of life after which a worker counts as lost."""
_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, state TEXT NOT NULL, robot INTEGER, worker TEXT,
    attempt INTEGER NOT NULL DEFAULT 0, heartbeat REAL, submitted REAL NOT NULL, started REAL, ended REAL,
    progress TEXT NOT NULL DEFAULT '{}', why TEXT NOT NULL DEFAULT ''
)
"""
_COLUMNS = "id, job, state, robot, attempt, submitted, started, ended, progress, why"


@dataclass(frozen=True)
class Entry:
    """One job in the queue."""

    id: int
    job: Job
    state: str
    robot: int | None
    """Number of the robot that has or had it."""
    attempt: int
    """How often a worker has taken it."""
    submitted: float
    """s since 1970, as all times here."""
    started: float | None
    ended: float | None
    progress: Mapping[str, int]
    """What the worker said last: actions, trials and goals so far."""
    why: str
    """Of a failed job."""


class JobQueue:
    """A queue that any process with the file may use."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            DactylError: the file cannot be used.
        """
        self._path = path
        with self._change() as database:
            database.execute(_TABLE)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            database = sqlite3.connect(self._path, timeout=30.0, isolation_level=None)
            try:
                yield database
            finally:
                database.close()
        except sqlite3.Error as error:
            raise DactylError(f"cannot use the queue {self._path}: {error}") from error

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """A transaction that nobody else writes in, whole or not at all."""
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    # ------------------------------------------------------------------------------------------------- the server's

    def reserve(self, job: Job) -> int:
        """A number for a job whose policy is still to be stored: `enqueue` or `discard` it."""
        with self._change() as database:
            row = (job.to_json(), _RESERVED, time.time())
            made = database.execute("INSERT INTO jobs (job, state, submitted) VALUES (?, ?, ?)", row)
            return int(made.lastrowid or 0)

    def enqueue(self, number: int) -> None:
        """Let workers take a reserved job."""
        with self._change() as database:
            database.execute("UPDATE jobs SET state = ? WHERE id = ? AND state = ?", (QUEUED, number, _RESERVED))

    def discard(self, number: int) -> None:
        """Forget a reserved job."""
        with self._change() as database:
            database.execute("DELETE FROM jobs WHERE id = ? AND state = ?", (number, _RESERVED))

    def discard_reserved(self) -> None:
        """Forget what a server reserved that ended before it had stored the policy."""
        with self._change() as database:
            database.execute("DELETE FROM jobs WHERE state = ?", (_RESERVED,))

    def get(self, number: int) -> Entry | None:
        """A job by its number."""
        return next(iter(self._select("id = ?", number)), None)

    def entries(self, limit: int = 1000) -> list[Entry]:
        """The newest jobs, newest first."""
        return self._select("1 ORDER BY id DESC LIMIT ?", limit)

    def ahead(self, number: int) -> int:
        """How many queued jobs come before this one."""
        return self._count("state = ? AND id < ?", QUEUED, number)

    def waiting(self) -> int:
        """How many are queued."""
        return self._count("state = ?", QUEUED)

    def lost(self, silent: float = LOST_AFTER) -> list[Entry]:
        """Bring back the jobs whose workers have not been heard of for so many s, or give them up.

        Returns:
            Those that have been tried too often: they are failed.
        """
        with self._change() as database:
            late = (RUNNING, time.time() - silent)
            rows = database.execute(f"SELECT {_COLUMNS} FROM jobs WHERE state = ? AND heartbeat < ?", late).fetchall()
            gone = [_entry(row) for row in rows]
            for entry in gone:
                self._bring_back(database, entry)
        return [found for entry in gone if (found := self.get(entry.id)) is not None and found.state == FAILED]

    @staticmethod
    def _bring_back(database: sqlite3.Connection, entry: Entry) -> None:
        if entry.attempt < ATTEMPTS:
            emptied = "worker = NULL, robot = NULL, progress = '{}'"
            database.execute(f"UPDATE jobs SET state = ?, {emptied} WHERE id = ?", (QUEUED, entry.id))
        else:
            why = f"its worker was lost {entry.attempt} times"
            failed = (FAILED, why, time.time(), entry.id)
            database.execute("UPDATE jobs SET state = ?, why = ?, ended = ? WHERE id = ?", failed)

    # ------------------------------------------------------------------------------------------------ the workers'

    def claim(self, worker: str, robot: int) -> Entry | None:
        """Take the job that has waited longest, for one worker and its robot; None: there is none."""
        with self._change() as database:
            row = database.execute("SELECT id FROM jobs WHERE state = ? ORDER BY id LIMIT 1", (QUEUED,)).fetchone()
            if row is None:
                return None
            now = time.time()
            database.execute(
                "UPDATE jobs SET state = ?, worker = ?, robot = ?, attempt = attempt + 1, heartbeat = ?, started = ? "
                "WHERE id = ?",
                (RUNNING, worker, robot, now, now, row[0]),
            )
            found = database.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", row).fetchone()
        return _entry(found)

    def beat(self, entry: Entry, progress: Mapping[str, int]) -> bool:
        """A sign of life, and how far the job is; False: it belongs to this attempt no more."""
        values = {"heartbeat": time.time(), "progress": json.dumps(dict(progress))}
        return self._update(entry, values)

    def finish(self, entry: Entry, why: str) -> bool:
        """End a job: done, or failed where there is a reason. False: it belonged to this attempt no more."""
        return self._update(entry, {"state": FAILED if why else DONE, "why": why, "ended": time.time()})

    def release(self, entry: Entry) -> bool:
        """Give a job back as if it had not been taken: the farm is being closed."""
        return self._update(entry, {"state": QUEUED, "robot": None, "worker": None, "attempt": entry.attempt - 1})

    # -------------------------------------------------------------------------------------------------------------

    def _update(self, entry: Entry, values: Mapping[str, Any]) -> bool:
        """Change a running job of this attempt."""
        changes = ", ".join(f"{name} = ?" for name in values)
        where = (entry.id, entry.attempt, RUNNING)
        with self._change() as database:
            sql = f"UPDATE jobs SET {changes} WHERE id = ? AND attempt = ? AND state = ?"
            return database.execute(sql, (*values.values(), *where)).rowcount == 1

    def _select(self, where: str, *values: Any) -> list[Entry]:
        sql = f"SELECT {_COLUMNS} FROM (SELECT * FROM jobs WHERE state != ?) WHERE {where}"
        with self._open() as database:
            return [_entry(row) for row in database.execute(sql, (_RESERVED, *values)).fetchall()]

    def _count(self, where: str, *values: Any) -> int:
        with self._open() as database:
            return int(database.execute(f"SELECT COUNT(*) FROM jobs WHERE {where}", values).fetchone()[0])


def _entry(row: Any) -> Entry:
    number, job, state, robot, attempt, submitted, started, ended, progress, why = row
    return Entry(
        number, Job.from_json(job), state, robot, attempt, submitted, started, ended, json.loads(progress), why
    )
