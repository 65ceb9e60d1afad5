"""What a task counts in trials beside their goals, from where the object was: see `Task.counts`."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from dactyl.environment.environment import Environment
from dactyl.maths import quaternion


class Counts:
    """Follows the object through the trials of an environment, one trial in each of its N environments."""

    def __init__(self, environment: Environment) -> None:
        """`environment`: whose task counts something."""
        self._environment = environment
        self._positions: list[np.ndarray] = []
        """Of each control step, (N, 3) m, robot frame."""
        self._running: list[np.ndarray] = []
        self._ended: list[int] = []

    def add(self, running: Tensor) -> None:
        """Where the object is before a control step of the trials that are running, (N,) bool."""
        environment, scene = self._environment, self._environment.scene
        world = environment.physics.state.qpos[: environment.num_envs, scene.object_position].double().cpu().numpy()
        self._positions.append(quaternion.rotate_inverse(scene.hand_quaternion[None], world - scene.hand_position))
        self._running.append(running.cpu().numpy().copy())

    def end(self, index: int) -> None:
        """The trial in an environment has ended."""
        self._ended.append(index)

    def summary(self) -> dict[str, Any]:
        """By what is counted: mean over the trials that ended, and of each trial, in the order of environments."""
        found: dict[str, Any] = {}
        if not self._ended:
            return found
        positions, running = np.stack(self._positions), np.stack(self._running)
        for name, count in self._environment.task.counts.items():
            values = [int(count(positions[running[:, index], index])) for index in sorted(self._ended)]
            found[name] = {"mean": float(np.mean(values)), "trials": values}
        return found


def as_text(summary: dict[str, Any]) -> str:
    """A line for people."""
    return "  counted in a trial: " + ", ".join(f"{name} {found['mean']:.2f}" for name, found in summary.items())
