"""What is imported is declared: in package.xml for rosdep, and the rest in the extra that README.md names beside it."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from xml.etree import ElementTree

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.recording.graph_bag import write_graph_bag

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "dactyl" / "dactyl"
MANIFEST = ROOT / "src" / "dactyl" / "package.xml"
OF_ROSDEP = {
    "python3-matplotlib": "matplotlib",
    "python3-numpy": "numpy",
    "python3-opencv": "opencv-python-headless",
    "python3-pil": "pillow",
    "python3-rich": "rich",
    "python3-scipy": "scipy",
    "python3-transforms3d": "transforms3d",
    "python3-yaml": "pyyaml",
}
"""Distributions by rosdep's keys for Ubuntu's packages of them."""
OTHERS = {"owl", "OpenGL", "trimesh", "gymnasium", "warp"}
"""PhaseSpace's module, which only its customers get, and what declared distributions bring and hand to us."""


def depends(manifest: Path) -> set[str]:
    """What a ROS package says it needs when it runs."""
    kinds = ("depend", "exec_depend", "build_export_depend")
    return {str(found.text) for kind in kinds for found in ElementTree.parse(manifest).iterfind(kind)}


def ros_packages() -> set[str]:
    """package.xml's ROS packages and all that they need in turn, which is what apt installs."""
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    found: set[str] = set()
    wanted = {name for name in depends(MANIFEST) if name not in OF_ROSDEP}
    while wanted:
        found |= wanted
        manifests = [Path(prefix, "share", name, "package.xml") for prefix in prefixes for name in wanted]
        wanted = {name for path in manifests if path.is_file() for name in depends(path)} - found
    return found


@cache
def declared(extra: str) -> set[str]:
    """Distributions that an extra of pyproject.toml names, those of other extras in it included, and the plain ones."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"] if not extra else project["optional-dependencies"][extra]
    found: set[str] = set() if not extra else declared("")
    for requirement in map(Requirement, lines):
        if requirement.name == "dactyl":
            found = found.union(*(declared(each) for each in requirement.extras))
        elif requirement.marker is None or requirement.marker.evaluate():
            found |= {canonicalize_name(requirement.name)}
    return found


def with_their_own(names: Iterable[str]) -> set[str]:
    """Distributions and all that they need in turn."""
    found: set[str] = set()
    wanted = set(names)
    while wanted:
        name = wanted.pop()
        found.add(name)
        try:
            lines = requires(name) or []
        except PackageNotFoundError:
            continue
        needed = (Requirement(line) for line in lines)
        wanted |= {
            canonicalize_name(each.name) for each in needed if not each.marker or each.marker.evaluate({"extra": ""})
        } - found
    return found


def provided() -> set[str]:
    """Distributions of package.xml and of the line in README.md."""
    return {canonicalize_name(OF_ROSDEP[key]) for key in depends(MANIFEST) & set(OF_ROSDEP)} | declared("graph")


def imported(path: Path) -> set[str]:
    """Modules that a file imports from outside, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    tops = {name.partition(".")[0] for name in found}
    return tops - set(sys.stdlib_module_names) - {"dactyl"}


def floors(*names: str) -> list[Path]:
    return [path for name in names for path in sorted((PACKAGE / name).rglob("*.py"))]


def test_what_the_graph_imports_is_declared_for_a_ros_installation() -> None:
    """Protects README.md's way beside an installed ROS: with anything undeclared the nodes end at their import."""
    pytest.importorskip("rclpy", reason="needs ROS: run with ./dactyl test")
    core = floors("maths", "storage", "objects", "robot", "simulation", "recording", "vision", "hardware", "ros")
    files = core + floors("monitoring", "nodes", "bringup", "robots", "tasks", "environment")
    files += [path for path in floors("learning") if path.name != "export.py" and path.parent.name != "cluster"]
    distributions, own = packages_distributions(), provided()
    by_ros = ros_packages()
    for path in files:
        for module in imported(path) - OTHERS - by_ros:
            homes = {canonicalize_name(name) for name in distributions.get(module, [])}
            assert homes & own, f"{path.relative_to(PACKAGE)} imports {module}: declare it for the graph"


def test_readme_has_the_line_that_brings_the_rest() -> None:
    """Protects the one way from growing apart from what is tested here."""
    assert "'.[graph]'" in (ROOT / "README.md").read_text()
    assert re.search(r'pip install "\.\[graph\]"', MANIFEST.read_text())


PROGRAM = """
import importlib, json, sys

blocked, module, sys.argv = set(json.loads(sys.argv[1])), sys.argv[2], sys.argv[2:]

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
import rclpy
from dactyl.ros import node

def make(kind):
    rclpy.init()
    made = kind()
    made.destroy_node()
    rclpy.try_shutdown()
    print("made")
    return 0

node.run = make
sys.exit(importlib.import_module(module).main())
"""


def blocked() -> set[str]:
    """Modules that are here, and would not be with package.xml and README.md's line alone."""
    own, by_ros = with_their_own(provided()), ros_packages()
    found = set()
    for module, names in packages_distributions().items():
        homes = {canonicalize_name(name) for name in names}
        if module not in by_ros | {"dactyl"} and not homes & own:
            found.add(module)
    return found


@pytest.mark.slow
def test_every_node_starts_with_what_is_declared(ros_domain: int, tmp_path: Path) -> None:
    """Protects a ROS installation: each node is imported and made where nothing else can be imported."""
    from dactyl.bringup.declared import node_names
    from dactyl.bringup.exercise import exercise_graph
    from dactyl.bringup.graph import Graph, Node
    from dactyl.bringup.options import ExerciseOptions, RealOptions, RecordOptions, ReplayOptions, SimOptions
    from dactyl.bringup.processes import command
    from dactyl.bringup.recording import record_graph, replay_graph
    from dactyl.bringup.run import real_graph, sim_graph, with_loop_benchmark

    sim = with_loop_benchmark(sim_graph(SimOptions(pose="vision", rviz=True, headless=True)), 1.0, False, None)
    graphs = [real_graph(RealOptions(emulate=True)), sim, record_graph(RecordOptions(bag=str(tmp_path / "bag")))]
    write_graph_bag(tmp_path / "played")
    graphs.insert(0, exercise_graph(ExerciseOptions(simulated=True), tmp_path / "exercise"))
    graphs += [
        replay_graph(ReplayOptions(str(tmp_path / "played"), node="pose_estimator")),
        Graph((Node("hand_watch"),)),
    ]
    lines = {node.name: command(node, graph) for graph in graphs for node in graph.nodes}
    assert set(lines) == set(node_names())
    missing = json.dumps(sorted(blocked()))
    assert "pytest" in blocked(), "nobody needs it there"
    for name, line in lines.items():
        arguments = line[line.index("-m") + 1 :]
        made = subprocess.run(
            [sys.executable, "-c", PROGRAM, missing, *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (made.returncode, made.stdout.splitlines()[-1:]) == (0, ["made"]), f"{name}: {made.stderr}"
