"""Pylon's own camera emulation with picture files: everything but the light."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.hardware import pylon
from dactyl.hardware.device import DeviceLostError, DeviceReader
from dactyl.hardware.pylon import CameraSettings, Picture, PylonCamera
from tests.hardware import pictures as picture_files
from tests.hardware.pictures import SHADES

pytest.importorskip("pypylon", reason="needs pypylon")

SETTINGS = CameraSettings(exposure=2000.0)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return picture_files.write(tmp_path)


@pytest.fixture
def camera(pictures: Path) -> Iterator[Callable[..., PylonCamera]]:
    """`camera(trigger="free")` makes camera_1 with other settings."""
    made = []

    def make(**changes: object) -> PylonCamera:
        serial, folder = pylon.emulated(pictures, 3)[1]
        made.append(PylonCamera("camera_1", serial, replace(SETTINGS, **changes), time.time_ns, folder))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


def expose(camera: PylonCamera) -> Picture:
    camera.trigger(time.time_ns())
    picture = camera.read(1.0)
    assert picture is not None
    return picture


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_pictures_come_in_rgb_in_the_order_of_the_files(camera: Callable[..., PylonCamera]) -> None:
    """Protects the vision network from swapped colors and the emulation from other folders' pictures."""
    one = camera()
    one.open()
    for shade in (*SHADES, SHADES[0]):
        picture = expose(one)
        assert picture.pixels.shape == (480, 640, 3)
        np.testing.assert_array_equal(picture.pixels[100, 100], (10, 0, shade))
    assert one.dropped == 0


def test_a_triggered_picture_is_stamped_with_its_trigger(camera: Callable[..., PylonCamera]) -> None:
    """Protects the pose's time: readout and transfer must not count, and nothing is exposed without a trigger."""
    one = camera()
    one.open()
    assert one.read(0.2) is None
    one.trigger(1_234)
    picture = one.read(1.0)
    assert picture is not None
    assert picture.time_ns == 1_234


def test_a_free_running_picture_is_stamped_with_the_beginning_of_its_exposure(
    camera: Callable[..., PylonCamera],
) -> None:
    """Protects against stamps of the arrival, for a camera that shows no clock."""
    one = camera(trigger="free", frame_rate=20.0, exposure=30_000.0)
    one.open()
    stamps = []
    for _ in range(4):
        picture = one.read(1.0)
        assert picture is not None
        assert time.time_ns() - picture.time_ns > 30e6
        stamps.append(picture.time_ns)
    assert np.mean(np.diff(stamps)) == pytest.approx(50e6, rel=0.2)


