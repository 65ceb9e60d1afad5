"""The camera node on cameras that pylon emulates."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import State, Transition
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from dactyl.errors import DactylError
from dactyl.nodes.camera import CameraNode
from dactyl.robot import robot as robots
from dactyl.robot.placement import camera_place
from dactyl.ros import messages
from dactyl.ros.managed import INACTIVE
from tests.hardware import pictures as picture_files
from tests.hardware.test_camera_info import FILE
from tests.ros.test_managed import change, state

pytest.importorskip("pypylon", reason="needs pypylon")


PERIOD_NS = 80_000_000
EVERYTHING = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return picture_files.write(tmp_path)


def until(node: CameraNode, condition: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, node.diagnose()
        rclpy.spin_once(node, timeout_sec=0.02)


def listen(node: CameraNode, kind: type[Any], topic: str) -> list[Any]:
    messages: list[Any] = []
    node.create_subscription(kind, topic, messages.append, EVERYTHING)
    return messages


def test_images_of_all_cameras_are_exposed_together_at_each_control_step(
    make_node: Callable[..., CameraNode], pictures: Path
) -> None:
    """Protects the pose estimate: three views of one moment, 12.5 times a second, stamped when they were exposed."""
    node = make_node(CameraNode, emulate_from=pictures, exposure="2000.0")
    images = [listen(node, Image, f"camera_{i}/image_raw") for i in range(3)]

    def sets() -> set[int]:
        return set.intersection(*({messages.nanoseconds(m.header.stamp) for m in received} for received in images))

    until(node, lambda: len(sets()) >= 15)
    together = sorted(sets())
    assert len({stamp // PERIOD_NS for stamp in together}) == len(together), "one exposure for each control step"
    phases = sorted(stamp % PERIOD_NS for stamp in together)
    assert phases[2] < PERIOD_NS / 16, "at its beginning, as far as a busy machine lets it"
    for i, received in enumerate(images):
        assert received[0].encoding == "rgb8"
        assert received[0].header.frame_id == f"camera_{i}_optical"
        pixels = np.frombuffer(received[0].data, np.uint8).reshape(480, 640, 3)
        assert tuple(pixels[0, 0, :2]) == (10 * i, 0)


def test_camera_info_comes_from_the_calibration(make_node: Callable[..., CameraNode], pictures: Path) -> None:
    """Protects whoever projects into the images; its stamp is the image's."""
    for i in range(3):
        (pictures / f"camera_{i}.yaml").write_text(FILE)
    node = make_node(CameraNode, emulate_from=pictures, calibration=f"file://{pictures}", exposure="2000.0")
    infos = listen(node, CameraInfo, "camera_2/camera_info")
    until(node, lambda: infos)
    assert infos[0].k[0] == 837.0
    assert list(infos[0].d) == [0.1, -0.2, 0.0, 0.0, 0.0]
    until(node, lambda: node.diagnose().level == DiagnosticStatus.OK)


def test_cameras_off_their_places_are_named(make_node: Callable[..., CameraNode], pictures: Path) -> None:
    """Protects a lab from an estimator that never saw from there: beyond 1 cm or 3 degrees it errs much more."""
    shadow = robots.load("shadow")
    for i, off in enumerate((0.0, 0.004, 0.03)):
        place = camera_place(shadow, f"camera_{i}")
        position = (place.position + off * np.array([1.0, 0.0, 0.0])).tolist()
        text = f"pose_in_hand: {{position: {position}, quaternion: {place.orientation.tolist()}}}\n"
        (pictures / f"camera_{i}.yaml").write_text(FILE + text)
    node = make_node(CameraNode, emulate_from=pictures, calibration=pictures, exposure="2000.0")
    until(node, lambda: node.diagnose().level == DiagnosticStatus.WARN and "off" in node.diagnose().message)
    said = node.diagnose()
    assert said.message.startswith("camera_2 off the place")
    assert said.values["camera_1 off its place"] == "4 mm, 0.0°"


def test_a_calibration_for_other_images_is_refused(make_node: Callable[..., CameraNode], pictures: Path) -> None:
    """Protects against a calibration made at another resolution."""
    for i in range(3):
        (pictures / f"camera_{i}.yaml").write_text(FILE.replace("640", "320"))
    with pytest.raises(DactylError, match="is for images of 320x480, not 640x480"):
        make_node(CameraNode, emulate_from=pictures, calibration=pictures)


def test_an_unplugged_camera_is_reported_and_comes_back(make_node: Callable[..., CameraNode], pictures: Path) -> None:
    """Protects a run: the others go on, /diagnostics names the lost one, nobody restarts anything."""
    node = make_node(CameraNode, emulate_from=pictures, exposure="2000.0")
    lost, other, _ = node.readers.values()
    until(node, lambda: lost.readings > 2 and other.readings > 2)
    os.environ["PYLON_CAMEMU"] = "0"  # nothing is found any more
    lost.device._camera.DestroyDevice()
    until(node, lambda: "no camera with serial number" in lost.fault)
    diagnosis = node.diagnose()
    assert diagnosis.level == DiagnosticStatus.ERROR
    assert diagnosis.message == "camera_0: no camera with serial number 0815-0000 is connected"
    before = other.readings
    until(node, lambda: other.readings > before + 3)
    os.environ["PYLON_CAMEMU"] = "3"
    until(node, lambda: node.diagnose().values["camera_0 reconnections"] == 1)
    seen = lost.readings
    until(node, lambda: lost.readings > seen)
    assert node.diagnose().level != DiagnosticStatus.ERROR


def test_deactivated_cameras_are_let_go_and_open_again(make_node: Callable[..., CameraNode], pictures: Path) -> None:
    """Protects a lab that needs the cameras for something else meanwhile: no thread, no device, no picture is left."""
    node = make_node(CameraNode, emulate_from=pictures, exposure="2000.0")
    images = listen(node, Image, "camera_1/image_raw")
    until(node, lambda: len(images) > 3)
    readers, threads = list(node.readers.values()), threading.active_count()
    assert change(node, Transition.TRANSITION_DEACTIVATE)
    assert state(node) == State.PRIMARY_STATE_INACTIVE
    assert threading.active_count() < threads
    assert all(reader.device._camera is None for reader in readers)
    for end in (time.monotonic() + 0.4, time.monotonic() + 0.8):
        seen = len(images)  # by the second time without what was on its way
        until(node, lambda end=end: time.monotonic() > end)  # type: ignore[misc]
    assert len(images) == seen
    assert node.diagnose() == INACTIVE
    assert change(node, Transition.TRANSITION_ACTIVATE)
    until(node, lambda: len(images) > seen + 3)
    assert node.diagnose().message == "not calibrated"


def test_a_camera_without_a_serial_number_is_left_out(make_node: Callable[..., CameraNode]) -> None:
    """Protects a lab with fewer cameras; the one that it has is asked for by its number and said to be missing."""
    node = make_node(CameraNode, serial_numbers="['', '12345678', '']")
    until(node, lambda: "12345678" in node.diagnose().message)
    assert node.diagnose().message == "camera_1: no camera with serial number 12345678 is connected"


def test_a_lab_without_cameras_is_told_so(make_node: Callable[..., CameraNode]) -> None:
    """Protects a run on motion capture alone: the node is in the graph and does no harm."""
    node = make_node(CameraNode)
    assert "no camera has a serial number" in node.diagnose().message
