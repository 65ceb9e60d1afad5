"""The engine's settings: what is not chosen stays to the bit, what is chosen is what MuJoCo solves with."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.simulation.engine import Engine
from dactyl.simulation.scene import SceneConfig, build
from dactyl.storage.presets import parse


def test_the_default_changes_nothing() -> None:
    """Protects every figure from before there was a choice."""
    model = build().model
    assert (model.opt.integrator, model.opt.solver, model.opt.cone) == (
        int(mujoco.mjtIntegrator.mjINT_EULER), int(mujoco.mjtSolver.mjSOL_NEWTON), int(mujoco.mjtCone.mjCONE_PYRAMIDAL),
    )  # fmt: skip


def test_what_is_chosen_is_in_the_model() -> None:
    chosen = Engine("implicitfast", "cg", "elliptic", 7, 5.0, 0.03, 0.8)
    model = build(SceneConfig(engine=chosen)).model
    assert (model.opt.integrator, model.opt.solver, model.opt.cone) == (
        int(mujoco.mjtIntegrator.mjINT_IMPLICITFAST), int(mujoco.mjtSolver.mjSOL_CG),
        int(mujoco.mjtCone.mjCONE_ELLIPTIC),
    )  # fmt: skip
    assert (model.opt.iterations, model.opt.impratio) == (7, 5.0)
    for solref in (model.geom_solref, model.pair_solref):
        assert np.allclose(solref, [0.03, 0.8])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"integrator": "euller"}, "engine integrator 'euller': did you mean euler?"),
        ({"solver": "x"}, "engine solver 'x': there are: pgs, cg, newton"),
        ({"contact_time": -1.0}, "engine contact_time = -1.0 must be >= 0"),
        ({"iterations": 2**31}, "engine iterations = 2147483648 must be >= 0 and below 1e+09"),
        ({"impratio": float("nan")}, "engine impratio = nan must be >= 0"),
    ],
)
def test_what_cannot_be_is_one_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DactylError) as error:
        Engine(**values)
    assert message in str(error.value)


def test_a_preset_may_choose_it() -> None:
    config = parse(SceneConfig, {"engine": {"solver": "cg", "contact_time": 0.02}, "control_period": 0.04})
    assert config == SceneConfig(engine=Engine(solver="cg", contact_time=0.02), control_period=0.04)
    with pytest.raises(DactylError, match=r"unknown key engine\.speed"):
        parse(SceneConfig, {"engine": {"speed": "cg"}})


def test_another_control_period_is_the_robots_in_the_scene() -> None:
    scene = build(SceneConfig(control_period=0.04))
    assert (scene.robot.timing.control, scene.robot.timing.physics, scene.robot.timing.substeps) == (0.04, 0.008, 5)
    assert build().robot.timing.substeps == 10
    with pytest.raises(DactylError, match=r"control_period 0.05 s is no whole number of physics steps of 0.008 s"):
        build(SceneConfig(control_period=0.05))
