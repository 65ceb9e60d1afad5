"""Runs a graph as processes where ROS's `launch` is not installed: the same nodes, restarts and endings."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from queue import Empty, Queue
from types import FrameType
from typing import NoReturn

from dactyl.bringup import claim
from dactyl.bringup.graph import Graph, Node, Value, exit_reason
from dactyl.errors import DactylError
from dactyl.signals import ends

KILL_AFTER = 2.0
"""s that nodes have to end after SIGTERM before SIGKILL comes; everything is over within 3 s."""
EARLY, EARLY_LIMIT = 5.0, 3
"""A node that ends within so many s of its start, so many times in a row, will not run: the run ends too."""
WITH_PARENT = ("setpriv", "--pdeathsig", "SIGTERM")
"""In front of a command that is to end when what started it does, even if that is killed."""
STAYS_BEHIND = "setpriv (of util-linux) is not installed: where this program is killed, its nodes go on without it"
BETWEEN = "--"
"""Ends the arguments of each node that shares a process."""
LINE, LINE_OF_ONE = "{severity}: {message}", "{severity}: {name}: {message}"
"""What a node says, and one of those that share a process."""
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


class Starts:
    """Counts how many times in a row a node ended early."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._began = 0.0
        self._early = 0

    def began(self) -> None:
        """It was started just now."""
        self._began = time.monotonic()

    def too_many(self, code: int) -> str:
        """It ended just now, with this exit code: why it is not to be started again, if it is not."""
        self._early = self._early + 1 if time.monotonic() - self._began < EARLY else 0
        if self._early < EARLY_LIMIT:
            return ""
        return f"{self._node.name} {_how(code)}, {EARLY_LIMIT} times within {EARLY:g} s of its start"


@dataclass
class _Process:
    """A node's current process."""

    node: Node
    colour: int
    popen: subprocess.Popen[str] | None = None
    start_at: float | None = 0.0
    """When to start it (again), monotonic; None while it runs or when it stays ended."""
    reader: threading.Thread | None = None

    def __post_init__(self) -> None:
        self.starts = Starts(self.node)


class Runner:
    """Starts the processes of a graph, prints what they say, restarts what ends, and ends everything in the end."""

    def __init__(
        self, graph: Graph, write: Callable[[str], object] | None = None, kill_after: float = KILL_AFTER
    ) -> None:
        """`write` takes whole lines; by default they go to standard output."""
        self._graph = graph
        self._kill_after = kill_after
        self._write = write or functools.partial(print, end="", flush=True)
        self._lock = threading.Lock()
        self._width = max(len(node.name) for node in graph.processes)
        self._coloured = sys.stdout.isatty()
        self._processes = [_Process(node, _COLOURS[i % len(_COLOURS)]) for i, node in enumerate(graph.processes)]
        self._ended: Queue[_Process] = Queue()

    def run(self, stop: threading.Event) -> int:
        """Run until a required node ends, a node cannot run, or `stop` is set; when it returns, all nodes have ended.

        Returns:
            The exit code of the node that ended the run; 0 after `stop`.
        """
        if not can_end_with_parent():
            self._say(STAYS_BEHIND)
        try:
            return self._supervise(stop)
        finally:
            self._end_all()

    def pids(self) -> dict[str, int]:
        """Process ids of the nodes that run."""
        return {p.node.name: p.popen.pid for p in self._processes if p.popen and p.popen.poll() is None}

    def _supervise(self, stop: threading.Event) -> int:
        while not stop.is_set():
            for process in self._processes:
                if process.start_at is not None and time.monotonic() >= process.start_at:
                    self._start(process)
            try:
                process = self._ended.get(timeout=0.1)
            except Empty:
                continue
            code = process.popen.wait() if process.popen else 0
            if reason := self._reason_to_end(process, code):
                self._say(f"{reason}: the run ends")
                return code if code >= 0 else 128 - code
            if process.node.respawn:
                self._say(f"{process.node.name} {_how(code)}; it starts again in {process.node.respawn_delay:g} s")
                process.start_at = time.monotonic() + process.node.respawn_delay
        return 0

    def _reason_to_end(self, process: _Process, code: int) -> str:
        return exit_reason(process.node, code) or process.starts.too_many(code)

    def _start(self, process: _Process) -> None:
        environment = {
            **os.environ,
            **self._graph.environment,
            "PYTHONUNBUFFERED": "1",
            "RCUTILS_LOGGING_USE_STDOUT": "1",
            "RCUTILS_LOGGING_BUFFERED_STREAM": "0",
            "RCUTILS_COLORIZED_OUTPUT": str(int(self._coloured)),
            "RCUTILS_CONSOLE_OUTPUT_FORMAT": LINE if not process.node.members else LINE_OF_ONE,
        }
        process.start_at = None
        process.starts.began()
        process.popen = subprocess.Popen(
            command(process.node, self._graph),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # the terminal's ctrl-C comes to us alone, who pass it on
        )
        process.reader = threading.Thread(target=self._read, args=[process, process.popen], daemon=True)
        process.reader.start()

    def _read(self, process: _Process, popen: subprocess.Popen[str]) -> None:
        assert popen.stdout is not None
        for line in popen.stdout:
            self._print(process.node.name, process.colour, line.rstrip("\n").removeprefix("INFO: "))
        popen.wait()
        self._ended.put(process)

    def _say(self, line: str) -> None:
        self._print("dactyl", 1, line)

    def _print(self, name: str, colour: int, line: str) -> None:
        prefix = f"{name:>{self._width}} | "
        if self._coloured:
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        with self._lock, contextlib.suppress(OSError):  # nobody reads any more, or the terminal has gone: write nothing
            self._write(f"{prefix}{line}\n")

    def _end_all(self) -> None:
        """SIGTERM, which is silent where SIGINT makes a starting python print a traceback; in the end SIGKILL."""
        start = time.monotonic()
        running = [process.popen for process in self._processes if process.popen]
        for after, number in ((0.0, signal.SIGTERM), (self._kill_after, signal.SIGKILL)):
            while (
                running := [popen for popen in running if popen.poll() is None]
            ) and time.monotonic() - start < after:
                time.sleep(0.02)
            for popen in running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(popen.pid, number)
        for process in self._processes:
            if process.reader:
                process.reader.join(timeout=0.5)


