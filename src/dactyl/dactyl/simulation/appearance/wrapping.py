"""An object's surface as a mesh that wears its cube texture as one picture, for renderers that know no cube maps.

OpenGL finds the colour of a point on the surface where the ray from the object's centre through it meets the cube. Here
each face of the cube is cut into pieces, each under one face of the object, and every piece is laid onto the object
along such rays. So edges are where the object has them, and colours where OpenGL has them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from dactyl.objects.object import Object

_TINY = 1e-12  # of half the cube's edge


class Wrapping(NamedTuple):
    """A mesh with texture coordinates."""

    vertices: np.ndarray
    """(n, 3) m, object frame."""
    coordinates: np.ndarray
    """(n, 2) right and down, 0 to 1, in the picture of the six faces one below the other."""
    triangles: np.ndarray
    """(m, 3) vertices of each, counter-clockwise from outside."""


def axes(face: int) -> np.ndarray:
    """(3, 3) rows: where right, down and outwards in a face of the cube texture point, object frame."""
    axis, sign = face // 2, 1.0 - 2.0 * (face % 2)
    right, down, outwards = np.zeros(3), np.zeros(3), np.zeros(3)
    outwards[axis] = sign
    right[[2, 0, 0][axis]] = [-sign, 1.0, sign][axis]
    down[[1, 2, 1][axis]] = [-1.0, sign, -1.0][axis]
    return np.stack([right, down, outwards])


def wrap(shape: Object, inset: float, cells: int = 12) -> Wrapping:
    """The mesh of an object.

    Args:
        shape: the object.
        inset: how far from the border of its face each face's part of the picture ends, as a share of the face, so that
            no colour of the neighbour shows.
        cells: along each edge of the cube. In a piece the texture is laid on straight, which is exact where the
            object's face is parallel to the cube's: a block needs one cell.
    """
    cells = 1 if shape.geometry == "box" else cells
    normals = np.concatenate([shape.faces, -shape.faces])
    known: dict[tuple[int, int, float, float], int] = {}
    vertices, coordinates = list[np.ndarray](), list[list[float]]()
    triangles: list[tuple[int, int, int]] = []
    for face in range(6):
        frame = axes(face)
        outside = np.cross(frame[0], frame[1]) @ frame[2] > 0
        for flat, polygon in _pieces(frame, normals, cells):
            directions = frame[2] + polygon @ frame[:2]
            reach = (directions @ normals.T).max(1) if len(normals) else np.linalg.norm(directions, axis=1)
            points = shape.half_size * directions / reach[:, None]
            inside = 0.5 + (0.5 - inset) * polygon
            corners = []
            for point, (right, down) in zip(points, inside, strict=True):
                key = (face, flat, round(right, 9), round(down, 9))
                if key not in known:
                    known[key] = len(vertices)
                    vertices.append(point)
                    coordinates.append([right, (face + down) / 6.0])
                corners.append(known[key])
            first, *others = corners
            triangles += [(first, a, b) if outside else (first, b, a) for a, b in pairwise(others)]
    return Wrapping(np.array(vertices), np.array(coordinates), np.array(triangles))


def _pieces(frame: np.ndarray, normals: np.ndarray, cells: int) -> list[tuple[int, np.ndarray]]:
    """A face of the cube in pieces: which of the object's faces each is under, and its corners (k, 2), right and down.

    Where rays meet the object is where `normals` reach farthest along them; a round object has one face.
    """
    lines = np.linspace(-1.0, 1.0, cells + 1)
    pieces = []
    for top, bottom in pairwise(lines):
        for left, right in pairwise(lines):
            cell = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
            if not len(normals):
                pieces.append((0, cell))
                continue
            reaches = normals @ frame.T  # (F, 3) of (right, down, 1): how far each normal reaches along a ray
            at_corners = cell @ reaches[:, :2].T + reaches[:, 2]
            beaten = (at_corners[:, None, :] > at_corners[:, :, None] + _TINY).all(0).any(1)
            candidates = np.flatnonzero(~beaten)
            for flat in candidates:
                piece = cell
                for other in candidates[candidates != flat]:
                    piece = _clip(piece, reaches[flat] - reaches[other])
                if _area(piece) > 1e-9:
                    pieces.append((int(flat), piece))
    return pieces


def _clip(polygon: np.ndarray, line: np.ndarray) -> np.ndarray:
    """The part of a convex polygon (k, 2) in which line · (x, y, 1) is not negative."""
    values = polygon @ line[:2] + line[2]
    kept = []
    for i, value in enumerate(values):
        j = (i + 1) % len(values)
        if value >= -_TINY:
            kept.append(polygon[i])
        if min(value, values[j]) < -_TINY and max(value, values[j]) > _TINY:
            kept.append(polygon[i] + value / (value - values[j]) * (polygon[j] - polygon[i]))
    return np.array(kept).reshape(-1, 2)


def _area(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))
