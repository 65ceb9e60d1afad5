"""Rotations at the boundary: the same by tf_transformations and without it."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest

from dactyl.maths import quaternion
from dactyl.ros import transforms

ROTATIONS = [quaternion.uniform(row) for row in np.random.default_rng(0).standard_normal((50, 4))]


def documented() -> ModuleType:
    """What tf_transformations' documentation says of its functions, in its own order of a quaternion's parts."""
    module = ModuleType("tf_transformations")

    def quaternion_matrix(xyzw: np.ndarray) -> np.ndarray:
        q = np.array(xyzw, float) * math.sqrt(2.0 / np.dot(xyzw, xyzw))
        p = np.outer(q, q)
        return np.array(
            [
                [1.0 - p[1, 1] - p[2, 2], p[0, 1] - p[2, 3], p[0, 2] + p[1, 3], 0.0],
                [p[0, 1] + p[2, 3], 1.0 - p[0, 0] - p[2, 2], p[1, 2] - p[0, 3], 0.0],
                [p[0, 2] - p[1, 3], p[1, 2] + p[0, 3], 1.0 - p[0, 0] - p[1, 1], 0.0],
                [0.0, 0.0, 0.0, 1.0],
            ]
        )

    def quaternion_inverse(xyzw: np.ndarray) -> np.ndarray:
        return np.array([-xyzw[0], -xyzw[1], -xyzw[2], xyzw[3]]) / np.dot(xyzw, xyzw)

    def vector_norm(data: np.ndarray) -> float:
        return math.sqrt(np.dot(data, data))

    vars(module).update(
        quaternion_matrix=quaternion_matrix, quaternion_inverse=quaternion_inverse, vector_norm=vector_norm
    )
    return module


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The adapter as it is where tf_transformations is installed."""
    monkeypatch.setitem(sys.modules, "tf_transformations", documented())
    yield importlib.reload(transforms)
    monkeypatch.undo()
    importlib.reload(transforms)


def results(module: ModuleType) -> list[np.ndarray]:
    found = []
    for wxyz in ROTATIONS:
        xyzw = module.to_xyzw(wxyz)
        found += [
            module.quaternion_matrix(xyzw),
            module.quaternion_inverse(xyzw),
            np.array(module.vector_norm(3 * wxyz)),
        ]
    return found


def test_results_are_those_of_tf_transformations(installed: ModuleType) -> None:
    """Protects RViz's frames from depending on what is installed."""
    there = results(installed)
    sys.modules.pop("tf_transformations")
    for own, other in zip(results(importlib.reload(transforms)), there, strict=True):
        np.testing.assert_allclose(own, other, atol=1e-14)


def test_rotations_are_those_of_the_code() -> None:
    """Protects the order of a quaternion's parts, which differs on the two sides of the boundary."""
    for wxyz in ROTATIONS:
        xyzw = transforms.to_xyzw(wxyz)
        np.testing.assert_array_equal(transforms.to_wxyz(xyzw), wxyz)
        np.testing.assert_allclose(transforms.quaternion_matrix(xyzw)[:3, :3], quaternion.to_matrix(wxyz), atol=1e-14)
        inverse = transforms.to_wxyz(transforms.quaternion_inverse(xyzw))
        np.testing.assert_allclose(inverse, quaternion.conjugate(wxyz), atol=1e-14)
