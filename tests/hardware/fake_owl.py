"""A stand-in for PhaseSpace's module `owl`: its calls as PhaseSpace's own examples use them, on a scripted server."""

from __future__ import annotations

import types
from collections import deque
from typing import Any


class OWLError(Exception):
    """What the module raises where a server does not answer."""


class Type:
    """Of events."""

    ERROR, FRAME, CAMERA = 1, 2, 3


class Marker:
    """Position in mm; cond > 0 means seen."""

    def __init__(self, id: int, x: float, y: float, z: float, cond: float = 1.0) -> None:
        self.id, self.x, self.y, self.z, self.cond = id, x, y, z, cond


class Event:
    """One event. `"markers" in event` tells whether it carries markers."""

    def __init__(
        self, type_id: int, name: str = "", data: Any = None, markers: list[Marker] | None = None, time: int = 0
    ) -> None:
        self.type_id, self.name, self.data, self.time = type_id, name, data, time
        if markers is not None:
            self.markers = markers

    def __contains__(self, name: str) -> bool:
        return hasattr(self, name)


class Server:
    """What the contexts talk to."""

    def __init__(self) -> None:
        self.up = True
        self.events: deque[Event] = deque()
        self.calls: list[tuple[Any, ...]] = []

    def module(self) -> types.ModuleType:
        """The module `owl` of a machine from which this server is reached."""
        module = types.ModuleType("owl")
        server = self

        class Context:
            def __init__(self) -> None:
                self._open = self._initialized = self._streaming = False

            def open(self, name: str, options: str = "") -> int:
                server.calls.append(("open", name, options))
                if not server.up:
                    raise OWLError(f"connection to {name}\ntimed out")
                self._open = True
                return 1

            def isOpen(self) -> bool:  # noqa: N802
                return self._open and server.up

            def initialize(self, options: str = "") -> int:
                server.calls.append(("initialize", options))
                self._initialized = "frequency=961" not in options
                return int(self._initialized)

            def property(self, name: str) -> Any:
                return self._initialized if name == "initialized" else None

            def streaming(self, enable: int) -> None:
                self._streaming = bool(enable)

            def nextEvent(self, timeout: int = 0) -> Event | None:  # noqa: N802
                assert self._streaming
                return server.events.popleft() if server.events else None

            def done(self, options: str = "") -> None:
                server.calls.append(("done",))

            def close(self) -> None:
                server.calls.append(("close",))
                self._open = self._initialized = False

        module.Context, module.Type = Context, Type  # type: ignore[attr-defined]
        return module
