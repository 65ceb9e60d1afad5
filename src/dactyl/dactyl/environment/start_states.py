"""A file of states for episodes to begin in: what a script, a person at the sliders or a real robot did (.npz).

    robot            name of the robot
    object           name of the object
    joints           (J,) names, in the order of the columns of:
    joint_angles     (K, J) rad
    joint_velocities (K, J) rad/s; may be absent: at rest
    object_position  (K, 3) m, robot frame
    object_orientation (K, 4) (w, x, y, z), robot frame

Of a real robot's bag these are what joint states and object poses say; nothing of a simulator is in it.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.simulation.scene import Scene
from dactyl.storage import npz
from dactyl.storage.files import write_atomically

UNIT = 1e-3
"""By which an orientation's length may differ from 1."""


class States(NamedTuple):
    """States of a scene."""

    qpos: np.ndarray
    """(K, nq)"""
    qvel: np.ndarray
    """(K, nv)"""


def write(path: Path, scene: Scene, states: States) -> None:
    """Write a file, whole or not at all.

    Raises:
        DactylError: there are no states, or the file cannot be written.
    """
    qpos, qvel = states
    if len(qpos) == 0:
        raise DactylError(f"there are no states to write to {path}")
    offset = qpos[:, scene.object_position] - scene.hand_position
    back = quaternion.conjugate(scene.hand_quaternion)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        robot=np.array(scene.robot.name),
        object=np.array(scene.object.name),
        joints=np.array(scene.robot.joints),
        joint_angles=qpos[:, scene.joints],
        joint_velocities=qvel[:, scene.joints],
        object_position=quaternion.rotate(back[None], offset),
        object_orientation=quaternion.multiply(back[None], qpos[:, scene.object_orientation]),
    )
    try:
        write_atomically(path, buffer.getvalue())
    except OSError as error:
        raise DactylError(f"cannot write the start states {path}: {error.strerror}") from error


def read(path: Path, scene: Scene) -> States:
    """The states of a file, for a scene with the same robot and object; objects begin at rest.

    Raises:
        DactylError: it cannot be read, is for another robot or object, or holds what is no state.
    """
    arrays = npz.read(path, "the start states")
    for name, expected in (("robot", scene.robot.name), ("object", scene.object.name)):
        if (found := str(_array(path, arrays, name))) != expected:
            raise DactylError(f"the start states {path} are for the {name} {found}, not for {expected}")
    names = [str(name) for name in np.atleast_1d(_array(path, arrays, "joints"))]
    if sorted(names) != sorted(scene.robot.joints):
        raise DactylError(f"the start states {path} have other joints than the robot {scene.robot.name}")
    order = [names.index(joint) for joint in scene.robot.joints]
    count, joints = len(np.atleast_1d(_array(path, arrays, "joint_angles"))), len(names)
    angles = _numbers(path, arrays, "joint_angles", (count, joints))[:, order]
    velocities = np.zeros_like(angles)
    if "joint_velocities" in arrays:
        velocities = _numbers(path, arrays, "joint_velocities", (count, joints))[:, order]
    position = _numbers(path, arrays, "object_position", (count, 3))
    orientation = _numbers(path, arrays, "object_orientation", (count, 4))
    if count == 0 or np.abs(np.linalg.norm(orientation, axis=1) - 1.0).max() > UNIT:
        raise DactylError(f"the start states {path} hold no states, or orientations that are none")
    qpos, qvel = np.tile(scene.model.qpos0, (count, 1)), np.zeros((count, scene.model.nv))
    qpos[:, scene.joints], qvel[:, scene.joints] = angles, velocities
    qpos[:, scene.object_position] = scene.hand_position + quaternion.rotate(scene.hand_quaternion[None], position)
    turned = quaternion.multiply(scene.hand_quaternion[None], quaternion.normalize(orientation))
    qpos[:, scene.object_orientation] = turned
    return States(qpos, qvel)


def _array(path: Path, arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    if name not in arrays:
        raise DactylError(f"the start states {path} have no {name}")
    return arrays[name]


def _numbers(path: Path, arrays: dict[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    values = _array(path, arrays, name)
    if values.shape != shape or values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise DactylError(f"the start states {path}: {name} must be {shape} finite numbers, not {values.shape}")
    return values.astype(np.float64)
