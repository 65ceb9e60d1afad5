"""Which moments of a played episode become states: no near-duplicates, and falling objects no more than their share.

A policy that hesitates holds an object for a minute, and one that drops it starts again and again. Taken at equal
intervals such moments would be most of a set.
"""

from __future__ import annotations

import numpy as np

from dactyl.maths import quaternion
from dactyl.simulation.scene import Scene

APART_POSITION = 0.005
"""m the object has moved, …"""
APART_ROTATION = 0.15
"""… or rad it has turned, …"""
APART_JOINTS = 0.1
"""… or rad the joints have moved (root of the mean square): then a state is a new one."""
FALLING = 0.75
"""Share of the workspace's depth or radius beyond which an object is falling, or about to. The wrist lowers what is
in play by more than half of it."""


class Thinning:
    """Picks from environments side by side what differs from the last that was picked of the same episode."""

    def __init__(self, scene: Scene, apart: float) -> None:
        """`apart`: factor on APART_POSITION, APART_ROTATION and APART_JOINTS; 0 picks everything."""
        self._scene, self._apart = scene, apart
        self._last: np.ndarray | None = None

    def pick(self, qpos: np.ndarray, fresh: np.ndarray) -> np.ndarray:
        """Which states (N, nq) to keep, (N,) bool. A simulation that went wrong (NaN) is never kept.

        Args:
            qpos: of all environments, see `Scene`.
            fresh: (N,) bool, an episode has begun since the last call: its first state is kept.
        """
        new = np.ones(len(qpos), bool)
        if self._last is not None and self._apart > 0:
            new = fresh | (self._distance(qpos, self._last) >= self._apart)
        new &= np.isfinite(qpos).all(axis=1)
        last = qpos if self._last is None else self._last
        self._last = np.where(new[:, None], qpos, last)
        return new

    def _distance(self, qpos: np.ndarray, other: np.ndarray) -> np.ndarray:
        """(N,) 1 where two states are just far enough apart; a state that is not finite is near every other."""
        scene = self._scene
        moved = np.linalg.norm(qpos[:, scene.object_position] - other[:, scene.object_position], axis=1)
        turned = quaternion.difference_angle(qpos[:, scene.object_orientation], other[:, scene.object_orientation])
        bent = np.sqrt(np.mean((qpos[:, scene.joints] - other[:, scene.joints]) ** 2, axis=1))
        parts = np.stack([moved / APART_POSITION, turned / APART_ROTATION, bent / APART_JOINTS])
        return np.nan_to_num(parts, nan=0.0).max(0)


def falling(scene: Scene, position: np.ndarray) -> np.ndarray:
    """Where an object, positions (n, 3) in the robot frame, m, has left the palm and is not yet lost, (n,) bool."""
    workspace = scene.robot.workspace
    offset = position - workspace.rest
    sunk = -(offset @ scene.up) > FALLING * workspace.depth
    return np.asarray(sunk | (np.linalg.norm(offset, axis=1) > FALLING * workspace.radius))


def limit(mask: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """Which of n states to keep, (n,) bool, so that those of mask (n,) are at most that share of what is kept."""
    others = int((~mask).sum())
    if share >= 1.0:
        return np.ones(len(mask), bool)
    allowed = int(share / (1.0 - share) * others)
    marked = np.flatnonzero(mask)
    kept = ~mask
    kept[random.permutation(marked)[:allowed]] = True
    return kept
