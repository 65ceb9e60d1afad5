"""Pictures through cv_bridge."""

from __future__ import annotations

import array
import time

import numpy as np
import pytest
from sensor_msgs.msg import Image

from dactyl.ros.images import to_message, to_rgb

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
