"""Keys, a gamepad's buttons and the heartbeat: from a terminal to the driver."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Joy
from std_msgs.msg import Bool, Empty

from dactyl.errors import DactylError
from dactyl.nodes import hand_watch
from dactyl.nodes.hand_watch import HandWatch
from dactyl.ros import messages
from dactyl.ros.apart import node_apart


def pressed(*buttons: int) -> Joy:
    return Joy(buttons=[int(i in buttons) for i in range(8)])


@pytest.fixture
def watch(make_node: Callable[..., HandWatch], recorder: type[Any]) -> HandWatch:
    node = make_node(HandWatch, dead_man_button=5, joy_timeout=0.2)
    node.stop_publisher, node.heartbeat_publisher = recorder(), recorder()
    node.stop_publisher.get_subscription_count = lambda: 1  # type: ignore[method-assign]
    return node


def test_a_button_of_the_gamepad_stops_the_hand(watch: HandWatch) -> None:
    """Protects people: any of the four, once for each press, and again for a second in case the driver just starts."""
    now = 10.0
    watch.monotonic = lambda: now
    watch.on_joy(pressed(5))
    watch.on_timer()
    assert not watch.stop_publisher.messages  # type: ignore[attr-defined]
    watch.on_joy(pressed(2, 5))
    watch.on_joy(pressed(2, 5))
    assert watch.stop_publisher.messages == [Bool(data=True)]  # type: ignore[attr-defined]
    watch.on_timer()
    now = 11.5
    watch.on_timer()
    assert len(watch.stop_publisher.messages) == 2  # type: ignore[attr-defined]


def test_the_watch_does_not_end_before_its_stop_was_sent_for_long_enough(
    watch: HandWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects people: whoever presses a key and `q`, or closes the terminal, sends the stop no less often."""
    now = 10.0
    watch.monotonic = lambda: now
    monkeypatch.setattr(hand_watch, "AGAIN_FOR", 0.2)
    watch.stop("key")
    ending = threading.Thread(target=watch.finish)
    ending.start()
    ending.join(0.1)
    assert not watch.finished
    now = 10.3
    ending.join(5.0)
    assert watch.finished


def test_the_heart_beats_only_while_the_button_is_pressed(watch: HandWatch) -> None:
    """Protects against a gamepad that falls down, or whose battery is empty."""
    now = 10.0
    watch.monotonic = lambda: now
    beats = watch.heartbeat_publisher.messages  # type: ignore[attr-defined]
    watch.on_timer()
    assert not beats
    assert watch.diagnose().message == "the dead-man's button is not pressed"
    watch.on_joy(pressed(5))
    watch.on_timer()
    assert beats == [Empty()]
    watch.on_joy(pressed())
    watch.on_timer()
    assert len(beats) == 1
    watch.on_joy(pressed(5))
    now = 10.3
    watch.on_timer()
    assert len(beats) == 1, "nothing was heard of the gamepad for too long"


def test_without_a_dead_mans_button_the_node_itself_is_the_heartbeat(
    make_node: Callable[..., HandWatch], recorder: type[Any]
) -> None:
    watch = make_node(HandWatch)
    watch.heartbeat_publisher = recorder()
    watch.on_timer()
    assert watch.heartbeat_publisher.messages == [Empty()]  # type: ignore[attr-defined]


def test_a_button_cannot_both_stop_and_enable(make_node: Callable[..., HandWatch]) -> None:
    """Protects whoever presses the dead-man's button from a stop, and learns it at the start."""
    with pytest.raises(DactylError, match="parameter dead_man_button = 2 stops the hand, as 0 1 2 3 do"):
        make_node(HandWatch, dead_man_button=2)


class Terminal(NamedTuple):
    """A hand_watch that runs in a terminal, and when stops came."""

    process: subprocess.Popen[bytes]
    keys: int
    """What is written there has been typed."""
    came: list[float]
    executor: SingleThreadedExecutor

    def until_stopped(self) -> float:
        """How long after now the stop comes, s."""
        begun = time.monotonic()
        while not self.came:
            assert time.monotonic() - begun < 10.0
            self.executor.spin_once(timeout_sec=0.05)
        return self.came[0] - begun


@pytest.fixture
def terminal(ros_domain: int) -> Iterator[Terminal]:
    keys, its_end = pty.openpty()
    command = [sys.executable, "-m", "dactyl.nodes.hand_watch", "--ros-args", "-r", "__ns:=/dactyl"]
    process = subprocess.Popen(command, stdin=its_end, stdout=its_end, stderr=its_end, start_new_session=True)
    os.close(its_end)
    with ExitStack() as ending:
        ending.callback(process.wait)
        ending.callback(process.kill)
        node = ending.enter_context(node_apart("driver"))
        executor = ending.enter_context(SingleThreadedExecutor(context=node.context))
        came: list[float] = []
        take = lambda message: came.append(time.monotonic()) if message.data else None  # noqa: E731
        node.create_subscription(Bool, "/dactyl/emergency_stop", take, messages.RELIABLE)
        executor.add_node(node)
        said = b""
        while b"any key stops the hand" not in said:
            said += os.read(keys, 1000)
        deadline = time.monotonic() + 20.0
        while not node.count_publishers("/dactyl/emergency_stop"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.3)  # both ends have to find each other
        yield Terminal(process, keys, came, executor)


def test_any_key_stops_the_hand(terminal: Terminal) -> None:
    """Protects people: a key is a stop within milliseconds, because nothing has to start first."""
    os.write(terminal.keys, b"x")
    took = terminal.until_stopped()
    print(f"a key reaches the driver after {1e3 * took:.1f} ms")
    assert took < 0.5
    os.write(terminal.keys, b"q")
    assert terminal.process.wait(10.0) == 0


def test_a_terminal_that_goes_away_stops_the_hand(terminal: Terminal) -> None:
    """Protects against a watch that nobody can press a key at any more."""
    os.close(terminal.keys)
    terminal.until_stopped()
    assert terminal.process.wait(10.0) == 0
