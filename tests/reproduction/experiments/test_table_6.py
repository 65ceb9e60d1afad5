"""Table 6's rows and picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dactyl.reproduction.experiment import Size
from dactyl.reproduction.experiments import table_6
from tests.reproduction.experiments.synthetic import drawn, plain


def errors(degrees: float, millimetres: float, renderer: str) -> dict[str, Any]:
    def spread(mean: float) -> dict[str, float]:
        return {"mean": mean, "std": 0.5, "p50": mean, "p95": 2.0 * mean, "max": 3.0 * mean}

    return {"renderer": renderer, "rotation_deg": spread(degrees), "position_mm": spread(millimetres)}


RESULTS = plain({"training": errors(7.4, 5.5, "opengl"), "held-out": errors(7.5, 5.6, "raytracer")})


def test_both_renderers_have_rows_and_real_images_have_none() -> None:
    training, held_out, real = table_6.rows(RESULTS)
    assert training.paper == "2.71° ± 1.62, 3.12 mm ± 1.52"
    assert training.ours == "**7.40° ± 0.50**, **5.50 mm ± 0.50** (95 %: 14.8°, 11.0 mm)"
    assert held_out.differs == "raytracer, where the paper has MuJoCo"
    assert real.ours == "no lab, no figure"


def test_the_picture_has_the_papers_numbers_beside_ours() -> None:
    rotation, position = drawn(table_6.EXPERIMENT, RESULTS).axes
    assert [bar.get_height() for bar in rotation.patches] == pytest.approx([2.71, 7.4, 3.23, 7.5])
    assert [bar.get_height() for bar in position.patches] == pytest.approx([3.12, 5.5, 3.71, 5.6])


def test_errors_are_of_states_that_the_policy_met() -> None:
    """Protects the figures from other weights of either: policy and estimator."""
    states, *errors_of = table_6.plan(Size())
    assert [path.name for path in states.files] == ["policy.safetensors"]
    assert all(step.needs == ("states",) for step in errors_of)
    assert all([path.name for path in step.files] == ["estimator.safetensors"] for step in errors_of)


def test_the_states_that_are_judged_are_of_different_episodes() -> None:
    """Protects from five hundred neighbours of a few: the last of each world's records, and no others, are drawn."""
    from dactyl.learning.policy import Contract, Policy
    from dactyl.storage.weights import digest
    from dactyl.vision.moments import split
    from dactyl.vision.states import States

    policy = Policy(Contract())
    recipe = table_6._recipe(policy, quick=False)
    assert recipe.policy_weights == digest(policy.network.state_dict()), "the set says whose states it holds"
    world = np.tile(np.arange(recipe.worlds), recipe.records)[:, None]
    _, judged = split(States(recipe, world))
    assert sorted(judged[:, 0]) == list(range(table_6.SAMPLES))
