"""Quaternion maths: scipy's Rotation is the judge, and numpy and torch have to agree."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation, Slerp

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


def test_matrices_are_scipys(array):
    np.testing.assert_allclose(quaternion.to_matrix(array(A)), scipys(A).as_matrix(), atol=1e-12)


def test_a_matrix_turns_points_as_its_quaternion_does(array):
    """Protects a transposed matrix from going unnoticed."""
    turned = np.einsum("nij,nj->ni", np.asarray(quaternion.to_matrix(array(A))), V)
    np.testing.assert_allclose(turned, quaternion.rotate(array(A), array(V)), atol=1e-12)


def test_one_quaternion_gives_the_same_matrix_as_many_to_the_bit():
    """Protects the short cut that the nodes take."""
    np.testing.assert_array_equal([quaternion.to_matrix(q) for q in A], quaternion.to_matrix(A))


def half_turns() -> np.ndarray:
    """Rotations whose w is 0 or nearly: about each axis and between axes."""
    axes = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, -1, 1], [1, -1, 1]])
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    return np.concatenate([quaternion.from_rotation_vector(turn * axes) for turn in (np.pi, np.pi - 1e-9, 0.0)])


def test_from_matrix_undoes_to_matrix_half_turns_included(array):
    """Protects poses of the vision network, which come as matrices: the textbook formula divides by w."""
    for right in (A, half_turns()):
        found = np.asarray(quaternion.from_matrix(quaternion.to_matrix(array(right))))
        assert (found[:, 0] >= 0.0).all()
        np.testing.assert_allclose(np.abs(np.sum(found * right, axis=-1)), 1.0, atol=1e-12)


def test_matrices_keep_any_leading_dimensions(array):
    many = array(A.reshape(4, 5, 10, 4))
    matrices = quaternion.to_matrix(many)
    assert tuple(matrices.shape) == (4, 5, 10, 3, 3)
    np.testing.assert_allclose(quaternion.from_matrix(matrices), quaternion.canonical(many), atol=1e-12)
    np.testing.assert_allclose(quaternion.from_matrix(matrices[0, 0, 0]), many[0, 0, 0], atol=1e-12)


def test_slerp_is_scipys(array):
    shares = np.random.default_rng(4).uniform(size=200)
    found = np.asarray(quaternion.slerp(array(A), array(B), array(shares)))
    for a, b, share, between in zip(scipys(A), scipys(B), shares, scipys(found), strict=True):
        expected = Slerp([0.0, 1.0], Rotation.concatenate([a, b]))(share)
        assert (expected.inv() * between).magnitude() < 1e-7


def test_slerp_begins_at_one_end_and_goes_the_shorter_way_to_the_other(array):
    """Protects interpolated poses: of q and -q, the same rotation, the nearer must be taken."""
    for other in (B, -B):
        np.testing.assert_allclose(quaternion.slerp(array(A), array(other), 0.0), A, atol=1e-12)
        end = np.asarray(quaternion.slerp(array(A), array(other), 1.0))
        np.testing.assert_allclose(np.abs(np.sum(end * B, axis=-1)), 1.0, atol=1e-12)
        half = quaternion.slerp(array(A), array(other), 0.5)
        whole = quaternion.difference_angle(array(A), array(B))
        np.testing.assert_allclose(quaternion.difference_angle(half, array(A)), 0.5 * whole, atol=1e-9)


def test_slerp_between_equal_rotations_is_that_rotation(array):
    """Protects against a division by the zero angle."""
    np.testing.assert_array_equal(quaternion.slerp(array(A), array(A), 0.3), A)


def test_rotation_vectors_there_and_back() -> None:
    """Protects errors as vectors: zero, tiny, half a turn and all between; never longer than half a turn."""
    vectors = np.random.default_rng(0).normal(size=(200, 3))
    vectors *= np.linspace(0.0, np.pi - 1e-6, 200)[:, None] / np.linalg.norm(vectors, axis=1, keepdims=True)
    turns = quaternion.from_rotation_vector(vectors)
    for same in (turns, -turns):
        np.testing.assert_allclose(quaternion.to_rotation_vector(same), vectors, atol=1e-7)
    beyond = quaternion.from_rotation_vector(np.array([0.0, 0.0, np.pi + 0.5]))
    np.testing.assert_allclose(quaternion.to_rotation_vector(beyond), [0.0, 0.0, 0.5 - np.pi], atol=1e-9)
