"""A shipped evaluation stands for trials only where it is of these weights and of this world."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dactyl.environment.randomization import select
from dactyl.environment.randomization.physics import PhysicsRandomization
from dactyl.errors import DactylError
from dactyl.learning.evaluation import world_digest
from dactyl.reproduction import shipped
from dactyl.storage import models
from dactyl.storage.digests import file_hash
from tests.reproduction.experiments.synthetic import judged

ALL = select("all")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with weights and an evaluation of them."""
    (tmp_path / models.POLICY).write_bytes(b"weights")
    change(tmp_path, lambda document: None)
    return tmp_path


def change(model: Path, how: Callable[[dict[str, Any]], object]) -> None:
    """Write an evaluation that differs from a good one."""
    found = judged([3, 2, 1]) | {
        "weights": file_hash(model / models.POLICY), "world": world_digest(ALL), "pose": "state", "actions": "sampled",
    }  # fmt: skip
    document = {"seed": 0, "commit": "abc", "results": found}
    how(document)
    (model / "evaluation.json").write_text(json.dumps(document))


def test_figures_come_with_where_they_are_from(model: Path) -> None:
    path = shipped.find(model, ALL, 3)
    assert path == model / "evaluation.json"
    found = shipped.read(path)
    assert found["mean"] == 2.0
    assert (found["from"], found["commit"]) == (f"models/{model.name}/evaluation.json", "abc")


def test_other_weights_or_another_world_are_not_these(model: Path) -> None:
    harder = replace(ALL, physics=PhysicsRandomization(object_dimensions=(0.5, 1.5)))
    assert shipped.find(model, harder, 3) is None
    (model / models.POLICY).write_bytes(b"others")
    assert shipped.find(model, ALL, 3) is None


@pytest.mark.parametrize(
    "how",
    [
        lambda document: document.update(seed=1),
        lambda document: document.pop("results"),
        lambda document: document["results"].pop("weights"),
        lambda document: document["results"].pop("world"),
        lambda document: document["results"].update(pose="vision"),
        lambda document: document["results"].update(actions="most-likely"),
        lambda document: document["results"].update(calibration="hand.yaml"),
        lambda document: document["results"]["trials"].pop(),
    ],
)
def test_what_is_not_the_same_trials_does_not_count(model: Path, how: Callable[[dict[str, Any]], object]) -> None:
    change(model, how)
    assert shipped.find(model, ALL, 3) is None


def test_trials_of_another_seed_are_other_trials(model: Path) -> None:
    """Protects a figure of worlds that something was chosen in from standing where others are asked for."""
    change(model, lambda document: document.update(seed=4))
    assert shipped.find(model, ALL, 3) is None
    assert shipped.find(model, ALL, 3, seed=4) == model / "evaluation.json"


def test_damage_does_not_count_and_missing_weights_are_one_line(model: Path) -> None:
    (model / "evaluation.json").write_text("{")
    assert shipped.find(model, ALL, 3) is None
    (model / models.POLICY).unlink()
    with pytest.raises(DactylError, match="cannot read"):
        shipped.find(model, ALL, 3)
