"""Calibrated parameters in a compiled model: which of MuJoCo's fields they are, as they are and per environment."""

from __future__ import annotations

from typing import NamedTuple

import mujoco
import numpy as np

from dactyl.robot import backlash
from dactyl.robot.parameters import ModelParameters
from dactyl.robot.robot import Robot


class Field(NamedTuple):
    """A part of a model field and its values."""

    name: str
    """Field of MjModel."""
    part: tuple[int | slice, ...]
    """Which part of it, after the leading dimensions of the parameters."""
    values: np.ndarray


def parameters_of(model: mujoco.MjModel, robot: Robot) -> ModelParameters:
    """What a compiled model has; of backlash, which MuJoCo does not know, the robot's usual."""
    joints = slice(0, len(robot.joints))
    limits = model.jnt_range[joints]
    return ModelParameters(
        np.stack(
            [
                model.dof_damping[joints], model.qpos_spring[joints],
                model.dof_frictionloss[joints], model.jnt_stiffness[joints],
                model.jnt_margin[joints], limits[:, 0], limits[:, 1],
            ],
            axis=1,
        ),
        np.concatenate(
            [
                model.actuator_gainprm[:, :1], model.actuator_forcerange[:, 1:],
                np.full((model.nu, 2), backlash.NOMINAL),
            ],
            axis=1,
        ),
    )  # fmt: skip


def fields(parameters: ModelParameters, torques: bool = False) -> list[Field]:
    """The model fields of parameters (…, J, 7) and (…, A, 4).

    Where actuators take torques a gain is a factor on them, and no position pulls back.
    """
    joints = slice(0, parameters.joints.shape[-2])

    gain, force = parameters.actuator("gain"), parameters.actuator("force_limit")
    limits = np.stack([parameters.joint("lower"), parameters.joint("upper")], axis=-1)
    return [
        Field("dof_damping", (joints,), parameters.joint("damping")),
        Field("qpos_spring", (joints,), parameters.joint("spring_reference")),
        Field("dof_frictionloss", (joints,), parameters.joint("friction_loss")),
        Field("jnt_stiffness", (joints,), parameters.joint("stiffness")),
        Field("jnt_margin", (joints,), parameters.joint("margin")),
        Field("jnt_range", (joints,), limits),
        Field("actuator_gainprm", (slice(None), 0), gain),
        Field("actuator_biasprm", (slice(None), 1), np.zeros_like(gain) if torques else -gain),
        Field("actuator_forcerange", (slice(None),), np.stack([-force, force], axis=-1)),
    ]


def apply(model: mujoco.MjModel, parameters: ModelParameters, torques: bool = False) -> None:
    """Give a compiled model the parameters (J, 7) and (A, 4), in place; see `fields`."""
    for name, part, values in fields(parameters, torques):
        getattr(model, name)[part] = values
