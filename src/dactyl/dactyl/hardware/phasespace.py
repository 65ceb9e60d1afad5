"""PhaseSpace Impulse (appendix B.2) by PhaseSpace's own OWL Python API, the module `owl`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from dactyl.errors import DactylError
from dactyl.hardware.device import DeviceLostError
from dactyl.hardware.device_clock import DeviceClock
from dactyl.hardware.markers import Marker, MarkerFrame

OPEN_TIMEOUT = 3.0
"""s to find the server."""
SILENCE = 2.0
"""s without a frame after which the connection counts as lost."""
TIMEBASE = "timebase=1,1000000"
"""OWL's option by which its events are stamped in µs of the server's clock."""
MILLIMETRE = 1e-3
"""OWL's unit of length, in m."""


class PhaseSpace:
    """One connection to a PhaseSpace server."""

    name = "PhaseSpace"

    def __init__(
        self, address: str, now_ns: Callable[[], int], frequency: int = 240, options: str = "", latency: float = 0.0
    ) -> None:
        """
        Args:
            address: host name or IP address of the server.
            now_ns: the clock that frames are stamped with, ns.
            frequency: frames per second, up to 960.
            options: more of OWL's options, separated by spaces, such as `profile=hand`.
            latency: s between the flash of the LEDs and the soonest arrival of their frame, taken off the stamps.

        Raises:
            DactylError: the API is not installed.
        """
        self._owl = import_owl()
        self._address, self._now_ns, self._latency_ns = address, now_ns, round(latency * 1e9)
        self._options = f"event.markers=1 event.rigids=0 {TIMEBASE} frequency={frequency} {options}".strip()
        self._clock = DeviceClock()
        self._context: Any = None
        self._heard = 0.0
        self.dropped = 0

    def open(self) -> None:
        context = self._context = self._owl.Context()
        try:
            context.open(self._address, f"timeout={round(OPEN_TIMEOUT * 1e6)}")
            if not context.isOpen():
                raise DeviceLostError(f"{self.name}: no server answers at {self._address}")
            context.initialize(self._options)
            if not context.property("initialized"):
                raise DeviceLostError(f"{self.name}: {self._address} does not take the options: {self._options}")
            context.streaming(1)
        except DactylError:
            raise
        except Exception as error:  # OWL's own classes of errors differ between its versions
            raise DeviceLostError(f"{self.name}: no connection to {self._address}: {_one_line(error)}") from error
        self._heard = time.monotonic()
        self._clock = DeviceClock()

    def read(self, timeout: float) -> MarkerFrame | None:
        context, newest = self._context, None
        try:
            event = context.nextEvent(round(timeout * 1e6))
            while event:
                if event.type_id == self._owl.Type.ERROR and event.name == "fatal":
                    raise DeviceLostError(f"{self.name}: {self._address} reports: {_one_line(event.data)}")
                if event.name == "done":
                    raise DeviceLostError(f"{self.name}: {self._address} has ended the session")
                if event.type_id == self._owl.Type.FRAME and "markers" in event:
                    self.dropped += newest is not None
                    newest = event
                event = context.nextEvent(0)
            if newest is None and not (context.isOpen() and context.property("initialized")):
                raise DeviceLostError(f"{self.name}: {self._address} has closed the connection")
        except DactylError:
            raise
        except Exception as error:
            raise DeviceLostError(f"{self.name}: {self._address} was lost: {_one_line(error)}") from error
        now = time.monotonic()
        if newest is None:
            if now - self._heard > SILENCE:
                raise DeviceLostError(f"{self.name}: no frame from {self._address} for {SILENCE:g} s")
            return None
        self._heard = now
        markers = [
            Marker(int(m.id), (MILLIMETRE * m.x, MILLIMETRE * m.y, MILLIMETRE * m.z), float(m.cond))
            for m in newest.markers
        ]
        return MarkerFrame(self._happened_ns(newest) - self._latency_ns, markers)

    def _happened_ns(self, event: Any) -> int:
        """When a frame was taken: it may have waited on its way. A server that stamps nothing gets its arrival."""
        now_ns, stamp = self._now_ns(), getattr(event, "time", None)
        return self._clock.here(int(stamp) * 1_000, now_ns) if stamp and stamp > 0 else now_ns

    def close(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            with contextlib.suppress(Exception):  # a broken connection has nothing left to end
                context.done()
            with contextlib.suppress(Exception):
                context.close()


def import_owl() -> Any:
    """PhaseSpace's module.

    Raises:
        DactylError: it is not installed.
    """
    try:
        import owl
    except ImportError as error:
        raise DactylError(
            "PhaseSpace needs its Python module `owl`, which PhaseSpace gives to its customers: download the OWL 2 SDK "
            "from customers.phasespace.com and put the folder of its owl.py on PYTHONPATH"
        ) from error
    if not hasattr(owl, "Context"):
        raise DactylError(f"the module `owl` at {owl.__file__} is not PhaseSpace's OWL 2 API: it has no Context")
    return owl


def _one_line(error: object) -> str:
    return " ".join(str(error).split()) or type(error).__name__
