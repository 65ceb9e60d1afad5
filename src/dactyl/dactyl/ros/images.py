"""Between pictures and ROS's images, by cv_bridge: a ROS installation's own, or PyPI's wheel of it in pure Python."""

from __future__ import annotations

import array
from functools import cache
from typing import Any

import numpy as np
from sensor_msgs.msg import Image

_CHANNELS = {"rgb8": 3, "bgr8": 3, "mono8": 1}


def to_message(pixels: np.ndarray) -> Image:
    """An image of (H, W, 3) uint8 RGB, without a stamp."""
    message: Image = _bridge().cv2_to_imgmsg(pixels.view(_Pixels), encoding="rgb8")
    message.is_bigendian = 0
    return message


def to_rgb(message: Image, grey: bool = False) -> np.ndarray:
    """(H, W, 3) uint8 RGB of rgb8 or bgr8, and of mono8 if `grey` may be; (0,) of others, or where the message lies."""
    channels = 0 if message.encoding == "mono8" and not grey else _CHANNELS.get(message.encoding, 0)
    width = channels * message.width
    if not width or message.step < width or len(message.data) < message.height * message.step:
        return np.zeros(0, np.uint8)
    if message.step > width or len(message.data) > message.height * width:
        message = _packed(message, width)
    same = message.encoding == "rgb8"
    image: np.ndarray = _bridge().imgmsg_to_cv2(message, "passthrough" if same else "rgb8")
    return image


@cache
def _bridge() -> Any:
    """Made with the first image: OpenCV takes a moment that nodes without images do not need."""
    from cv_bridge import CvBridge

    return CvBridge()


class _Pixels(np.ndarray):
    """Pixels whose bytes the wheel can take: numpy has given up the method that it calls.

    They come as an array, which rclpy takes as it is; of other sequences it looks at each number.
    """

    def tostring(self) -> array.array[int]:
        return array.array("B", self.tobytes())


def _packed(message: Image, width: int) -> Image:
    """The image without padding at the ends of its rows, which the wheel does not know."""
    rows = np.frombuffer(message.data, np.uint8)[: message.height * message.step].reshape(message.height, message.step)
    packed = Image(height=message.height, width=message.width, encoding=message.encoding, step=width)
    packed.data = array.array("B", rows[:, :width].tobytes())
    return packed
