"""How two hands press on what is too large for one: with flat palms, or with the fingers at a placement of stickers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from dactyl.maths import quaternion

FINGERS = 0.09  # m from the palm to where the middle finger presses


class Press(NamedTuple):
    """One hand's, the other one's is its mirror image."""

    height: float
    """Where it presses on its side, above the object's middle, as a share of half its height."""
    down: float
    """rad by which the fingers point down."""
    inwards: float
    """rad by which they point towards the object: else the heel of the hand would be there before them."""
    beyond: float
    """m from the palm to what presses."""


PALMS = Press(0.0, 0.0, 0.0, 0.0)
"""What is done unless a placement is asked for."""
PRESSES: Mapping[str, Press] = {
    "sides": Press(0.0, 0.0, 0.4, FINGERS),
    "bottom_edges": Press(-1.0, 0.9, 0.5, FINGERS),
}
"""By the placement of stickers, see `environment.stickers`."""


def held(press: Press, turn: np.ndarray, away: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How the hand is turned (4,), and from the palm to where it presses (3,), m, world frame.

    Args:
        press: how.
        turn: (4,) a level hand, its fingers along the side.
        away: (3,) unit, out of the side that is pressed on.
    """
    for towards, angle in ((np.array([0.0, 0.0, -1.0]), press.down), (-away, press.inwards)):
        about = np.cross(_fingers(turn), towards)
        turn = quaternion.multiply(quaternion.from_rotation_vector(angle * about), turn)
    return turn, press.beyond * _fingers(turn)


def _fingers(turn: np.ndarray) -> np.ndarray:
    """(3,) unit, where the fingers of a hand (4,) point."""
    fingers: np.ndarray = quaternion.rotate(turn, np.array([0.0, 0.0, -1.0]))
    return fingers