def test_the_cameras_own_clock_is_brought_to_ours(
    camera: Callable[..., PylonCamera], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects hardware-triggered stamps; the emulation lacks TimestampLatch, so its two nodes are stood in for."""
    one = camera(trigger="free")
    ahead = 5_000_000_000

    class Node:
        Value = 0

        def IsValid(self) -> bool:  # noqa: N802
            return True

        def Execute(self) -> None:  # noqa: N802
            Node.Value = time.time_ns() - ahead

    monkeypatch.setattr(one, "_node", lambda name: Node())
    now = time.time_ns()
    assert one._exposed_ns(now - ahead - 7_000_000, now) == pytest.approx(now - 7_000_000, abs=1_000_000)


def test_pictures_left_lying_and_damaged_ones_are_counted(camera: Callable[..., PylonCamera]) -> None:
    """Protects the diagnostics: a slow consumer sees the newest picture, and that others were dropped."""
    one = camera(trigger="free", frame_rate=100.0)
    one.open()
    assert one.read(1.0) is not None
    time.sleep(0.3)
    assert one.read(1.0) is not None
    dropped = one.dropped
    assert dropped > 5
    one._node("ForceFailedBufferCount").Value = 1
    one._node("ForceFailedBuffer").Execute()
    until(lambda: one.read(0.5) is None)
    assert one.dropped > dropped


def test_a_trigger_that_comes_too_early_is_dropped_and_counted(camera: Callable[..., PylonCamera]) -> None:
    """Protects stamps: with two exposures on their way nobody could tell which picture is whose."""
    one = camera(exposure=50_000.0)
    one.open()
    one.trigger(80_000_000)
    one.trigger(81_000_000)
    picture = one.read(1.0)
    assert picture is not None
    assert picture.time_ns == 80_000_000
    assert one.read(0.2) is None
    assert one.dropped == 1


def test_a_lost_picture_does_not_stop_the_next(camera: Callable[..., PylonCamera]) -> None:
    """Protects a run from one lost frame: after half a second the camera is triggered again."""
    one = camera()
    one.open()
    one._awaited_ns = 0
    one.trigger(400_000_000)
    assert one.read(0.2) is None
    one.trigger(600_000_000)
    picture = one.read(1.0)
    assert picture is not None
    assert picture.time_ns == 600_000_000
    assert one.dropped == 2


@pytest.mark.parametrize("trigger", ["software", "free"])
def test_a_camera_that_falls_silent_counts_as_lost(
    camera: Callable[..., PylonCamera], monkeypatch: pytest.MonkeyPatch, trigger: str
) -> None:
    """Protects against a camera that hangs: it is opened anew, and works again."""
    monkeypatch.setattr(pylon, "SILENCE", 0.5)
    one = camera(trigger=trigger)
    one.open()
    expose(one)
    one._node("AcquisitionStop").Execute()

    def wait_for_pictures() -> None:
        for step in range(20):
            one.trigger(80_000_000 * step)
            one.read(0.1)

    with pytest.raises(DeviceLostError, match="camera_1: sends no pictures"):
        wait_for_pictures()
    one.close()
    one.open()
    expose(one)


def test_settings_reach_the_camera(camera: Callable[..., PylonCamera]) -> None:
    """Protects a lab's exposure, gain and trigger; what a model lacks is named, not ignored."""
    one = camera(exposure=4321.0, gain=6.0, trigger="hardware", trigger_line="Line1")
    one.open()
    assert one._node("ExposureTime").Value == 4321.0
    assert one._node("Gain").Value == pytest.approx(6.0, abs=0.1)
    assert one._node("TriggerSource").Value == "Line1"
    assert one._node("TriggerMode").Value == "On"
    assert one.unsupported == ["BalanceWhiteAuto"]
    assert one.read(0.2) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exposure": 0.5}, "camera_1: ExposureTime cannot be 0.5"),
        ({"trigger": "hardware", "trigger_line": "Line9"}, "camera_1: TriggerSource cannot be Line9"),
        ({"width": 5000}, "camera_1: Width cannot be 5000"),
    ],
)
def test_settings_that_the_camera_refuses_are_named(
    camera: Callable[..., PylonCamera], changes: dict[str, object], message: str
) -> None:
    """Protects a lab from a camera that silently keeps other settings."""
    one = camera(**changes)
    with pytest.raises(DactylError, match=message) as caught:
        one.open()
    assert "\n" not in str(caught.value)


def test_pictures_of_another_size_are_refused(camera: Callable[..., PylonCamera], pictures: Path) -> None:
    """Protects the vision network: pylon emulates whatever size the file has."""
    cv2.imwrite(str(pictures / "camera_1" / "0.png"), np.zeros((240, 320, 3), np.uint8))
    one = camera()
    one.open()
    one.trigger(0)
    with pytest.raises(DactylError, match=r"pictures are \(240, 320, 3\)"):
        one.read(1.0)


def test_a_camera_that_is_not_there_is_said_so(camera: Callable[..., PylonCamera]) -> None:
    """Protects a lab from a wrong serial number."""
    one = camera()
    one._serial_number = "12345678"
    with pytest.raises(DeviceLostError, match="camera_1: no camera with serial number 12345678 is connected"):
        one.open()


def test_an_unplugged_camera_comes_back(camera: Callable[..., PylonCamera], monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects a run from a loose plug: its loss is told, nothing hangs, and it goes on by itself."""
    one = camera(trigger="free", frame_rate=50.0)
    seen: list[Picture] = []
    lines: list[str] = []
    reader = DeviceReader(one, seen.append, lines.append)
    try:
        until(lambda: len(seen) > 3)
        assert reader.fault == ""
        os.environ["PYLON_CAMEMU"] = "0"  # nothing is found any more
        one._camera.DestroyDevice()
        until(lambda: "no camera with serial number" in reader.fault)
        assert lines[0] == "camera_1: was unplugged"
        os.environ["PYLON_CAMEMU"] = "3"
        count = len(seen)
        until(lambda: len(seen) > count + 3)
        assert reader.fault == ""
        assert reader.reconnections == 1
        assert lines[-1] == "camera_1: back again"
    finally:
        reader.close()


def test_missing_pictures_are_said_at_once(pictures: Path) -> None:
    """Protects an emulated run from black pictures, which is what pylon plays from nothing."""
    with pytest.raises(DactylError, match=r"there is no folder .*camera_3"):
        pylon.emulated(pictures, 4)
    for picture in (pictures / "camera_2").iterdir():
        picture.unlink()
    with pytest.raises(DactylError, match=r"camera_2 has no \.bmp"):
        pylon.emulated(pictures, 3)
