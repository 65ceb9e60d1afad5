"""A slow tracker in the graph: the object's pose comes every so often, and is old when it comes.

In training `environment.randomization.held_pose` does it, for many environments and by control steps. Here it goes by
the stamps of frames that come as they like.
"""

from __future__ import annotations

from collections import deque

from dactyl.robot.markers import RigidPose


class LatePoses:
    """What is shown of the poses that are measured."""

    def __init__(self, period: float, delay: float) -> None:
        """
        Args:
            period: s between two poses that are shown, counted from the clock's zero; 0: each frame has its own.
            delay: s that a pose is old when it is shown, up to the time between two frames more.
        """
        self._period, self._delay = round(period * 1e9), round(delay * 1e9)
        self._past = deque[tuple[int, RigidPose | None]]()
        """Stamps, ns, and what was measured then, from the one that is shown on."""
        self._shown: RigidPose | None = None
        self._slot = -1

    def show(self, stamp_ns: int, measured: RigidPose | None) -> RigidPose | None:
        """What is known at a frame.

        Args:
            stamp_ns: of the frame; where it is earlier than the last one, the clock has begun anew.
            measured: in this frame; None: the object was not seen.

        Returns:
            The pose that came last; None where there was none in what came last.
        """
        if self._past and stamp_ns < self._past[-1][0]:
            self._past.clear()
            self._slot = -1
        self._past.append((stamp_ns, measured))
        slot = stamp_ns // self._period if self._period else stamp_ns
        if slot != self._slot:
            self._slot = slot
            while len(self._past) > 1 and self._past[1][0] <= stamp_ns - self._delay:
                self._past.popleft()
            self._shown = self._past[0][1]
        return self._shown
