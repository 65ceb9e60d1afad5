"""Camera pictures out of a bag."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.recording.reading import Bag, nanoseconds, understood

IMAGES = tuple(topics.absolute(topics.image(camera)) for camera in topics.CAMERAS)
_CHANNELS = {"rgb8": 3, "bgr8": 3, "mono8": 1, "8UC3": 3, "8UC1": 1}


def as_rgb(message: Any) -> np.ndarray:
    """A decoded sensor_msgs/Image as (height, width, 3) uint8 RGB.

    Raises:
        DactylError: the encoding is not known, or the size does not fit the data.
    """
    height, width, step = int(message.height), int(message.width), int(message.step)
    channels = _CHANNELS.get(message.encoding, 0)
    data = np.asarray(message.data, np.uint8)
    if not channels or step < channels * width or data.size < height * step:
        raise DactylError(f"a picture of {width}x{height} with encoding {message.encoding!r} cannot be read")
    rows = data[: height * step].reshape(height, step)[:, : channels * width].reshape(height, width, channels)
    if channels == 1:
        return np.repeat(rows, 3, axis=2)
    return np.ascontiguousarray(rows[..., ::-1] if message.encoding == "bgr8" else rows)


def pictures_at(path: Path, stamps: Sequence[int], namespace: str = topics.NAMESPACE) -> dict[int, list[np.ndarray]]:
    """The cameras' pictures nearest to moments of the graph's clock, within half a second.

    Args:
        path: of the bag.
        stamps: ns.
        namespace: of the graph.

    Returns:
        By stamp, (height, width, 3) uint8 RGB pictures in the cameras' order.
    """
    wanted = np.array(sorted(stamps), np.int64)
    if not len(wanted):
        return {}
    best: dict[tuple[int, str], tuple[int, np.ndarray]] = {}
    with understood(path):
        for message, fields in Bag(path, namespace).decoded(IMAGES):
            stamp = nanoseconds(fields.header.stamp)
            nearest = int(wanted[np.abs(wanted - stamp).argmin()])
            distance = abs(nearest - stamp)
            key = (nearest, message.topic)
            if distance < 500_000_000 and (key not in best or distance < best[key][0]):
                with suppress(DactylError):  # of an encoding that is not shown
                    best[key] = (distance, as_rgb(fields))
    return {stamp: [best[stamp, topic][1] for topic in IMAGES if (stamp, topic) in best] for stamp in map(int, wanted)}
