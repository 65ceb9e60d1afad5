"""The launch files with the real `launch` and `launch_ros`, which a ROS installation has and PyPI has not."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("launch_ros", reason="launch_ros is not installed: only a ROS installation has it")
pytest.importorskip("ros2launch", reason="ros2launch is not installed: only a ROS installation has it")

from launch.actions import DeclareLaunchArgument, ExecuteProcess, LogInfo, OpaqueFunction, SetEnvironmentVariable
from launch_ros.actions import Node

from dactyl.bringup import ros_launch
from dactyl.bringup.graph import Graph
from dactyl.bringup.launch_option import by_path
from dactyl.bringup.options import RealOptions, SimOptions
from dactyl.bringup.processes import EARLY_LIMIT, command
from dactyl.bringup.run import real_graph, sim_graph
from dactyl.ros.packages import package_share
from launch import LaunchContext  # type: ignore[attr-defined]
from tests.terminal import in_a_terminal

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def own_domain(ros_domain: int) -> Iterator[None]:
    """What is rendered claims its domain for the rest of the process."""
    yield
    ros_launch._claims.close()


def describe(name: str) -> Any:
    """What a launch file generates."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "launch" / f"{name}.launch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


def render(name: str, **arguments: str) -> list[Any]:
    """The actions a launch file comes to, with these arguments."""
    context = LaunchContext()
    context.launch_configurations.update(arguments)
    actions = []
    for entity in describe(name).entities:
        result = entity.visit(context)
        if isinstance(entity, OpaqueFunction):
            actions += result
    return actions


@pytest.mark.parametrize(
    ("name", "graph"), [("sim", sim_graph(SimOptions())), ("real", real_graph(RealOptions()))], ids=["sim", "real"]
)
def test_launch_starts_what_the_runner_starts(name: str, graph: Graph) -> None:
    """Protects the two ways of running the graph from growing apart."""
    actions = render(name)
    nodes = [action for action in actions if isinstance(action, Node)]
    assert [node.node_executable for node in nodes] == [node.name for node in graph.nodes]
    assert {node.node_package for node in nodes} == {"dactyl"}
    variables = [action for action in actions if isinstance(action, SetEnvironmentVariable)]
    assert len(variables) == len(graph.environment)


@pytest.mark.parametrize(("name", "options"), [("sim", SimOptions), ("real", RealOptions)])
def test_every_option_is_a_launch_argument(name: str, options: type[Any]) -> None:
    """Protects `ros2 launch --show-args`."""
    arguments = [entity for entity in describe(name).entities if isinstance(entity, DeclareLaunchArgument)]
    assert [argument.name for argument in arguments] == list(options.__dataclass_fields__)
    assert all(argument.description for argument in arguments)


def test_small_nodes_share_a_process_under_launch_too() -> None:
    """Protects `one_process:=true`: the same processes as the runner's, with the same command line."""
    graph = sim_graph(SimOptions(one_process=True))
    actions = render("sim", one_process="true")
    nodes = [action for action in actions if isinstance(action, Node)]
    (shared,) = (action for action in actions if isinstance(action, ExecuteProcess) and not isinstance(action, Node))
    first, *others = graph.processes
    assert [node.node_executable for node in nodes] == [node.name for node in others]
    words = ["".join(part.perform(LaunchContext()) for part in word) for word in shared.cmd]
    assert words == command(first, graph)


def test_arguments_reach_the_graph() -> None:
    """Protects `ros2 launch dactyl sim.launch.py trials:=3`: it fails where the graph refuses an option."""
    with pytest.raises(Exception, match="json needs trials"):
        render("sim", json="out.json")
    ros_launch._claims.close()
    assert render("sim", trials="3", lockstep="true")


