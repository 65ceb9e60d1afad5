"""A calibration reaches the compiled model, and nothing changes where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.robot import parameters
from dactyl.robot.parameters import Key
from dactyl.simulation.scene import SceneConfig, build

CHANGES = {
    Key("FFJ3", "damping"): 0.3,
    Key("FFJ3", "spring_reference"): 0.2,
    Key("FFJ3", "friction_loss"): 0.02,
    Key("FFJ3", "stiffness"): 0.1,
    Key("FFJ3", "margin"): 0.03,
    Key("FFJ3", "lower"): -0.1,
    Key("FFJ3", "upper"): 1.3,
    Key("FFJ3", "gain"): 1.5,
    Key("FFJ3", "force_limit"): 0.7,
    Key("FFJ3", "backlash_positive"): 4.0,
}


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "model.yaml"
    parameters.write(path, build().robot, CHANGES)
    return str(path)


def test_every_parameter_reaches_its_field_of_the_model(file: str) -> None:
    scene = build(SceneConfig(calibration=file, gain_scale=2.0))
    model = scene.model
    joint, actuator = model.joint("rh_FFJ3").id, model.actuator("rh_FFJ3").id
    dof = model.jnt_dofadr[joint]
    assert (model.dof_damping[dof], model.dof_frictionloss[dof]) == (0.3, 0.02)
    assert (model.qpos_spring[joint], model.jnt_stiffness[joint], model.jnt_margin[joint]) == (0.2, 0.1, 0.03)
    np.testing.assert_array_equal(model.jnt_range[joint], [-0.1, 1.3])
    assert (model.actuator_gainprm[actuator, 0], model.actuator_biasprm[actuator, 1]) == (3.0, -3.0)
    np.testing.assert_array_equal(model.actuator_forcerange[actuator], [-0.7, 0.7])
    assert scene.parameters.backlash[actuator, 1] == 4.0


def test_nothing_else_changes(file: str) -> None:
    plain, calibrated = build().parameters, build(SceneConfig(calibration=file)).parameters
    differing = (plain.joints != calibrated.joints).sum() + (plain.actuators != calibrated.actuators).sum()
    assert differing == len(CHANGES)


def test_a_calibration_that_is_not_there_is_said() -> None:
    with pytest.raises(DactylError, match="cannot read the model calibration"):
        build(SceneConfig(calibration="nowhere.yaml"))
