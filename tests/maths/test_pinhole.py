"""The ideal camera, whose pixel centres and field of view everything that draws into pictures relies on."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.maths import pinhole

K = pinhole.camera_matrix(32.0, 640, 480)


def test_the_field_of_view_is_the_height_of_the_picture() -> None:
    """Protects whoever projects points into the images: 32 degrees over 480 rows."""
    assert K[0, 0] == K[1, 1]
    assert 2 * np.degrees(np.arctan(240 / K[0, 0])) == pytest.approx(32.0)


def test_the_optical_axis_ends_in_the_middle_of_the_middle_pixels() -> None:
    """Protects the one convention for pixel centres: (0, 0) is the middle of the first pixel."""
    np.testing.assert_allclose(pinhole.project(np.array([0.0, 0.0, 3.0]), K), [319.5, 239.5])


def test_right_is_a_larger_column_and_down_a_larger_row() -> None:
    points = np.array([[[0.1, 0.0, 1.0], [0.0, 0.1, 1.0]], [[0.1, 0.0, 2.0], [0.0, 0.1, 2.0]]])
    offsets = pinhole.project(points, K) - [319.5, 239.5]
    np.testing.assert_allclose(offsets, 0.1 * K[0, 0] * np.array([[[1, 0], [0, 1]], [[0.5, 0], [0, 0.5]]]), atol=1e-9)


def test_what_is_not_ahead_is_nowhere() -> None:
    assert np.isnan(pinhole.project(np.array([[0.0, 0.0, -1.0], [0.0, 0.0, 0.0]]), K)).all()
    assert np.isnan(pinhole.project(np.array([0.0, 0.0, 0.01]), K, near=0.02)).all()


def test_a_pixel_and_its_depth_are_the_point_again() -> None:
    """Protects the locator: what was projected comes back, and without a depth there is no point."""
    points = np.random.default_rng(0).uniform([-0.5, -0.5, 0.5], [0.5, 0.5, 2.0], (4, 5, 3))
    matrix = np.array([[300.0, 0.0, 170.0], [0.0, 330.0, 110.0], [0.0, 0.0, 1.0]])  # as a calibration finds it
    pixels = pinhole.project(points, matrix)
    np.testing.assert_allclose(pinhole.unproject(pixels, points[..., 2], matrix), points, atol=1e-12)
    np.testing.assert_allclose(pinhole.unproject(pixels[0, 0], points[0, 0, 2], matrix), points[0, 0], atol=1e-12)
    assert np.isnan(pinhole.unproject(pixels[0, 0], np.nan, matrix)).all()


def test_across_is_one_at_the_edge_of_the_picture() -> None:
    """Protects the keypoints that the vision network is trained on, which are told in half pictures."""
    edge = np.tan(np.radians(16.0))
    np.testing.assert_allclose(pinhole.across(np.array([2 * edge, -2 * edge, 2.0]), 32.0), [1.0, -1.0])


def test_mujocos_frame_becomes_the_optical_one() -> None:
    """MuJoCo's camera looks along -z with y up."""
    np.testing.assert_array_equal(pinhole.OPTICAL @ [0.1, 0.2, -3.0], [0.1, -0.2, 3.0])
