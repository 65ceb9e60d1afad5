"""A hand whose joint sensors' truth is known, recorded with the paper's noise: what a calibration has to undo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from dactyl.maths.quaternion import to_matrix
from dactyl.robot.markers import register
from dactyl.robots.shadow.calibration.joints import Kinematics, Recording, angles_of
from dactyl.robots.shadow.calibration.truth_points import Curve, Surface
from dactyl.robots.shadow.joints import COUPLED_FINGERS, FINGERS, JOINT_LIMITS, JOINTS
from dactyl.robots.shadow.layout import BASE_MARKERS
from dactyl.simulation.scene import Scene


@dataclass(frozen=True)
class Noise:
    """Standard deviations. Those of Table 7, and for the sensors, of which the paper gives none, ours."""

    reading: float = 0.002
    """m, a fingertip's position, anew in each frame (Table 7)."""
    offset: float = 0.001
    """m, a fingertip's position, once (Table 7: correlated)."""
    marker: float = 0.003
    """m, a fingertip marker's place on its nail, once (Table 7)."""
    base: float = 0.001
    """m, a base marker's place, once (Table 7)."""
    factory: float = 0.05
    """rad, the factory's angle at a truth point (ours: about 3 degrees)."""
    raw: float = 3.0
    """counts, a sensor's reading, anew in each frame (ours: of about 2,000 over a joint's range)."""


class Synthetic(NamedTuple):
    """A recording and what is behind it."""

    recording: Recording
    factory: dict[str, Curve | Surface]
    truth: dict[str, Curve | Surface]
    angles: np.ndarray
    """(n, 24) rad, the true joint angles."""


def record(
    scene: Scene, seed: int, frames: int = 1000, noise: Noise | None = None,
    factory: Mapping[str, Curve | Surface] | None = None,
) -> Synthetic:  # fmt: skip
    """Random postures of a hand, the coupled joints of a finger within 8° of each other, as their tendon holds them.

    Args:
        scene: with the hand's kinematics.
        seed: of truth, postures and noise.
        frames: postures.
        noise: of everything that is measured.
        factory: what the hand is said to be by its calibration, whose angles are wrong by the noise; None: drawn.
    """
    noise, random = noise or Noise(), np.random.default_rng(seed)
    lower, upper = JOINT_LIMITS.T
    if factory is None:
        truth, factory = _drawn(random, noise)
    else:
        factory = {joint: factory[joint] for joint in JOINTS}
        truth = {
            joint: replace(table, angles=table.angles + noise.factory * random.standard_normal(len(table.angles)))
            for joint, table in factory.items()
        }
    angles = lower + (upper - lower) * random.random((frames, len(JOINTS)))
    for finger in COUPLED_FINGERS:
        middle, distal = JOINTS.index(f"{finger}J2"), JOINTS.index(f"{finger}J1")
        apart = np.radians(8.0) * random.uniform(-1.0, 1.0, frames)
        angles[:, distal] = np.clip(angles[:, middle] + apart, lower[distal], upper[distal])
    raw = np.zeros((frames, len(JOINTS)))
    for i, joint in enumerate(JOINTS):
        table = truth[joint]
        if isinstance(table, Curve):
            rising = np.argsort(table.angles)
            raw[:, i] = np.interp(angles[:, i], table.angles[rising], table.raw[rising])
        elif joint == table.sensors[0]:
            raw[:, [JOINTS.index(sensor) for sensor in table.sensors]] = _within(random, table.raw, frames)
    angles = angles_of(truth, raw)  # readings end at the outer truth points
    positions, _, _ = Kinematics(scene)(angles, noise.marker * random.standard_normal((len(FINGERS), 3)))
    base = register(BASE_MARKERS, BASE_MARKERS + noise.base * random.standard_normal(BASE_MARKERS.shape))
    assert base is not None
    positions = (positions - base.position) @ to_matrix(base.quaternion)
    positions += noise.offset * random.standard_normal((len(FINGERS), 3))
    positions += noise.reading * random.standard_normal(positions.shape)
    return Synthetic(Recording(raw + noise.raw * random.standard_normal(raw.shape), positions), factory, truth, angles)


def _drawn(random: np.random.Generator, noise: Noise) -> tuple[dict[str, Curve | Surface], dict[str, Curve | Surface]]:
    """Truth and factory's calibration of a hand whose joints all have 3 to 5 truth points."""
    truth: dict[str, Curve | Surface] = {}
    factory: dict[str, Curve | Surface] = {}
    for joint, (low, high) in zip(JOINTS, JOINT_LIMITS, strict=True):
        points = int(random.integers(3, 6))
        raw = np.linspace(1000.0, 3000.0, points) + random.uniform(-150.0, 150.0, points)
        bend = 0.1 * (high - low) * np.sin(np.linspace(0.0, np.pi, points)) * random.uniform(-1.0, 1.0)
        angles = np.linspace(low, high, points) + bend
        truth[joint] = Curve(raw, angles)
        factory[joint] = Curve(raw, angles + noise.factory * random.standard_normal(points))
    return truth, factory


def _within(random: np.random.Generator, points: np.ndarray, count: int) -> np.ndarray:
    """(count, 2) places between three of the points each."""
    corners = points[random.integers(len(points), size=(count, 3))]
    return np.einsum("ij,ijk->ik", random.dirichlet(np.ones(3), count), corners)
