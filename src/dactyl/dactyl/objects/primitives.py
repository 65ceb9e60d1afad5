"""Objects on a table, of primitive shapes: what a humanoid grasps, lifts and hands over (Lin et al., section III-A).

The paper names the shapes, and of a mass the range that it draws from. Sizes are a choice: what a hand of human size
can hold, a carton that it cannot, a bar that two hands have room on. Each weighs the middle of Table IV's range.
"""

from __future__ import annotations

from itertools import combinations, product
from math import pi
from typing import Literal

import numpy as np

from dactyl.objects.object import Object

MASSES = (0.03, 0.1)
"""kg, Table IV."""
MASS = sum(MASSES) / 2
FLUSH = 0.025
"""m above a table: where robots over a table say that objects rest, the centre of what is 5 cm high."""
_CORNERS = np.array(list(product((-1.0, 1.0), repeat=3)))
_SIDES = np.concatenate([np.eye(3), -np.eye(3)])


def box(name: str, x: float, y: float, z: float) -> Object:
    """A box with these edges, m, standing on its side -z."""
    half = (x / 2, y / 2, z / 2)
    turns = [pi if a != b else pi / 2 for a, b in ((y, z), (x, z), (x, y))]
    generators = tuple(tuple(turn * float(i == axis) for i in range(3)) for axis, turn in enumerate(turns))
    return _made(name, "box", half, x * y * z, generators)


def cylinder(name: str, radius: float, height: float) -> Object:
    """An upright cylinder, m. It looks alike however it is turned about itself, which no finite group says."""
    half = (radius, radius, height / 2)
    return _made(name, "cylinder", half, pi * radius**2 * height, ())


def ball(name: str, radius: float) -> Object:
    """A sphere, m."""
    return _made(name, "sphere", (radius, radius, radius), 4 / 3 * pi * radius**3, ())


def _made(
    name: str,
    geometry: Literal["box", "cylinder", "sphere"],
    half: tuple[float, float, float],
    volume: float,
    generators: tuple[tuple[float, ...], ...],
) -> Object:
    corners = np.array(half) * _CORNERS
    edges = [[a, b] for a, b in combinations(corners, 2) if np.sum(a != b) == 1]
    return Object(
        name=name,
        half_size=min(half),
        geometry=geometry,
        wireframe=np.array(edges),  # of the box around it
        keypoints=corners,
        faces=np.eye(3) if geometry == "box" else np.zeros((0, 3)),
        generators=generators,  # type: ignore[arg-type]
        markers=np.array(half) * _SIDES,
        start_steps=0,  # it lies on a table
        density=MASS / volume,
        extents=None if geometry == "sphere" else half,
        stands=half[2] - FLUSH,
    )


CYLINDERS = (
    cylinder("cylinder", 0.03, 0.12),
    cylinder("slim_cylinder", 0.025, 0.12),
    cylinder("wide_cylinder", 0.035, 0.10),
)
BOXES = (
    box("table_cube", 0.06, 0.06, 0.06),
    box("small_cube", 0.05, 0.05, 0.05),
    box("standing_block", 0.05, 0.05, 0.12),
    box("flat_block", 0.05, 0.08, 0.06),
)
BALLS = (ball("ball", 0.035), ball("small_ball", 0.03), ball("large_ball", 0.04))
BAR = box("bar", 0.05, 0.05, 0.20)
"""For the handover: it stands upright, and both hands have room on it, one above the other."""
CARTON = box("carton", 0.26, 0.36, 0.20)
"""For the box lift: no hand can hold it alone."""
PRIMITIVES = {shape.name: shape for shape in (*CYLINDERS, *BOXES, *BALLS, BAR, CARTON)}

SHAPE_GROUPS = tuple(tuple(shape.name for shape in group) for group in (CYLINDERS, BOXES, BALLS))
"""The ten objects of one hand in three groups of like shapes (section IV-E, `shape`)."""
MIXED_GROUPS = (
    ("cylinder", "table_cube", "ball", "standing_block"),
    ("slim_cylinder", "small_cube", "small_ball"),
    ("wide_cylinder", "flat_block", "large_ball"),
)
"""The same ten in three groups of unlike shapes (`mix`)."""
ALL = tuple(name for group in SHAPE_GROUPS for name in group)
