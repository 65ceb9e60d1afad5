"""What a script moves: the arms and hands of a scene's robot, and what was recorded of them and of the object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import mujoco
import numpy as np

from dactyl.maths import quaternion
from dactyl.robots.gr1.joints import PREFIXES
from dactyl.robots.gr1.kinematics import Arm, level
from dactyl.simulation.scene import Scene

RECORDED = 0.1  # s between two states that are kept; also between two targets
LIFTED = 0.08  # m by which the object must have been lifted in the end
SPREAD, YAW = 0.03, 0.3
"""m and rad by which the object lies elsewhere each time."""
ASTRAY = 0.008  # m, standard deviation of where the hand goes
BEHIND = 0.09  # m before the object at which a hand arrives first
FORWARD = 0.03  # m by which the palm reaches past the object's middle, so that it lies between fingers and thumb
CLOSED = 0.9
"""Share of the way to their limits that fingers are told to close by."""
NEAR_ENOUGH = 0.02  # m
WIDEST = 0.06  # m of half an object that one hand holds
DISTURBED, DISTURBED_FOR = 0.04, 2
"""rad by which targets are off in demonstrations, and for how many recorded states. What is shown are the right
ones: so a policy learns the way back (DART: Laskey et al. 2017)."""
STEADIER = 0.35
"""Share of that where a hand is beside what rolls, slides or topples."""


class Play(NamedTuple):
    """What one script was like, one row every RECORDED seconds."""

    qpos: np.ndarray
    """(T, nq)"""
    qvel: np.ndarray
    """(T, nv)"""
    targets: np.ndarray
    """(T, A) of the actuators over the time before, rad."""
    heights: np.ndarray
    """(T,) m that the object was lifted by."""

    @property
    def lifted(self) -> bool:
        return len(self.heights) > 0 and bool(self.heights[-1] > LIFTED)


class Reach(NamedTuple):
    """What one hand does."""

    side: str
    place: np.ndarray
    """(3,) of the palm at the object, world frame, m."""
    turn: np.ndarray
    """(4,) of the hand."""
    away: np.ndarray
    """(3,) unit, the direction from the object back to where the hand comes from."""
    press: np.ndarray
    """(3,) m by which it goes further when it grips."""


def drawn_place(scene: Scene, random: np.random.Generator, aside: float = 0.0) -> tuple[np.ndarray, float]:
    """Where the object stands: its centre (3,), world frame, m, and by how much it is turned to the left, rad.

    `aside`: m to either side.
    """
    centre = scene.model.qpos0[scene.object_position].copy()
    centre[:2] += random.uniform(-SPREAD, SPREAD, 2)
    if aside:
        centre[1] += aside * random.choice([-1.0, 1.0])
    return centre, float(random.uniform(-YAW, YAW))


def outwards(side: str, yaw: float) -> np.ndarray:
    """(3,) unit, out of the side to which a hand comes, of an object that is turned to the left by yaw."""
    out: np.ndarray = quaternion.rotate(level(yaw), np.array([0.0, -1.0 if side == "right" else 1.0, 0.0]))
    return out


def grasping(scene: Scene, side: str, centre: np.ndarray, yaw: float, random: np.random.Generator) -> Reach:
    """How a hand grasps the scene's object there, a little astray: `centre` (3,), world frame, m."""
    turn = level(yaw)
    fingers = quaternion.rotate(turn, np.array([0.0, 0.0, -1.0]))
    surface = centre + scene.object.halves[1] * outwards(side, yaw)
    place = surface + FORWARD * fingers + ASTRAY * random.standard_normal(3)
    return Reach(side, place, turn, -fingers, np.zeros(3))


