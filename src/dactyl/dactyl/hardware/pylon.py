"""Basler cameras (appendix B.3) by pylon's Python API; also the cameras that pylon emulates with picture files."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from dactyl.errors import DactylError
from dactyl.hardware.device import DeviceLostError

LOST_AFTER_NS = 500_000_000
"""A triggered picture that has not come by then will not come."""
SILENCE = 2.0
"""s without a picture that should have come, after which the camera counts as lost."""
LATCH_EVERY = 12
"""Pictures between two looks at the camera's clock: about a second."""
PICTURE_FILES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff")
"""What pylon's emulation reads."""


class Picture(NamedTuple):
    """One exposure."""

    time_ns: int
    """When the exposure began."""
    pixels: np.ndarray
    """(height, width, 3) uint8, RGB"""


@dataclass(frozen=True)
class CameraSettings:
    """How pictures are taken."""

    width: int = 640
    height: int = 480
    exposure: float = 10_000.0
    """µs; 0: the camera decides."""
    gain: float = 0.0
    """dB; negative: the camera decides."""
    white_balance: Literal["auto", "once", "fixed"] = "once"
    white_balance_ratios: Sequence[float] = (1.0, 1.0, 1.0)
    """Red, green, blue, where it is fixed."""
    trigger: Literal["software", "hardware", "free"] = "software"
    """Each exposure begins with `trigger()`, with an edge on the trigger line, or at the frame rate."""
    trigger_line: str = "Line1"
    frame_rate: float = 12.5
    """Hz, where it runs free."""