def can_end_with_parent() -> bool:
    """Whether setpriv is installed, which ends a command with this process."""
    return shutil.which(WITH_PARENT[0]) is not None


def with_parent() -> list[str]:
    """What to put in front of a command that is to end with this process; nothing where there is none."""
    return list(WITH_PARENT) if can_end_with_parent() else []


def _how(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def command(node: Node, graph: Graph) -> list[str]:
    """The command line that starts a node, or the process that several share."""
    line = [sys.executable, "-m", f"{node.package}.{node.name}"]
    for name in node.members:
        line += [name, *_arguments(graph.node(name), graph), BETWEEN]
    line += [] if node.members else _arguments(node, graph)
    return [*with_parent(), *line]


def _arguments(node: Node, graph: Graph) -> list[str]:
    """What a node is started with."""
    arguments = ["--ros-args", "-r", f"__node:={node.name}", "-r", f"__ns:={graph.namespace}"]
    for source, target in node.remappings:
        arguments += ["-r", f"{source}:={target}"]
    for name, value in graph.parameters(node).items():
        arguments += ["-p", f"{name}:={_yaml(value)}"]
    return arguments


def become(node: Node, graph: Graph) -> NoReturn:
    """Run one node in the place of this process, with its terminal."""
    _need_ros()
    line = command(node, graph)
    os.execvpe(line[0], line, {**os.environ, **graph.environment})


def _need_ros() -> None:
    if find_spec("rclpy") is None or find_spec("dactyl_msgs") is None:
        raise DactylError("the graph needs ROS 2 and dactyl_msgs: run ./dactyl in a checkout, or build with colcon")


def _yaml(value: Value) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'" if value.isprintable() else json.dumps(value)
    if isinstance(value, float) and math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def run(graph: Graph, kill_after: float = KILL_AFTER) -> int:
    """Run a graph to its end; its nodes then have so many s to end by themselves.

    Returns:
        The exit code of the node that ended it; 130 after SIGINT, 143 after SIGTERM, 129 where the terminal has gone.

    Raises:
        DactylError: it cannot run here, or another one does in this ROS domain.
    """
    _need_ros()
    with claim.claimed(graph):
        return _run(graph, kill_after)


def _run(graph: Graph, kill_after: float) -> int:
    stop = threading.Event()
    received: list[int] = []

    def on_signal(number: int, _: FrameType | None) -> None:
        received.append(number)
        stop.set()

    handlers = {number: signal.signal(number, on_signal) for number in ends()}
    try:
        code = Runner(graph, kill_after=kill_after).run(stop)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return 128 + received[0] if received else code
