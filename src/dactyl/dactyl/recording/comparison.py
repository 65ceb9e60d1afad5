"""What a node answers to a recording played to it, against what was answered when it was recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dactyl.maths import quaternion
from dactyl.maths.summary import summary


class Action(NamedTuple):
    """A policy's answer."""

    bins: tuple[int, ...]
    readings: tuple[int, int, int]
    """Stamps of fingertips, object pose and goal it was decided on, ns."""


class Pose(NamedTuple):
    """A pose estimator's answer."""

    position: np.ndarray
    orientation: np.ndarray


def compare_actions(
    recorded: Sequence[Action], again: Sequence[Action | None], first: Sequence[bool]
) -> dict[str, Any]:
    """Of answers to the same questions.

    A recurrent policy that was not asked once is in another state from then on, until it begins anew: what comes
    between is not compared.

    Args:
        recorded: what was answered.
        again: what is answered now; None where the question could not be asked.
        first: whether the policy began anew with the question.
    """
    compared = equal = 0
    first_difference: int | None = None
    in_step = False
    for i, (before, now, begins) in enumerate(zip(recorded, again, first, strict=True)):
        in_step = now is not None and (in_step or begins)
        if in_step and now is not None:
            compared += 1
            equal += now.bins == before.bins
            if now.bins != before.bins and first_difference is None:
                first_difference = i
    return {
        "recorded": len(recorded),
        "asked": sum(answer is not None for answer in again),
        "compared": compared,
        "equal": equal,
        "first_difference": first_difference,
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
        "rotation_deg": _distribution(angles),
        "position_mm": _distribution(distances),
    }


def _distribution(values: list[float]) -> dict[str, float]:
    return {"mean": float(np.mean(values)), **summary(values, (50, 95), digits=None)} if values else {}
