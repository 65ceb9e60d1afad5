"""What a person types, and what a farm is asked then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dactyl import cli
from dactyl.farm import files
from dactyl.farm.job import Job
from dactyl.farm.options import TOKEN_VARIABLE

pytest.importorskip("httpx", reason="needs the extra farm")

from dactyl.farm.client import Client

CONTRACT = {"robot": "shadow", "task": "reorient", "object": "sphere", "smoothing": 0.3, "action_scale": 1.0}


class FarAway:
    """A farm in the client's place."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[tuple[bytes, Job]] = []
        self.state, self.why = "done", ""
        monkeypatch.setenv(TOKEN_VARIABLE, "the-token")
        for name in ("submit", "status", "jobs", "wait", "fetch"):
            monkeypatch.setattr(Client, name, self._as_method(name))

    def _as_method(self, name: str) -> Any:
        return lambda client, *arguments: getattr(self, name)(*arguments)

    def submit(self, policy: Path, job: Job) -> int:
        self.sent.append((policy.read_bytes(), job))
        return 7

    def status(self, number: int) -> dict[str, Any]:
        return {"id": number, "state": "queued", "ahead": 2, "job": {"trials": 3}, "progress": {}, "why": ""}

    def jobs(self) -> list[dict[str, Any]]:
        return []

    def wait(self, number: int, show: Any) -> dict[str, Any]:
        show("waiting")
        return self.status(number)

    def fetch(self, number: int, out: Path) -> dict[str, Any]:
        out.mkdir()
        score = {"trials": [{}, {}], "goals_reached": 5, "mean": 2.5}
        (out / files.SCORE).write_text(json.dumps(score))
        return {"job": number, "state": self.state, "why": self.why, "files": {}}


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FarAway:
    monkeypatch.chdir(tmp_path)
    return FarAway(monkeypatch)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    text = json.dumps({"__metadata__": {"dactyl": json.dumps(CONTRACT)}}).encode()
    path = tmp_path / "run" / "policy.safetensors"
    path.parent.mkdir()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    return path


def test_a_policy_is_sent_with_what_its_file_says(
    far: FarAway, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["farm", "submit", str(policy.parent), "--trials", "3", "--seconds", "15", "--json", "out.json"]
    assert cli.main(arguments) == 0
    assert far.sent == [(policy.read_bytes(), Job("shadow", "reorient", "sphere", trials=3, seconds=15.0))]
    assert capsys.readouterr().out == "job 7: ./dactyl farm fetch 7\n"
    assert json.loads(Path("out.json").read_text())["results"] == {"id": 7}


def test_a_goal_is_sent(far: FarAway, policy: Path) -> None:
    goal = ["--position", "0", "-0.04", "0.35", "--quaternion", "1", "0", "0", "0"]
    assert cli.main(["farm", "submit", str(policy), *goal]) == 0
    assert far.sent[0][1].goal == (0.0, -0.04, 0.35, 1.0, 0.0, 0.0, 0.0)


def test_how_a_job_is_and_that_there_are_none(far: FarAway, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["farm", "status", "3", "--json", "out.json"]) == 0
    assert capsys.readouterr().out == "job 3: queued, 2 before it\n"
    assert json.loads(Path("out.json").read_text())["results"]["jobs"][0]["id"] == 3
    assert cli.main(["farm", "status"]) == 0
    assert capsys.readouterr().out == "there are no jobs\n"


@pytest.mark.parametrize("job", ["three", "-1", "1.5", "9" * 30, "../3"])
@pytest.mark.parametrize("command", ["status", "fetch"])
def test_what_is_no_number_is_a_wrong_argument(
    command: str, job: str, far: FarAway, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = cli.main(["farm", command, job])
    except SystemExit as end:  # "-1" looks like an option
        code = end.code
    assert code == 2
    assert capsys.readouterr().err


def test_results_are_fetched_and_told(far: FarAway, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["farm", "fetch", "3"]) == 0
    assert capsys.readouterr().out == "job-3: job 3 done: 2 trials, 5 goals, 2.50 in a row on average\n"


def test_a_failed_job_is_a_failed_command(far: FarAway, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects scripts: what failed far away fails here."""
    far.state, far.why = "failed", "no action came within 120 s"
    assert cli.main(["farm", "fetch", "3", "--out", "there", "--json", "out.json"]) == 1
    assert capsys.readouterr().out == "there: job 3 failed: no action came within 120 s\n"
    assert json.loads(Path("out.json").read_text())["results"]["state"] == "failed"


def test_a_folder_that_exists_is_refused_before_anybody_waits(
    far: FarAway, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("job-3").mkdir()
    monkeypatch.setattr(far, "wait", lambda *_: pytest.fail("it waited"))
    assert cli.main(["farm", "fetch", "3"]) == 1
    assert capsys.readouterr().err == "dactyl: cannot fetch to job-3: it exists\n"


def test_without_a_token_nobody_is_asked(
    policy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    assert cli.main(["farm", "submit", str(policy)]) == 1
    assert "name its file with --token-file" in capsys.readouterr().err