class Hands:
    """The hands of a scene's robot, from rest on."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.data = scene, mujoco.MjData(scene.model)
        self.sides = tuple(dict.fromkeys(finger.partition("_")[0] for finger in scene.robot.fingertips))
        self._arms = {side: Arm(scene, side) for side in self.sides}
        self._open = scene.robot.actuator_positions(scene.model.qpos0[scene.joints])

    def begin(self, centre: np.ndarray, yaw: float) -> None:
        """Come to rest, with the object's centre (3,) there, world frame, m, and turned to the left by yaw."""
        scene, data = self.scene, self.data
        mujoco.mj_resetData(scene.model, data)
        data.qpos[scene.object_position] = centre
        data.qpos[scene.object_orientation] = quaternion.from_rotation_vector(np.array([0.0, 0.0, yaw]))
        mujoco.mj_forward(scene.model, data)
        self._floor = float(centre[2])
        self._rows: list[tuple[np.ndarray, ...]] = []
        self.begin_at(data.qpos.copy())

    def begin_at(self, posture: np.ndarray) -> None:
        """Reach on from a state (nq,), with open hands."""
        self._posture, self._targets = posture, self._open

    def reach(self, side: str, place: np.ndarray, turn: np.ndarray) -> float:
        """Bring one palm to a place (3,), m, the hand turned so (4,), world frame, when the hands `go` next.

        Returns:
            By how much that is out of its reach, m.
        """
        self._posture, off = self._arms[side].reach(self._posture, place, turn)
        return off

    def targets(self, grips: Mapping[str, float], pressing: bool = False) -> np.ndarray:
        """(A,) of all actuators, rad: the arms where they reach, fingers closed by a share of each side's grip.

        `pressing`: the thumbs lie beside flat palms, where they catch on nothing.
        """
        robot = self.scene.robot
        targets: np.ndarray = robot.actuator_positions(self._posture[self.scene.joints]).copy()
        closing = {PREFIXES[side]: grip for side, grip in grips.items()}
        for i, (actuator, limits) in enumerate(zip(robot.actuators, robot.actuator_limits, strict=True)):
            prefix, _, part = actuator.partition("_")
            if prefix in PREFIXES.values():
                share = CLOSED * closing.get(prefix, 0.0) if _closes(part) else 0.0
                targets[i] = self._open[i] + share * (limits[np.argmax(np.abs(limits))] - self._open[i])
                if pressing and not _closes(part):
                    targets[i] = np.clip(0.0, *limits)
        return targets

    def go(self, seconds: float, targets: np.ndarray, random: np.random.Generator, disturbed: float = 0.0) -> None:
        """Move to targets (A,) evenly, ten times a second, and record. `disturbed`: rad by which they are off."""
        steps, between = round(seconds / RECORDED), round(RECORDED / self.scene.model.opt.timestep)
        start, off = self._targets, np.zeros(len(targets))
        for step in range(1, steps + 1):
            if disturbed and step % DISTURBED_FOR == 1:
                off = random.normal(0.0, disturbed, len(start))
            target = start + step / steps * (targets - start)
            self.data.ctrl[:] = target + off
            mujoco.mj_step(self.scene.model, self.data, between)
            self._rows.append((self.data.qpos.copy(), self.data.qvel.copy(), target))
        self._targets = targets

    def object_pose(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the object is: (3,) m and (4,), world frame."""
        qpos = self.data.qpos
        return qpos[self.scene.object_position].copy(), qpos[self.scene.object_orientation].copy()

    def recorded(self) -> Play:
        """What was recorded since the last time, or since the beginning."""
        rows, self._rows = self._rows, []
        if not rows:
            return nothing(self.scene)
        qpos, qvel, told = (np.stack(values) for values in zip(*rows, strict=True))
        return Play(qpos, qvel, told, qpos[:, self.scene.object_position][:, 2] - self._floor)


def nothing(scene: Scene) -> Play:
    """A play that was not to be."""
    qpos, qvel, told = (np.zeros((0, n)) for n in (scene.model.nq, scene.model.nv, len(scene.robot.actuators)))
    return Play(qpos, qvel, told, np.zeros(0))


def _closes(part: str) -> bool:
    """Whether a hand's motor closes it: all but the one that turns the thumb."""
    return "yaw" not in part
