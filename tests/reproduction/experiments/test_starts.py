"""Lin et al.'s Table II: trainings that differ in their starts, or in demonstrations, alone."""

from __future__ import annotations

from typing import Any

import pytest

from dactyl.learning.config import parse_training
from dactyl.reproduction.experiment import Size
from dactyl.reproduction.experiments import starts
from tests.reproduction.experiments.synthetic import drawn, judged, trained

REACHED = {"starts": (70, 50), "none": (0, 10), "starts-shown": (95, 80), "shown": (60, 59)}


@pytest.fixture(autouse=True)
def two_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starts, "SEEDS", (0, 1))


def results() -> dict[str, Any]:
    """Goals of 100 trials with both seeds."""
    found: dict[str, Any] = {}
    for name, each in REACHED.items():
        for seed, goals in enumerate(each):
            found[f"train-{name}-{seed}"] = trained(goals / 100.0)
            found[f"{name}-{seed}"] = judged([1] * goals + [0] * (100 - goals))
    return found


def test_trainings_differ_in_starts_and_demonstrations_alone() -> None:
    """Protects the comparison: what else differs would be its reason."""
    presets = {
        step.name: dict(step.settings["preset"]) for step in starts.plan(Size()) if step.name.startswith("train-")
    }
    assert len(presets) == 8
    shares, alike = {}, []
    for name, preset in presets.items():
        parse_training(preset)
        environment = dict(preset["environment"])
        shares[name] = environment.pop("scripted_starts")
        shown = [stage.get("demonstrated", 0.0) for stage in preset.pop("stages")]
        assert any(shown) == ("shown" in name) == (preset.pop("scripts", 0) > 0)
        assert preset.pop("deviation") == (0.025 if "shown" in name else 0.2)
        assert str(preset.pop("seed")) == name[-1]
        rest = {key: value for key, value in preset.items() if key != "environment"}
        alike.append((rest, environment))
    assert all(each == alike[0] for each in alike)
    assert {name: share > 0.0 for name, share in shares.items()} == {name: "starts" in name for name in shares}


def test_rows() -> None:
    rows = [row.ours for row in starts.EXPERIMENT.rows(results())]
    assert rows == [
        "1 of 2; goals reached: 70%, 50%",
        "0 of 2; goals reached: 0%, 10%",
        "2 of 2; goals reached: 95%, 80%",
        "1 of 2; goals reached: 60%, 59%",
    ]


def test_the_picture() -> None:
    learning, reached = drawn(starts.EXPERIMENT, results()).axes
    assert len(learning.lines) == len(starts.CASES)
    assert [round(bar.get_width()) for bar in reached.patches] == [70, 50, 0, 10, 95, 80, 60, 59]
