"""Stickers: on the surface, where Figure 4 has them; equations 1 and 2 in numbers done by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dactyl import objects
from dactyl.environment import stickers
from dactyl.maths import quaternion

CARTON, CYLINDER = objects.load("carton"), objects.load("cylinder")


@pytest.mark.parametrize("placement", stickers.PLACEMENTS)
@pytest.mark.parametrize("kind", ["cylinder", "flat_block", "ball", "bar", "carton"])
@pytest.mark.parametrize("hand", ["left", "right"])
def test_stickers_are_on_the_surface(placement: str, kind: str, hand: str) -> None:
    """Those at the centre of a side lie within 4 cm of it; of round things they may stand off by that much."""
    shape = objects.load(kind)
    found = stickers.PLACEMENTS[placement](shape, hand)
    assert found.shape == (len(found), 3)
    if placement in ("around", "halves") or kind == "carton":
        np.testing.assert_allclose(shape.clearance(found[None], np.ones(1)), 0.0, atol=1e-9)


def test_the_three_placements_of_figure_4() -> None:
    half = CARTON.halves
    left, right = (stickers.sides(CARTON, hand) for hand in ("left", "right"))
    np.testing.assert_allclose(left.mean(axis=0), [0.0, half[1], 0.0], atol=1e-12)
    np.testing.assert_allclose(right.mean(axis=0), [0.0, -half[1], 0.0], atol=1e-12)
    top, bottom = (stickers.top_bottom(CARTON, hand) for hand in ("left", "right"))
    np.testing.assert_allclose(top.mean(axis=0), [0.0, 0.0, half[2]], atol=1e-12)
    np.testing.assert_allclose(bottom.mean(axis=0), [0.0, 0.0, -half[2]], atol=1e-12)
    edges = [stickers.bottom_edges(CARTON, hand) for hand in ("left", "right")]
    for edge, side in zip(edges, (1.0, -1.0), strict=True):
        np.testing.assert_allclose(edge[:, 1], side * half[1])
        np.testing.assert_allclose(edge[:, 2], -half[2])


def test_two_hands_on_a_bar_have_halves_of_their_own() -> None:
    bar = objects.load("bar")
    assert (stickers.halves(bar, "left")[:, 2] > 0.0).all()
    assert (stickers.halves(bar, "right")[:, 2] < 0.0).all()


def test_a_point_is_as_far_as_the_nearest_sticker() -> None:
    """Equation 2."""
    there = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    points = np.array([[[0.0, 0.3, 0.4], [1.0, 0.0, 0.1], [0.5, 0.0, 0.0]]])
    np.testing.assert_allclose(stickers.distances(there, points), [[0.5, 0.1, 0.5]])


def test_fingers_on_their_stickers_earn_one_each_and_half_at_the_scale() -> None:
    """Equation 1."""
    there = np.zeros((1, 3))
    points = np.array([[[0.0, 0.0, 0.0], [0.02, 0.0, 0.0], [0.0, 0.0, 0.06], [0.0, 0.0, 0.0]]])
    np.testing.assert_allclose(stickers.contact(there, points, 50.0), [1.0 + 0.5 + 0.25 + 1.0])
    assert np.isnan(stickers.contact(there, np.full((1, 4, 3), np.nan), 50.0)).all()


def test_numpy_and_torch_agree_and_stickers_turn_with_the_object() -> None:
    random = np.random.default_rng(0)
    points, position = random.normal(size=(20, 4, 3)), random.normal(size=(20, 3))
    orientation = quaternion.uniform(random.normal(size=(20, 4)))
    fixed = stickers.place("around", CYLINDER, "right")
    inside = stickers.in_object_frame(points, position, orientation)
    there = stickers.in_object_frame(*(torch.as_tensor(x) for x in (points, position, orientation)))
    np.testing.assert_allclose(inside, there, atol=1e-12)
    near = stickers.distances(fixed.like(inside), inside)
    np.testing.assert_allclose(near, stickers.distances(fixed.like(there), there), atol=1e-12)
    outside = quaternion.rotate(orientation[:, None], fixed.like(inside)[None]) + position[:, None]
    np.testing.assert_allclose(near, stickers.distances(outside, points), atol=1e-12)
