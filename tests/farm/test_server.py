"""The farm over HTTP, without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dactyl.farm import files, result
from dactyl.farm.job import Job
from dactyl.farm.job_queue import DONE, QUEUED, JobQueue
from tests.farm.made_up import JOB, SCORE, queue_of, write_results

pytest.importorskip("python_multipart", reason="needs the extra farm")
pytest.importorskip("httpx", reason="needs the extra farm")
testclient = pytest.importorskip("starlette.testclient", reason="needs the extra farm")

from dactyl.farm import server  # noqa: E402

TOKEN = "open-sesame"
POLICY = b"as if these were weights"


class Served:
    """A farm, and somebody who knows its token."""

    def __init__(self, folder: Path, refusal: str = "", upload: int = 10_000, poll: float = 0.0) -> None:
        self.folder, self.queue, self.refusal = folder, queue_of(folder), refusal
        self.checked: list[bytes] = []
        farm = server.Farm(folder, self.queue, "shadow", self._check, upload, poll)
        self.client = testclient.TestClient(server.application(farm, TOKEN), raise_server_exceptions=False)
        self.client.headers["Authorization"] = f"Bearer {TOKEN}"

    def _check(self, policy: Path, job: Job) -> str:
        self.checked.append(policy.read_bytes())
        return self.refusal

    def submit(self, job: Any = JOB, policy: bytes = POLICY) -> Any:
        text = job.to_json() if isinstance(job, Job) else job
        return self.client.post("/jobs", files={"policy": ("policy.safetensors", policy)}, data={"job": text})

    def run(self) -> int:
        """Submit a job and do a worker's part of it; its number."""
        number = int(self.submit().json()["id"])
        entry = self.queue.claim("worker", 3)
        assert entry
        out = result.begin(self.folder, entry, "made up", 3)
        write_results(out)
        result.evaluate(out, entry.job, truth=True)
        result.report(out, entry, "")
        self.queue.finish(entry, "")
        return number


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path / "farm")


def test_a_job_is_checked_stored_and_queued(served: Served) -> None:
    answer = served.submit()
    assert answer.status_code == 201
    number = answer.json()["id"]
    assert served.checked == [POLICY]
    entry = served.queue.get(number)
    assert entry
    assert (entry.state, entry.job) == (QUEUED, JOB)
    assert (files.job_folder(served.folder, number) / files.POLICY).read_bytes() == POLICY
    assert list(served.folder.glob("incoming-*")) == []
    assert served.client.get(f"/jobs/{number}").json()["ahead"] == 0


def test_a_refused_policy_leaves_nothing(tmp_path: Path) -> None:
    served = Served(tmp_path / "farm", refusal="cannot use the policy: it was trained for the object sphere, not block")
    answer = served.submit()
    assert (answer.status_code, answer.json()) == (422, {"error": served.refusal})
    assert served.queue.entries() == []
    assert sorted(path.name for path in served.folder.iterdir()) == ["jobs.sqlite"]


@pytest.mark.parametrize(
    "job", ["", "no json", "[]", '{"robot": "shadow"}', json.dumps({"robot": "shadow", "code": "import os"})]
)
def test_a_job_that_is_none_is_refused(served: Served, job: str) -> None:
    answer = served.submit(job)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert served.checked == []


def test_another_kind_of_robot_is_refused(served: Served) -> None:
    answer = served.submit(replace(JOB, robot="tray"))
    assert answer.status_code == 422
    assert "robots of the kind shadow" in answer.json()["error"]


@pytest.mark.parametrize(
    "form",
    [
        {"data": {"job": JOB.to_json()}},
        {"files": {"policy": ("p", POLICY)}},
        {"files": {"policy": ("p", POLICY), "job": ("j", JOB.to_json().encode())}},
        {"content": b"\x00\x01", "headers": {"Content-Type": "application/octet-stream"}},
        {"content": b"--x", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"garbage", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"files": {"policy": ("p", POLICY)}, "data": {"job": "x" * 100_000}},
    ],
)
def test_a_form_that_is_none_is_refused(tmp_path: Path, form: Mapping[str, Any]) -> None:
    served = Served(tmp_path / "farm", upload=10**6)
    assert served.client.post("/jobs", **form).status_code in (400, 413, 422)
    assert served.checked == []
    assert served.queue.entries() == []


def test_an_upload_that_is_too_large_is_refused_unread(served: Served) -> None:
    """Protects memory and disk."""
    answer = served.submit(policy=b"x" * 20_000)
    assert answer.status_code == 413
    assert served.checked == []


