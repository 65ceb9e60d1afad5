"""The robots of a simulated farm: each has parameters of its own, drawn once. No trainer and no client is told them.

They are files that the graph takes already: a model calibration (`robot.parameters`) and a parameter file of nodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.robot import parameters
from dactyl.robot.parameters import Key, ModelParameters
from dactyl.robot.robot import Robot, Torques
from dactyl.storage.files import write_atomically
from dactyl.topics import NAMESPACE

CALIBRATION, GRAPH = "calibration.yaml", "graph.yaml"
Bounds = tuple[float, float]


@dataclass(frozen=True)
class Ranges:
    """From what robots are drawn: factors on what the model has, unless they have a unit. docs/farm.md lists them."""

    damping: Bounds = (0.5, 2.0)
    """Of each joint; log-uniform."""
    gain: Bounds = (0.8, 1.25)
    """Of each actuator; log-uniform. Of a robot that takes torques: on what its motors give."""
    force_limit: Bounds = (0.85, 1.15)
    """One for all actuators of a robot; uniform."""
    motor_damping: Bounds = (0.0, 0.01)
    """N·m·s/rad added at each joint of a robot that takes torques, whose motors damp themselves; uniform. The real
    TriFingers have 0.01 more than their simulation (robot_fingers)."""
    backlash: Bounds = (0.7, 1.4)
    """On the slack rates of each actuator and direction; log-uniform."""
    friction: Bounds = (0.8, 1.2)
    """One for all surfaces; uniform."""
    marker_noise: Bounds = (1e-5, 2e-4)
    """m, standard deviation of tracked markers; log-uniform."""
    marker_delay: Bounds = (0.0, 0.024)
    """s that tracked markers are late; uniform."""
    frame_shift: float = 0.0005
    """m, standard deviation of each coordinate by which the tracker mistakes where the robot stands."""
    frame_turn: float = 0.004
    """rad, standard deviation about each axis by which it mistakes how the robot is turned."""


@dataclass(frozen=True, eq=False)
class HiddenRobot:
    """One robot of the farm."""

    changes: Mapping[Key, float]
    """Of its model, as `parameters.lay_over` takes them."""
    friction: float
    marker_noise: float
    """m"""
    marker_delay: float
    """s"""
    base: np.ndarray
    """(B, 3) where the tracker believes the markers on the robot's mount to be, robot frame, m."""


def draw(robot: Robot, nominal: ModelParameters, seed: int, number: int, ranges: Ranges | None = None) -> HiddenRobot:
    """The farm's robot of that number; the same numbers always give the same one.

    Args:
        robot: what kind of robot it is.
        nominal: what its model has.
        seed: the farm's own.
        number: which of the farm's robots.
        ranges: see there.
    """
    ranges = ranges or Ranges()
    random = np.random.default_rng([seed, number])

    def log_uniform(bounds: Bounds, *shape: int) -> np.ndarray:
        low, high = np.log(bounds)
        factors: np.ndarray = np.exp(random.uniform(low, high, shape))
        return factors

    joints, actuators = len(robot.joints), len(robot.actuators)
    found = nominal.vector().copy()
    drawn = parameters.from_vector(robot, found)  # views
    drawn.joint("damping")[:] *= log_uniform(ranges.damping, joints)
    drawn.actuator("gain")[:] *= log_uniform(ranges.gain, actuators)
    drawn.actuator("force_limit")[:] *= random.uniform(*ranges.force_limit)
    drawn.backlash[:] *= log_uniform(ranges.backlash, actuators, 2)
    if isinstance(robot.action, Torques):
        drawn.joint("damping")[:] += random.uniform(*ranges.motor_damping, joints)
    turn = quaternion.from_rotation_vector(ranges.frame_turn * random.standard_normal(3))
    shift = ranges.frame_shift * random.standard_normal(3)
    return HiddenRobot(
        changes=parameters.differences(robot, nominal, drawn),
        friction=float(random.uniform(*ranges.friction)),
        marker_noise=float(log_uniform(ranges.marker_noise)),
        marker_delay=float(random.uniform(*ranges.marker_delay)),
        base=quaternion.rotate(turn, robot.markers.base) + shift,
    )


def write(folder: Path, robot: Robot, hidden: HiddenRobot) -> None:
    """Write the robot as files that the graph takes, readable by their owner alone.

    Raises:
        DactylError: they cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(folder / GRAPH, yaml.safe_dump(_graph(hidden), sort_keys=False))
    except OSError as error:
        raise DactylError(f"cannot write {folder}: {error.strerror}") from error
    parameters.write(folder / CALIBRATION, robot, hidden.changes)


def _graph(hidden: HiddenRobot) -> dict[str, Any]:
    """The parameter file: what the simulator and the tracker are told."""
    nodes = {
        "sim": {
            "friction": round(hidden.friction, 4),
            "marker_noise": round(hidden.marker_noise, 7),
            "marker_delay": round(hidden.marker_delay, 4),
        },
        "fingertip_tracker": {"base_positions": np.round(hidden.base, 6).ravel().tolist()},
    }
    return {NAMESPACE: {name: {"ros__parameters": values} for name, values in nodes.items()}}
