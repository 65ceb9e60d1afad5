"""From motion-capture markers to fingertips and an object's pose in the hand frame (appendix B.2)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dactyl.errors import DactylError
from dactyl.maths.quaternion import to_matrix

MINIMUM = 3
"""Markers needed to locate a rigid body."""
JUMP_SLACK = 0.005
"""m that a marker may jump at any speed: noise, and its place being averaged over the flash."""
SWAP_MARGIN = 0.01
"""m by which a marker must be nearer to another's last place than to its own to be taken for swapped."""
BASE_RENEWALS = 25
"""How often the base is located anew, though nothing happened to it, in the time over which its markers are averaged:
it stands still, and the average hardly moves in a 25th of that."""


class MarkerIds(NamedTuple):
    """Which marker is which."""

    fingertips: tuple[int, ...]
    base: tuple[int, ...]
    object: tuple[int, ...]


def usual_ids(fingertips: int, base: int, on_object: int) -> MarkerIds:
    """Ids of so many markers where no lab has chosen others: from 0, 10 and 20; the simulated ones have them."""
    return MarkerIds(tuple(range(fingertips)), tuple(range(10, 10 + base)), tuple(range(20, 20 + on_object)))


class RigidPose(NamedTuple):
    """Where a body is: point in frame = rotate(quaternion, point in body) + position."""

    position: np.ndarray
    """(3,) m"""
    quaternion: np.ndarray
    """(4,) (w, x, y, z), w >= 0"""
    residual: float
    """m, root mean square distance of the markers from where the pose puts them."""


def register(reference: np.ndarray, points: np.ndarray) -> RigidPose | None:
    """The rigid motion that brings reference points closest to measured ones (Horn 1987), least squares.

    Args:
        reference: (n, 3) points in the body's frame, m.
        points: (n, 3) the same points as measured, m.

    Returns:
        None where they do not determine it: fewer than three, or on one line.
    """
    number = len(points)
    if number < MINIMUM:
        return None
    reference_mean, mean = _sum(reference) / number, _sum(points) / number
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = ((reference - reference_mean).T @ (points - mean)).tolist()
    values, vectors = np.linalg.eigh(
        [
            [xx + yy + zz, yz - zy, zx - xz, xy - yx],
            [yz - zy, xx - yy - zz, xy + yx, zx + xz],
            [zx - xz, xy + yx, yy - xx - zz, yz + zy],
            [xy - yx, zx + xz, yz + zy, zz - xx - yy],
        ]
    )
    if not values[3] - values[2] > 1e-3 * abs(values[3]):
        return None  # turning about the line through the points changes nothing
    quaternion = vectors[:, 3] if vectors[0, 3] >= 0 else -vectors[:, 3]
    turned = reference @ to_matrix(quaternion).T
    position = mean - _sum(turned) / number
    off = points - turned - position
    return RigidPose(position, quaternion, math.sqrt(np.vdot(off, off) / number))


def _sum(points: np.ndarray) -> np.ndarray:
    """The same as `points.sum(axis=0)`, without what numpy does around it: a node does this 125 times a second."""
    return np.asarray(np.add.reduce(points, 0))


class BaseMarkers:
    """The markers on a robot's mount, by their ids: where they are says where the robot is."""

    def __init__(self, ids: Sequence[int], positions: Sequence[float]) -> None:
        """`positions`: three numbers for each of the ids, robot frame, m; DactylError if there are others."""
        if len(positions) != 3 * len(ids):
            raise DactylError("parameter base_positions must have three numbers for each of base_ids")
        self.positions = dict(zip(ids, np.reshape(positions, (-1, 3)), strict=True))
        """(3,) m by id, robot frame."""

    def locate(self, seen: Mapping[int, np.ndarray]) -> RigidPose | None:
        """The robot frame in the frame of what is seen, (3,) m by id; None where that does not determine it."""
        ids = [number for number in self.positions if number in seen]
        return register(np.array([self.positions[i] for i in ids]), np.array([seen[i] for i in ids]))