def test_an_upload_of_unknown_length_is_refused(served: Served) -> None:
    """Protects the limit from a request that never ends."""

    def endless() -> Iterator[bytes]:
        yield from [b"x"] * 10

    assert served.client.post("/jobs", content=endless()).status_code == 411


def test_a_full_queue_takes_no_more(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "WAITING", 1)
    assert served.submit().status_code == 201
    answer = served.submit()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")


def test_without_the_token_nothing_is_answered(served: Served) -> None:
    number = served.run()
    for given in ("", "Bearer wrong"):
        for path in ("/jobs", f"/jobs/{number}", f"/jobs/{number}/files/{files.SCORE}", "/nowhere"):
            assert served.client.get(path, headers={"Authorization": given}).status_code == 401
        assert served.client.post("/jobs", headers={"Authorization": given}).status_code == 401


def test_a_job_that_has_ended_hands_out_its_files(served: Served) -> None:
    number = served.run()
    told = served.client.get(f"/jobs/{number}").json()
    assert (told["state"], told["robot"]) == (DONE, 3)
    out = files.attempt_folder(served.folder, served.queue.get(number))  # type: ignore[arg-type]
    assert told["files"] == files.names(out)
    for name in told["files"]:
        answer = served.client.get(f"/jobs/{number}/files/{name}")
        assert answer.content == (out / name).read_bytes()
    score = served.client.get(f"/jobs/{number}/files/{files.SCORE}").json()
    assert score["trials"][0]["successes"] == SCORE["successes"]


def test_nothing_that_a_client_is_told_says_what_is_hidden(served: Served) -> None:
    """Protects the point of the farm."""
    number = served.run()
    told = json.dumps([served.client.get("/jobs").json(), served.client.get(f"/jobs/{number}").json()])
    for word in ("calibration", "friction", "damping", "marker_noise", "marker_delay", TOKEN, str(served.folder)):
        assert word not in told


@pytest.mark.parametrize(
    "name",
    [
        "../../../token", "..%2f..%2f..%2ftoken", "%2e%2e/%2e%2e/jobs.sqlite", "bag/../../../jobs.sqlite",
        "/etc/passwd", "%2fetc%2fpasswd", "bag", "", ".", "nothing.json", "bag%00", "../policy.safetensors",
        "secret-link",
    ],
)  # fmt: skip
def test_no_name_leads_out_of_a_jobs_results(name: str, served: Served) -> None:
    """Protects the token, the queue, the policies of others and the machine."""
    number = served.run()
    (served.folder / "token").write_text(TOKEN)
    out = files.attempt_folder(served.folder, served.queue.get(number))  # type: ignore[arg-type]
    (out / "secret-link").symlink_to(served.folder / "token")
    answer = served.client.get(f"/jobs/{number}/files/{name}", follow_redirects=False)
    assert answer.status_code in (307, 404)
    assert TOKEN not in answer.text


def test_a_job_without_results_says_so(served: Served) -> None:
    number = served.submit().json()["id"]
    answer = served.client.get(f"/jobs/{number}/files/{files.REPORT}")
    assert answer.status_code == 409
    assert "no results yet" in answer.json()["error"]


@pytest.mark.parametrize("number", ["0", "99", "9" * 30, "9" * 6000, "-1", "one", "%00", "1.0", "1%2f.."])
def test_a_job_that_there_is_not_is_not_found(number: str, served: Served) -> None:
    assert served.client.get(f"/jobs/{number}").status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_nothing_else_can_be_done_to_a_job(method: str, served: Served) -> None:
    assert served.client.request(method, "/jobs").status_code == 405


def test_who_asks_the_same_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    """Protects the server from clients that do nothing but ask."""
    served = Served(tmp_path / "farm", poll=30.0)
    first, second = (served.submit().json()["id"] for _ in range(2))
    assert served.client.get(f"/jobs/{first}").json()["poll"] == 30.0
    assert served.client.get(f"/jobs/{second}").status_code == 200
    again = served.client.get(f"/jobs/{first}")
    assert again.status_code == 429
    assert 1 <= int(again.headers["Retry-After"]) <= 30
    assert served.client.get(f"/jobs/{first}/files/{files.REPORT}").status_code == 429
    assert served.client.get("/jobs").status_code == 200
    assert served.client.get("/jobs").status_code == 429


def test_a_restarted_server_knows_its_jobs(served: Served) -> None:
    number = served.run()
    again = Served(served.folder)
    assert again.client.get(f"/jobs/{number}").json()["state"] == DONE
    assert isinstance(again.queue, JobQueue)


def test_a_fault_of_the_server_tells_nothing_of_itself(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(JobQueue, "entries", fail)
    answer = served.client.get("/jobs")
    assert answer.status_code == 500
    assert "secret" not in answer.text
