"""Replays windows open-loop in simulated robots, many parameters at a time: how far are the joints off at the end?"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import mujoco
import numpy as np

from dactyl.calibration.model.windows import Group, Windows
from dactyl.robot import backlash
from dactyl.robot import robot as robots
from dactyl.robot.parameters import ModelParameters, from_vector
from dactyl.simulation import calibrated
from dactyl.simulation.backends.mujoco import BatchPhysics
from dactyl.simulation.scene import Scene, SceneConfig, build

LANES = 512
"""Simulated robots side by side."""


def robot_alone(spec: mujoco.MjSpec) -> None:
    """Take the object out of the robot's way: for `simulation.scene.build`."""
    body = spec.body("object")
    body.pos, body.gravcomp = [0.0, 0.0, 5.0], 1.0
    for geom in body.geoms:
        geom.contype = geom.conaffinity = 0


def scene_of(robot: str, calibration: str = "") -> Scene:
    """The robot without an object in its way.

    Raises:
        DactylError: no model calibration is for it.
    """
    robots.load(robot).check_calibratable()
    return build(SceneConfig(robot=robot, calibration=calibration), robot_alone)


class Robots:
    """Simulated robots side by side, each with parameters of its own, backlash among them."""

    def __init__(self, scene: Scene, lanes: int, threads: int = 0, contacts: bool = False) -> None:
        """
        Args:
            scene: see `scene_of`.
            lanes: how many robots.
            threads: of the CPU, 0 for all cores.
            contacts: whether their fingers can touch each other.
        """
        if not contacts:
            scene.model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_CONTACT
        self.scene, self.lanes = scene, lanes
        self._playing, self.steps = lanes, 0
        """Physics steps simulated so far, of all of them together."""
        self._robot = scene.robot
        self._physics = BatchPhysics(scene, lanes, threads)
        limits = self._robot.actuator_limits
        self._lower, self._upper = limits[:, 0], limits[:, 1]
        self._qpos = self._physics.state.qpos.numpy()
        self._targets = self._physics.state.targets.numpy()
        self._start = self._qpos[0].copy()

    def start(self, qpos: np.ndarray, qvel: np.ndarray, parameters: ModelParameters, slack: np.ndarray) -> None:
        """Put the first n robots into a state: joints (n, J), slack (n, A), parameters (n, J, 7), (n, A, 4), (n, C, 2).

        Only they play from now on.
        """
        self._playing, joints = len(qpos), len(self._robot.joints)
        state = np.tile(self._start, (self._playing, 1))
        state[:, :joints] = qpos
        velocity = np.zeros((self._playing, self.scene.model.nv))
        velocity[:, :joints] = qvel
        self._slack, self._delta = slack, parameters.backlash
        self._physics.begin(state, velocity)
        self._physics.write(calibrated.fields(self.scene.model, self._robot, parameters))

    @property
    def angles(self) -> np.ndarray:
        """(n, J) rad of the robots that play, live."""
        return self._qpos[: self._playing, : len(self._robot.joints)]

    def control_step(self, targets: np.ndarray, seen: list[np.ndarray] | None = None) -> None:
        """Play a control step, or the part of it that targets (n, steps, A), rad, are given for.

        Backlash acts on the commanded motion once a control step, as in training. `seen` gets the angles (n, J)
        before each physics step.
        """
        positions = self._robot.actuator_positions(self.angles)
        share = self._transmitted(positions, targets.mean(axis=1) - positions)
        for i, steps in _runs(targets, each=seen is not None):
            self._targets[: self._playing] = np.clip(
                positions + share * (targets[:, i] - positions), self._lower, self._upper
            )
            if seen is not None:
                seen.append(self.angles.copy())
            self._physics.advance(steps, self._playing)
            self.steps += steps * self._playing

    def _transmitted(self, positions: np.ndarray, motion: np.ndarray) -> np.ndarray:
        """(n, A) shares of commanded motions (n, A), rad, that backlash lets through; all without tendons."""
        if not self._robot.action.tendons:
            return np.ones_like(motion)
        self._slack, reached = backlash.transmit(
            self._slack, positions, positions + motion, self._robot.actuator_limits, self._delta
        )
        share: np.ndarray = (reached - positions) / np.where(motion != 0.0, motion, 1.0)
        return share


