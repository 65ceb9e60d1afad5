"""Asks a farm over HTTP. Needs the extra `farm`. Whatever goes wrong is one line."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

import httpx

from dactyl.errors import DactylError
from dactyl.farm import files, tokens
from dactyl.farm.job import Job
from dactyl.farm.job_queue import ENDED, RUNNING
from dactyl.farm.options import TOKEN_VARIABLE, ClientOptions
from dactyl.storage.documents import first_line

GONE = 60.0
"""s that a farm may be away while somebody waits for a job."""
TIMEOUT = 120.0
"""s for one answer: the farm looks at a policy before it answers."""


class Client:
    """One farm, as somebody with its token sees it."""

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(timeout=TIMEOUT, headers=headers, transport=transport, trust_env=False)

    @classmethod
    def of(cls, options: ClientOptions) -> Client:
        """The farm that was chosen.

        Raises:
            DactylError: there is no token.
        """
        token = os.environ.get(TOKEN_VARIABLE, "").strip() or tokens.read(options.token_file)
        if not token.isascii():
            raise DactylError(f"{TOKEN_VARIABLE} holds no token")
        return cls(options.url, token)

    def submit(self, policy: Path, job: Job) -> int:
        """Send a job; its number.

        Raises:
            DactylError: the policy cannot be read, the farm refuses the job, or does not answer.
        """
        try:
            with policy.open("rb") as file:
                form = {"policy": (files.POLICY, file)}
                answer = self._ask("POST", "/jobs", files=form, data={"job": job.to_json()})
        except OSError as error:
            raise DactylError(f"cannot read the policy {policy}: {error.strerror}") from error
        return int(self._json(answer, "id")["id"])

    def status(self, number: int) -> dict[str, Any]:
        """How a job is."""
        return self._json(self._ask("GET", f"/jobs/{number}"), "id", "state", "job", "progress", "why")

    def jobs(self) -> list[dict[str, Any]]:
        """The newest jobs, newest first."""
        return list(self._json(self._ask("GET", "/jobs"), "jobs")["jobs"])

    def wait(self, number: int, show: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
        """Wait until a job has ended, and say how far it is; its last status.

        Raises:
            DactylError: there is no such job; the farm has been away for too long.
        """
        answered = time.monotonic()
        while True:
            try:
                found = self.status(number)
            except GoneError:
                if time.monotonic() - answered > GONE:
                    raise
                show(f"job {number}: the farm does not answer")
                time.sleep(2.0)
                continue
            answered = time.monotonic()
            if found["state"] in ENDED:
                return found
            show(as_text(found))
            time.sleep(float(found.get("poll", 2.0)))

    def fetch(self, number: int, out: Path) -> dict[str, Any]:
        """Fetch the results of a job that has ended into a new folder, report.json last; the report.

        Raises:
            DactylError: there are none yet, the folder exists, or what came is not what the report names.
        """
        found = self.status(number)
        if found["state"] not in ENDED:
            raise DactylError(f"job {number} is {found['state']}: it has no results yet")
        check_new(out)
        try:
            for name in found.get("files", ()):
                if name != files.REPORT:
                    self._download(number, name, out)
            self._download(number, files.REPORT, out)
        except OSError as error:
            raise DactylError(f"cannot write to {out}: {error.strerror}") from error
        report = files.read_json(out / files.REPORT)
        _check(out, report)
        return report

    def _download(self, number: int, name: str, out: Path) -> None:
        if not _harmless(name):
            raise DactylError(f"the farm names a file {name!r}, which could lie anywhere")
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._answering(), self._http.stream("GET", f"{self._url}/jobs/{number}/files/{name}") as answer:
            if answer.status_code != 200:
                answer.read()
                self._refuse(answer)
            with path.open("wb") as file:
                for block in answer.iter_bytes():
                    file.write(block)

    # -------------------------------------------------------------------------------------------------------------

    def _ask(self, method: str, path: str, **what: Any) -> httpx.Response:
        """An answer that is none of a refusal; where it is too early to ask again, that of the next try."""
        while True:
            with self._answering():
                answer = self._http.request(method, self._url + path, **what)
            if answer.status_code == 429:
                time.sleep(_seconds(answer.headers.get("Retry-After", "1")))
                continue
            if answer.status_code >= 300:
                self._refuse(answer)
            return answer

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise GoneError(
                f"no farm answers at {self._url} ({first_line(error)}): is `./dactyl farm serve` running?"
            ) from error
        except (httpx.InvalidURL, httpx.HTTPError) as error:
            raise DactylError(f"cannot ask {self._url}: {first_line(error)}") from error

    def _refuse(self, answer: httpx.Response) -> NoReturn:
        """Raise what the farm has said."""
        if answer.status_code == 401:
            raise DactylError(f"the farm at {self._url} takes another token: see --token-file and {TOKEN_VARIABLE}")
        try:
            why = str(answer.json()["error"])
        except (ValueError, LookupError, TypeError):
            why = f"it answered with {answer.status_code}"
        raise DactylError(f"the farm refuses: {why}")

    def _json(self, answer: httpx.Response, *keys: str) -> dict[str, Any]:
        """An answer that has these keys."""
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict) or not set(keys) <= set(found):
            raise DactylError(f"what answers at {self._url} is no farm")
        return found


def check_new(out: Path) -> None:
    """Raise DactylError if results could not be fetched into that folder."""
    if out.exists():
        raise DactylError(f"cannot fetch to {out}: it exists")


class GoneError(DactylError):
    """The farm does not answer."""


def as_text(found: Mapping[str, Any]) -> str:
    """How a job is, for people."""
    number, state, job = found["id"], found["state"], found["job"]
    text = f"job {number}: {state}"
    if state == RUNNING:
        done = found["progress"]
        text += f" on robot {found['robot']}, {done.get('trials', 0)} of {job['trials']} trials"
        text += f", {done.get('goals', 0)} goals, {done.get('actions', 0)} actions"
    elif "ahead" in found:
        text += f", {found['ahead']} before it"
    elif found["why"]:
        text += f": {found['why']}"
    return text


def _check(out: Path, report: Mapping[str, Any]) -> None:
    """Raise DactylError unless every file that the report names is there and whole."""
    named = report.get("files")
    if not isinstance(named, Mapping):
        raise DactylError(f"{files.REPORT} is damaged")
    for name, about in named.items():
        path = out / name
        digest = files.checksum(path) if _harmless(name) and path.is_file() else ""
        if digest != about.get("sha256"):
            raise DactylError(f"{name} did not come whole: fetch the job again")


def _harmless(name: str) -> bool:
    """Whether a name stays below the folder that it is put into."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _seconds(text: str) -> float:
    """Of a Retry-After; a second where it says something else."""
    try:
        return min(max(float(text), 0.1), 60.0)
    except ValueError:
        return 1.0
