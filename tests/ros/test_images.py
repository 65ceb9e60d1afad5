"""Pictures through cv_bridge."""

from __future__ import annotations

import array
import time

import numpy as np
import pytest
from sensor_msgs.msg import Image

from dactyl.maths import pinhole
from dactyl.ros.images import from_depth, from_mask, pinhole_info, to_depth, to_mask, to_message, to_rgb

PIXELS = np.random.default_rng(0).integers(256, size=(6, 8, 3), dtype=np.uint8)


def message(encoding: str, rows: np.ndarray, width: int = 8) -> Image:
    """Of (H, step) bytes."""
    image = Image(height=len(rows), width=width, encoding=encoding, step=rows.shape[1])
    image.data = array.array("B", rows.tobytes())
    return image


def test_a_picture_survives_the_way_there_and_back() -> None:
    """Protects every pixel: what a camera saw is what the network is given."""
    sent = to_message(PIXELS)
    assert (sent.height, sent.width, sent.encoding, sent.step, sent.is_bigendian) == (6, 8, "rgb8", 24, 0)
    np.testing.assert_array_equal(to_rgb(sent), PIXELS)
    np.testing.assert_array_equal(to_rgb(to_message(PIXELS[:, ::2])), PIXELS[:, ::2])


def test_other_encodings_become_rgb() -> None:
    """Protects colours: drivers of cameras send blue first, or grey."""
    blue_first = message("bgr8", np.ascontiguousarray(PIXELS[..., ::-1]).reshape(6, 24))
    np.testing.assert_array_equal(to_rgb(blue_first), PIXELS)
    grey = to_rgb(message("mono8", PIXELS[..., 0]), grey=True)
    np.testing.assert_array_equal(grey, np.repeat(PIXELS[..., :1], 3, axis=2))


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8"])
def test_padded_rows_are_understood(encoding: str) -> None:
    """Protects against a picture that is sheared: some drivers pad rows to a multiple of four bytes."""
    pixels = PIXELS if encoding == "rgb8" else PIXELS[..., ::-1]
    padded = np.pad(np.ascontiguousarray(pixels).reshape(6, 24), ((0, 0), (0, 5)))
    np.testing.assert_array_equal(to_rgb(message(encoding, padded)), PIXELS)


def test_what_is_no_picture_is_empty() -> None:
    """Protects the pose estimator from messages that lie about themselves."""
    rows = PIXELS.reshape(6, 24)
    cut = message("rgb8", rows)
    cut.data = cut.data[:-1]
    narrow = message("rgb8", rows)
    narrow.step = 23
    for wrong in (cut, narrow, message("16UC3", rows), message("mono8", rows), Image()):
        assert not to_rgb(wrong).size


def test_a_large_picture_is_sent_within_a_control_step() -> None:
    """Protects the cameras' rate: rclpy looks at each byte of what is no array, which takes longer than a step."""
    large = np.zeros((480, 640, 3), np.uint8)
    to_message(large)
    begun = time.perf_counter()
    for _ in range(3):
        to_message(large)
    assert time.perf_counter() - begun < 0.08


DEPTH = np.array([[0.5, np.nan, 1.25], [2.0, 0.001, 3.0]])


def test_a_depth_image_survives_the_way_there_and_back() -> None:
    sent = from_depth(DEPTH)
    assert (sent.height, sent.width, sent.encoding, sent.step) == (2, 3, "32FC1", 12)
    np.testing.assert_allclose(to_depth(sent), DEPTH, rtol=1e-6)


@pytest.mark.parametrize("nothing", [0.0, -1.0, np.inf, -np.inf, np.nan])
def test_what_is_no_depth_is_nan(nothing: float) -> None:
    """Protects the locator: REP 118 and cameras have several ways to say that nothing was measured."""
    assert np.isnan(to_depth(from_depth(np.full((2, 2), nothing)))).all()


@pytest.mark.parametrize("big", [False, True])
def test_millimetres_are_understood_in_either_order_of_bytes(big: bool) -> None:
    """Protects the way of most depth cameras, RealSense's among them; 0 is nothing measured. With padded rows."""
    values = np.array([[500, 0, 1250]], ">u2" if big else "<u2")
    rows = np.pad(values.view(np.uint8), ((0, 0), (0, 4)))
    sent = message("16UC1", rows, width=3)
    sent.is_bigendian = int(big)
    np.testing.assert_allclose(to_depth(sent), [[0.5, np.nan, 1.25]])


def test_a_mask_survives_the_way_there_and_back() -> None:
    mask = np.array([[True, False, False], [False, True, True]])
    sent = from_mask(mask)
    assert (sent.encoding, list(sent.data)) == ("mono8", [255, 0, 0, 0, 255, 255])
    np.testing.assert_array_equal(to_mask(sent), mask)


def test_what_is_no_depth_image_or_mask_is_empty() -> None:
    cut_short = from_depth(DEPTH)
    cut_short.data = cut_short.data[:-1]
    for lying in (cut_short, to_message(PIXELS), Image(encoding="32FC1"), from_mask(DEPTH > 0.0)):
        assert to_depth(lying).size == 0
    short = from_mask(DEPTH > 0.0)
    short.step = 2
    for lying in (from_depth(DEPTH), short, Image(encoding="mono8")):
        assert to_mask(lying).size == 0


def test_the_calibration_of_an_ideal_camera() -> None:
    info = pinhole_info("front_optical", 40.0, 32, 24)
    assert (info.width, info.height, info.header.frame_id) == (32, 24, "front_optical")
    np.testing.assert_array_equal(np.reshape(info.k, (3, 3)), pinhole.camera_matrix(40.0, 32, 24))
    np.testing.assert_array_equal(np.reshape(info.p, (3, 4))[:, :3], np.reshape(info.k, (3, 3)))
