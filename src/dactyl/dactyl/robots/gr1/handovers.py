"""A script that hands over what stands upright: one hand grasps it, the other takes it in the middle (section IV-B).

The left hand holds it above its middle and the right one below, so that each leaves room for the other. The hand that
takes goes where the object then is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dactyl.maths import quaternion
from dactyl.robots.gr1 import hands, layout
from dactyl.robots.gr1.hands import BEHIND, DISTURBED, NEAR_ENOUGH, STEADIER, WIDEST, Hands, Play, Reach
from dactyl.simulation.scene import Scene

AHEAD, MIDDLE = layout.REACH["left", "right"][0], 0.05
"""m ahead where it is brought; and beyond the middle, on the taker's side, where it changes hands: as in the task."""
ASIDE = 0.2  # m to either side where it stands, and to the other where it is brought
GRABBED = 0.045  # m from its middle, by which each hand leaves room for the other
LEVEL, AROUND = (0.28, 0.34), 0.03
"""m above the robot's frame, and ahead and aside: where it is brought."""
RAISED = 0.08  # m by which it is lifted before it is carried
LONG = 0.15  # m; what is higher than this has room for two hands
GIVEN = 0.1  # m to the other side that it must have come after the hands met


class Hold(NamedTuple):
    """A hand that goes for the object, and where the object was then."""

    reach: Reach
    centre: np.ndarray
    """(3,) m, world frame."""

    def at(self, centre: np.ndarray, behind: float = 0.0) -> np.ndarray:
        """(3,) where the palm is when the object's centre (3,) is there, or so far behind that, m."""
        return self.reach.place + behind * self.reach.away + centre - self.centre


class Handover:
    """Plays with an object that both hands have room on."""

    def __init__(self, scene: Scene) -> None:
        self._scene, self.hands = scene, Hands(scene)

    @staticmethod
    def suits(scene: Scene) -> bool:
        """Whether there are two hands, and room for both."""
        sides = {finger.partition("_")[0] for finger in scene.robot.fingertips}
        halves = scene.object.halves
        return len(sides) == 2 and 2 * halves[2] > LONG and halves[1] <= WIDEST

    def tried(self, random: np.random.Generator) -> list[Play]:
        """Until the hands meet, and from there on, if both went well."""
        return found if len(found := self.play(random)) == 2 else []

    def shown(self, random: np.random.Generator) -> list[Play]:
        """The same, disturbed; the first part also where only that went well."""
        return self.play(random, DISTURBED * STEADIER)

    def play(self, random: np.random.Generator, disturbed: float = 0.0) -> list[Play]:
        """The parts that went well: grasped and brought to the middle; taken over and brought to the other side.

        Args:
            random: draws where it stands and is brought, and how far the hands go astray.
            disturbed: rad, standard deviation by which targets are off.
        """
        centre, yaw = hands.drawn_place(self._scene, random, ASIDE)
        side = 1.0 if centre[1] > 0.0 else -1.0
        giver, taker = ("left", "right") if side > 0 else ("right", "left")
        self.hands.begin(centre, yaw)
        self._random, self._disturbed = random, disturbed

        gives = self._hold(giver, yaw)
        middle = self._drawn(-MIDDLE * side)
        raised = centre + np.array([0.0, 0.0, RAISED])
        there = (
            self._go(1.0, gives, centre, behind=BEHIND)
            and self._go(0.8, gives, centre)
            and self._go(0.8, gives, centre, grips={giver: 1.0})
            and self._go(0.6, gives, raised, grips={giver: 1.0})
            and self._go(1.6, gives, middle, grips={giver: 1.0})
            and self._go(0.6, gives, middle, grips={giver: 1.0})
        )
        first = self.hands.recorded()
        if not there or not first.lifted:
            return []

        met, orientation = self.hands.object_pose()
        takes = self._hold(taker, _yaw(orientation))
        other = self._drawn(-ASIDE * side)
        there = (
            self._go(1.2, takes, met, behind=BEHIND, grips={giver: 1.0})
            and self._go(0.8, takes, met, grips={giver: 1.0})
            and self._go(0.8, takes, met, grips={giver: 1.0, taker: 1.0})
            and self._go(0.6, takes, met, grips={taker: 1.0})
            and self._go(0.8, gives, middle, behind=BEHIND, grips={taker: 1.0})
            and self._go(1.6, takes, other, grips={taker: 1.0})
            and self._go(1.0, takes, other, grips={taker: 1.0})
        )
        second = self.hands.recorded()
        given = -side * (self.hands.object_pose()[0][1] - met[1]) > GIVEN
        return [first, second] if there and second.lifted and given else [first]

    def _hold(self, side: str, yaw: float) -> Hold:
        """How a hand goes for the object where it is."""
        centre, _ = self.hands.object_pose()
        held = centre + np.array([0.0, 0.0, GRABBED if side == "left" else -GRABBED])
        return Hold(hands.grasping(self._scene, side, held, yaw, self._random), centre)

    def _drawn(self, left: float) -> np.ndarray:
        """(3,) a place for the object so far to the left of the robot's middle, m, world frame."""
        random = self._random
        ahead, aside = random.uniform(-AROUND, AROUND, 2)
        offset = np.array([AHEAD + ahead, left + aside, random.uniform(*LEVEL)])
        place: np.ndarray = self._scene.hand_position + offset
        return place

    def _go(
        self, seconds: float, hold: Hold, centre: np.ndarray, behind: float = 0.0, grips: dict[str, float] | None = None
    ) -> bool:
        """Bring a hand with the object's centre (3,) there; False: it cannot get there."""
        if self.hands.reach(hold.reach.side, hold.at(centre, behind), hold.reach.turn) > NEAR_ENOUGH:
            return False
        self.hands.go(seconds, self.hands.targets(grips or {}), self._random, self._disturbed)
        return True


def _yaw(orientation: np.ndarray) -> float:
    """rad to the left, of what stands upright, or nearly so (4,)."""
    forwards = quaternion.rotate(orientation, np.array([1.0, 0.0, 0.0]))
    return float(np.arctan2(forwards[1], forwards[0]))
