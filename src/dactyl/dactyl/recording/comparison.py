"""What a node answers to a recording played to it, against what was answered when it was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from dactyl import quaternion


class Action(NamedTuple):
    """A policy's answer."""

    bins: tuple[int, ...]
    readings: tuple[int, int, int]
    """Stamps of fingertips, object pose and goal it was decided on, ns."""


class Pose(NamedTuple):
    """A pose estimator's answer."""

    position: np.ndarray
    orientation: np.ndarray


def compare_actions(recorded: Mapping[int, Action], again: Mapping[int, Action]) -> dict[str, Any]:
    """Of answers by the stamp of their control tick.

    A recurrent policy that once was given another reading is another policy from then on: bins are compared up to
    that tick, the first that differs.
    """
    both = sorted(recorded.keys() & again.keys())
    same_readings = [stamp for stamp in both if recorded[stamp].readings == again[stamp].readings]
    first_other = next((stamp for stamp in both if recorded[stamp].readings != again[stamp].readings), None)
    comparable = [stamp for stamp in both if first_other is None or stamp < first_other]
    equal = [stamp for stamp in comparable if recorded[stamp].bins == again[stamp].bins]
    return {
        "recorded": len(recorded),
        "again": len(again),
        "same_tick": len(both),
        "same_readings": len(same_readings),
        "comparable": len(comparable),
        "equal": len(equal),
        "first_difference": next((i for i, stamp in enumerate(comparable) if stamp not in equal), None),
    }


def compare_poses(reference: Mapping[int, Pose], again: Mapping[int, Pose], tolerance_ns: int = 0) -> dict[str, Any]:
    """Of answers by stamp: degrees and mm from the reference of that stamp, or of one no farther than the tolerance."""
    stamps = np.array(sorted(reference), np.int64)
    angles, distances = [], []
    for stamp, pose in again.items():
        if not len(stamps):
            break
        nearest = int(stamps[np.abs(stamps - stamp).argmin()])
        if abs(nearest - stamp) <= tolerance_ns:
            other = reference[nearest]
            angles.append(np.degrees(float(quaternion.difference_angle(pose.orientation, other.orientation))))
            distances.append(1000 * float(np.linalg.norm(pose.position - other.position)))
    return {
        "recorded": len(reference),
        "again": len(again),
        "compared": len(angles),
        "rotation_deg": _summary(angles),
        "position_mm": _summary(distances),
    }


def _summary(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    p50, p95 = np.percentile(values, [50, 95])
    return {"mean": float(np.mean(values)), "p50": float(p50), "p95": float(p95), "max": max(values)}
