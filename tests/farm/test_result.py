"""What a job leaves, and when it counts as whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dactyl.errors import DactylError
from dactyl.farm import files, result, score
from dactyl.farm.job_queue import DONE, FAILED, Entry
from tests.farm.made_up import JOB, SCORE, TRUTH, add, queue_of, write_results


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    queue = queue_of(tmp_path)
    add(queue)
    taken = queue.claim("worker", 2)
    assert taken
    return taken


def test_a_whole_run_gets_its_goals_and_its_score(tmp_path: Path, entry: Entry) -> None:
    out = result.begin(tmp_path, entry, "made up", 2)
    write_results(out)
    result.evaluate(out, JOB, truth=True)
    told = files.read_json(out / files.SCORE)
    assert {name: told["trials"][0][name] for name in SCORE} == pytest.approx(SCORE)
    recomputed = score.score(score.read(out / files.BAG), JOB)
    assert told == json.loads(json.dumps(score.summary(JOB, recomputed))), "a replay of the bag says the same"
    assert len(files.read_json(out / files.GOAL)["trials"][0]) == 2
    assert files.read_json(out / files.INFO)["robot"] == {"kind": "shadow", "number": 2, "backend": "made up"}


def test_the_report_names_every_other_file_with_its_checksum(tmp_path: Path, entry: Entry) -> None:
    """Protects whoever fetches: with the report everything is there, and whole."""
    out = result.begin(tmp_path, entry, "made up", 2)
    write_results(out)
    (out / "link").symlink_to("/etc/passwd")
    result.report(out, entry, "")
    report = files.read_json(out / files.REPORT)
    assert (report["state"], report["why"]) == (DONE, "")
    assert set(report["files"]) == set(files.names(out)) - {files.REPORT}
    assert "link" not in report["files"]
    for name, about in report["files"].items():
        assert about == {"bytes": (out / name).stat().st_size, "sha256": files.checksum(out / name)}
    result.report(out, entry, "no action came")
    assert files.read_json(out / files.REPORT)["state"] == FAILED


@pytest.mark.parametrize("name", [files.RECORDING, files.TRIALS])
@pytest.mark.parametrize("content", [None, b"", b"\xff\x00", b"[]", b"{}", b'{"results": []}', b"[" * 5000])
def test_a_missing_or_damaged_part_is_one_error(name: str, content: bytes | None, tmp_path: Path, entry: Entry) -> None:
    """Protects the farm from whatever a run leaves."""
    out = result.begin(tmp_path, entry, "made up", 2)
    write_results(out)
    if content is None:
        (out / name).unlink()
    else:
        (out / name).write_bytes(content)
    with pytest.raises(DactylError):
        result.evaluate(out, JOB, truth=True)
    assert not (out / files.SCORE).exists()


def test_a_referee_whom_the_truth_contradicts_is_refused(tmp_path: Path, entry: Entry) -> None:
    """Protects the score: it is the truth's, and a run in which the two differ is none."""
    out = result.begin(tmp_path, entry, "made up", 2)
    write_results(out, successes=3)
    with pytest.raises(DactylError, match="other results than the referee's"):
        result.evaluate(out, JOB, truth=True)


def test_what_the_recorder_lost_of_the_truth_fails_the_run() -> None:
    result.check_recording({"results": {"lost_by_topic": {"/dactyl/fingertips": 4}}})
    with pytest.raises(DactylError, match="lost 1 messages"):
        result.check_recording({"results": {"lost_by_topic": {TRUTH: 1}}})


def test_an_attempt_begins_in_an_empty_folder(tmp_path: Path, entry: Entry) -> None:
    """Protects a job that comes back from what its interrupted attempt has left."""
    out = result.begin(tmp_path, entry, "made up", 2)
    (out / "left").write_text("over")
    assert files.names(result.begin(tmp_path, entry, "made up", 2)) == [files.INFO]
