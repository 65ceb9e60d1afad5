"""Whoever asks a farm, and what the farm may answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dactyl.errors import DactylError
from dactyl.farm import files
from dactyl.farm.options import TOKEN_VARIABLE, ClientOptions
from tests.farm.made_up import JOB

httpx = pytest.importorskip("httpx", reason="needs the extra farm")

from dactyl.farm import client  # noqa: E402
from dactyl.farm.client import Client  # noqa: E402

Answer = Callable[[Any], Any]


def of(answer: Answer) -> Client:
    """A client of a farm that is one function."""
    return Client("http://robots/", "the-token", httpx.MockTransport(answer))


def told(state: str, **changes: object) -> dict[str, object]:
    job = json.loads(JOB.to_json())
    return {"id": 3, "state": state, "job": job, "progress": {}, "why": "", "robot": 1, "poll": 0.0} | changes


@pytest.fixture(autouse=True)
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(client.time, "sleep", slept.append)
    return slept


def test_a_job_is_sent_as_a_form_with_the_token(tmp_path: Path) -> None:
    (tmp_path / "policy").write_bytes(b"weights")

    def answer(request: Any) -> Any:
        assert request.headers["Authorization"] == "Bearer the-token"
        assert int(request.headers["Content-Length"]) == len(request.read())
        assert b"weights" in request.content
        assert JOB.to_json().encode() in request.content
        return httpx.Response(201, json={"id": 12})

    assert of(answer).submit(tmp_path / "policy", JOB) == 12


@pytest.mark.parametrize(
    ("response", "said"),
    [
        ({"status_code": 401}, "takes another token"),
        ({"status_code": 422, "json": {"error": "cannot use the policy"}}, "the farm refuses: cannot use the policy"),
        ({"status_code": 500, "content": b"<html>"}, "it answered with 500"),
        ({"status_code": 302, "headers": {"Location": "http://elsewhere"}}, "it answered with 302"),
        ({"status_code": 200, "content": b"<html>"}, "is no farm"),
        ({"status_code": 200, "json": {"hello": "world"}}, "is no farm"),
    ],
)
def test_what_a_farm_refuses_is_one_line(response: dict[str, Any], said: str) -> None:
    with pytest.raises(DactylError, match=said) as raised:
        of(lambda _: httpx.Response(**response)).status(3)
    assert "the-token" not in str(raised.value)


def test_a_farm_that_is_not_there_is_one_line() -> None:
    def answer(_: Any) -> Any:
        raise httpx.ConnectError("connection refused")

    with pytest.raises(DactylError, match=r"no farm answers at http://robots .*farm serve"):
        of(answer).jobs()


def test_who_is_told_to_wait_waits(no_sleep: list[float]) -> None:
    answers = [httpx.Response(429, headers={"Retry-After": "2"}), httpx.Response(200, json=told("queued"))]
    assert of(lambda _: answers.pop(0)).status(3)["state"] == "queued"
    assert no_sleep == [2.0]


def test_waiting_shows_how_far_the_job_is_and_survives_a_restart() -> None:
    def gone(_: Any) -> Any:
        raise httpx.ReadError("the server has gone")

    running = told("running", progress={"actions": 7, "trials": 0, "goals": 2})
    answers: list[Any] = [told("queued", ahead=1), gone, running, told("done")]
    shown: list[str] = []

    def answer(request: Any) -> Any:
        following = answers.pop(0)
        return following(request) if callable(following) else httpx.Response(200, json=following)

    assert of(answer).wait(3, shown.append)["state"] == "done"
    assert shown == [
        "job 3: queued, 1 before it",
        "job 3: the farm does not answer",
        "job 3: running on robot 1, 0 of 1 trials, 2 goals, 7 actions",
    ]


class Results:
    """A farm with the results of one job."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        (folder / files.LOG).write_text("all is well")
        self.content = {"log.txt": b"all is well", "bag/bag_0.mcap": b"messages"}
        self.report = {
            "job": 3, "state": "done", "why": "",
            "files": {"log.txt": {"sha256": files.checksum(folder / files.LOG)}},
        }  # fmt: skip
        self.asked: list[str] = []

    def answer(self, request: Any) -> Any:
        name = request.url.path.removeprefix("/jobs/3").removeprefix("/files/")
        self.asked.append(name)
        if not name:
            return httpx.Response(200, json=told("done", files=[*self.content, files.REPORT]))
        if name == files.REPORT:
            return httpx.Response(200, json=self.report)
        return httpx.Response(200, content=self.content[name])


def test_results_are_fetched_whole_with_the_report_last(tmp_path: Path) -> None:
    results = Results(tmp_path / "far")
    assert of(results.answer).fetch(3, tmp_path / "out") == results.report
    assert files.names(tmp_path / "out") == ["bag/bag_0.mcap", "log.txt", "report.json"]
    assert results.asked[-1] == files.REPORT
    with pytest.raises(DactylError, match="it exists"):
        of(results.answer).fetch(3, tmp_path / "out")


def test_a_file_that_did_not_come_whole_is_named(tmp_path: Path) -> None:
    results = Results(tmp_path / "far")
    results.content["log.txt"] = b"all is we"
    with pytest.raises(DactylError, match=r"log\.txt did not come whole"):
        of(results.answer).fetch(3, tmp_path / "out")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", ""])
def test_a_farm_cannot_write_outside_the_folder(name: str, tmp_path: Path) -> None:
    """Protects the client's machine from whoever answers."""
    results = Results(tmp_path / "far")
    results.content = {name: b"evil"}
    with pytest.raises(DactylError, match="could lie anywhere"):
        of(results.answer).fetch(3, tmp_path / "out")
    assert not list(tmp_path.rglob("evil"))


def test_a_job_that_runs_has_nothing_to_fetch(tmp_path: Path) -> None:
    with pytest.raises(DactylError, match="is running: it has no results yet"):
        of(lambda _: httpx.Response(200, json=told("running"))).fetch(3, tmp_path / "out")


def test_the_token_comes_from_the_variable_or_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("of-the-file\n")
    options = ClientOptions(token_file=tmp_path / "token")
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    assert Client.of(options)._http.headers["Authorization"] == "Bearer of-the-file"
    monkeypatch.setenv(TOKEN_VARIABLE, "of-the-variable")
    assert Client.of(options)._http.headers["Authorization"] == "Bearer of-the-variable"
    monkeypatch.delenv(TOKEN_VARIABLE)
    with pytest.raises(DactylError, match="--token-file"):
        Client.of(ClientOptions(token_file=tmp_path / "nowhere"))
