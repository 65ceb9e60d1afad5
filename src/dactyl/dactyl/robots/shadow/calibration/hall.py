"""Hall sensors' raw readings → joint angles: piecewise linear through 3 to 5 truth points a joint (appendix B.5).

The file is Shadow's own (`sr_calibrations`, degrees), so that what was calibrated goes straight into its driver.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from dactyl.errors import DactylError
from dactyl.robots.shadow.joints import JOINTS
from dactyl.storage.files import write_atomically

SENSORS: tuple[str, ...] = (
    *(f"{finger}J{number}" for finger in ("FF", "MF", "RF") for number in (1, 2, 3, 4)),
    *(f"LFJ{number}" for number in (1, 2, 3, 4, 5)),
    "THJ1", "THJ2", "THJ3", "THJ4", "THJ5A", "THJ5B", "WRJ1A", "WRJ1B", "WRJ2",
)  # fmt: skip
"""The 26 sensors in the order of Shadow's EtherCAT message."""

COMPOUND = {"THJ5": ("THJ5A", "THJ5B"), "WRJ1": ("WRJ1A", "WRJ1B")}
"""Joints with two sensors, whose mean is their raw reading."""

POINTS = (3, 5)
"""Least and most truth points of a joint."""


@dataclass(frozen=True)
class Curve:
    """One joint's raw readings and angles at its truth points."""

    raw: np.ndarray
    """(k,) increasing"""
    angles: np.ndarray
    """(k,) rad"""

    def weights(self, raw: np.ndarray) -> np.ndarray:
        """(n, k): angles = weights @ self.angles, for readings (n,); outside the truth points the end pieces go on."""
        piece = np.clip(np.searchsorted(self.raw, raw) - 1, 0, len(self.raw) - 2)
        share = (raw - self.raw[piece]) / (self.raw[piece + 1] - self.raw[piece])
        weights = np.zeros((len(raw), len(self.raw)))
        rows = np.arange(len(raw))
        weights[rows, piece] = 1.0 - share
        weights[rows, piece + 1] = share
        return weights

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """Angles (n,), rad, of readings (n,)."""
        return self.weights(raw) @ self.angles


def joint_readings(sensors: Mapping[str, float]) -> np.ndarray:
    """(24,) raw reading of each joint, hand.joints.JOINTS order, from readings by sensor's (or joint's) name.

    Raises:
        DactylError: one is missing.
    """
    found = []
    for joint in JOINTS:
        parts = COMPOUND.get(joint, (joint,)) if joint not in sensors else (joint,)
        if any(part not in sensors for part in parts):
            raise DactylError(f"there is no raw reading of {' and '.join(parts)}")
        found.append(sum(float(sensors[part]) for part in parts) / len(parts))
    return np.array(found)


def load(path: Path) -> dict[str, Curve]:
    """Read a calibration.

    Returns:
        The curve of each of the 24 joints.

    Raises:
        DactylError: it cannot be read, lacks a joint, or a joint has wrong points.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise DactylError(f"cannot read the calibration {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DactylError(f"the calibration {path} is not YAML") from error
    try:
        entries = {str(name): np.array(points, dtype=float) for name, points in content["sr_calibrations"]}
    except (KeyError, TypeError, ValueError) as error:
        raise DactylError(
            f'{path} is no calibration: sr_calibrations must be a list of ["FFJ1", [[raw, deg], …]]'
        ) from error
    if missing := [joint for joint in JOINTS if joint not in entries]:
        raise DactylError(f"the calibration {path} lacks {', '.join(missing)}")
    return {joint: _curve(path, joint, entries[joint]) for joint in JOINTS}


def _curve(path: Path, joint: str, points: np.ndarray) -> Curve:
    least, most = POINTS
    if points.ndim != 2 or points.shape[1] != 2 or not least <= len(points) <= most or not np.isfinite(points).all():
        raise DactylError(f"{path}: {joint} must have {least} to {most} finite points [raw, degrees]")
    points = points[np.argsort(points[:, 0])]
    if not (np.diff(points[:, 0]) > 0).all():
        raise DactylError(f"{path}: {joint} has two points with the same raw reading")
    return Curve(points[:, 0], np.radians(points[:, 1]))


def save(path: Path, curves: Mapping[str, Curve], comment: str) -> None:
    """Write a calibration in Shadow's format.

    Raises:
        DactylError: it cannot be written.
    """
    lines = [f"# {comment}", "sr_calibrations: ["]
    for joint, curve in curves.items():
        points = ", ".join(
            f"[{raw:.1f}, {degrees:.4f}]" for raw, degrees in zip(curve.raw, np.degrees(curve.angles), strict=True)
        )
        lines.append(f'["{joint}", [{points}]],')
    try:
        write_atomically(path, "\n".join([*lines, "]", ""]))
    except OSError as error:
        raise DactylError(f"cannot write {path}: {error.strerror}") from error


def as_results(curves: Mapping[str, Curve]) -> dict[str, Any]:
    """For results files: [[raw, degrees], …] of each joint."""
    return {joint: np.stack([c.raw, np.degrees(c.angles)], axis=1).tolist() for joint, c in curves.items()}
