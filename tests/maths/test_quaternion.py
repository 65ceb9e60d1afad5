"""Quaternion maths: scipy's Rotation is the judge, and numpy and torch have to agree."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from dactyl.maths import quaternion


@pytest.fixture(params=[np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def array(request: pytest.FixtureRequest) -> Callable[[np.ndarray], quaternion.Array]:
    """Makes an array of either library."""
    return request.param


def rotations(count: int, seed: int) -> np.ndarray:
    return quaternion.uniform(np.random.default_rng(seed).normal(size=(count, 4)))


def scipys(q: np.ndarray) -> Rotation:
    return Rotation.from_quat(np.roll(np.asarray(q), -1, axis=-1))


A, B = rotations(200, seed=1), rotations(200, seed=2)
V = np.random.default_rng(3).normal(size=(200, 3))


def test_multiply_composes_rotations(array):
    """The order of the factors: b first, then a. A swap would turn every relative orientation around."""
    product = np.asarray(quaternion.multiply(array(A), array(B)))
    np.testing.assert_allclose(scipys(product).as_matrix(), (scipys(A) * scipys(B)).as_matrix(), atol=1e-12)


def test_conjugate_undoes(array):
    identity = np.asarray(quaternion.multiply(array(A), quaternion.conjugate(array(A))))
    np.testing.assert_allclose(identity, np.tile([1.0, 0, 0, 0], (200, 1)), atol=1e-12)


def test_rotate_and_its_inverse(array):
    np.testing.assert_allclose(quaternion.rotate(array(A), array(V)), scipys(A).apply(V), atol=1e-12)
    np.testing.assert_allclose(quaternion.rotate_inverse(array(A), array(V)), scipys(A).inv().apply(V), atol=1e-12)


def test_rotate_broadcasts_leading_dimensions(array):
    """One rotation for several points of a world, and one point for several rotations."""
    points = V[:8]
    turned = np.asarray(quaternion.rotate(array(A)[:, None], array(points)))
    assert turned.shape == (200, 8, 3)
    np.testing.assert_allclose(turned[7], scipys(A[7]).apply(points), atol=1e-12)
    np.testing.assert_allclose(quaternion.rotate(array(A), array(V[0])), scipys(A).apply(V[0]), atol=1e-12)


def test_angles(array):
    np.testing.assert_allclose(quaternion.angle(array(A)), scipys(A).magnitude(), atol=1e-12)
    between = (scipys(A) * scipys(B).inv()).magnitude()
    np.testing.assert_allclose(quaternion.difference_angle(array(A), array(B)), between, atol=1e-12)
    np.testing.assert_allclose(quaternion.difference_angle(array(B), array(A)), between, atol=1e-12)


@pytest.mark.parametrize("theta", [0.0, 1e-9, 1e-6, 1e-3, np.pi - 1e-6, np.pi])
def test_angles_are_accurate_at_both_ends(array, theta):
    """acos of w would lose half the digits near 0 and report 0 below 1e-8 rad."""
    q = np.array([[np.cos(theta / 2), np.sin(theta / 2) * 0.6, 0.0, -np.sin(theta / 2) * 0.8]])
    np.testing.assert_allclose(quaternion.angle(array(q)), [theta], rtol=1e-12, atol=1e-15)


def test_q_and_minus_q_are_one_rotation(array):
    """Neither distance nor what a network sees may depend on the sign a simulator happens to return."""
    np.testing.assert_allclose(quaternion.difference_angle(array(A), array(-B)),
                               quaternion.difference_angle(array(A), array(B)), atol=1e-12)  # fmt: skip
    np.testing.assert_array_equal(quaternion.canonical(array(-A)), quaternion.canonical(array(A)))
    assert (np.asarray(quaternion.canonical(array(-A)))[:, 0] >= 0).all()


@pytest.mark.parametrize("length", [1e-12, 1e-6, 0.1, 3.0, 7.0])
def test_rotation_vectors(array, length):
    vectors = length * V / np.linalg.norm(V, axis=-1, keepdims=True)
    q = np.asarray(quaternion.from_rotation_vector(array(vectors)))
    difference = scipys(q).inv() * Rotation.from_rotvec(vectors)
    assert difference.magnitude().max() < 1e-12
    np.testing.assert_allclose(np.linalg.norm(q, axis=-1), 1.0, atol=1e-12)


def test_no_rotation_is_the_identity(array):
    np.testing.assert_array_equal(quaternion.from_rotation_vector(array(np.zeros((2, 3)))), [[1.0, 0, 0, 0]] * 2)


def test_normalize(array):
    np.testing.assert_allclose(quaternion.normalize(array(3.0 * A)), A, atol=1e-12)


def test_what_is_not_a_rotation_stays_visible(array):
    """NaN and the zero quaternion must come out as NaN: callers test for it."""
    nothing = np.array([[0.0, 0, 0, 0], [np.nan, 0, 0, 1]])
    with np.errstate(invalid="ignore"):
        assert np.isnan(np.asarray(quaternion.angle(quaternion.normalize(array(nothing))))).all()


def test_numpy_and_torch_agree_in_single_precision():
    """The nodes use numpy, training uses torch: what a policy sees must not depend on it."""
    a, b, v = (x.astype(np.float32) for x in (A, B, V))
    for function, arguments in (
        (quaternion.multiply, (a, b)), (quaternion.rotate, (a, v)), (quaternion.canonical, (-a,)),
        (quaternion.difference_angle, (a, b)), (quaternion.from_rotation_vector, (v,)),
    ):  # fmt: skip
        ours, theirs = function(*arguments), function(*map(torch.as_tensor, arguments))
        assert ours.dtype == np.float32
        assert theirs.dtype == torch.float32
        np.testing.assert_allclose(ours, theirs, atol=5e-7)
