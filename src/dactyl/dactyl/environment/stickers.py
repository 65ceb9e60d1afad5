"""Contact stickers: points on an object's surface that fingers are wanted at (Lin et al., section III-B, Figure 4).

A sticker is a point in the object's frame. Where the object's size is randomized they stay where the nominal surface
is: 5 % of a few centimetres is a millimetre or two.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from array_api_compat import array_namespace

from dactyl.maths import quaternion
from dactyl.maths.arrays import Constant
from dactyl.maths.quaternion import Array
from dactyl.objects.object import Object

AROUND = 16
"""Directions about the vertical in which there are stickers."""
HEIGHTS = (-0.5, 0.0, 0.5)
"""Of half the object's height."""
SPREAD = 0.02
"""m between neighbouring stickers at the centre of a side, or along an edge."""

Placement = Callable[[Object, str], np.ndarray]
"""An object and a hand, `left` or `right` -> stickers for that hand (S, 3), m, object frame."""


def around(shape: Object, _: str) -> np.ndarray:
    """All the way round the upright sides: any grasp from the side will do."""
    return _ring(shape, HEIGHTS)


def sides(shape: Object, hand: str) -> np.ndarray:
    """The centre of the hand's own side, the object's +y for the left one (Figure 4, top)."""
    x, z = (grid.ravel() for grid in np.meshgrid(SPREAD * np.arange(-1, 2), SPREAD * np.arange(-1, 2)))
    return np.stack([x, np.full(9, _side(hand) * shape.halves[1]), z], axis=1)


def top_bottom(shape: Object, hand: str) -> np.ndarray:
    """The centre of the top for the left hand, of the bottom for the right one (Figure 4, middle)."""
    x, y = (grid.ravel() for grid in np.meshgrid(SPREAD * np.arange(-1, 2), SPREAD * np.arange(-1, 2)))
    return np.stack([x, y, np.full(9, _side(hand) * shape.halves[2])], axis=1)


def bottom_edges(shape: Object, hand: str) -> np.ndarray:
    """The lower edge of the hand's own side (Figure 4, bottom)."""
    x = SPREAD * np.arange(-2, 3)
    return np.stack([x, np.full(5, _side(hand) * shape.halves[1]), np.full(5, -shape.halves[2])], axis=1)


def halves(shape: Object, hand: str) -> np.ndarray:
    """Round the upper half for the left hand, the lower for the right one: room for two hands on one bar."""
    return _ring(shape, (0.3, 0.6) if hand == "left" else (-0.6, -0.3))


PLACEMENTS: dict[str, Placement] = {
    placement.__name__: placement for placement in (around, sides, top_bottom, bottom_edges, halves)
}


def _side(hand: str) -> float:
    return 1.0 if hand == "left" else -1.0


def _ring(shape: Object, heights: tuple[float, ...]) -> np.ndarray:
    """Points of the surface in `AROUND` directions, at heights that are shares of half the object's."""
    angles = 2.0 * np.pi * np.arange(AROUND) / AROUND
    level = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    half = shape.halves
    to_sides = 1.0 / np.max(np.abs(level) / half[:2], axis=1, keepdims=True)  # of a box, from the middle outwards
    level = (to_sides if len(shape.faces) > 0 else half[0]) * level
    rings = []
    for height in heights:
        narrower = np.sqrt(1.0 - height**2) if shape.geometry == "sphere" else 1.0
        rings.append(np.column_stack([narrower * level, np.full(AROUND, height * half[2])]))
    return np.concatenate(rings)


@cache
def place(placement: str, shape: Object, hand: str) -> Constant:
    """A placement's stickers (S, 3), object frame, by its name."""
    return Constant(PLACEMENTS[placement](shape, hand))


def distances(stickers: Array, points: Array) -> Array:
    """From each point to the nearest sticker (equation 2): (…, S, 3) and (…, F, 3) -> (…, F), m. NaN gives NaN."""
    offsets = points[..., :, None, :] - stickers[..., None, :, :]
    xp = array_namespace(offsets)
    return xp.min(xp.sqrt(xp.sum(offsets * offsets, axis=-1)), axis=-1)


def closeness(distance: Array, scale: float) -> Array:
    """1 / (1 + scale · distance): 1 there, 1/2 at 1 / scale m (the kernel of equation 1)."""
    return 1.0 / (1.0 + scale * distance)


def contact(stickers: Array, points: Array, scale: float) -> Array:
    """One hand's part of equation 1: (…, S, 3) and fingertips (…, F, 3), m -> (…,), at most F."""
    near = closeness(distances(stickers, points), scale)
    return array_namespace(near).sum(near, axis=-1)


def in_object_frame(points: Array, position: Array, orientation: Array) -> Array:
    """Points (…, P, 3) as the object has them, whose pose is (…, 3) and (…, 4): stickers need not be moved then."""
    return quaternion.rotate_inverse(orientation[..., None, :], points - position[..., None, :])
