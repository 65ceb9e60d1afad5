"""The objects of the paper: a 5 cm block, an octagonal prism, a sphere (sections 2 and 6.2); TriFinger's cube."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product
from math import cos, pi, sin

import numpy as np

from dactyl.objects.object import Object

_HALF = 0.025  # m
_CUBE = _HALF * np.array(list(product((-1.0, 1.0), repeat=3)))
_MARKERS = _HALF * np.concatenate([np.eye(3), -np.eye(3)])  # flush with the middle of each side
_SCALES = tuple(round(0.95 + 0.01 * i, 2) for i in range(11))


def _circle(radius: float, corners: int) -> np.ndarray:
    """(corners + 1, 3) closed polygon about z."""
    around = np.linspace(0.0, 2 * np.pi, corners + 1) + np.pi / 8
    return radius * np.stack([np.cos(around), np.sin(around), np.zeros_like(around)], axis=1)


def _lines(polygon: np.ndarray) -> np.ndarray:
    return np.stack([polygon[:-1], polygon[1:]], axis=1)


def _prism_wireframe() -> np.ndarray:
    circle, up = _circle(_HALF / cos(pi / 8), 8), np.array([0.0, 0.0, _HALF])
    top, bottom = circle + up, circle - up
    return np.concatenate([_lines(top), _lines(bottom), np.stack([top[:-1], bottom[:-1]], axis=1)])


def _prism_vertices() -> np.ndarray:
    radius, angles = _HALF / cos(pi / 8), np.arange(8) * pi / 4 + pi / 8
    return np.array([[radius * cos(a), radius * sin(a), z] for z in (-_HALF, _HALF) for a in angles])


def _sphere_wireframe() -> np.ndarray:
    circle = _circle(_HALF, 32)
    return np.concatenate([_lines(circle), _lines(circle[:, [1, 2, 0]]), _lines(circle[:, [2, 0, 1]])])


BLOCK = Object(
    name="block",
    half_size=_HALF,
    geometry="box",
    wireframe=np.array([[a, b] for a, b in combinations(_CUBE, 2) if np.sum(a != b) == 1]),
    keypoints=_CUBE,
    faces=np.eye(3),
    generators=((pi / 2, 0.0, 0.0), (0.0, 0.0, pi / 2)),
    markers=_MARKERS,
)
OCTAGONAL_PRISM = Object(
    name="octagonal_prism",
    half_size=_HALF,
    geometry="mesh",
    wireframe=_prism_wireframe(),
    keypoints=_prism_vertices(),
    faces=np.array([[0.0, 0.0, 1.0], *([cos(k * pi / 4), sin(k * pi / 4), 0.0] for k in range(4))]),
    generators=((0.0, 0.0, pi / 4), (pi, 0.0, 0.0)),
    markers=_MARKERS,
    mesh_scales=_SCALES,
    vertices=_prism_vertices(),
)
SPHERE = Object(
    name="sphere",
    half_size=_HALF,
    geometry="sphere",
    wireframe=_sphere_wireframe(),
    keypoints=_CUBE,  # of the cube around it
    faces=np.zeros((0, 3)),
    generators=(),  # nothing to tell apart by its shape, but no finite group either
    markers=_MARKERS,
    start_steps=10,  # hardly one stays on the palm for a hundred
)
_CUBE_HALF = 0.0325  # m
CUBE = replace(
    BLOCK,
    name="cube",
    half_size=_CUBE_HALF,
    wireframe=_CUBE_HALF / _HALF * BLOCK.wireframe,
    keypoints=_CUBE_HALF / _HALF * BLOCK.keypoints,
    markers=_CUBE_HALF / _HALF * BLOCK.markers,
    start_steps=0,  # it lies on a table
    density=0.094 / (2 * _CUBE_HALF) ** 3,
    colours=((1.0, 0.0, 0.0), (1.0, 0.0, 1.0), (0.0, 0.8, 0.0), (1.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 1.0)),
)
"""Of the Real Robot Challenge: 65 mm and 94 g, red, magenta, green, yellow, blue, cyan (trifinger_simulation)."""


def _scaled_cube(name: str, scale: float) -> Object:
    """The cube in another size, on the same table."""
    return replace(
        CUBE,
        name=name,
        half_size=scale * _CUBE_HALF,
        wireframe=scale * CUBE.wireframe,
        keypoints=scale * CUBE.keypoints,
        markers=scale * CUBE.markers,
        stands=(scale - 1.0) * _CUBE_HALF,
    )


CUBE_60, CUBE_120 = _scaled_cube("cube_60", 0.6), _scaled_cube("cube_120", 1.2)
"""The cube at 60 % and 120 %: sizes that the TriFinger paper tries its policy on without training it again."""
SHAPES = {shape.name: shape for shape in (BLOCK, OCTAGONAL_PRISM, SPHERE, CUBE, CUBE_60, CUBE_120)}
