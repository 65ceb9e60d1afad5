"""The objects of the paper: a 5 cm block, an octagonal prism, a sphere (sections 2 and 6.2), built in code."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

import mujoco
import numpy as np
from array_api_compat import array_namespace

from dactyl.maths.arrays import Constant
from dactyl.maths.quaternion import Array

HALF_SIZE = 0.025  # m: half the block's edge, the prism's inner radius and half height, the sphere's radius
DENSITY = 567.0  # kg/m³, of the gymnasium-robotics block: 71 g

MESH_SCALES: tuple[float, ...] = tuple(round(0.95 + 0.01 * i, 2) for i in range(11))
"""Sizes a mesh object is compiled in: meshes cannot be scaled per world, so dimensions are randomised among these."""

OBJECT_MARKERS: np.ndarray = HALF_SIZE * np.concatenate([np.eye(3), -np.eye(3)])
"""(6, 3) motion-capture markers in the object frame, m: flush with the middle of each face."""


def _block(spec: mujoco.MjSpec, geom: mujoco.MjsGeom) -> None:
    geom.type = mujoco.mjtGeom.mjGEOM_BOX
    geom.size = [HALF_SIZE] * 3


def _octagonal_prism(spec: mujoco.MjSpec, geom: mujoco.MjsGeom) -> None:
    angles = np.arange(8) * pi / 4 + pi / 8
    radius = HALF_SIZE / cos(pi / 8)
    vertices = np.array([[radius * cos(a), radius * sin(a), z] for z in (-HALF_SIZE, HALF_SIZE) for a in angles])
    for scale in MESH_SCALES:
        spec.add_mesh(name=mesh_name(scale), uservert=np.ravel(scale * vertices))
    geom.type = mujoco.mjtGeom.mjGEOM_MESH
    geom.meshname = mesh_name(1.0)


def _sphere(spec: mujoco.MjSpec, geom: mujoco.MjsGeom) -> None:
    geom.type = mujoco.mjtGeom.mjGEOM_SPHERE
    geom.size = [HALF_SIZE, 0.0, 0.0]


def mesh_name(scale: float) -> str:
    """Name of the object's mesh at that scale."""
    return f"object_{scale:.2f}"


_ADD: dict[str, Callable[[mujoco.MjSpec, mujoco.MjsGeom], None]] = {
    "block": _block,
    "octagonal_prism": _octagonal_prism,
    "sphere": _sphere,
}
OBJECTS: tuple[str, ...] = tuple(_ADD)

_FACES: dict[str, Constant] = {
    # unit normals (columns) of the faces of a convex object of inner radius HALF_SIZE, one of each opposite pair
    "block": Constant(np.eye(3)),
    "octagonal_prism": Constant(
        np.array([[0.0, 0.0, 1.0], *([cos(k * pi / 4), sin(k * pi / 4), 0.0] for k in range(4))]).T
    ),
}


def clearance(kind: str, points: Array, scale: Array) -> Array:
    """How far points are outside an object's surface, m, negative inside; along the nearest face's normal.

    Args:
        kind: one of OBJECTS.
        points: (N, points, 3) in the object frame, m.
        scale: (N,) factor on the object's dimensions.

    Returns:
        (N, points)
    """
    xp = array_namespace(points, scale)
    if kind == "sphere":
        reach = xp.sqrt(xp.sum(points * points, axis=-1))
    else:
        reach = xp.max(xp.abs(points @ _FACES[kind].like(points)), axis=-1)
    return reach - HALF_SIZE * scale[:, None]


def add_object(spec: mujoco.MjSpec, kind: str, position: np.ndarray) -> None:
    """Add body, free joint, geom (all called "object") and markers; faces carry the model's coloured texture."""
    body = spec.worldbody.add_body(name="object", pos=position)
    body.add_freejoint(name="object")
    geom = body.add_geom(name="object", material="material:object", density=DENSITY, condim=4)
    _ADD[kind](spec, geom)
    for i, marker in enumerate(OBJECT_MARKERS):
        body.add_site(name=f"marker_object_{i}", pos=marker, size=[0.002] * 3, rgba=[1.0, 0.1, 0.1, 1.0], group=3)
