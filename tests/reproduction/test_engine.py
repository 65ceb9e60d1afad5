"""Experiments are carried out once: what is finished stands, what was stopped goes on, what changed is done again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from dactyl.errors import DactylError
from dactyl.reproduction import engine
from dactyl.reproduction.experiment import Here, StoppedError
from dactyl.reproduction.store import Store
from dactyl.storage.locks import locked
from tests.reproduction.toys import Toy, choice


@pytest.fixture
def toy() -> Toy:
    return Toy()


def carry_out(toy: Toy, root: Path, **more: object) -> list[str]:
    """Run it; what it says."""
    said: list[str] = []
    engine.run(toy.experiment(), choice(root, **more), said.append)
    return said


def test_steps_are_done_in_order_and_a_report_is_written(toy: Toy, tmp_path: Path) -> None:
    said = carry_out(toy, tmp_path)
    assert toy.done == ["first", "second", "third"]
    assert "takes about 0:05 h by the rates of two cores" in "\n".join(said), "the cost comes first"
    assert said.index(next(line for line in said if "takes about" in line)) < said.index(
        next(line for line in said if line.startswith("step 1"))
    )
    folder = tmp_path / "toy"
    assert {"result.json", "rows.md", "picture.png"} <= {path.name for path in folder.iterdir()}
    assert json.loads((folder / "second.json").read_text())["results"]["outcome"]["of"]["first"]["value"] == 1


def test_what_is_finished_is_not_repeated(toy: Toy, tmp_path: Path) -> None:
    carry_out(toy, tmp_path)
    toy.done.clear()
    said = carry_out(toy, tmp_path)
    assert toy.done == []
    assert "3 of 3 steps are finished" in said[0]
    assert not any("takes" in line for line in said)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StoppedError("SIGTERM")])
def test_an_interrupted_run_goes_on_where_it_stopped(toy: Toy, tmp_path: Path, error: BaseException) -> None:
    toy.fails["second"] = error
    with pytest.raises(type(error)):
        carry_out(toy, tmp_path)
    assert toy.done == ["first"]
    assert not (tmp_path / "toy" / "second.json").exists(), "a step that was stopped is not finished"
    toy.fails.clear()
    carry_out(toy, tmp_path)
    assert toy.done == ["first", "second", "third"]
    assert (tmp_path / "toy" / "second" / "tries.txt").read_text() == "xx", "the step's folder was kept"


def test_a_changed_setting_repeats_that_step_and_those_that_use_it(toy: Toy, tmp_path: Path) -> None:
    carry_out(toy, tmp_path)
    toy.done.clear()
    toy.settings["first"] = 5
    said = carry_out(toy, tmp_path)
    assert toy.done == ["first", "second"]
    assert "  to be done: first: settings.value was 1 and is 5" in said
    assert "  to be done: second: first comes first" in said
    assert (tmp_path / "toy" / "first" / "tries.txt").read_text() == "x", "what was made before is put aside"
    assert (tmp_path / "toy" / "first.before" / "tries.txt").read_text() == "x"


def test_inputs_that_come_back_do_not_find_the_files_of_others(toy: Toy, tmp_path: Path) -> None:
    """Protects from old results beside the half-made files of a try with other settings."""
    carry_out(toy, tmp_path)
    toy.settings["first"] = 5
    toy.fails["first"] = StoppedError("SIGINT")
    with pytest.raises(StoppedError):
        carry_out(toy, tmp_path)
    toy.settings["first"] = 1
    toy.fails.clear()
    toy.done.clear()
    carry_out(toy, tmp_path)
    assert toy.done == ["first"]


def test_a_step_that_came_out_the_same_again_leaves_the_next_ones(toy: Toy, tmp_path: Path) -> None:
    carry_out(toy, tmp_path)
    toy.done.clear()
    (tmp_path / "toy" / "first.json").unlink()
    carry_out(toy, tmp_path)
    assert toy.done == ["first"]


def test_other_code_repeats_all_that_was_made_with_it(toy: Toy, tmp_path: Path) -> None:
    """Even where results look the same: files beside them may differ."""
    carry_out(toy, tmp_path)
    toy.done.clear()
    toy.versions["first"] = 2
    said = carry_out(toy, tmp_path)
    assert toy.done == ["first", "second"]
    assert "  to be done: first: version was 1 and is 2" in said


def test_other_weights_repeat_the_step_that_uses_them(tmp_path: Path) -> None:
    weights = tmp_path / "policy.safetensors"
    weights.write_bytes(b"one")
    toy = Toy((weights,))
    carry_out(toy, tmp_path / "runs")
    toy.done.clear()
    carry_out(toy, tmp_path / "runs")
    assert toy.done == []
    weights.write_bytes(b"two")
    carry_out(toy, tmp_path / "runs")
    assert toy.done[0] == "first"
    weights.unlink()
    with pytest.raises(DactylError, match=r"cannot read .*policy.safetensors"):
        carry_out(toy, tmp_path / "runs")


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "null", '{"results": {}}', '{"results": {"outcome": {}}}', "\x00" * 10, '{"results": 3}']
)
def test_a_damaged_result_is_made_again(toy: Toy, tmp_path: Path, damage: str) -> None:
    """Protects from reading half a file as a result."""
    carry_out(toy, tmp_path)
    toy.done.clear()
    (tmp_path / "toy" / "third.json").write_text(damage)
    said = carry_out(toy, tmp_path)
    assert toy.done == ["third"]
    assert any("third: its results" in line and "damaged" in line for line in said)


def test_a_file_that_is_no_text_is_damaged(toy: Toy, tmp_path: Path) -> None:
    carry_out(toy, tmp_path)
    toy.done.clear()
    (tmp_path / "toy" / "third.json").write_bytes(b"\xff\xfe\x00")
    carry_out(toy, tmp_path)
    assert toy.done == ["third"]


def test_the_quick_form_has_a_folder_of_its_own(toy: Toy, tmp_path: Path) -> None:
    carry_out(toy, tmp_path, quick=True)
    assert not (tmp_path / "toy").exists()
    assert "figures mean nothing" in (tmp_path / "toy-quick" / "rows.md").read_text()
    toy.done.clear()
    carry_out(toy, tmp_path)
    assert toy.done == ["first", "second", "third"]


def test_a_step_that_gives_nothing_is_not_finished(toy: Toy, tmp_path: Path) -> None:
    """Protects from an absent result that counts as one."""
    experiment = toy.experiment()
    object.__setattr__(experiment, "plan", lambda size: (_nothing(toy.plan(size)[0]),))
    with pytest.raises(DactylError, match="the step first gave nothing"):
        engine.run(experiment, choice(tmp_path), lambda text: None)
    assert not (tmp_path / "toy" / "first.json").exists()


def _nothing(step: object) -> object:
    object.__setattr__(step, "do", lambda here: {})
    return step


def test_a_full_disk_is_one_line(toy: Toy, tmp_path: Path) -> None:
    toy.fails["first"] = OSError(28, "No space left on device")
    with pytest.raises(DactylError, match=r"the step first: .*No space left"):
        carry_out(toy, tmp_path)


def test_two_do_not_work_on_the_same_experiment(toy: Toy, tmp_path: Path) -> None:
    with locked(tmp_path / "toy"), pytest.raises(DactylError, match="another process works in"):
        carry_out(toy, tmp_path)
    carry_out(toy, tmp_path)
    assert len(toy.done) == 3


def test_what_is_left_is_said_by_what_this_machine_did(toy: Toy, tmp_path: Path) -> None:
    """Protects whoever plans a night from another machine's speed."""
    carry_out(toy, tmp_path)
    store = Store(tmp_path, "toy", False)
    path = store.file(toy.plan(choice(tmp_path).size())[0])
    document = json.loads(path.read_text())
    document["results"]["seconds"] = 1000.0  # for 100 of work
    path.write_text(json.dumps(document))
    for name in ("second", "third"):
        (tmp_path / "toy" / f"{name}.json").unlink()
    stand = engine.standings(toy.plan(choice(tmp_path).size()), store)
    assert [each.why for each in stand] == ["", "not run yet", "not run yet"]
    assert engine.left(stand) == pytest.approx(2000.0)


