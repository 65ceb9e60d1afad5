"""A script that plays with the object: states along an approach, a grasp and a lift, for episodes to begin in.

It stands in for the half minute in which a person plays with the task in mind (Lin et al., section III-C). One hand
goes for what it can hold, two press on what is too large. Each time the object lies elsewhere, and the hand goes a
little astray. Plays in which the object is not lifted in the end are left out.
"""

from __future__ import annotations

from typing import NamedTuple

import mujoco
import numpy as np

from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.robot.demonstration import Demonstration
from dactyl.robots.gr1.joints import PREFIXES
from dactyl.robots.gr1.kinematics import Arm, level
from dactyl.robots.gr1.presses import PALMS, PRESSES, held
from dactyl.simulation.scene import Scene

SCRIPTS = 32
RECORDED = 0.1  # s between two states that are kept; also between two targets
SPREAD, YAW = 0.03, 0.3
"""m and rad by which the object lies elsewhere each time."""
ASIDE = 0.2  # m to either side where what is handed over lies
ASTRAY = 0.008  # m, standard deviation of where the hand goes
BEHIND = 0.09  # m before the object at which a hand arrives first
FURTHER = 1.5  # as far beside what is too large, whose corners are in the way, …
ON_THE_WAY = 0.06  # m … and so far from there is near enough, for a turned carton's corners are out of reach
SQUEEZE = 0.06  # m into the object that two hands press
HEIGHT, LIFTED = 0.15, 0.08
"""m by which it is lifted; and by how much it must have been in the end."""
CARRIED = ((-0.05, 0.05), (-0.05, 0.05), (0.09, 0.21))
"""m, ahead, aside and up: how far objects are carried in demonstrations."""
DISTURBED, DISTURBED_FOR = 0.04, 2
"""rad by which targets are off in demonstrations, and for how many recorded states. What is shown are the right
ones: so a policy learns the way back (DART: Laskey et al. 2017)."""
LOW, STEADIER = 0.045, 0.35
"""m of half a height: what is lower rolls or slides away from a disturbed hand. Where one hand is beside that, its
targets are off by this share."""
GRABBED_BELOW = 0.045  # m from the middle of a bar, by which each hand leaves room for the other
ABOVE = 0.03  # m between the table and the middle of a hand, whose edge may lie on it: low balls roll away else
FORWARD = 0.03  # m by which the palm reaches past the object's middle, so that it lies between fingers and thumb
WIDEST = 0.06  # m of half an object that one hand holds
CLOSED = 0.9
"""Share of the way to their limits that fingers are told to close by."""
NEAR_ENOUGH = 0.02  # m
_LONG = 0.15  # m; what is higher than this has room for two hands


class Phase(NamedTuple):
    """A part of the script, over which what it says is reached evenly."""

    seconds: float
    behind: float
    """m between object and hand in the end."""
    grip: float
    """Share of the closing, or of the squeeze."""
    height: float
    """m above where the object lay."""


SCRIPT = (
    Phase(1.0, BEHIND, 0.0, 0.0),
    Phase(0.8, 0.0, 0.0, 0.0),
    Phase(0.8, 0.0, 1.0, 0.0),
    Phase(1.2, 0.0, 1.0, HEIGHT),
    Phase(0.5, 0.0, 1.0, HEIGHT),
)
"""Come, reach, close, lift, hold."""
STAY = Phase(1.0, 0.0, 1.0, HEIGHT)
"""What demonstrations end with."""


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


def states(scene: Scene, seed: int, placement: str = "") -> tuple[np.ndarray, np.ndarray]:
    """States (K, nq) and velocities (K, nv) of the scripts that lifted the scene's object. See `Script`."""
    random = np.random.default_rng([seed, 3])
    script = Script(scene, placement)
    kept = [play for play in (script.play(random) for _ in range(SCRIPTS)) if play.lifted]
    if not kept:
        return np.zeros((0, scene.model.nq)), np.zeros((0, scene.model.nv))
    return np.concatenate([play.qpos for play in kept]), np.concatenate([play.qvel for play in kept])


