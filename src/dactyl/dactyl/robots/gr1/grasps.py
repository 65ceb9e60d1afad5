"""A script that plays with the object: states along an approach, a grasp and a lift, for episodes to begin in.

It stands in for the half minute in which a person plays with the task in mind (Lin et al., section III-C). One hand
goes for what it can hold, two press on what is too large, and what both have room on is handed over (`handovers`). Each
time the object lies elsewhere, and the hand goes a little astray. Plays in which the object is not lifted in the end
are left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dactyl.errors import DactylError
from dactyl.robot.demonstration import Demonstration
from dactyl.robots.gr1 import hands
from dactyl.robots.gr1.handovers import Handover
from dactyl.robots.gr1.hands import BEHIND, DISTURBED, NEAR_ENOUGH, RECORDED, STEADIER, WIDEST, Hands, Play, Reach
from dactyl.robots.gr1.kinematics import level
from dactyl.robots.gr1.presses import PALMS, PRESSES, held
from dactyl.simulation.scene import Scene

SCRIPTS = 32
FURTHER = 1.5  # as far beside what is too large, whose corners are in the way, …
ON_THE_WAY = 0.06  # m … and so far from there is near enough, for a turned carton's corners are out of reach
SQUEEZE = 0.06  # m into the object that two hands press
HEIGHT = 0.15  # m by which it is lifted
CARRIED = ((-0.05, 0.05), (-0.05, 0.05), (0.09, 0.21))
"""m, ahead, aside and up: how far objects are carried in demonstrations."""
LOW = 0.045  # m of half a height: what is lower rolls or slides away from a disturbed hand
ABOVE = 0.03  # m between the table and the middle of a hand, whose edge may lie on it: low balls roll away else


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


def states(scene: Scene, seed: int, placement: str = "") -> tuple[np.ndarray, np.ndarray]:
    """States (K, nq) and velocities (K, nv) of the scripts that lifted the scene's object. See `Script`."""
    random = np.random.default_rng([seed, 3])
    script = _script(scene, placement)
    kept = [play for _ in range(SCRIPTS) for play in script.tried(random)]
    if not kept:
        return np.zeros((0, scene.model.nq)), np.zeros((0, scene.model.nv))
    return np.concatenate([play.qpos for play in kept]), np.concatenate([play.qvel for play in kept])


def demonstrations(scene: Scene, seed: int, count: int, placement: str = "") -> list[Demonstration]:
    """Those of so many scripts that lifted the scene's object, each to another place: see `Robot.demonstrations`."""
    random = np.random.default_rng([seed, 4])
    script, found = _script(scene, placement), []
    ahead = round(scene.robot.timing.control / RECORDED)
    for _ in range(count):
        for qpos, qvel, targets, _ in script.shown(random):
            found.append(Demonstration(qpos[:-ahead], qvel[:-ahead], targets[ahead:]))
    return found


def _script(scene: Scene, placement: str) -> Script | Handover:
    if Handover.suits(scene) and not placement:
        return Handover(scene)
    return Script(scene, placement)


class Script:
    """Plays with the object of a scene."""

    def __init__(self, scene: Scene, placement: str = "") -> None:
        """`placement`: of stickers, where two hands press: one of `PRESSES`; empty: with flat palms.

        Raises:
            DactylError: a placement is asked for, and one hand holds the object.
        """
        self._scene, self.hands = scene, Hands(scene)
        self._too_large = bool(scene.object.halves[1] > WIDEST)
        if placement and not self._too_large:
            raise DactylError(
                f"one hand holds the {scene.object.name}: no script presses at script_placement {placement}"
            )
        self._press = PRESSES[placement] if placement else PALMS

    def tried(self, random: np.random.Generator) -> list[Play]:
        """One script, if it lifted the object."""
        return [play] if (play := self.play(random)).lifted else []

    def shown(self, random: np.random.Generator) -> list[Play]:
        """The same, disturbed, to a place that is drawn."""
        carried = np.array([random.uniform(*limits) for limits in CARRIED])
        return [play] if (play := self.play(random, (*SCRIPT, STAY), carried, DISTURBED)).lifted else []

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
        centre, yaw = hands.drawn_place(self._scene, random)
        reaches = self._choose(centre, yaw, random)
        self.hands.begin(centre, yaw)
        low = not self._too_large and self._scene.object.halves[2] < LOW
        for number, phase in enumerate(phases):
            off = max(self.follow(reach, phase, phase.height / HEIGHT * way) for reach in reaches)
            if off > (ON_THE_WAY if self._too_large and phase.behind else NEAR_ENOUGH):
                return hands.nothing(self._scene)
            grips = {} if self._too_large else {reach.side: phase.grip for reach in reaches}
            targets = self.hands.targets(grips, pressing=self._too_large)
            self.hands.go(phase.seconds, targets, random, disturbed * (STEADIER if low and number > 0 else 1.0))
        return self.hands.recorded()

    def follow(self, reach: Reach, phase: Phase, way: np.ndarray) -> float:
        """Bring a hand where a phase ends, `way` (3,) m from the object's place; how far that is out of reach, m."""
        aside = phase.behind * (FURTHER if self._too_large else 1.0)
        place = reach.place + aside * reach.away + phase.grip * reach.press
        return self.hands.reach(reach.side, place + way, reach.turn)

    def _choose(self, centre: np.ndarray, yaw: float, random: np.random.Generator) -> tuple[Reach, ...]:
        """What each hand does: both press on the sides of what is too large, else the one on its side grasps."""
        if self._too_large:
            return tuple(self._pressing(side, centre, yaw, random) for side in self.hands.sides)
        return (
            self.grasping("left" if centre[1] > 0.0 and "left" in self.hands.sides else "right", centre, yaw, random),
        )

    def grasping(self, side: str, centre: np.ndarray, yaw: float, random: np.random.Generator) -> Reach:
        """How a hand grasps the object with its centre (3,) there, turned by yaw."""
        lowest = centre[2] - self._scene.object.halves[2] + ABOVE
        centre = np.array([centre[0], centre[1], max(centre[2], lowest)])
        # a round thing may be grasped from anywhere: the hand need not turn with it
        turned = yaw if self._scene.object.geometry == "box" else 0.0
        return hands.grasping(self._scene, side, centre, turned, random)

    def _pressing(self, side: str, centre: np.ndarray, yaw: float, random: np.random.Generator) -> Reach:
        away, halves = hands.outwards(side, yaw), self._scene.object.halves
        turn, fingers = held(self._press, level(yaw), away)
        surface = centre + halves[1] * away + np.array([0.0, 0.0, self._press.height * halves[2]])
        place = surface - fingers + hands.ASTRAY * random.standard_normal(3)
        return Reach(side, place, turn, away, -SQUEEZE * away)
