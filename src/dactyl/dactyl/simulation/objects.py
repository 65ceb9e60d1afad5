"""Objects as MuJoCo has them."""

from __future__ import annotations

import mujoco
import numpy as np

from dactyl.objects.object import Object

_GEOMS = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "mesh": mujoco.mjtGeom.mjGEOM_MESH,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
}
_PAINT = 0.0003  # m, half as thick as the paint on a face
_PAINTED = 0.94  # of a face's edge
_TORSION, _ROLLING = 4, 6  # dimensions of a contact: with torsional friction, and with rolling friction too
MATERIAL = "material:object"
"""What a robot's model may bring to make the object look like something."""


def mesh_name(scale: float) -> str:
    """Name of the object's mesh at that scale."""
    return f"object_{scale:.2f}"


def add_object(spec: mujoco.MjSpec, shape: Object, position: np.ndarray) -> None:
    """Add body, free joint, geom (all called "object") and markers.

    Args:
        spec: to add to.
        shape: what to add.
        position: (3,) of its centre in the world, m.
    """
    body = spec.worldbody.add_body(name="object", pos=position)
    body.add_freejoint(name="object")
    geom = body.add_geom(name="object", density=shape.density, condim=_ROLLING if shape.rolls else _TORSION)
    if any(material.name == MATERIAL for material in spec.materials):
        geom.material = MATERIAL
    geom.type = _GEOMS[shape.geometry]
    if shape.geometry == "mesh":
        for scale in shape.mesh_scales:
            spec.add_mesh(name=mesh_name(scale), uservert=np.ravel(scale * shape.vertices))
        geom.meshname = mesh_name(1.0)
    elif shape.geometry == "cylinder":
        geom.size = [shape.halves[0], shape.halves[2], 0.0]
    else:
        geom.size = shape.halves.tolist() if shape.geometry == "box" else [shape.half_size, 0.0, 0.0]
    for i, colour in enumerate(shape.colours):
        _paint_face(body, shape.half_size, i, colour)
    for i, marker in enumerate(shape.markers):
        body.add_site(name=f"marker_object_{i}", pos=marker, size=[0.002] * 3, rgba=[1.0, 0.1, 0.1, 1.0], group=3)


def face_name(face: int) -> str:
    """Name of the geom that a box's face is painted with, in the order of `Object.colours`."""
    return f"object_face_{face}"


def _paint_face(body: mujoco.MjsBody, half: float, face: int, colour: tuple[float, float, float]) -> None:
    """A thin plate that nothing touches and that weighs nothing."""
    axis, sign = face // 2, 1.0 - 2.0 * (face % 2)
    size, position = np.full(3, _PAINTED * half), np.zeros(3)
    size[axis], position[axis] = _PAINT, sign * (half + _PAINT)
    body.add_geom(
        name=face_name(face), type=mujoco.mjtGeom.mjGEOM_BOX, size=size, pos=position, rgba=[*colour, 1.0],
        contype=0, conaffinity=0, mass=0.0,
    )  # fmt: skip
