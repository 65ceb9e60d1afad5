"""Table 3's row by vision: all parts count, and none is made twice."""

from __future__ import annotations

import pytest

from dactyl.reproduction.experiment import Experiment, Size
from dactyl.reproduction.experiments import table_3_held_out, table_3_vision
from tests.reproduction.experiments.synthetic import drawn, judged

BOTH = (table_3_vision.EXPERIMENT, table_3_held_out.EXPERIMENT)
RESULTS = {"vision-1": judged([7, 1]), "vision-2": judged([4])}


def test_all_parts_count_and_nothing_stands_in_the_place_of_a_hand() -> None:
    simulated, physical = table_3_vision.EXPERIMENT.rows(RESULTS)
    assert simulated.ours.startswith("**4.0 ± 3.0**, median 4")
    assert physical.ours == "no hand, no figure"
    assert f"{sum(table_3_vision.PHYSICAL_TRIALS) / 10.0:.1f} ±" in physical.paper


def test_the_renderer_is_said_and_its_cost_is_its_own() -> None:
    """Protects the figure beside the paper's from being of pictures that were trained on, without a word of it."""
    fast, held_out = (experiment.plan(Size())[0] for experiment in BOTH)
    assert (fast.settings["renderer"], held_out.settings["renderer"]) == ("opengl", "held-out")
    assert "pictures" in fast.work
    assert held_out.work["traced pictures"] == fast.work["pictures"]
    differs = [experiment.rows(RESULTS)[0].differs for experiment in BOTH]
    assert "trained on" in differs[0]
    assert "ray tracer" in differs[1]


@pytest.mark.parametrize("experiment", BOTH, ids=lambda experiment: experiment.name)
def test_parts_are_other_trials_of_these_weights(experiment: Experiment) -> None:
    """Protects a finished row from another estimator's weights."""
    steps = experiment.plan(Size())
    assert sum(step.settings["trials"] for step in steps) == 100
    assert len({step.settings["seed"] for step in steps}) == len(steps)
    for step in steps:
        assert [path.name for path in step.files] == ["policy.safetensors", "estimator.safetensors"]


def test_the_picture() -> None:
    figure = drawn(table_3_vision.EXPERIMENT, RESULTS)
    assert figure.axes[0].lines[0].get_ydata().tolist() == [7, 4, 1]
