"""Lin et al.'s Figure 3: groups of objects, the same training with each, and what is said of them."""

from __future__ import annotations

from typing import Any

from dactyl import objects
from dactyl.learning.config import parse_training
from dactyl.reproduction.experiment import Size
from dactyl.reproduction.experiments import groups
from tests.reproduction.experiments.synthetic import drawn, judged, trained

OWN = {"single": 45, "shape": 40, "mix": 38, "all": 20}
"""Goals of 50 trials with objects of the training; with others it is 5."""


def results() -> dict[str, Any]:
    """Trainings that are the slower the less they end with."""
    found: dict[str, Any] = {}
    for name, group in groups.GROUPS.items():
        goals = {each: OWN[name] if each in group.objects else 5 for each in groups.ALL}
        found[f"train-{name}"] = trained(OWN[name] / 50.0)
        found[name] = {"objects": {each: judged([1] * n + [0] * (50 - n)) for each, n in goals.items()}}
        found[f"{name}-unknown"] = {"objects": {groups.KNOWN: judged([1] * OWN[name] + [0] * (100 - OWN[name]))}}
    return found


def test_groups_are_of_objects_that_there_are() -> None:
    """Protects ten different ones, of which all groups know the first."""
    assert len(set(groups.ALL)) == 10
    for group in groups.GROUPS.values():
        assert set(group.objects) <= set(groups.ALL)
        assert groups.KNOWN in group.objects
    assert all(objects.load(name).name == name for name in groups.ALL)


def test_trainings_differ_in_their_objects_alone() -> None:
    presets = [dict(s.settings["preset"]) for s in groups.plan(Size()) if s.name.startswith("train-")]
    made = [parse_training(preset) for preset in presets]
    assert [config.objects or ("cylinder",) for config in made] == [g.objects for g in groups.GROUPS.values()]
    for preset in presets:
        shared_out = len(preset.pop("objects", [0]))
        assert preset.pop("num_envs") == 8 * shared_out * (32 // shared_out)
        assert preset.pop("scripts") == (250 if shared_out == 1 else 80)
    assert all(preset == presets[0] for preset in presets)


def test_rows() -> None:
    rows = [row.ours for row in groups.EXPERIMENT.rows(results())]
    assert rows[0].startswith("no: 0.40 goals an episode after single 0.46 M, shape 0.50 M, mix")
    assert rows[1:3] == ["yes: 40% against 80%", "yes: 40% against 76%"], "with the same objects"
    assert rows[3] == "90% (79% … 96%) with its own objects, 10% (8% … 13%) with the others"
    assert rows[6] == "40% (36% … 44%) with its own objects"
    assert rows[7] == "45% (36% … 55%)"


def test_the_picture() -> None:
    learning, success = drawn(groups.EXPERIMENT, results()).axes
    assert learning.get_xscale() == "linear"
    assert len(success.texts) == len(groups.GROUPS) * len(groups.ALL)
    assert success.texts[0].get_text() == "90"