PROGRAMS = {
    "sleeper": "import os, sys, time; open(sys.argv[0] + '.pid', 'w').write(str(os.getpid())); time.sleep(60)",
    "crasher": "print('tries'); raise SystemExit(7)",
}


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., subprocess.Popen[str]]:
    """Starts `launch` in a process of its own, with a graph of small programs instead of nodes."""
    index, programs = tmp_path / "share/ament_index/resource_index/packages", tmp_path / "lib/dactyl"
    for folder in (index, programs):
        folder.mkdir(parents=True)
    (index / "dactyl").touch()
    for name, program in PROGRAMS.items():
        (programs / name).write_text(f"#!{sys.executable}\n{program}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{tmp_path}:{os.environ['AMENT_PREFIX_PATH']}")

    def launch(*nodes: str) -> subprocess.Popen[str]:
        code = f"""if True:
            import sys
            from dactyl.bringup.graph import Graph, Node
            from dactyl.bringup.ros_launch import to_launch
            from launch import LaunchDescription, LaunchService
            nodes = tuple(Node(name, respawn_delay=0.1) for name in {nodes!r})
            service = LaunchService()
            service.include_launch_description(LaunchDescription(to_launch(Graph(nodes))))
            sys.exit(service.run())
        """
        return subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            preexec_fn=in_a_terminal,
        )  # fmt: skip

    return launch


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_no_node_outlives_a_killed_launch(start: Callable[..., Any], tmp_path: Path, number: int) -> None:
    """Protects the hand from a driver that goes on when `ros2 launch` was ended, whatever ended it."""
    process = start("sleeper")
    pid_file, deadline = tmp_path / "lib/dactyl/sleeper.pid", time.monotonic() + 30.0
    while not (pid_file.exists() and pid_file.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child, killed = Path(f"/proc/{pid_file.read_text()}/exe"), time.monotonic()
    process.send_signal(number)
    while child.exists():
        assert time.monotonic() - killed < 10.0
        time.sleep(0.01)
    print(f"gone {1e3 * (time.monotonic() - killed):.0f} ms after signal {number}")
    process.wait(20.0)


def test_where_nodes_would_outlive_launch_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the hand on a machine without setpriv, where a killed `ros2 launch` leaves its driver behind."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    said = [action for action in render("sim") if isinstance(action, LogInfo)]
    text = "".join(part.perform(LaunchContext()) for part in said[0].msg)
    assert "setpriv" in text
    assert "SIGTERM" in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("launch dactyl sim.launch.py trials:=3", "launch {sim} trials:=3"),
        ("launch -s dactyl sim.launch.py", "launch -s {sim}"),
        ("launch dactyl nothing.launch.py", "launch dactyl nothing.launch.py"),
        ("launch launch/sim.launch.py", "launch launch/sim.launch.py"),
        ("launch other sim.launch.py package:=dactyl", "launch other sim.launch.py package:=dactyl"),
        ("launch dactyl", "launch dactyl"),
    ],
)
def test_the_package_is_found_beside_the_front_door(
    words: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects `ros2 launch dactyl sim.launch.py` in the checkout's root, where dactyl is a file too."""
    monkeypatch.chdir(tmp_path)
    assert by_path(words.split()) == words.split()
    (tmp_path / "dactyl").touch()
    shared = package_share("dactyl") / "launch" / "sim.launch.py"
    assert by_path(words.split()) == expected.format(sim=shared).split()


def test_a_workspace_that_is_not_sourced_is_left_to_launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects its own words for a package that it does not find."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dactyl").touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    assert by_path(["launch", "dactyl", "sim.launch.py"]) == ["launch", "dactyl", "sim.launch.py"]


def test_launch_gives_up_a_node_that_never_comes_up(start: Callable[..., Any]) -> None:
    """Protects from a node that is started for ever, as docs/architecture.md says."""
    process = start("crasher", "sleeper")
    said, _ = process.communicate(timeout=60.0)
    assert said.count("tries") == EARLY_LIMIT
    assert "crasher ended with exit code 7, 3 times within 5 s of its start" in said
