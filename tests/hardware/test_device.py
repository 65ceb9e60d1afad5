"""The thread that keeps a device running, on a device whose failures are told to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from dactyl.hardware import device
from dactyl.hardware.device import DeviceLostError, DeviceReader


class Broken:
    """Gives what it is told to: a reading, None, or an error to raise."""

    name = "device"
    dropped = 0

    def __init__(self) -> None:
        self.opened = self.closed = 0
        self.script: list[int | Exception | None] = []
        self.opening: list[Exception] = []

    def open(self) -> None:
        if self.opening:
            raise self.opening.pop(0)
        self.opened += 1

    def read(self, timeout: float) -> int | None:
        if not self.script:
            time.sleep(0.005)
            return None
        item = self.script.pop(0)
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[DeviceReader[int], list[int], list[str]]]]:
    monkeypatch.setattr(device, "RETRY", 0.02)
    readers = []

    def make(broken: Broken) -> tuple[DeviceReader[int], list[int], list[str]]:
        seen: list[int] = []
        lines: list[str] = []
        readers.append(DeviceReader(broken, seen.append, lines.append))
        return readers[-1], seen, lines

    yield make
    for reader in readers:
        reader.close()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_device_that_is_not_there_yet_is_waited_for(start: Callable[..., object]) -> None:
    """Protects a lab that switches things on in any order; the same trouble is told once."""
    broken = Broken()
    broken.opening = [DeviceLostError("device: not there") for _ in range(3)]
    broken.script = [7]
    reader, seen, lines = start(broken)  # type: ignore[misc]
    until(lambda: seen == [7])
    assert lines == ["device: not there"]
    assert reader.fault == ""
    assert reader.reconnections == 0
    assert broken.closed == 3


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (DeviceLostError("device: unplugged"), "device: unplugged"),
        (SystemError("something\ninside"), "device: SystemError: something inside"),
    ],
)
def test_whatever_a_driver_raises_it_is_opened_again(start: Callable[..., object], error: Exception, line: str) -> None:
    """Protects a run from a thread that dies unseen: every failure is told in one line, and the device tried again."""
    broken = Broken()
    broken.script = [1, error, 2]
    reader, seen, lines = start(broken)  # type: ignore[misc]
    until(lambda: seen == [1, 2])
    assert lines == [line, "device: back again"]
    assert (reader.reconnections, reader.fault) == (1, "")
    assert reader.silence < 5.0


def test_closing_lets_go_at_once(start: Callable[..., object]) -> None:
    """Protects ctrl-C."""
    broken = Broken()
    reader, _, _ = start(broken)  # type: ignore[misc]
    until(lambda: broken.opened)
    begin = time.monotonic()
    reader.close()
    assert time.monotonic() - begin < 1.0
    assert broken.closed == 1
