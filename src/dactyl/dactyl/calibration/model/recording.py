"""What a model is calibrated against: commanded targets and measured joint angles of one robot, over time."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dactyl.errors import DactylError
from dactyl.robot import robot as robots
from dactyl.robot.robot import Robot
from dactyl.storage import npz
from dactyl.storage.files import write_atomically

MOVED = 0.1
"""Share of its range that an actuator must be told to move, and half of which a joint must have moved."""


@dataclass(frozen=True, eq=False)
class Recording:
    """Samples, one a physics step; every `timing.substeps`-th, from the first, is a control tick."""

    robot: Robot
    targets: np.ndarray
    """(T, A) rad, what the actuators were told during the step that begins with the sample."""
    angles: np.ndarray
    """(T, J) rad, as measured; NaN where nothing was."""

    @property
    def seconds(self) -> float:
        return len(self.angles) * self.robot.timing.physics


def check(recording: Recording, source: object) -> None:
    """Refuse what no model can be calibrated from.

    Raises:
        DactylError: it is too short, or the robot did not move; says which joints.
    """
    robot, angles = recording.robot, recording.angles
    measured = np.isfinite(angles).all(axis=1)
    if measured.sum() * robot.timing.physics < 5.0:
        seconds = measured.sum() * robot.timing.physics
        raise DactylError(f"{source} has {seconds:.1f} s of joint angles: at least 5 s are needed")
    moved = np.ptp(angles[measured], axis=0) > 0.5 * MOVED * np.ptp(robot.joint_limits, axis=1)
    told = np.ptp(recording.targets[measured], axis=0) > MOVED * np.ptp(robot.actuator_limits, axis=1)
    if not told.any():
        raise DactylError(f"{source}: no actuator was told to move; record the exercise: calibrate exercise")
    commanded = (robot.actuation[told] != 0).any(axis=0)
    still = [joint for i, joint in enumerate(robot.joints) if commanded[i] and not moved[i]]
    if len(still) == commanded.sum():
        raise DactylError(f"{source}: the {robot.title} did not move, though it was told to: is it enabled?")
    if still:
        raise DactylError(
            f"{source}: {', '.join(still)} did not move, though told to: their parameters cannot be found"
        )


def save(path: Path, recording: Recording) -> None:
    """Write a recording as `load` reads it, whole or not at all.

    Raises:
        DactylError: it cannot be written.
    """
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        robot=np.array(recording.robot.name),
        joints=np.array(recording.robot.joints),
        actuators=np.array(recording.robot.actuators),
        period=np.array(recording.robot.timing.physics),
        targets=recording.targets.astype(np.float32),
        angles=recording.angles.astype(np.float32),
    )
    try:
        write_atomically(path, buffer.getvalue())
    except OSError as error:
        raise DactylError(f"cannot write {path}: {error.strerror}") from error


def load(path: Path) -> Recording:
    """Read a recording that was made without ROS.

    Raises:
        DactylError: it is no such file, or of other joints than the robot has now.
    """
    content = npz.read(path, "the recording")
    if missing := {"robot", "joints", "actuators", "period", "targets", "angles"} - set(content):
        raise DactylError(f"{path} is no recording of a motion: it lacks {min(missing)}")
    return _checked(path, content)


def _checked(path: Path, content: dict[str, np.ndarray]) -> Recording:
    robot = robots.load(str(content["robot"]))
    for name, expected in (("joints", robot.joints), ("actuators", robot.actuators)):
        found = tuple(map(str, content[name].ravel()))
        if found != expected:
            lacking = [part for part in expected if part not in found]
            other = f"it lacks {lacking[0]}" if lacking else "in another order"
            raise DactylError(f"{path} has other {name} than the robot {robot.name}: {other}")
    targets, angles, period = content["targets"], content["angles"], content["period"]
    shapes = (len(angles), len(robot.actuators)), (len(targets), len(robot.joints))
    kinds = (array.dtype.kind in "fiu" for array in (targets, angles, period))
    if not all(kinds) or period.shape != () or (targets.shape, angles.shape) != shapes:
        raise DactylError(f"{path} is damaged: targets and angles do not fit its joints")
    if abs(float(period) - robot.timing.physics) > 1e-9:
        raise DactylError(f"{path} has samples {float(period)} s apart, not {robot.timing.physics}")
    if not np.isfinite(targets).all() or np.isinf(angles).any():
        raise DactylError(f"{path} has numbers that are not finite")
    return Recording(robot, targets.astype(float), angles.astype(float))
