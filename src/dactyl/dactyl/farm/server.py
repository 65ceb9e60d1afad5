"""The farm over HTTP: takes jobs, says how they are, hands out their results. Needs the extra `farm`.

    POST /jobs                  a form of `policy`, a file, and `job`, JSON; answers with the job's number
    GET /jobs                   the newest jobs
    GET /jobs/ID                how one is
    GET /jobs/ID/files/NAME     a file of its results, once it has ended

Every answer is JSON but for files; a refusal is {"error": …}. Whoever asks the same too often gets 429 and Retry-After.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from dactyl.errors import DactylError
from dactyl.farm import files
from dactyl.farm.job import MAX_BYTES, Job
from dactyl.farm.job_queue import ENDED, QUEUED, Entry, JobQueue
from dactyl.farm.polling import PollLimit
from dactyl.farm.tokens import TokenGate

WAITING = 1000
"""Jobs that may be queued."""
LISTED = 100
Check = Callable[[Path, Job], str]
"""Why a policy cannot be run for a job; empty where it can."""


class Farm:
    """What the routes answer from."""

    def __init__(self, folder: Path, queue: JobQueue, robot: str, check: Check, upload_bytes: int, poll: float) -> None:
        """
        Args:
            folder: of the farm.
            queue: of its jobs.
            robot: kind of its robots.
            check: see there.
            upload_bytes: of a request at most.
            poll: s between two answers to the same question.
        """
        self._folder, self._queue, self._robot, self._check = folder, queue, robot, check
        self._upload_bytes, self._poll = upload_bytes, poll
        self._limit = PollLimit(poll)
        self._checking = threading.Lock()
        """One policy at a time is looked at: it takes memory."""

    # ----------------------------------------------------------------------------------------------------- routes

    async def submit(self, request: Request) -> Response:
        self._check_size(request)
        try:
            form = await request.form(max_files=1, max_fields=1, max_part_size=MAX_BYTES)
        except ValueError as error:  # the parser's own
            raise HTTPException(400, "the form cannot be read") from error
        try:
            policy, text = form.get("policy"), form.get("job")
            if not isinstance(policy, UploadFile) or not isinstance(text, str):
                raise HTTPException(422, "send a form of policy, a file, and job, JSON")
            number = await run_in_threadpool(self._admit, policy.file, text)
        finally:
            await form.close()
        return JSONResponse({"id": number}, 201)

    async def jobs(self, request: Request) -> Response:
        self._check_pace("jobs")
        entries = await run_in_threadpool(self._queue.entries, LISTED)
        return JSONResponse({"jobs": [self._told(entry) for entry in entries]})

    async def job(self, request: Request) -> Response:
        entry = await run_in_threadpool(self._entry, request)
        self._check_pace(entry.id)
        told = self._told(entry)
        if entry.state == QUEUED:
            told["ahead"] = await run_in_threadpool(self._queue.ahead, entry.id)
        if entry.state in ENDED:
            told["files"] = await run_in_threadpool(files.names, self._results(entry))
        return JSONResponse(told | {"poll": self._poll})

    async def file(self, request: Request) -> Response:
        entry = await run_in_threadpool(self._entry, request)
        if entry.state not in ENDED:
            self._check_pace(entry.id)
            raise HTTPException(409, f"job {entry.id} is {entry.state}: it has no results yet")
        folder = self._results(entry)
        # never a path that somebody made up: one of those that are there
        names = {name: folder / name for name in await run_in_threadpool(files.names, folder)}
        name = request.path_params["name"]
        if name not in names:
            raise HTTPException(404, f"job {entry.id} has no such file")
        return FileResponse(names[name], media_type="application/octet-stream")

    # ------------------------------------------------------------------------------------------------------- rules

    def _check_size(self, request: Request) -> None:
        length = request.headers.get("content-length", "")
        if not (length.isascii() and length.isdecimal()):
            raise HTTPException(411, "say how long the request is: Content-Length")
        if len(length) > 18 or int(length) > self._upload_bytes:
            raise HTTPException(413, f"a request may have {self._upload_bytes / 1e6:g} MB at most")

    def _check_pace(self, question: int | str) -> None:
        if left := self._limit.wait(question):
            headers = {"Retry-After": str(math.ceil(left))}
            raise HTTPException(429, f"ask again in {left:.1f} s", headers)

    def _entry(self, request: Request) -> Entry:
        number = str(request.path_params["id"])
        known = number.isascii() and number.isdecimal() and len(number) <= 18
        entry = self._queue.get(int(number)) if known else None
        if entry is None:
            raise HTTPException(404, f"there is no job {number[:20]}")
        return entry

    def _results(self, entry: Entry) -> Path:
        return files.attempt_folder(self._folder, entry)

    @staticmethod
    def _told(entry: Entry) -> dict[str, Any]:
        """What a client may know of a job."""
        return asdict(entry)

    # -------------------------------------------------------------------------------------------------- admission

    def _admit(self, file: BinaryIO, text: str) -> int:
        """Look at a job and its policy, store them, and queue the job; its number."""
        if self._queue.waiting() >= WAITING:
            raise HTTPException(503, f"{WAITING} jobs are waiting already", {"Retry-After": "60"})
        try:
            job = Job.from_json(text)
        except DactylError as error:
            raise HTTPException(422, str(error)) from error
        if job.robot != self._robot:
            raise HTTPException(422, f"this farm has robots of the kind {self._robot}, not {job.robot}")
        with tempfile.TemporaryDirectory(prefix="incoming-", dir=self._folder) as folder:
            policy = Path(folder, files.POLICY)
            with policy.open("wb") as stored:
                shutil.copyfileobj(file, stored)
            with self._checking:
                why = self._check(policy, job)
            if why:
                raise HTTPException(422, why)
            return self._store(policy, job)

    def _store(self, policy: Path, job: Job) -> int:
        number = self._queue.reserve(job)
        try:
            folder = files.job_folder(self._folder, number)
            folder.mkdir(parents=True)
            os.replace(policy, folder / files.POLICY)
        except OSError:
            self._queue.discard(number)
            raise
        self._queue.enqueue(number)
        return number


def application(farm: Farm, token: str) -> TokenGate:
    """The ASGI application: nothing is answered without the token."""

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)

    async def failed(_: Request, error: Exception) -> Response:
        return JSONResponse({"error": "the farm cannot answer: its log says why"}, 500)

    routes = [
        Route("/jobs", farm.submit, methods=["POST"]),
        Route("/jobs", farm.jobs, methods=["GET"]),
        Route("/jobs/{id}", farm.job, methods=["GET"]),
        Route("/jobs/{id}/files/{name:path}", farm.file, methods=["GET"]),
    ]
    return TokenGate(Starlette(routes=routes, exception_handlers={HTTPException: refused, 500: failed}), token)
