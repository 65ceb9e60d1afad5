"""Stops the hand at a key or a gamepad's button, and tells that somebody watches it.

It runs all the time, so that a stop waits for nothing to start.
The keyboard is that of the terminal that the node runs in: any key stops. So does a terminal that goes away.
"""

from __future__ import annotations

import contextlib
import os
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator
from dataclasses import dataclass

from sensor_msgs.msg import Joy
from std_msgs.msg import Bool, Empty

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.ros.messages import RELIABLE
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.parameters import parameter

QUIT = b"q"
AGAIN_FOR = 1.0
"""s that a stop is sent again: the driver may be starting just then."""


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    stop_buttons: tuple[int, ...] = parameter(
        (0, 1, 2, 3), "Buttons of the gamepad that stop the hand, as sensor_msgs/Joy counts them.", minimum=0
    )
    dead_man_button: int = parameter(
        -1, "The heartbeat beats only while this button is pressed; -1: as long as this node runs.", minimum=-1
    )
    heartbeat: float = parameter(0.05, "Between two beats, s.", minimum=0.005, maximum=1.0)
    joy_timeout: float = parameter(
        0.5, "Without news of the gamepad for this long, s, no button counts as pressed.", minimum=0.05, maximum=10.0
    )


class HandWatch(DactylNode):
    """keys, joy -> emergency_stop, heartbeat."""

    def __init__(self) -> None:
        super().__init__("hand_watch")
        self.settings = settings = self.declare(Parameters)
        if settings.dead_man_button in settings.stop_buttons:
            stops = " ".join(map(str, settings.stop_buttons))
            raise DactylError(f"parameter dead_man_button = {settings.dead_man_button} stops the hand, as {stops} do")
        self.monotonic = time.monotonic
        self.stopped_at: float | None = None
        self.pressed_at: float | None = None
        """When the dead-man's button was last known to be pressed; None: it is not."""
        self.stop_publisher = self.create_publisher(Bool, topics.EMERGENCY_STOP, RELIABLE)
        self.heartbeat_publisher = self.create_publisher(Empty, topics.HEARTBEAT, RELIABLE)
        self.create_subscription(Joy, topics.JOY, self.on_joy, RELIABLE)
        self.wall_timer(settings.heartbeat, self.on_timer)
        if sys.stdin is not None and sys.stdin.isatty():
            threading.Thread(target=self._read_keys, args=[sys.stdin.fileno()], daemon=True).start()
            print("any key stops the hand; q ends the watch", flush=True)

    def stop(self, why: str) -> None:
        """Stop the hand, from any thread."""
        self.stop_publisher.publish(Bool(data=True))
        self.stopped_at = self.monotonic()
        nobody = "" if self.stop_publisher.get_subscription_count() else ", but nobody drives one"
        with contextlib.suppress(OSError):  # a terminal that has gone
            print(f"{why}: stop the hand{nobody}", flush=True)

    def on_joy(self, message: Joy) -> None:
        pressed = {i for i, button in enumerate(message.buttons) if button}
        hit = pressed & set(self.settings.stop_buttons)
        if hit and not self._stopping():
            self.stop(f"button {min(hit)}")
        self.pressed_at = self.monotonic() if self.settings.dead_man_button in pressed else None

    def on_timer(self) -> None:
        if self._stopping():
            self.stop_publisher.publish(Bool(data=True))
        if self._watched():
            self.heartbeat_publisher.publish(Empty())

    def _stopping(self) -> bool:
        return self.stopped_at is not None and self.monotonic() - self.stopped_at <= AGAIN_FOR

    def _watched(self) -> bool:
        if self.settings.dead_man_button < 0:
            return True
        return self.pressed_at is not None and self.monotonic() - self.pressed_at <= self.settings.joy_timeout

    def _read_keys(self, terminal: int) -> None:
        with _single_keys(terminal):
            while key := _next(terminal):
                if key == QUIT:
                    break
                self.stop("key")
            else:
                self.stop("the terminal has gone")
        self.finish()

    def finish(self) -> None:
        """End, but not before a stop was sent for as long as it is to be."""
        while self._stopping():
            time.sleep(0.02)
        super().finish()

    def diagnose(self) -> Diagnosis:
        if not self.stop_publisher.get_subscription_count():
            return warning("nobody drives a hand")
        return Diagnosis("watches" if self._watched() else "the dead-man's button is not pressed")


def _next(terminal: int) -> bytes:
    """The next key; empty if there is no terminal any more."""
    try:
        return os.read(terminal, 1)
    except OSError:
        return b""


@contextlib.contextmanager
def _single_keys(terminal: int) -> Iterator[None]:
    """Keys come as they are pressed, without waiting for a whole line."""
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def main() -> int:
    return run(HandWatch)


if __name__ == "__main__":
    sys.exit(main())
