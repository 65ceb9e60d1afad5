"""Depth and mask of one moment become the image that policies are trained on; of two moments they never do."""

from __future__ import annotations

import numpy as np
import pytest
from sensor_msgs.msg import Image

from dactyl.errors import DactylError
from dactyl.robot import robot as robots
from dactyl.ros import images, messages
from dactyl.ros.segmented import Seen, Segmented

MS = 1_000_000
EYE = robots.load("gr1_right").eyes["depth_small"]
SIZE = (EYE.height, EYE.width)
OBJECT = np.zeros(SIZE, bool)
OBJECT[10:14, 20:30] = True


def depth(stamp_ms: int, metres: np.ndarray | float = 0.6, size: tuple[int, int] = SIZE) -> Image:
    message = images.from_depth(np.broadcast_to(np.asarray(metres, float), size))
    messages.set_stamp(message.header.stamp, stamp_ms * MS)
    return message


def mask(stamp_ms: int, where: np.ndarray = OBJECT) -> Image:
    message = images.from_mask(where)
    messages.set_stamp(message.header.stamp, stamp_ms * MS)
    return message


def seen(metres: np.ndarray | float = 0.6, where: np.ndarray = OBJECT, size: tuple[int, int] = SIZE) -> Seen:
    return Seen("depth_small", EYE, depth(200, metres, size), mask(200, where))


def test_the_image_is_the_depth_of_the_object_alone() -> None:
    """As `DepthCamera.images` makes it: m, 0 where something else is seen, where nothing was measured, or too far."""
    metres = np.full(SIZE, 0.6)
    metres[10, 20], metres[10, 21] = np.nan, EYE.reach + 0.1
    image = seen(metres).image()
    assert (image.shape, image.dtype) == (EYE.shape, np.float32)
    expected = np.where(OBJECT, 0.6, 0.0)
    expected[10, 20:22] = 0.0
    np.testing.assert_allclose(image[0], expected, rtol=1e-6)


def test_a_hidden_object_is_seen_nowhere() -> None:
    """Protects the policy's memory of a grasp: a hand that covers the object is no fault."""
    assert not seen(where=np.zeros(SIZE, bool)).image().any()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (seen(np.nan), "depth_small: no depth where the object is"),
        (seen(size=(72, 96)), "depth_small: depth 96 × 72, not 48 × 36"),
        (seen(where=np.zeros((72, 96), bool)), "depth_small: mask 96 × 72, not 48 × 36"),
        (Seen("depth_small", EYE, Image(encoding="rgb8"), mask(0)), "depth_small: depth in no known form"),
    ],
)
def test_what_is_no_image_of_the_eyes_is_said(bad: Seen, message: str) -> None:
    with pytest.raises(DactylError, match=message):
        bad.image()


def test_depth_and_mask_of_one_moment_are_joined_in_either_order() -> None:
    eye = Segmented("depth_small", EYE)
    assert eye.on_depth(depth(0)) is None
    assert eye.on_depth(depth(200)) is None
    late = eye.on_mask(mask(15))
    assert late is not None
    assert messages.nanoseconds(late.header.stamp) == 0, "the segmentation took its time"
    assert eye.on_mask(mask(400)) is None
    early = eye.on_depth(depth(400))
    assert early is not None
    assert messages.nanoseconds(early.header.stamp) == 400 * MS


def test_moments_that_are_apart_are_never_joined() -> None:
    eye = Segmented("depth_small", EYE)
    for stamp in range(0, 2000, 200):
        assert eye.on_depth(depth(stamp)) is None
        assert eye.on_mask(mask(stamp + 100)) is None
