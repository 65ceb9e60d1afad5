"""Other sizes and shapes: each object is judged as the policy is told nothing of it, and regraspings are counted."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from dactyl.environment import task as tasks
from dactyl.environment.randomization import of_task
from dactyl.reproduction.experiment import Size
from dactyl.reproduction.experiments import shapes
from dactyl.reproduction.worlds import World
from tests.reproduction.experiments.synthetic import drawn, judged

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("robot_properties_fingers") is None, reason="robot_properties_fingers is not installed"
)


def counted(goals: int, regrasps: int) -> dict[str, Any]:
    """So many of 100 goals, and so many trials in which the object was lifted a second time."""
    again = [1] * regrasps + [0] * (100 - regrasps)
    lifts = [1 + count for count in again]
    counts = {
        name: {"mean": sum(values) / 100, "trials": values}
        for name, values in (("lifts", lifts), ("drops", again), ("regrasps", again))
    }
    return {**judged([1] * goals + [0] * (100 - goals)), "counts": counts}


def results() -> dict[str, Any]:
    """Each object a little worse than the one before it, orientations worse than places."""
    found = {}
    for place, step in enumerate(shapes.plan(Size())):
        found[step.name] = counted(95 - 5 * place, 10 + place)
    return found


def test_places_for_every_object_and_orientations_for_cubes() -> None:
    """Protects the ball from being asked for an orientation that it does not show."""
    steps = {step.name: step for step in shapes.plan(Size())}
    assert list(steps) == [
        "cube-3", "cube-120-3", "cube-60-3", "flat-block-3", "ball-3", "cube-4", "cube-120-4", "cube-60-4",
    ]  # fmt: skip
    step = steps["flat-block-3"]
    assert (step.settings["object"], step.settings["difficulty"], step.settings["trials"]) == ("flat_block", 3, 200)
    assert step.settings["world"] == World(of_task(tasks.load("repose"))).settings()
    assert step.work["TriFinger evaluation steps"] == pytest.approx(200 * 15.0 / 0.02)
    assert step.files[0].name == "policy.safetensors"


def test_rows() -> None:
    rows = {row.what: row for row in shapes.rows(results())}
    assert len(rows) == len(shapes.OBJECTS) + 2
    assert rows["a ball of 7 cm"].ours == "places: 75% (66% … 82%)"
    cube = rows["the cube that it was trained with"]
    assert cube.ours == "places: 95% (89% … 98%); any orientation too: 70% (60% … 78%)"
    regrasping = rows["dropping and regrasping (any orientation too)"].ours
    assert regrasping == "lifted 1.1 times a trial; dropped and lifted again in 15% of the trials"


def test_the_picture() -> None:
    places, again = drawn(shapes.EXPERIMENT, results()).axes
    assert [bar.get_width() for bar in places.patches] == pytest.approx([95.0, 90.0, 85.0, 80.0, 75.0])
    assert [bar.get_width() for bar in again.patches] == pytest.approx([0.10, 0.11, 0.12, 0.13, 0.14])
    assert places.yaxis.get_inverted(), "the first object is above"


def test_a_film_for_each_object() -> None:
    assert set(shapes.EXPERIMENT.pictures) == {f"{thing}.gif" for thing in shapes.OBJECTS}
