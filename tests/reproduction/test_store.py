"""Finished steps on the disk: read as they were written, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dactyl.errors import DactylError
from dactyl.reproduction.experiment import Size, Step
from dactyl.reproduction.store import Store
from tests.reproduction.toys import Toy


@pytest.fixture
def step() -> Step:
    return Toy().plan(Size())[0]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path, "toy", False)
    store.folder.mkdir()
    return store


def test_a_step_is_read_as_it_was_written(store: Store, step: Step) -> None:
    inputs = {"version": 1, "settings": {"pair": [1, 2]}}
    written = store.write(step, inputs, {"mean": float("nan"), 3: (1, 2)}, 7.5)
    assert written.outcome == {"mean": None, "3": [1, 2]}, "NaN is absent, and says so"
    found, why = store.read(step, inputs)
    assert found == written
    assert (why, written.seconds, written.work) == ("", 7.5, {"seconds": 100.0})
    assert written.machine["cores"] >= 1


def test_other_inputs_do_not_stand(store: Store, step: Step) -> None:
    store.write(step, {"version": 1}, {"mean": 1.0}, 1.0)
    assert store.read(step, {"version": 2}) == (None, "version was 1 and is 2")


def test_a_shared_step_is_kept_with_its_owner(store: Store, step: Step, tmp_path: Path) -> None:
    theirs = replace(step, owner="other")
    assert store.file(theirs) == tmp_path / "other" / "first.json"
    assert store.folders([step, theirs]) == [tmp_path / "other", tmp_path / "toy"]
    assert Store(tmp_path, "toy", True).file(theirs) == tmp_path / "other-quick" / "first.json"


def test_a_folder_is_kept_for_the_same_inputs_and_put_aside_for_others(store: Store, step: Step) -> None:
    home = store.prepare(step, {"version": 1})
    (home / "half.bin").write_text("half")
    assert (store.prepare(step, {"version": 1}) / "half.bin").exists()
    assert not (store.prepare(step, {"version": 2}) / "half.bin").exists()
    aside = home.with_name("first.before")
    assert (aside / "half.bin").read_text() == "half"
    (home / "next.bin").write_text("next")
    store.prepare(step, {"version": 3})
    assert {path.name for path in aside.iterdir()} == {"next.bin", "inputs.json"}, "one try is kept, the last"


def test_a_folder_of_an_unknown_origin_is_put_aside(store: Store, step: Step) -> None:
    """Protects from going on with what was made from who knows what."""
    home = store.home(step)
    home.mkdir()
    (home / "x").write_text("x")
    store.prepare(step, {})
    assert not (home / "x").exists()
    (home / "x").write_text("x")
    (home / "inputs.json").write_bytes(b"\xff\xff")
    store.prepare(step, {})
    assert not (home / "x").exists()


def test_a_folder_that_cannot_be_made_is_one_line(step: Step, tmp_path: Path) -> None:
    (tmp_path / "toy").write_text("a file")
    with pytest.raises(DactylError, match="cannot write to"):
        Store(tmp_path, "toy", False).prepare(step, {})


def test_the_file_is_of_the_one_shape_of_results(store: Store, step: Step) -> None:
    store.write(step, {"version": 1}, {"mean": 1.0}, 1.0)
    document = json.loads(store.file(step).read_text())
    assert document["command"] == "reproduce toy"
    assert set(document["results"]) == {"step", "inputs", "seconds", "work", "outcome"}


@pytest.mark.parametrize("seconds", ["NaN", "Infinity", "-1.0", "1e308", "1e999", '"x"', "null", "1" + "0" * 400])
def test_a_time_that_is_none_is_damage(store: Store, step: Step, seconds: str) -> None:
    """Protects costs, which are made of it."""
    store.write(step, {"version": 1}, {"mean": 1.0}, 7.25)
    path = store.file(step)
    path.write_text(path.read_text().replace("7.25", seconds))
    found, why = store.read(step, {"version": 1})
    assert found is None
    assert "damaged" in why


def test_a_mark_tells_inputs_and_outcomes_apart(store: Store, step: Step) -> None:
    """Protects a step that needs it from files that other inputs have made."""
    made = [store.write(step, {"version": v}, {"mean": m}, 1.0) for v, m in ((1, 1.0), (2, 1.0), (1, 2.0), (1, 1.0))]
    assert len({each.mark for each in made}) == 3
    assert made[0].mark == made[3].mark
