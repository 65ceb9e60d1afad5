"""The runner of graphs, with small programs in the place of nodes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from math import inf
from pathlib import Path

import pytest

from dactyl.bringup.graph import Graph, Node
from dactyl.bringup.processes import EARLY_LIMIT, Runner, command
from tests.terminal import in_a_terminal

PROGRAMS = {
    "sleeper": "import time; print('up', flush=True); time.sleep(60)",
    "stubborn": """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN)
        print('up', flush=True); time.sleep(60)
        """,
    "finisher": "print('done')",
    "crasher": "raise SystemExit(7)",
    "misconfigured": "print('cannot start: parameter x'); raise SystemExit(2)",
    "impatient": "import time; time.sleep(0.3); raise SystemExit(3)",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with a module for each program, found by child processes."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name, program in PROGRAMS.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(program))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    return "programs"


class Run:
    """A runner in a thread, and what it printed."""

    def __init__(self, *nodes: Node) -> None:
        self.lines: list[str] = []
        self.stop = threading.Event()
        self.code: int | None = None
        self.runner = Runner(Graph(nodes), self.lines.append)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        self.code = self.runner.run(self.stop)

    def until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.text
            time.sleep(0.02)

    def join(self, seconds: float = 20.0) -> int | None:
        self.thread.join(seconds)
        assert not self.thread.is_alive(), self.text
        return self.code

    @property
    def text(self) -> str:
        return "".join(self.lines)


def test_a_required_node_ends_the_run_with_its_code_and_reason(package: str) -> None:
    """Protects scripts that wait for the result of N trials, and whoever has to know why a run ended."""
    run = Run(Node("sleeper", package=package), Node("impatient", package=package, required=True))
    assert run.join() == 3
    assert "impatient ended with exit code 3: the run ends" in run.text
    assert run.runner.pids() == {}


def test_a_finished_required_node_is_a_success(package: str) -> None:
    """Protects exit code 0 of a run whose trials are done."""
    run = Run(Node("finisher", package=package, required=True), Node("sleeper", package=package))
    assert run.join() == 0
    assert "finisher | done\n" in run.text


def test_lines_carry_the_name_of_their_node(package: str) -> None:
    """Protects the one thing that tells ten nodes' output apart."""
    run = Run(Node("sleeper", package=package), Node("stubborn", package=package))
    run.until(lambda: run.text.count("up") == 2)
    run.stop.set()
    run.join()
    assert sorted(run.lines) == [" sleeper | up\n", "stubborn | up\n"]


def test_a_killed_node_starts_again_after_its_delay(package: str) -> None:
    """Protects a graph from the death of one node."""
    run = Run(Node("sleeper", package=package, respawn_delay=0.5))
    run.until(lambda: "up" in run.text)
    first, killed = run.runner.pids()["sleeper"], time.monotonic()
    os.kill(first, signal.SIGKILL)
    run.until(lambda: run.text.count("up") == 2)
    assert time.monotonic() - killed >= 0.5
    assert run.runner.pids()["sleeper"] != first
    assert "sleeper killed by signal 9; it starts again in 0.5 s" in run.text
    run.stop.set()
    assert run.join() == 0


def test_a_node_without_respawn_stays_ended(package: str) -> None:
    """Protects the description's word on restarting."""
    run = Run(Node("finisher", package=package, respawn=False), Node("sleeper", package=package))
    run.until(lambda: "done" in run.text and "up" in run.text)
    time.sleep(0.7)
    run.stop.set()
    run.join()
    assert run.text.count("done") == 1


def test_a_wrong_parameter_ends_the_run(package: str) -> None:
    """Protects users from a node that tells the same mistake for ever."""
    run = Run(Node("misconfigured", package=package), Node("sleeper", package=package))
    assert run.join() == 2
    assert "misconfigured cannot start as configured: the run ends" in run.text


def test_a_node_that_never_comes_up_ends_the_run(package: str) -> None:
    """Protects scripts from a run that restarts a broken node for ever."""
    run = Run(Node("crasher", package=package, respawn_delay=0.1), Node("sleeper", package=package))
    assert run.join() == 7
    assert run.text.count("crasher ended with exit code 7") == EARLY_LIMIT


def test_nodes_that_ignore_signals_are_gone_within_three_seconds(package: str) -> None:
    """Protects the promise that ctrl-C ends everything within 3 s."""
    run = Run(Node("sleeper", package=package), Node("stubborn", package=package))
    run.until(lambda: run.text.count("up") == 2)
    pids, start = run.runner.pids().values(), time.monotonic()
    run.stop.set()
    run.join()
    assert time.monotonic() - start < 3.0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_end_the_run(ros_domain: int, package: str, tmp_path: Path, number: int, code: int) -> None:
    """Protects ctrl-C and `kill`: the nodes end with the runner, and its exit code says how."""
    with _runner(package, tmp_path) as process:
        child = int(process.stdout.readline().split()[-1])  # type: ignore[union-attr]
        process.send_signal(number)
        assert process.wait(3.0) == code
        assert not Path(f"/proc/{child}").exists()


def test_no_node_outlives_a_killed_runner(ros_domain: int, package: str, tmp_path: Path) -> None:
    """Protects the next run from nodes of this one, which would speak on the same topics."""
    with _runner(package, tmp_path) as process:
        child = int(process.stdout.readline().split()[-1])  # type: ignore[union-attr]
        process.kill()
        process.wait()
        deadline = time.monotonic() + 5.0
        while Path(f"/proc/{child}/exe").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_where_nodes_would_outlive_their_runner_it_is_said(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the hand on a machine without setpriv, where a killed run leaves its driver behind."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    run = Run(Node("finisher", package=package, required=True))
    assert run.join() == 0
    assert "setpriv (of util-linux) is not installed" in run.lines[0]


def _runner(package: str, folder: Path) -> subprocess.Popen[str]:
    """A process that runs a graph of one node, which prints its process id."""
    (folder / package / "teller.py").write_text("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    code = f"""if True:
        import sys
        from pathlib import Path
        from dactyl.bringup.graph import Graph, Node
        from dactyl.bringup.processes import run
        sys.exit(run(Graph((Node("teller", package={package!r}),))))
    """
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, preexec_fn=in_a_terminal)


def test_command_line_of_a_node() -> None:
    """Protects parameters with quotes and spaces on their way through ROS's own parser."""
    parameters = {"flag": True, "count": 3, "rate": 0.5, "path": "/a b/it's", "empty": ""}
    node = Node("policy", parameters, remappings=(("goal", "/other"),))
    line = command(node, Graph((node,), {"policy": {"flag": False, "bounds": [0.0, inf, 1e-5], "kinds": ["a, b"]}}))
    assert line[line.index("-m") + 1] == "dactyl.nodes.policy"
    assert [b for a, b in pairwise(line) if a == "-p"] == [
        "flag:=true",
        "bounds:=[0.0, .inf, 1e-05]",
        "kinds:=['a, b']",
        "count:=3",
        "rate:=0.5",
        "path:='/a b/it''s'",
        "empty:=''",
    ]
    assert "goal:=/other" in line
