"""With and without randomizations: worlds that are the task's own, and trainings that are not made twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dactyl.environment import task as tasks
from dactyl.environment.randomization import of_task
from dactyl.learning.config import parse_training
from dactyl.reproduction.experiment import Size
from dactyl.reproduction.experiments import keypoints, randomizations
from dactyl.reproduction.inputs import difference
from dactyl.reproduction.worlds import World
from tests.reproduction.experiments.synthetic import drawn, judged, trained


def results(reached: Mapping[str, int]) -> dict[str, Any]:
    """So many of 100 goals with each seed of a case."""
    found: dict[str, Any] = {}
    for name, goals in reached.items():
        for seed in keypoints.SEEDS:
            found[f"train-{name}-{seed}"] = trained(0.5)
            found[f"{name}-{seed}"] = judged([1] * goals + [0] * (100 - goals))
    return found


REACHED = {"kp-kp": 50, "all": 40, "untold": 5}


def test_trainings_without_randomizations_are_those_of_keypoints() -> None:
    """Protects half an hour: what one experiment has trained the other does not train again."""
    shared = {step.name: step for step in randomizations.plan(Size()) if step.owner}
    theirs = {step.name: step for step in keypoints.plan(Size())}
    assert set(shared) == {name for name in theirs if "kp-kp" in name}
    for name, step in shared.items():
        assert step.owner == randomizations.OWNER
        assert (step.settings, step.needs, step.version) == (
            theirs[name].settings, theirs[name].needs, theirs[name].version,
        )  # fmt: skip


def test_both_differ_in_the_tasks_own_randomizations_alone() -> None:
    """Protects the comparison from the first paper's ranges, which are another robot's."""
    made, plain = randomizations.preset(1, quick=False), keypoints.preset("kp-kp", 1, quick=False)
    environment = {**made["environment"], "randomization": plain["environment"]["randomization"]}
    assert difference({**made, "environment": environment}, plain) == ""
    own = of_task(tasks.load("repose"))
    assert parse_training(made).stages[-1].environment.randomization == own
    steps = {step.name: step for step in randomizations.plan(Size())}
    for name in ("train-all-1", "all-1", "untold-1"):
        assert steps[name].settings["world"] == World(own).settings(), name
    assert "world" not in steps["kp-kp-1"].settings
    assert (steps["all-1"].needs, steps["untold-1"].needs) == (("train-all-1",), ("train-kp-kp-1",))


def test_rows_and_picture() -> None:
    rows = randomizations.rows(results(REACHED))
    assert rows[0].ours == "40%, and 50%"
    assert [row.ours.partition(" ")[0] for row in rows[1:]] == ["50%", "40%", "5%"]
    learning, reached = drawn(randomizations.EXPERIMENT, results(REACHED)).axes
    assert len(learning.lines) == 2
    assert [round(bar.get_width()) for bar in reached.patches] == [50, 40, 5]
