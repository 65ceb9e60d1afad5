"""The floors of docs/architecture.md: imports point downwards only, and ROS stays at the top."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "dactyl" / "dactyl"

FLOORS = (
    {"errors", "quaternion", "arrays", "results", "__init__"},
    {"hand"},
    {"simulation"},
    {"task"},
    {"learning"},
    {"recording"},
    {"vision"},
    {"calibration"},
    {"hardware"},
    {"nodes", "monitoring"},
    {"bringup", "processes", "doctor", "benchmarks", "rosbag2", "graph_evaluation"},
    {"cli", "commands"},
)
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names}
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def floor(module: Path) -> str:
    return module.parts[0].removesuffix(".py")


def imports(module: Path) -> Iterator[str]:
    """Every module imported anywhere in the file, by its full name."""
    for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_floor_imports_only_from_floors_below(module: Path) -> None:
    assert floor(module) in LEVEL, f"{module}: give it a floor in docs/architecture.md and here"
    for name in imports(module):
        parts = name.split(".")
        if parts[0] == "dactyl" and len(parts) > 1 and parts[1] in LEVEL:
            assert LEVEL[parts[1]] <= LEVEL[floor(module)], f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_only_nodes_and_monitoring_import_ros(module: Path) -> None:
    ros = {name for name in imports(module) if name.split(".")[0] in ("rclpy", "dactyl_msgs")}
    assert not ros or floor(module) in ("nodes", "monitoring"), f"{module} imports {', '.join(ros)}"
