"""The three Basler cameras, exposed together at each control step (appendix B.3)."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, Image

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.hardware import camera_info, pylon
from dactyl.hardware.device import DeviceReader
from dactyl.registry import DEFAULTS
from dactyl.robot import robot
from dactyl.robot.placement import WITHIN, apart, camera_place
from dactyl.ros.images import to_message
from dactyl.ros.managed import INACTIVE, ManagedNode
from dactyl.ros.messages import SENSOR, set_stamp
from dactyl.ros.node import Diagnosis, run, warning
from dactyl.ros.packages import package_share
from dactyl.ros.parameters import AUTOSTART, parameter

SILENCE = 1.0
"""s without a picture after which the diagnostics say so."""
CLOCK_RESOLUTION = 0.01
"""s; how soon a ROS clock that does not run with the machine's is looked at again."""


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot, whose control steps time the exposures.")
    serial_numbers: tuple[str, ...] = parameter(
        ("", "", ""), "Of camera_0, camera_1, camera_2, from their labels; empty: there is no such camera."
    )
    emulate_from: str = parameter(
        "", "Folder with camera_0, camera_1, camera_2 of picture files that pylon's emulated cameras play; empty: none."
    )
    calibration: str = parameter(
        "",
        "Folder (path, file:// or package:// URL) of camera_0.yaml, … as ROS's camera_calibration writes them; "
        "empty: not calibrated.",
    )
    image_width: int = parameter(640, "Pixels.", minimum=16, maximum=1920)
    image_height: int = parameter(480, "Pixels.", minimum=16, maximum=1080)
    exposure: float = parameter(10_000.0, "µs; 0: automatic.", minimum=0.0, maximum=80_000.0)
    gain: float = parameter(0.0, "dB; negative: automatic.", minimum=-1.0, maximum=48.0)
    white_balance: str = parameter(
        "once", "Found all the time, once when the camera is opened, or fixed.", choices=("auto", "once", "fixed")
    )
    white_balance_ratios: tuple[float, ...] = parameter(
        (1.0, 1.0, 1.0), "Red, green, blue, where it is fixed.", minimum=0.0, maximum=16.0, length=3
    )
    trigger: str = parameter(
        "software",
        "What begins an exposure: this node at each control step, an edge on trigger_line, or nothing (free).",
        choices=("software", "hardware", "free"),
    )
    trigger_line: str = parameter("Line1", "Input of the hardware trigger.")
    frame_rate: float = parameter(12.5, "Hz, without a trigger.", minimum=0.1, maximum=1000.0)
    autostart: bool = parameter(True, AUTOSTART)