class PylonCamera:
    """One camera, found by its serial number."""

    def __init__(
        self,
        name: str,
        serial_number: str,
        settings: CameraSettings,
        now_ns: Callable[[], int],
        pictures: Path | None = None,
    ) -> None:
        """
        Args:
            name: what the camera is called in messages.
            serial_number: from its label.
            settings: of every picture.
            now_ns: the clock that pictures are stamped with, ns.
            pictures: of an emulated camera: the folder that it plays, in the order of the files' names.
        """
        self.name, self._serial_number, self._settings, self._now_ns = name, serial_number, settings, now_ns
        self._pictures = pictures
        self._patience = max(SILENCE, 3.0 / settings.frame_rate if settings.trigger == "free" else 0.0)
        self.dropped = 0
        self.unsupported: list[str] = []
        """Features asked for that this model does not have."""
        self._camera: Any = None
        self._awaited_ns: int | None = None
        self._due_since: float | None = None
        self._next_block: int | None = None
        self._clock_offset: int | None = None
        self._until_latch = 0

    # ------------------------------------------------------------------------------------------------ as a Device

    def open(self) -> None:
        pylon = import_pylon()
        info = pylon.DeviceInfo()
        info.SetSerialNumber(self._serial_number)
        if self._pictures:
            info.SetDeviceClass("BaslerCamEmu")
        try:
            device = pylon.TlFactory.GetInstance().CreateFirstDevice(info)
        except pylon.GenericException as error:
            raise DeviceLostError(
                f"{self.name}: no camera with serial number {self._serial_number} is connected"
            ) from error
        self._camera = pylon.InstantCamera(device)
        self._next_block = self._clock_offset = None
        self._until_latch, self.unsupported = 0, []
        try:
            self._camera.Open()
        except pylon.GenericException as error:
            raise DeviceLostError(f"{self.name}: cannot be opened: {_reason(error)}") from error
        try:
            self._configure()
            self._camera.StartGrabbing(pylon.GrabStrategy_LatestImageOnly)
            if self._settings.trigger == "software" and self._camera.CanWaitForFrameTriggerReady():
                self._camera.WaitForFrameTriggerReady(1000, pylon.TimeoutHandling_Return)  # earlier ones go unheard
            self._awaited_ns = None
            self._due_since = time.monotonic() if self._settings.trigger == "free" else None
        except pylon.GenericException as error:
            raise DactylError(f"{self.name}: cannot be configured: {_reason(error)}") from error

    def read(self, timeout: float) -> Picture | None:
        pylon, camera = import_pylon(), self._camera
        try:
            result = camera.RetrieveResult(round(timeout * 1e3), pylon.TimeoutHandling_Return)
            arrived_ns = self._now_ns()
            if camera.IsCameraDeviceRemoved() or not camera.IsGrabbing():
                raise DeviceLostError(f"{self.name}: was unplugged")
            if not result.IsValid():
                if self._due_since is not None and time.monotonic() - self._due_since > self._patience:
                    raise DeviceLostError(f"{self.name}: sends no pictures")
                return None
            with result:
                return self._receive(result, arrived_ns)
        except pylon.GenericException as error:
            raise DeviceLostError(f"{self.name}: was lost: {_reason(error)}") from error

    def trigger(self, time_ns: int) -> None:
        """Begin an exposure now, where the settings leave that to software. Never raises, never waits."""
        camera, awaited_ns = self._camera, self._awaited_ns
        if camera is None or self._settings.trigger != "software":
            return
        if awaited_ns is not None:
            self.dropped += 1
            if 0 <= time_ns - awaited_ns < LOST_AFTER_NS:
                return  # a second exposure would leave open which of the two the next picture is
            self._next_block = None  # the lost one is counted already
        try:
            self._awaited_ns = time_ns
            self._due_since = self._due_since or time.monotonic()
            camera.ExecuteSoftwareTrigger()
        except import_pylon().GenericException:
            self._awaited_ns = None  # read() finds out what is wrong

    def close(self) -> None:
        camera, self._camera = self._camera, None
        if camera is not None:
            try:
                camera.Close()
                camera.DestroyDevice()
            except import_pylon().GenericException:
                pass  # unplugged: there is nothing left to close

    # ------------------------------------------------------------------------------------------------- configuration

    def _configure(self) -> None:
        settings = self._settings
        self._set("UserSetSelector", "Default")
        self._node("UserSetLoad").Execute()  # nothing that another program has left may count
        if self._pictures:
            self._set("TestImageSelector", "Off")
            self._set("ImageFilename", str(self._pictures))
            self._set("ImageFileMode", "On")
        formats = self._node("PixelFormat").Symbolics
        self._set("PixelFormat", "RGB8" if "RGB8" in formats else "RGB8Packed")
        self._set("Width", settings.width)
        self._set("Height", settings.height)
        self._set("ExposureAuto", "Off" if settings.exposure > 0 else "Continuous")
        if settings.exposure > 0:
            self._set("ExposureTime", settings.exposure)
        self._set("GainAuto", "Off" if settings.gain >= 0 else "Continuous")
        if settings.gain >= 0:
            self._set("Gain", settings.gain)
        self._set("BalanceWhiteAuto", {"auto": "Continuous", "once": "Once", "fixed": "Off"}[settings.white_balance])
        if settings.white_balance == "fixed":
            for color, ratio in zip(("Red", "Green", "Blue"), settings.white_balance_ratios, strict=True):
                self._set("BalanceRatioSelector", color)
                self._set("BalanceRatio", ratio)
        self._set("TriggerSelector", "FrameStart")
        self._set("TriggerMode", "Off" if settings.trigger == "free" else "On")
        if settings.trigger != "free":
            self._set("TriggerSource", "Software" if settings.trigger == "software" else settings.trigger_line)
        self._set("AcquisitionFrameRateEnable", settings.trigger == "free")
        if settings.trigger == "free":
            self._set("AcquisitionFrameRate", settings.frame_rate)

    def _node(self, name: str) -> Any:
        return self._camera.GetNodeMap().GetNode(name)

    def _set(self, name: str, value: Any) -> None:
        node = self._node(name)
        if not node.IsValid():
            self.unsupported.append(name)
            return
        try:
            node.Value = value
        except import_pylon().GenericException as error:
            raise DactylError(f"{self.name}: {name} cannot be {value}: {_reason(error)}") from error

    # ------------------------------------------------------------------------------------------------------ pictures

    def _receive(self, result: Any, arrived_ns: int) -> Picture | None:
        if self._next_block is not None:
            self.dropped += max(result.BlockID - self._next_block, 0)
        self._next_block = result.BlockID + 1
        triggered_ns, self._awaited_ns = self._awaited_ns, None
        self._due_since = time.monotonic() if self._settings.trigger == "free" else None
        if not result.GrabSucceeded():
            self.dropped += 1
            return None
        pixels = result.Array
        wanted = (self._settings.height, self._settings.width, 3)
        if pixels.shape != wanted:
            raise DactylError(f"{self.name}: pictures are {pixels.shape}, not {wanted} (height, width, colors)")
        if self._settings.trigger == "software" and triggered_ns is not None:
            return Picture(triggered_ns, pixels)
        return Picture(self._exposed_ns(result.TimeStamp, arrived_ns), pixels)

    def _exposed_ns(self, camera_ns: int, arrived_ns: int) -> int:
        """When a picture was exposed that no trigger of ours began: by the camera's clock, brought to ours."""
        if self._until_latch <= 0:
            self._until_latch = LATCH_EVERY
            self._clock_offset = self._measure_clock_offset()
        self._until_latch -= 1
        if self._clock_offset is None:
            return arrived_ns - round(self._settings.exposure * 1e3)
        return min(camera_ns + self._clock_offset, arrived_ns)

    def _measure_clock_offset(self) -> int | None:
        """ns that our clock is ahead of the camera's; None for a camera that does not show its clock."""
        latch, latched = self._node("TimestampLatch"), self._node("TimestampLatchValue")
        if not (latch.IsValid() and latched.IsValid()):
            return None
        before_ns = self._now_ns()
        latch.Execute()
        return (before_ns + self._now_ns()) // 2 - int(latched.Value)


def emulated(folder: Path, number: int) -> list[tuple[str, Path]]:
    """Serial numbers of pylon's emulated cameras and the pictures they play, after telling pylon to emulate them.

    Args:
        folder: with a folder camera_0, camera_1, … of picture files for each camera.
        number: of cameras.

    Raises:
        DactylError: a folder of pictures is missing.
    """
    cameras = []
    for i in range(number):
        pictures = folder.absolute() / f"camera_{i}"
        if not pictures.is_dir():
            raise DactylError(f"emulated cameras need pictures: there is no folder {pictures}")
        if not any(path.suffix.lower() in PICTURE_FILES for path in pictures.iterdir()):
            raise DactylError(f"emulated cameras need pictures: {pictures} has no {', '.join(PICTURE_FILES)}")
        cameras.append((f"0815-{i:04d}", pictures))
    os.environ["PYLON_CAMEMU"] = str(number)
    return cameras


def import_pylon() -> Any:
    """pypylon's module, imported when it is used.

    Raises:
        DactylError: it is not installed.
    """
    try:
        from pypylon import pylon
    except ImportError as error:
        raise DactylError(f"cameras need Basler's pylon, which is missing ({error}): pip install pypylon") from error
    return pylon


def _reason(error: Exception) -> str:
    """The sentence in front of where in pylon's source it was thrown."""
    return " ".join(str(error).split(" : ")[0].split())