def demonstrations(scene: Scene, seed: int, count: int, placement: str = "") -> list[Demonstration]:
    """Those of so many scripts that lifted the scene's object, each to another place: see `Robot.demonstrations`."""
    random = np.random.default_rng([seed, 4])
    script, found = Script(scene, placement), []
    ahead = round(scene.robot.timing.control / RECORDED)
    for _ in range(count):
        carried = np.array([random.uniform(*limits) for limits in CARRIED])
        played = script.play(random, (*SCRIPT, STAY), carried, DISTURBED)
        if played.lifted:
            qpos, qvel, targets, _ = played
            found.append(Demonstration(qpos[:-ahead], qvel[:-ahead], targets[ahead:]))
    return found


class Script:
    """Plays with the object of a scene."""

    def __init__(self, scene: Scene, placement: str = "") -> None:
        """`placement`: of stickers, where two hands press: one of `PRESSES`; empty: with flat palms.

        Raises:
            DactylError: a placement is asked for, and one hand holds the object.
        """
        self._scene, self._model, self._data = scene, scene.model, mujoco.MjData(scene.model)
        self._sides = tuple(dict.fromkeys(finger.partition("_")[0] for finger in scene.robot.fingertips))
        self._arms = {side: Arm(scene, side) for side in self._sides}
        self._open = scene.robot.actuator_positions(scene.model.qpos0[scene.joints])
        if placement and not self._too_large:
            raise DactylError(
                f"one hand holds the {scene.object.name}: no script presses at script_placement {placement}"
            )
        self._press = PRESSES[placement] if placement else PALMS

    def play(
        self,
        random: np.random.Generator,
        phases: tuple[Phase, ...] = SCRIPT,
        carried: np.ndarray | None = None,
        disturbed: float = 0.0,
    ) -> Play:
        """One script, with the object at a place that is drawn; without rows where a hand cannot get there.

        Args:
            random: draws the place, and how far the hands go astray.
            phases: what is done.
            carried: (3,) m, where to the object is brought in place of HEIGHT above its place.
            disturbed: rad, standard deviation by which targets are off.
        """
        way = np.array([0.0, 0.0, HEIGHT]) if carried is None else carried
        mujoco.mj_resetData(self._model, self._data)
        hands = self._choose(*self._place(random), random)
        mujoco.mj_forward(self._model, self._data)
        floor = float(self._data.qpos[self._scene.object_position][2])
        rows: list[tuple[np.ndarray, ...]] = []
        posture, targets = self._data.qpos.copy(), self._open

        low = not self._too_large and self._scene.object.halves[2] < LOW
        for number, phase in enumerate(phases):
            off_by = disturbed * (STEADIER if low and number > 0 else 1.0)
            posture, off = self._posture(posture, hands, phase, phase.height / HEIGHT * way)
            if off > (ON_THE_WAY if self._too_large and phase.behind else NEAR_ENOUGH):
                qpos, qvel, told = (np.zeros((0, n)) for n in (self._model.nq, self._model.nv, len(self._open)))
                return Play(qpos, qvel, told, np.zeros(0))
            wanted = self._targets(posture, hands, phase.grip)
            self._go(targets, wanted, phase.seconds, rows, random, off_by)
            targets = wanted
        qpos, qvel, told = (np.stack(values) for values in zip(*rows, strict=True))
        return Play(qpos, qvel, told, qpos[:, self._scene.object_position][:, 2] - floor)

    def _place(self, random: np.random.Generator) -> tuple[np.ndarray, float]:
        """Place the object: its centre (3,), m, and by how much it is turned, rad."""
        scene, data = self._scene, self._data
        centre = scene.model.qpos0[scene.object_position].copy()
        centre[:2] += random.uniform(-SPREAD, SPREAD, 2)
        if self._handed_over:
            centre[1] += ASIDE * random.choice([-1.0, 1.0])
        yaw = float(random.uniform(-YAW, YAW))
        data.qpos[scene.object_position] = centre
        data.qpos[scene.object_orientation] = quaternion.from_rotation_vector(np.array([0.0, 0.0, yaw]))
        return centre, yaw

    @property
    def _handed_over(self) -> bool:
        """Whether there is room for a second hand, and one."""
        return len(self._sides) == 2 and 2 * self._scene.object.halves[2] > _LONG and not self._too_large

    @property
    def _too_large(self) -> bool:
        return bool(self._scene.object.halves[1] > WIDEST)

    def _choose(self, centre: np.ndarray, yaw: float, random: np.random.Generator) -> tuple[Reach, ...]:
        """What each hand does: both press on the sides of what is too large, else the one on its side grasps."""
        if self._too_large:
            return tuple(self._pressing(side, centre, yaw, random) for side in self._sides)
        side = "left" if centre[1] > 0.0 and "left" in self._sides else "right"
        height = centre[2]
        if self._handed_over:
            height += GRABBED_BELOW if side == "left" else -GRABBED_BELOW
        lowest = centre[2] - self._scene.object.halves[2] + ABOVE
        centre = np.array([centre[0], centre[1], max(height, lowest)])
        # a round thing may be grasped from anywhere: the hand need not turn with it
        return (self._grasping(side, centre, yaw if self._scene.object.geometry == "box" else 0.0, random),)

    def _grasping(self, side: str, centre: np.ndarray, yaw: float, random: np.random.Generator) -> Reach:
        turn = level(yaw)
        fingers = quaternion.rotate(turn, np.array([0.0, 0.0, -1.0]))
        surface = centre + self._scene.object.halves[1] * self._outwards(side, yaw)
        place = surface + FORWARD * fingers + ASTRAY * random.standard_normal(3)
        return Reach(side, place, turn, -fingers, np.zeros(3))

    def _pressing(self, side: str, centre: np.ndarray, yaw: float, random: np.random.Generator) -> Reach:
        away, halves = self._outwards(side, yaw), self._scene.object.halves
        turn, fingers = held(self._press, level(yaw), away)
        surface = centre + halves[1] * away + np.array([0.0, 0.0, self._press.height * halves[2]])
        place = surface - fingers + ASTRAY * random.standard_normal(3)
        return Reach(side, place, turn, away, -SQUEEZE * away)

    @staticmethod
    def _outwards(side: str, yaw: float) -> np.ndarray:
        """(3,) unit, out of the object's side that a hand comes to."""
        out: np.ndarray = quaternion.rotate(level(yaw), np.array([0.0, -1.0 if side == "right" else 1.0, 0.0]))
        return out

    def _posture(
        self, qpos: np.ndarray, hands: tuple[Reach, ...], phase: Phase, way: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """The state with the arms where a phase ends, `way` (3,) m from the object's place, and how far the worst hand
        is from there, m."""
        off = 0.0
        for hand in hands:
            aside = phase.behind * (FURTHER if self._too_large else 1.0)
            place = hand.place + aside * hand.away + phase.grip * hand.press
            qpos, left = self._arms[hand.side].reach(qpos, place + way, hand.turn)
            off = max(off, left)
        return qpos, off

    def _targets(self, qpos: np.ndarray, hands: tuple[Reach, ...], grip: float) -> np.ndarray:
        """(A,) of all actuators, rad: the arms as in the state, the fingers closed by a share."""
        robot = self._scene.robot
        targets: np.ndarray = robot.actuator_positions(qpos[self._scene.joints]).copy()
        closing = {} if self._too_large else {PREFIXES[hand.side]: grip for hand in hands}
        for i, (actuator, limits) in enumerate(zip(robot.actuators, robot.actuator_limits, strict=True)):
            prefix, _, part = actuator.partition("_")
            if prefix in PREFIXES.values():
                share = CLOSED * closing.get(prefix, 0.0) if _closes(part) else 0.0
                targets[i] = self._open[i] + share * (limits[np.argmax(np.abs(limits))] - self._open[i])
                if self._too_large and not _closes(part):
                    targets[i] = np.clip(0.0, *limits)  # the thumb beside the palm, where it catches on nothing
        return targets

    def _go(
        self,
        start: np.ndarray,
        end: np.ndarray,
        seconds: float,
        rows: list[tuple[np.ndarray, ...]],
        random: np.random.Generator,
        disturbed: float,
    ) -> None:
        """Move the targets evenly, ten times a second, and record. They are off by `disturbed`, rad, in deviation."""
        steps, between = round(seconds / RECORDED), round(RECORDED / self._model.opt.timestep)
        off = np.zeros(len(start))
        for step in range(1, steps + 1):
            if disturbed and step % DISTURBED_FOR == 1:
                off = random.normal(0.0, disturbed, len(start))
            target = start + step / steps * (end - start)
            self._data.ctrl[:] = target + off
            mujoco.mj_step(self._model, self._data, between)
            rows.append((self._data.qpos.copy(), self._data.qvel.copy(), target))


def _closes(part: str) -> bool:
    """Whether a hand's motor closes it: all but the one that turns the thumb."""
    return "yaw" not in part