class CameraNode(ManagedNode):
    """-> camera_{0,1,2}/image_raw, camera_info."""

    def __init__(self) -> None:
        super().__init__("camera")
        self.settings = self.declare(Parameters)
        watched = robot.load(self.settings.robot)
        self.robot = watched
        self.places: dict[str, tuple[float, float]] = {}
        """How far each calibrated camera is off its place, m and degrees."""
        self.period_ns = round(watched.timing.control * 1e9)
        self.names = tuple(watched.cameras.places)
        if len(self.settings.serial_numbers) != len(self.names):
            raise DactylError(f"parameter serial_numbers must have {len(self.names)} elements, one for each camera")
        self.outputs = {camera: self._output(camera.name) for camera in self._cameras()}
        self.hardware_id = " ".join(filter(None, self.settings.serial_numbers)) or "emulated"
        self.readers: dict[pylon.PylonCamera, DeviceReader[pylon.Picture]] = {}
        if not self.outputs:
            self.get_logger().warning("no camera has a serial number: there will be no images")
        self.stopping = threading.Event()
        self.begin(self.settings.autostart)

    def start(self) -> None:
        self.readers = {
            camera: DeviceReader(camera, partial(self._publish, *output), self.get_logger().warning)
            for camera, output in self.outputs.items()
        }
        self.stopping = threading.Event()
        if self.settings.trigger == "software":
            threading.Thread(target=self._trigger, args=[self.stopping], name="trigger", daemon=True).start()

    def stop(self) -> None:
        self.stopping.set()
        for reader in self.readers.values():
            reader.close()
        self.readers = {}

    def _cameras(self) -> list[pylon.PylonCamera]:
        settings = self.settings
        found: list[tuple[str, Path | None]] = [(number, None) for number in settings.serial_numbers]
        if settings.emulate_from:
            found = [*pylon.emulated(Path(settings.emulate_from), len(self.names))]
        pylon.import_pylon()  # a missing one is to be said at once
        how = pylon.CameraSettings(
            settings.image_width, settings.image_height, settings.exposure, settings.gain,
            settings.white_balance, settings.white_balance_ratios,  # type: ignore[arg-type]
            settings.trigger, settings.trigger_line, settings.frame_rate,  # type: ignore[arg-type]
        )  # fmt: skip
        return [
            pylon.PylonCamera(name, number, how, self._now_ns, pictures)
            for name, (number, pictures) in zip(self.names, found, strict=True)
            if number
        ]

    def _output(self, name: str) -> tuple[Publisher, Publisher, CameraInfo]:
        images = self.create_publisher(Image, topics.image(name), SENSOR)
        infos = self.create_publisher(CameraInfo, topics.camera_info(name), SENSOR)
        return images, infos, self._camera_info(name)

    def _camera_info(self, name: str) -> CameraInfo:
        settings = self.settings
        info = CameraInfo(width=settings.image_width, height=settings.image_height)  # k = 0: not calibrated
        info.header.frame_id = f"{name}_optical"
        if settings.calibration:
            path = camera_info.folder(settings.calibration, package_share) / f"{name}.yaml"
            found = camera_info.read(path)
            if (found.width, found.height) != (info.width, info.height):
                size = f"{found.width}x{found.height}, not {info.width}x{info.height}"
                raise DactylError(f"the camera calibration {path} is for images of {size}")
            info.distortion_model, info.d, info.k, info.r, info.p = found[2:]
            if place := camera_info.place(path):
                self.places[name] = apart(place, camera_place(self.robot, name))
        return info

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _trigger(self, stopping: threading.Event) -> None:
        """Expose all cameras at the beginning of every control step."""
        readers = tuple(self.readers)
        period_ns = self.period_ns
        slot = self._now_ns() // period_ns
        while not stopping.is_set():
            now_ns = self._now_ns()
            if now_ns // period_ns == slot:
                stopping.wait(min((period_ns - now_ns % period_ns) * 1e-9, CLOCK_RESOLUTION))
                continue
            slot = now_ns // period_ns
            for camera in readers:
                camera.trigger(now_ns)

    def _publish(self, images: Publisher, infos: Publisher, info: CameraInfo, picture: pylon.Picture) -> None:
        """In the camera's thread."""
        if not self.context.ok():
            return
        set_stamp(info.header.stamp, picture.time_ns)
        if images.get_subscription_count():
            image = to_message(picture.pixels)
            image.header = info.header
            images.publish(image)
        if infos.get_subscription_count():
            infos.publish(info)

    def diagnose(self) -> Diagnosis:
        if self.outputs and not self.active:
            return INACTIVE
        values: dict[str, object] = {}
        for camera, reader in self.readers.items():
            values[f"{camera.name} pictures"] = reader.readings
            values[f"{camera.name} dropped"] = camera.dropped
            values[f"{camera.name} reconnections"] = reader.reconnections
            if camera.unsupported:
                values[f"{camera.name} cannot set"] = ", ".join(camera.unsupported)
        for name, (distance, angle) in self.places.items():
            values[f"{name} off its place"] = f"{1000 * distance:.0f} mm, {angle:.1f}°"
        faults = [reader.fault for reader in self.readers.values() if reader.fault]
        if not self.outputs:
            return warning("no images: no camera has a serial number")
        if faults:
            return Diagnosis("; ".join(faults), DiagnosticStatus.ERROR, values)
        if silent := [reader for reader in self.readers.values() if reader.silence > SILENCE]:
            text = (f"{reader.device.name}: no picture for {reader.silence:.0f} s" for reader in silent)
            return warning("; ".join(text), **values)
        if misplaced := [name for name, off in self.places.items() if off[0] > WITHIN[0] or off[1] > WITHIN[1]]:
            where = "off the place that networks are trained for: see docs/vision.md"
            return warning(f"{', '.join(misplaced)} {where}", **values)
        return Diagnosis(values=values) if self.settings.calibration else warning("not calibrated", **values)


def main() -> int:
    return run(CameraNode)


if __name__ == "__main__":
    sys.exit(main())
