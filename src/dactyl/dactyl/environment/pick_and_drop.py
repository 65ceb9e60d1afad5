"""Reaches chained into picking something up and dropping it elsewhere: a state machine (Lin et al., section IV).

The paper says that its grasp-and-reach policies can be chained by finite state machines, and shows a pick-and-drop
system; it describes none. This one has two reaches and a hand that opens. Which hand acts is the task's own choice,
with the goal of the first reach; the second keeps it.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import numpy as np

FALLEN = 0.03
"""m that an object must be below where a hand let go of it: else it still holds it."""


class Stage(Enum):
    """What is going on."""

    WAIT = "waits for an object"
    PICK = "picks it up"
    CARRY = "carries it"
    RELEASE = "lets go of it"


LOST, LATE = "lost", "late"
"""Why a hand lets go before it was at the place."""


class Patience(NamedTuple):
    """s"""

    settle: float
    """That an object lies before it is picked up."""
    reach: float
    """At most, of each reach."""
    fall: float
    """That it gets to fall, at least, once the hand is to let go."""
    release: float
    """At most, until the hand is open."""


class Seen(NamedTuple):
    """What is known in a control step."""

    there: bool
    """The object can be picked up, and somebody would do it."""
    reached: bool
    """It is where the stage wants it."""
    lost: bool
    """It is known to be out of reach; one that is not seen is not."""
    opened: bool
    """The hands are open."""


class Progress(NamedTuple):
    """Of one round."""

    stage: Stage = Stage.WAIT
    spent: float = 0.0
    """s in the stage; while it waits, that the object has lain there."""
    reason: str = ""
    """Why the hand lets go too early; empty: it does not."""


def advance(now: Progress, seen: Seen, patience: Patience, period: float) -> Progress:
    """A control step of `period` s later. After RELEASE it waits for the next object."""
    spent = now.spent + period
    if now.stage is Stage.WAIT:
        if not seen.there:
            return Progress()
        return Progress(Stage.PICK) if spent > patience.settle else now._replace(spent=spent)
    if now.stage is Stage.RELEASE:
        over = spent > (patience.fall if seen.opened else patience.release)
        return Progress() if over else now._replace(spent=spent)
    if seen.lost:
        return Progress(Stage.RELEASE, reason=LOST)
    if seen.reached:
        return Progress(Stage.CARRY if now.stage is Stage.PICK else Stage.RELEASE)
    return Progress(Stage.RELEASE, reason=LATE) if spent > patience.reach else now._replace(spent=spent)


def towards(here: np.ndarray, there: np.ndarray, stride: float) -> np.ndarray:
    """A goal (3,), m, on the way from where the object is to where it is to go, at most a stride ahead of it.

    Policies have been trained with goals near the object. Where the object is not known, NaN, it is the end of the way.
    """
    way = there - here
    length = float(np.linalg.norm(way))
    return here + stride / length * way if length > stride else there


def dropped_at(position: np.ndarray, place: np.ndarray, up: np.ndarray, within: float) -> bool:
    """Whether an object at a position (3,) was dropped where it was to be: it fell, and lies below the place.

    Args:
        position: of its centre, robot frame, m; NaN where it is not known, and then it was not.
        place: (3,) where the hand was to let go of it.
        up: (3,) the vertical, unit.
        within: m that it may lie aside.
    """
    offset = position - place
    height = float(offset @ up)
    return bool(np.linalg.norm(offset - height * up) < within and height < -FALLEN)
