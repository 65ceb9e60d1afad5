"""What an eye sees of the object alone, as policies are trained on it: depth where the mask is, of one moment."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from dactyl.errors import DactylError
from dactyl.robot.robot import Eye
from dactyl.ros.images import to_depth, to_mask
from dactyl.ros.messages import nanoseconds
from dactyl.ros.parameters import ONE_MOMENT

KEPT = 32
"""Depth images: a segmentation takes its time, and by then the camera has gone on."""


class Moments:
    """Finds the depth image of the moment that the last mask shows."""

    def __init__(self, tolerance: float = ONE_MOMENT) -> None:
        """`tolerance`: s, see `ONE_MOMENT`."""
        self._most_ns = round(tolerance * 1e9)
        self._depths = deque[Image](maxlen=KEPT)
        self._mask: Image | None = None

    def add_depth(self, message: Image) -> None:
        """A depth image has come."""
        self._depths.append(message)

    def add_mask(self, message: Image) -> None:
        """A mask has come; the one before it counts no more."""
        self._mask = message

    def last(self) -> tuple[Image, Image] | None:
        """Depth and mask, if both of the mask's moment are there."""
        if self._mask is None:
            return None
        mask_ns = nanoseconds(self._mask.header.stamp)
        apart = ((abs(nanoseconds(depth.header.stamp) - mask_ns), depth) for depth in reversed(self._depths))
        found = next((depth for off, depth in apart if off <= self._most_ns), None)
        return None if found is None else (found, self._mask)


@dataclass(frozen=True)
class Seen:
    """Depth and mask of one moment."""

    name: str
    """Of the image."""
    eye: Eye
    depth: Image
    mask: Image

    @property
    def header(self) -> Header:
        """The depth image's."""
        header: Header = self.depth.header
        return header

    def image(self) -> np.ndarray:
        """(1, height, width) float32, m; 0 where something else is seen, or nothing within the eye's reach.

        Raises:
            DactylError: they are of another size or form than the eye's, or nothing of the object has a depth.
        """
        depth, mask = to_depth(self.depth), to_mask(self.mask)
        size = (self.eye.height, self.eye.width)
        for what, found in (("depth", depth), ("mask", mask)):
            if found.shape != size:
                had = "in no known form" if not found.size else f"{found.shape[1]} × {found.shape[0]}"
                raise DactylError(f"{self.name}: {what} {had}, not {size[1]} × {size[0]}")
        if mask.any() and not np.isfinite(depth[mask]).any():
            raise DactylError(f"{self.name}: no depth where the object is")
        seen = mask & (np.nan_to_num(depth, nan=np.inf) < self.eye.reach)
        return np.where(seen, depth, 0.0).astype(np.float32)[None]


class Segmented:
    """Joins the depth images and the masks of one eye."""

    def __init__(self, name: str, eye: Eye) -> None:
        self._name, self._eye, self._moments = name, eye, Moments()

    def on_depth(self, message: Image) -> Seen | None:
        """The moment of a depth image, if its mask has come."""
        self._moments.add_depth(message)
        return self._joined()

    def on_mask(self, message: Image) -> Seen | None:
        """The moment of a mask, if its depth image has come."""
        self._moments.add_mask(message)
        return self._joined()

    def _joined(self) -> Seen | None:
        last = self._moments.last()
        return None if last is None else Seen(self._name, self._eye, *last)