@dataclass(frozen=True)
class MarkerLayout:
    """Which marker is which, and where it sits."""

    fingertip_ids: Sequence[int]
    """(F,) in the order of the robot's fingertips."""
    base_ids: Sequence[int]
    base_positions: np.ndarray
    """(b, 3) in the hand frame, m."""
    object_ids: Sequence[int]
    object_positions: np.ndarray
    """(o, 3) in the object frame, m."""

    def __post_init__(self) -> None:
        ids = [*self.fingertip_ids, *self.base_ids, *self.object_ids]
        if len(set(ids)) != len(ids):
            raise DactylError(f"marker ids must differ: {ids}")
        for name, body, where in (
            ("base", self.base_ids, self.base_positions), ("object", self.object_ids, self.object_positions)
        ):  # fmt: skip
            if np.shape(where) != (len(body), 3):
                raise DactylError(f"{len(body)} {name} markers need as many positions, not {np.shape(where)}")
            if register(where, where) is None:
                raise DactylError(f"the {name} markers are fewer than three or on one line: they locate nothing")


class MarkerTracker:
    """Follows the markers of hand and object frame by frame.

    The forearm stands still, so its markers are averaged over time: their noise would otherwise reach the fingertips,
    40 cm further along, several times enlarged. A marker of fingertips or object that is suddenly somewhere else, or
    where another one has just been, counts as not seen: the system has mistaken it for another or for a reflection.
    """

    def __init__(
        self,
        layout: MarkerLayout,
        base_memory: float = 1.0,
        base_jump: float = 0.005,
        max_residual: float = 0.005,
        max_speed: float = 3.0,
        doubt: float = 0.2,
    ) -> None:
        """
        Args:
            layout: of the markers.
            base_memory: s over which the base markers are averaged.
            base_jump: m; a base marker that moved further is doubted, or if most did, starts its average afresh.
            max_residual: m; marker sets that fit their body worse give no pose.
            max_speed: m/s; markers of fingertips and object that moved faster are doubted; 0: none is ever doubted.
            doubt: s; a marker that was last trusted longer ago is believed wherever it is.
        """
        self._layout = layout
        self._memory, self._jump, self._max_residual = base_memory, base_jump, max_residual
        self._max_speed, self._doubt = max_speed, doubt
        ids = (*layout.fingertip_ids, *layout.object_ids, *layout.base_ids)
        self._slots = {marker: slot for slot, marker in enumerate(ids)}
        tips, moving = len(layout.fingertip_ids), len(ids) - len(layout.base_ids)
        self._tips, self._object = slice(0, tips), slice(tips, moving)
        self._moving, self._base = slice(0, moving), slice(moving, len(ids))
        self._points = np.zeros((len(ids), 3))
        self._seen = np.zeros(len(ids), dtype=bool)
        self._base_points = np.full((len(layout.base_ids), 3), np.nan)
        self._base_last_seen = np.full(len(layout.base_ids), -np.inf)
        self._base_period, self._base_located = base_memory / BASE_RENEWALS, -np.inf
        self._base_turn = np.eye(3)
        self._time: float | None = None
        self._positions = np.full((moving, 3), np.nan)
        self._last_seen = np.full(moving, -np.inf)

        self.fingertips = self._positions[self._tips]
        """(F, 3) hand frame, m: the last position of each, NaN before the first."""
        self.tracked = np.zeros(tips, dtype=bool)
        """(F,) seen in the last frame."""
        self.age = np.full(tips, np.inf)
        """(F,) s since each was last seen."""
        self.base: RigidPose | None = None
        """The hand frame in the motion-capture frame; None while it is not known."""
        self.object: RigidPose | None = None
        """The object in the hand frame, of the last frame only; None if it could not be located there."""
        self.rejected = 0
        """Markers seen and not believed."""

    def update(self, time: float, markers: Iterable[tuple[int, float, float, float]]) -> None:
        """Take one frame.

        Args:
            time: s, of the frame. A time before the last frame's starts everything afresh.
            markers: id and position (m, motion-capture frame) of each marker seen; ids not in the layout are ignored.
        """
        if self._time is not None and time < self._time:
            self._last_seen[:] = self._base_last_seen[:] = self._base_located = -np.inf
            self._base_points[:] = np.nan
        step = 0.0 if self._time is None else max(time - self._time, 0.0)
        self._time = time
        self._seen[:] = False
        seen: list[int] = []
        places: list[tuple[float, float, float]] = []
        for marker, x, y, z in markers:
            slot = self._slots.get(marker)
            if slot is not None and -1e6 < x + y + z < 1e6:  # false for NaN
                seen.append(slot)
                places.append((x, y, z))
        if seen:
            self._points[seen] = places
            self._seen[seen] = True
        self._locate_base(time, min(1.0, step / self._memory))
        self._locate_markers(time)
        np.copyto(self.tracked, self._seen[self._tips])
        np.subtract(time, self._last_seen[self._tips], out=self.age)
        self._locate_object()

    def _locate_base(self, time: float, weight: float) -> None:
        measured, average, seen = self._points[self._base], self._base_points, self._seen[self._base]
        offset = measured - average
        steady = np.square(offset).sum(axis=1) < self._jump**2  # false for NaN
        jumped = seen & ~steady & (time - self._base_last_seen < self._doubt)
        jumps = int(np.count_nonzero(jumped))
        if jumps and 2 * jumps <= np.count_nonzero(seen):  # the forearm stands still: it is they who are wrong
            self.rejected += jumps
            seen = seen & ~jumped
        fresh = seen & ~steady
        average[seen & steady] += weight * offset[seen & steady]
        average[fresh] = measured[fresh]
        self._base_last_seen[seen] = time
        if self.base and time - self._base_located < self._base_period and not fresh.any():
            return
        known = ~np.isnan(average[:, 0])
        pose = register(self._layout.base_positions[known], average[known])
        self.base, self._base_located = pose if pose and pose.residual < self._max_residual else None, time
        if self.base:
            self._base_turn = to_matrix(self.base.quaternion)

    def _locate_markers(self, time: float) -> None:
        seen = self._seen[self._moving]
        if self.base is None:
            seen[:] = False
            return
        points = (self._points[self._moving] - self.base.position) @ self._base_turn
        if self._max_speed > 0.0:
            doubted = seen & self._doubted(points, time)
            self.rejected += int(np.count_nonzero(doubted))
            seen &= ~doubted
        self._positions[seen] = points[seen]
        self._last_seen[seen] = time

    def _doubted(self, points: np.ndarray, time: float) -> np.ndarray:
        """(m,) which points cannot be where their markers have gone."""
        age = time - self._last_seen
        recent = age < self._doubt
        moved = np.sqrt(np.square(points - self._positions).sum(axis=1))
        jumped = moved > JUMP_SLACK + self._max_speed * age
        if np.any(moved > SWAP_MARGIN):
            others = np.sqrt(np.square(points[:, None] - self._positions).sum(axis=2))
            others[:, ~recent] = np.inf
            np.fill_diagonal(others, np.inf)
            jumped |= others.min(axis=1) + SWAP_MARGIN < moved
        return recent & jumped

    def _locate_object(self) -> None:
        self.object = None
        if self.base is None:
            return
        reference, points = self._layout.object_positions, self._positions[self._object]
        slots = np.flatnonzero(self._seen[self._object])
        for left_out in range(
            1 + max(0, len(slots) - MINIMUM - 1)
        ):  # three markers of a symmetric object fit too often
            poses = (register(reference[kept], points[kept]) for kept in _all_but(left_out, slots))
            best = min((pose for pose in poses if pose), key=lambda pose: pose.residual, default=None)
            if best and best.residual < self._max_residual:
                self.object = best
                self.rejected += left_out
                return


def _all_but(number: int, slots: np.ndarray) -> Iterable[np.ndarray]:
    if number == 0:
        return (slots,)
    return (np.array(kept) for kept in itertools.combinations(slots.tolist(), len(slots) - number))
