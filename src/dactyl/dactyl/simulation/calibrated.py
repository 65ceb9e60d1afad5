"""Calibrated parameters in a compiled model: which of MuJoCo's fields they are, as they are and per environment."""

from __future__ import annotations

from typing import NamedTuple

import mujoco
import numpy as np

from dactyl.robot import backlash
from dactyl.robot.parameters import ModelParameters
from dactyl.robot.robot import Robot, Torques


class Field(NamedTuple):
    """A part of a model field and its values."""

    name: str
    """Field of MjModel."""
    part: tuple[int | slice, ...]
    """Which part of it, after the leading dimensions of the parameters."""
    values: np.ndarray


class _Coupled(NamedTuple):
    """A robot's couplings in a compiled model, whose equalities are theirs in the same order."""

    equalities: slice
    joint: np.ndarray
    """(C,) indices."""
    moved_by: np.ndarray
    """(C,) indices."""
    home: np.ndarray
    """(C,) rad, where the joint is in the model as it is built: MuJoCo counts both angles from there."""
    home_of_other: np.ndarray
    """(C,) rad"""


def _coupled(model: mujoco.MjModel, robot: Robot) -> _Coupled:
    joint = np.array([robot.joints.index(coupling.joint) for coupling in robot.couplings], dtype=int)
    moved_by = np.array([robot.joints.index(coupling.moved_by) for coupling in robot.couplings], dtype=int)
    return _Coupled(slice(0, len(joint)), joint, moved_by, model.qpos0[joint], model.qpos0[moved_by])


def parameters_of(model: mujoco.MjModel, robot: Robot) -> ModelParameters:
    """What a compiled model has; of backlash, which MuJoCo does not know, the robot's usual."""
    joints = slice(0, len(robot.joints))
    limits = model.jnt_range[joints]
    coupled = _coupled(model, robot)
    shift, k = model.eq_data[coupled.equalities, :2].T
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
        np.stack([k, coupled.home + shift - k * coupled.home_of_other], axis=1),
    )  # fmt: skip


def fields(model: mujoco.MjModel, robot: Robot, parameters: ModelParameters) -> list[Field]:
    """The model fields of parameters (…, J, 7), (…, A, 4) and (…, C, 2).

    Where actuators take torques a gain is a factor on them, and no position pulls back.
    """
    joints = slice(0, len(robot.joints))
    gain, force = parameters.actuator("gain"), parameters.actuator("force_limit")
    bias = np.zeros_like(gain) if isinstance(robot.action, Torques) else -gain
    limits = np.stack([parameters.joint("lower"), parameters.joint("upper")], axis=-1)
    coupled, k, b = _coupled(model, robot), parameters.coupling("k"), parameters.coupling("b")
    ends = k[..., None] * limits[..., coupled.moved_by, :] + b[..., None]
    limits[..., coupled.joint, :] = np.sort(ends, axis=-1)
    made = [
        Field("dof_damping", (joints,), parameters.joint("damping")),
        Field("qpos_spring", (joints,), parameters.joint("spring_reference")),
        Field("dof_frictionloss", (joints,), parameters.joint("friction_loss")),
        Field("jnt_stiffness", (joints,), parameters.joint("stiffness")),
        Field("jnt_margin", (joints,), parameters.joint("margin")),
        Field("jnt_range", (joints,), limits),
        Field("actuator_gainprm", (slice(None), 0), gain),
        Field("actuator_biasprm", (slice(None), 1), bias),
        Field("actuator_forcerange", (slice(None),), np.stack([-force, force], axis=-1)),
    ]
    if robot.couplings:
        shift = k * coupled.home_of_other + b - coupled.home
        made += [Field("eq_data", (coupled.equalities, 0), shift), Field("eq_data", (coupled.equalities, 1), k)]
    return made


def apply(model: mujoco.MjModel, robot: Robot, parameters: ModelParameters) -> None:
    """Give a compiled model the parameters (J, 7), (A, 4) and (C, 2), in place; see `fields`."""
    for name, part, values in fields(model, robot, parameters):
        getattr(model, name)[part] = values