def test_steps_know_their_folder_and_what_they_need(toy: Toy, tmp_path: Path) -> None:
    carry_out(toy, tmp_path, threads=3, workers=2)
    here = toy.here["second"]
    assert (here.threads, here.workers) == (3, 2)
    assert here.folder == tmp_path / "toy" / "second"
    assert here.folders == {"first": tmp_path / "toy" / "first"}
    assert toy.here["third"].found == {}
    with pytest.raises(DactylError, match="the step first is finished but its file"):
        here.file("first", "value")


def test_the_time_of_interrupted_tries_counts(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects costs and reports from a training that was stopped just before its end."""
    clock = [0.0]
    monkeypatch.setattr(engine.time, "monotonic", lambda: clock[0])
    work = toy._work("first")

    def slow(here: Here) -> Mapping[str, object]:
        clock[0] += 50.0
        return work(here)

    monkeypatch.setattr(toy, "_work", lambda name: slow if name == "first" else Toy._work(toy, name))
    toy.fails["first"] = StoppedError("SIGINT")
    with pytest.raises(StoppedError):
        carry_out(toy, tmp_path)
    toy.fails.clear()
    carry_out(toy, tmp_path)
    assert json.loads((tmp_path / "toy" / "first.json").read_text())["results"]["seconds"] == pytest.approx(100.0)