def _runs(targets: np.ndarray, each: bool) -> Iterator[tuple[int, int]]:
    """The first step and the number of steps of each run of equal targets (n, steps, A)."""
    steps = targets.shape[1]
    changes = (targets[:, 1:] != targets[:, :-1]).any(axis=(0, 2))
    starts = np.arange(steps) if each else np.concatenate([[0], 1 + np.flatnonzero(changes)])
    for start, end in zip(starts, [*starts[1:], steps], strict=True):
        yield int(start), int(end - start)


def slack_before(before: np.ndarray, half: np.ndarray, delta: np.ndarray) -> np.ndarray:
    """Slack (N, A) after the commanded motions (N, B, A), rad, of the control steps before.

    Args:
        before: see `Windows`.
        half: (A,) half the actuators' ranges.
        delta: (N, A, 2) slack rates.
    """
    slack = np.zeros(before.shape[::2])
    for i in range(before.shape[1]):
        motion = before[:, i] / half
        rate = np.where(motion < 0.0, delta[..., 0], delta[..., 1])
        slack = np.clip(slack + motion * rate, -1.0, 1.0)
    return slack


@dataclass
class Replay:
    """What joint angles a second later would have been with other parameters, against what was measured."""

    robots: Robots
    layers: list[Windows]
    groups: list[Group]

    def residuals(self, vectors: np.ndarray, groups: Collection[int] | None = None) -> np.ndarray:
        """Simulated less measured angles, (K, W, J) rad, of parameters (K, P).

        NaN where a window says nothing, and in layers that have none of the groups which are asked for.
        """
        return np.concatenate([self._layer(vectors, windows, groups) for windows in self.layers], axis=1)

    def errors(self, vectors: np.ndarray, groups: Collection[int] | None = None) -> np.ndarray:
        """Mean squared error of each group's joints, (K, G) rad²; infinite where a simulation broke."""
        residuals = self.residuals(vectors, groups)
        found = np.full((len(residuals), len(self.groups)), np.inf)
        for i, group in enumerate(self.groups):
            own = residuals[..., group.joints]
            counts = self.active[:, group.joints]
            squares = np.square(own[:, counts])
            found[:, i] = np.where(np.isfinite(squares).all(axis=1), squares.mean(axis=1), np.inf)
        return found

    @property
    def active(self) -> np.ndarray:
        """(W, J) which residuals count."""
        return np.concatenate([windows.active for windows in self.layers])

    def _layer(self, vectors: np.ndarray, windows: Windows, groups: Collection[int] | None) -> np.ndarray:
        count, wide = len(vectors), len(windows.qpos)
        asked = range(len(self.groups)) if groups is None else groups
        if not any(windows.active[:, self.groups[group].joints].any() for group in asked):
            return np.full((count, *windows.active.shape), np.nan)
        ends = np.empty((count * wide, windows.qpos.shape[1]))
        for first in range(0, len(ends), self.robots.lanes):
            pairs = np.arange(first, min(first + self.robots.lanes, len(ends)))
            ends[pairs] = self._play(vectors[pairs // wide], windows, pairs % wide)
        residuals = ends.reshape(count, wide, -1) - windows.after
        return np.where(windows.active, residuals, np.nan)

    def _play(self, vectors: np.ndarray, windows: Windows, which: np.ndarray) -> np.ndarray:
        robot = self.robots.scene.robot
        parameters = from_vector(robot, vectors)
        half = 0.5 * np.ptp(robot.actuator_limits, axis=1)
        slack = slack_before(windows.before[which], half, parameters.backlash)
        self.robots.start(windows.qpos[which], windows.qvel[which], parameters, slack)
        targets, step = windows.targets[which], robot.timing.substeps
        for tick in range(0, targets.shape[1], step):
            self.robots.control_step(targets[:, tick : tick + step])
        return self.robots.angles.copy()
