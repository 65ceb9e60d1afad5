"""Between pictures and ROS's images, by cv_bridge: a ROS installation's own, or PyPI's wheel of it in pure Python.

Depth images and masks have one channel, which needs no bridge: a depth is 32FC1 in m, NaN where nothing was measured,
or what many cameras send, 16UC1 in mm with 0 there (REP 118); a mask is mono8.
"""

from __future__ import annotations

import array
from functools import cache
from typing import Any

import numpy as np
from sensor_msgs.msg import CameraInfo, Image

from dactyl.maths.pinhole import camera_matrix

_CHANNELS = {"rgb8": 3, "bgr8": 3, "mono8": 1}
_DEPTHS = {"32FC1": ("f4", 1.0), "16UC1": ("u2", 0.001)}
"""Of encodings: numpy's type of a pixel, and its unit in m."""


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


def from_depth(depth: np.ndarray) -> Image:
    """A depth image, without a stamp, of (H, W), m, NaN where nothing was measured."""
    return _of_one_channel(depth.astype("<f4"), "32FC1")


def from_mask(mask: np.ndarray) -> Image:
    """A picture, without a stamp, of (H, W) bool: 255 where it is true."""
    return _of_one_channel(255 * mask.astype(np.uint8), "mono8")


def to_depth(message: Image) -> np.ndarray:
    """(H, W) m of a depth image, NaN where nothing was measured; (0, 0) of others, or where the message lies."""
    if message.encoding not in _DEPTHS:
        return np.zeros((0, 0))
    kind, unit = _DEPTHS[message.encoding]
    depth = unit * _one_channel(message, kind).astype(float)
    return np.where(np.isfinite(depth) & (depth > 0.0), depth, np.nan)


def to_mask(message: Image) -> np.ndarray:
    """(H, W) bool of a mono8 picture: where it is not black; (0, 0) of others, or where the message lies."""
    return _one_channel(message, "u1") > 0 if message.encoding == "mono8" else np.zeros((0, 0), bool)


def pinhole_info(frame: str, fovy: float, width: int, height: int) -> CameraInfo:
    """The calibration of an ideal camera, without a stamp.

    Args:
        frame: name of its optical frame.
        fovy: vertical field of view, degrees.
        width: pixels.
        height: pixels.
    """
    k = tuple(camera_matrix(fovy, width, height).ravel().tolist())
    info = CameraInfo(
        width=width, height=height, distortion_model="plumb_bob", d=[0.0] * 5, k=k, r=np.eye(3).ravel(),
        p=(*k[0:3], 0.0, *k[3:6], 0.0, *k[6:9], 0.0),
    )  # fmt: skip
    info.header.frame_id = frame
    return info


def _of_one_channel(values: np.ndarray, encoding: str) -> Image:
    height, width = values.shape
    message = Image(height=height, width=width, encoding=encoding, step=values.itemsize * width)
    message.data = array.array("B", values.tobytes())
    return message


def _one_channel(message: Image, kind: str) -> np.ndarray:
    """(H, W) numbers of one of numpy's types; (0, 0) where the message says another size than it has."""
    type_ = np.dtype(kind).newbyteorder(">" if message.is_bigendian else "<")
    height, width = message.height, message.width * type_.itemsize
    if not (width and height) or message.step < width or len(message.data) < height * message.step:
        return np.zeros((0, 0), type_)
    rows = np.frombuffer(message.data, np.uint8)[: height * message.step].reshape(height, message.step)
    return np.ascontiguousarray(rows[:, :width]).view(type_)


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
