"""Keeps a device running: a thread opens it, hands on its readings, and opens it again when it was gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from dactyl.errors import DactylError

RETRY = 1.0
"""s between attempts to open a device."""
PATIENCE = 0.2
"""s to wait for one reading before looking whether to stop."""

Reading = TypeVar("Reading")
Reading_co = TypeVar("Reading_co", covariant=True)


class DeviceLostError(DactylError):
    """The device is not there, or does not answer any more."""


class Device(Protocol[Reading_co]):
    """What a driver does. A lost device can be closed and opened again."""

    @property
    def name(self) -> str:
        """What the device is called in messages."""

    @property
    def dropped(self) -> int:
        """Readings that did not arrive, arrived damaged, or were passed over for newer ones."""

    def open(self) -> None:
        """Find and configure the device and start it.

        Raises:
            DeviceLostError: it is not there or belongs to somebody else.
            DactylError: it cannot do what its settings ask for.
        """

    def read(self, timeout: float) -> Reading_co | None:
        """The newest reading; None if none came in so many seconds.

        Raises:
            DeviceLostError: it is gone.
            DactylError: its readings are not what its settings ask for.
        """

    def close(self) -> None:
        """Let go of the device; never raises."""


class DeviceReader(Generic[Reading]):
    """Runs one device in a thread until closed."""

    def __init__(
        self, device: Device[Reading], on_reading: Callable[[Reading], None], log: Callable[[str], object]
    ) -> None:
        """
        Args:
            device: not opened yet.
            on_reading: called in the reader's thread with each reading.
            log: told in one line when the device is lost, and when it is back.
        """
        self.device = device
        self.fault = f"{device.name}: not opened yet"
        """Why there are no readings; empty while all is well."""
        self.readings = 0
        self._read_at = time.monotonic()
        self.reconnections = 0
        """How often a device that had worked was opened again."""
        self._on_reading, self._log = on_reading, log
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=device.name, daemon=True)
        self._thread.start()

    @property
    def silence(self) -> float:
        """s since the last reading, or since this began."""
        return time.monotonic() - self._read_at

    def close(self) -> None:
        """Stop, and let go of the device."""
        self._stopping.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.device.open()
                if self.readings:
                    self.reconnections += 1
                    self._log(f"{self.device.name}: back again")
                self.fault = ""
                while not self._stopping.is_set():
                    reading = self.device.read(PATIENCE)
                    if reading is not None:
                        self.readings += 1
                        self._read_at = time.monotonic()
                        self._on_reading(reading)
            except DactylError as error:
                self._report(str(error))
            except Exception as error:  # a driver's library can raise anything; it is tried again all the same
                self._report(f"{self.device.name}: {type(error).__name__}: {' '.join(str(error).split())}")
            finally:
                self.device.close()
            self._stopping.wait(RETRY)

    def _report(self, fault: str) -> None:
        if fault != self.fault:
            self._log(fault)
        self.fault = fault
