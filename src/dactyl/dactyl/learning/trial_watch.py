"""Who watches an evaluation: says how far it is, what a pose from images costs, and ends it early."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from dactyl.status_line import StatusLine, duration


class Standing(NamedTuple):
    """How the trials stand."""

    running: Tensor
    """(N,) bool: its first trial has not ended."""
    goals: Tensor
    """(N,) int: reached in its first trial."""
    seconds: float
    """Simulated."""


class ObjectSensor(Protocol):
    """What the policy sees the object with."""

    watched: Tensor | None
    """(N,) bool: where it has to look; None: everywhere."""
    seconds: float
    """That its last look took."""
    pictures_per_s: float
    """Of its last look."""
    about: Mapping[str, Any]
    """What it is, for the results."""

    def __call__(self, qpos: Tensor) -> tuple[Tensor, Tensor]:
        """See `Environment.object_sensor`."""

    def close(self) -> None:
        """Look no more."""


class TrialWatch:
    """Called after every control step of an evaluation; true while it shall go on."""

    def __init__(
        self, trials: int, max_successes: int, sensor: ObjectSensor | None, stopped: Callable[[], bool]
    ) -> None:
        """
        Args:
            trials: that were asked for.
            max_successes: goals after which a trial is complete.
            sensor: looks only where a trial still runs.
            stopped: whether a signal has come.
        """
        self._trials, self._most, self._sensor, self._stopped = trials, max_successes, sensor, stopped
        self._line = StatusLine(f"making ready for {trials} trials")

    def __enter__(self) -> TrialWatch:
        self._line.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    def __call__(self, standing: Standing) -> bool:
        if self._sensor:
            if standing.seconds == 0.0:
                self._say_costs(self._sensor)
            self._sensor.watched = standing.running
        ended = self._trials - int(standing.running.sum())
        text = f"{ended} of {self._trials} trials ended, {int(standing.goals.sum())} goals reached"
        rate = f", {self._sensor.pictures_per_s:.0f} pictures/s" if self._sensor else ""
        self._line.show(f"{text}, {standing.seconds:.0f} simulated seconds{rate}", self._left(standing))
        return not self._stopped()

    def _say_costs(self, sensor: ObjectSensor) -> None:
        """After the first look."""
        print(
            f"pose from images ({sensor.about['renderer']}): {sensor.seconds:.2f} s for the pictures of "
            f"{self._trials} trials, at every control step while they run; a thousand steps take "
            f"{duration(1000 * sensor.seconds)} for the pictures alone",
            file=sys.stderr, flush=True,
        )  # fmt: skip
        self._line.said()

    def _left(self, standing: Standing) -> float:
        """s until the slowest trial would have reached all goals, at the pace of those that run; inf: unknown."""
        goals = standing.goals[standing.running]
        if not len(goals) or not goals.any():
            return float("inf")
        pace = float(goals.double().mean()) / self._line.seconds()
        return (self._most - int(goals.min())) / pace
