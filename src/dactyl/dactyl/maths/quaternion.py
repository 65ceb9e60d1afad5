"""Quaternion maths on arrays of shape (..., 4), order (w, x, y, z), for numpy and torch alike.

Every function takes and returns arrays of one array-API namespace and works over any leading dimensions. Unless said
otherwise inputs are unit quaternions. Nothing here knows about frames: a quaternion rotates vectors from whatever frame
the caller means to whatever other.
"""

from __future__ import annotations

from typing import Any

from array_api_compat import array_namespace

Array = Any  # numpy.ndarray or torch.Tensor


def normalize(q: Array) -> Array:
    """Scale to unit length; zero length gives NaN."""
    xp = array_namespace(q)
    return q / xp.sqrt(xp.sum(q * q, axis=-1, keepdims=True))


def multiply(a: Array, b: Array) -> Array:
    """Hamilton product: the rotation b followed by the rotation a."""
    xp = array_namespace(a, b)
    aw, ax, ay, az = (a[..., i] for i in range(4))
    bw, bx, by, bz = (b[..., i] for i in range(4))
    return xp.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def conjugate(q: Array) -> Array:
    """The inverse rotation."""
    xp = array_namespace(q)
    return xp.concat([q[..., :1], -q[..., 1:]], axis=-1)


def rotate(q: Array, v: Array) -> Array:
    """Rotate vectors v (..., 3) by q."""
    xp = array_namespace(q, v)
    w, u = q[..., :1], q[..., 1:]
    u, v = xp.broadcast_arrays(u, v)
    t = 2.0 * xp.linalg.cross(u, v)
    return v + w * t + xp.linalg.cross(u, t)


def rotate_inverse(q: Array, v: Array) -> Array:
    """Rotate vectors v (..., 3) by the inverse of q."""
    return rotate(conjugate(q), v)


def canonical(q: Array) -> Array:
    """The one of q and -q (the same rotation) that has w >= 0."""
    xp = array_namespace(q)
    return xp.where(q[..., :1] < 0.0, -q, q)


def angle(q: Array) -> Array:
    """Rotation angle of q in rad, in [0, pi], shape (...,). Accurate near 0 and pi; q need not be exactly unit."""
    xp = array_namespace(q)
    v = q[..., 1:]
    return 2.0 * xp.atan2(xp.sqrt(xp.sum(v * v, axis=-1)), xp.abs(q[..., 0]))


def difference_angle(a: Array, b: Array) -> Array:
    """Angle in rad, in [0, pi], of the rotation that turns b into a."""
    return angle(multiply(a, conjugate(b)))


def from_rotation_vector(v: Array) -> Array:
    """The rotation by |v| rad about v, for vectors v (..., 3); the zero vector gives the identity."""
    xp = array_namespace(v)
    theta = xp.sqrt(xp.sum(v * v, axis=-1, keepdims=True))
    small = theta < 1e-8
    safe = xp.where(small, xp.ones_like(theta), theta)
    scale = xp.where(small, 0.5 * xp.ones_like(theta), xp.sin(0.5 * safe) / safe)
    return xp.concat([xp.cos(0.5 * theta), scale * v], axis=-1)


def uniform(normals: Array) -> Array:
    """Uniformly distributed rotations from independent standard normal numbers (..., 4)."""
    return canonical(normalize(normals))
