"""The object's pose from three images by a CNN. The network is not part of this version: the node has its interface."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from geometry_msgs.msg import PoseStamped

from dactyl.errors import DactylError
from dactyl.nodes._support import SENSOR, DactylNode, Diagnosis, parameter, run, warning


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    weights: str = parameter("", "File of the trained network (.safetensors).")


class PoseEstimator(DactylNode):
    """camera_{0,1,2}/image_raw -> object_pose/vision.

    Without a network it subscribes to no images, so that nothing is rendered for it.
    """

    lacks = "no poses from images: this version has no trained network yet"

    def __init__(self) -> None:
        super().__init__("pose_estimator")
        if self.declare(Parameters).weights:
            raise DactylError("parameter weights is set, but this version cannot run a network on images yet")
        self.publisher = self.create_publisher(PoseStamped, "object_pose/vision", SENSOR)
        self.get_logger().info(self.lacks)

    def diagnose(self) -> Diagnosis:
        return warning(self.lacks)


def main() -> int:
    return run(PoseEstimator)


if __name__ == "__main__":
    sys.exit(main())
