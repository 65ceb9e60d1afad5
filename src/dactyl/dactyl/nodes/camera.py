"""The three Basler cameras. Their driver is not part of this version: the node has its interface and says so."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from sensor_msgs.msg import CameraInfo, Image

from dactyl.nodes._support import SENSOR, DactylNode, Diagnosis, parameter, run, warning


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    serial_numbers: tuple[str, ...] = parameter(("", "", ""), "Of camera_0, camera_1, camera_2.", length=3)
    image_width: int = parameter(640, "Pixels.", minimum=16, maximum=1920)
    image_height: int = parameter(480, "Pixels.", minimum=16, maximum=1080)


class CameraNode(DactylNode):
    """-> camera_{0,1,2}/image_raw, camera_info."""

    lacks = "no images: this version has no driver for Basler cameras yet"

    def __init__(self) -> None:
        super().__init__("camera")
        self.settings = self.declare(Parameters)
        names = [f"camera_{i}" for i in range(len(self.settings.serial_numbers))]
        self.image_publishers = [self.create_publisher(Image, f"{name}/image_raw", SENSOR) for name in names]
        self.info_publishers = [self.create_publisher(CameraInfo, f"{name}/camera_info", SENSOR) for name in names]
        self.get_logger().warning(self.lacks)

    def diagnose(self) -> Diagnosis:
        return warning(self.lacks)


def main() -> int:
    return run(CameraNode)


if __name__ == "__main__":
    sys.exit(main())
