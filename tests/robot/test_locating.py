"""Where an object is by a mask and depth: geometry done by hand, and no place without what it is made of."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.maths import pinhole
from dactyl.robot.locating import NO_DEPTH, OTHER_SIZE, UNSEEN, NotLocatedError, locate

WIDTH, HEIGHT = 64, 48
K = pinhole.camera_matrix(40.0, WIDTH, HEIGHT)
BACKGROUND = 2.0  # m


def board(centre: np.ndarray, half: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Depth and mask (HEIGHT, WIDTH) of a square board that faces the camera, before a wall."""
    pixels = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), axis=-1)
    points = pinhole.unproject(pixels, np.full((HEIGHT, WIDTH), centre[2]), K)
    mask = (np.abs(points[..., :2] - centre[:2]) < half).all(-1)
    return np.where(mask, centre[2], BACKGROUND), mask


@pytest.mark.parametrize("centre", [(0.0, 0.0, 0.8), (0.12, -0.08, 0.8), (-0.2, 0.1, 1.2)])
def test_a_board_is_where_it_is(centre: tuple[float, float, float]) -> None:
    """To half a pixel aside, exactly in depth."""
    found = locate(*board(np.array(centre)), K, 6)
    assert found[2] == pytest.approx(centre[2])
    assert np.abs(found[:2] - centre[:2]).max() <= 0.5 * centre[2] / K[0, 0] + 1e-9


def test_its_centre_lies_behind_its_surface_along_the_ray() -> None:
    centre = np.array([0.12, -0.08, 0.8])
    depth, mask = board(centre)
    surface, behind = locate(depth, mask, K, 6), locate(depth, mask, K, 6, behind=0.03)
    assert np.linalg.norm(behind - surface) == pytest.approx(0.03)
    np.testing.assert_allclose(np.cross(behind, surface), 0.0, atol=1e-12)
    assert behind[2] > surface[2]


@pytest.mark.parametrize("absent", [np.nan, 0.0, -1.0, np.inf])
def test_holes_and_a_few_wrong_pixels_do_not_matter(absent: float) -> None:
    depth, mask = board(np.array([0.0, 0.0, 0.8]))
    expected = locate(depth, mask, K, 6)
    rows, columns = np.nonzero(mask)
    depth[rows[::3], columns[::3]] = absent
    depth[rows[1:4], columns[1:4]] = 5.0
    np.testing.assert_allclose(locate(depth, mask, K, 6), expected)


@pytest.mark.parametrize("absent", [np.nan, 0.0, -1.0, np.inf])
def test_without_depth_there_is_no_place(absent: float) -> None:
    """Protects the hand from a place made of the background, or of nothing."""
    depth, mask = board(np.array([0.0, 0.0, 0.8]))
    depth[mask] = absent
    with pytest.raises(NotLocatedError, match=NO_DEPTH):
        locate(depth, mask, K, 6)


@pytest.mark.parametrize("pixels", [0, 5])
def test_what_is_hardly_seen_has_no_place(pixels: int) -> None:
    depth, mask = board(np.array([0.0, 0.0, 0.8]))
    rows, columns = np.nonzero(mask)
    mask[rows[pixels:], columns[pixels:]] = False
    with pytest.raises(NotLocatedError, match=UNSEEN):
        locate(depth, mask, K, 6)


def test_not_even_one_pixel_is_no_place_whatever_is_asked_for() -> None:
    depth, mask = board(np.array([0.0, 0.0, 0.8]))
    with pytest.raises(NotLocatedError, match=UNSEEN):
        locate(depth, np.zeros_like(mask), K, 0)


@pytest.mark.parametrize("shape", [(0, 0), (HEIGHT, WIDTH // 2)])
def test_pictures_of_other_sizes_are_refused(shape: tuple[int, int]) -> None:
    depth, _ = board(np.array([0.0, 0.0, 0.8]))
    with pytest.raises(NotLocatedError, match=OTHER_SIZE):
        locate(depth, np.ones(shape, bool), K, 6)
    with pytest.raises(NotLocatedError, match=OTHER_SIZE):
        locate(np.zeros((0, 0)), np.zeros((0, 0), bool), K, 6)
