"""What is manipulated, as data: geometry, symmetries, markers; no MuJoCo, so that nodes may know it too."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from array_api_compat import array_namespace

from dactyl.maths import quaternion
from dactyl.maths.arrays import Constant
from dactyl.maths.quaternion import Array


@dataclass(frozen=True, eq=False)
class Object:
    """One convex object, all in its own frame, whose origin is its centre; m."""

    name: str
    half_size: float
    """Of a block half its edge, of a prism its inner radius and half height, of a sphere its radius; of what is longer
    one way than the other, see `halves`, the smallest."""
    geometry: Literal["box", "mesh", "sphere", "cylinder"]
    """How it is simulated. A cylinder stands along z."""
    wireframe: np.ndarray
    """(E, 2, 3) edges, to draw it."""
    keypoints: np.ndarray
    """(K, 3) points that say where it is and how it is turned; corners, where it has some."""
    faces: np.ndarray
    """(F, 3) unit normals of its flat faces, one of each opposite pair; all are `half_size` away. (0, 3) if round."""
    generators: tuple[tuple[float, float, float], ...]
    """Rotation vectors, rad, from which all rotations that bring its shape onto itself follow; empty if infinite."""
    markers: np.ndarray
    """(M, 3) motion-capture markers."""
    start_steps: int = 100
    """Random actions before a trial (appendix C.1)."""
    density: float = 567.0
    """kg/m³"""
    mesh_scales: tuple[float, ...] = ()
    """Sizes a mesh is compiled in: meshes cannot be scaled in each environment, so these stand in."""
    vertices: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    """(V, 3) of a mesh."""
    colours: tuple[tuple[float, float, float], ...] = ()
    """RGB of a box's faces +x, -x, +y, -y, +z, -z; empty: it is plain, or the robot's model says how it looks."""
    extents: tuple[float, float, float] | None = None
    """Half its lengths along x, y and z, where they differ, of a box or a cylinder; None: each is `half_size`."""
    stands: float = 0.0
    """m that its centre is above the robot's place of rest, which over a table is meant for what is 5 cm high."""

    @cached_property
    def halves(self) -> np.ndarray:
        """(3,) half its lengths along x, y and z, m."""
        return np.full(3, self.half_size) if self.extents is None else np.array(self.extents)

    @property
    def rolls(self) -> bool:
        """Whether it is round all over: it resists rolling, and how it is turned does not show in its shape."""
        return self.geometry == "sphere"

    @cached_property
    def _halves(self) -> Constant:
        return Constant(self.halves)

    @cached_property
    def _faces(self) -> Constant:
        return Constant(self.faces.T)

    @cached_property
    def keypoint_constant(self) -> Constant:
        """`keypoints`, for any array."""
        return Constant(self.keypoints)

    @cached_property
    def symmetries(self) -> Constant:
        """All rotations that bring the shape onto itself, quaternions (K, 4): 24 of the block, 16 of the prism."""
        generators = [quaternion.from_rotation_vector(np.array(v)) for v in self.generators]
        found = [np.array([1.0, 0.0, 0.0, 0.0])]
        for known in found:  # grows while it is read
            for generator in generators:
                new = quaternion.multiply(known, generator)
                if all(quaternion.difference_angle(new, old) > 1e-3 for old in found):
                    found.append(new)
        return Constant(np.stack(found))

    def clearance(self, points: Array, scale: Array) -> Array:
        """How far points are outside the surface, m, negative inside; along the nearest face's normal.

        Args:
            points: (N, P, 3) in the object frame, m.
            scale: (N,) factor on the object's dimensions.

        Returns:
            (N, P)
        """
        xp = array_namespace(points, scale)
        if self.extents is not None:
            return self._beyond(points, scale)
        if len(self.faces) == 0:
            reach = xp.sqrt(xp.sum(points * points, axis=-1))
        else:
            reach = xp.max(xp.abs(points @ self._faces.like(points)), axis=-1)
        return reach - self.half_size * scale[:, None]

    def _beyond(self, points: Array, scale: Array) -> Array:
        """See `clearance`: of a box or a cylinder with lengths of its own."""
        xp = array_namespace(points, scale)
        away, halves = xp.abs(points), self._halves.like(points)
        if self.geometry == "cylinder":
            around = xp.sqrt(xp.sum(points[..., :2] ** 2, axis=-1))
            away = xp.stack([around, away[..., 2]], axis=-1)
            halves = halves[1:]
        return xp.max(away - halves * scale[:, None, None], axis=-1)

    def reduce(self, orientation: Array) -> Array:
        """The smallest rotation, (..., 4) with w >= 0, that an object of this shape and orientation could be in.

        How fingers can grip depends on the block's orientation only up to its 24 symmetries; which face is which only
        matters for the rotation to the goal. A network told this need not find it out. A ball could be in none at all.
        """
        xp = array_namespace(orientation)
        if self.rolls:
            return self.symmetries.like(orientation)[0] + xp.zeros_like(orientation)
        candidates = quaternion.multiply(orientation[..., None, :], self.symmetries.like(orientation))
        smallest = xp.argmax(xp.abs(candidates[..., 0]), axis=-1)
        chosen = xp.take_along_axis(candidates, smallest[..., None, None], axis=-2)
        return quaternion.canonical(chosen[..., 0, :])
