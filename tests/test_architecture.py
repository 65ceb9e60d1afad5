"""The floors of docs/architecture.md: imports point downwards only, the core names no robot and no task, no circles."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "dactyl" / "dactyl"

FLOORS = (
    {"__init__", "errors", "machine", "ranges", "registry", "signals", "status_line", "topics", "variables"},
    {"maths"},
    {"storage", "results"},
    {"objects"},
    {"robot"},
    {"simulation"},
    {"environment"},
    {"learning"},
    {"recording"},
    {"vision"},
    {"calibration"},
    {"reproduction"},
    {"hardware"},
    {"ros"},
    {"monitoring"},
    {"nodes"},
    {"bringup"},
    {"farm"},
    {"commands", "doctor", "cli"},
)
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names}
WINGS = ("robots", "tasks")
WING_FLOORS = {
    # how high a file in a robot's or a task's folder may reach; the rest: as high as the environment
    ("robots", "__init__"): "robot",
    ("robots", "joints"): "robot",
    ("robots", "layout"): "robot",
    ("robots", "model"): "simulation",
    ("robots", "protocol"): "hardware",
    ("robots", "rosbridge"): "hardware",
    ("robots", "ros"): "ros",
    ("robots", "calibration"): "calibration",
    ("robots", "commands"): "commands",
    ("tasks", "film"): "learning",
    ("tasks", "showcase"): "learning",
}
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def floor(module: Path) -> str:
    """The highest floor that a file may import from."""
    parts = module.with_suffix("").parts
    if parts[0] == "robots" and len(parts) > 2 and parts[2].startswith("robot"):
        return "robot"  # one of several robots of a folder, or what makes them
    if parts[0] in WINGS:
        return WING_FLOORS.get((parts[0], parts[2]), "environment") if len(parts) > 2 else "robot"
    return parts[0]


def dotted(module: Path) -> str:
    parts = ("dactyl", *module.with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted(module): module for module in MODULES}


@cache
def imports(module: Path) -> tuple[str, ...]:
    """Every module imported anywhere in the file, for type checking only and inside functions too, by its full name."""

    def found() -> Iterator[str]:
        for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    return tuple(found())


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_file_imports_only_from_its_floor_and_those_below(module: Path) -> None:
    assert floor(module) in LEVEL, f"{module}: give it a floor in docs/architecture.md and here"
    for name in imports(module):
        parts = name.split(".")
        if parts[0] == "dactyl" and len(parts) > 1 and parts[1] in LEVEL:
            assert LEVEL[parts[1]] <= LEVEL[floor(module)], f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_the_core_names_no_robot_and_no_task(module: Path) -> None:
    """Protects that a new robot or task is one new folder: the core asks the registry for them by name."""
    wing = module.parts[0] if module.parts[0] in WINGS else ""
    for name in imports(module):
        parts = name.split(".")
        if parts[0] == "dactyl" and len(parts) > 2 and parts[1] in WINGS:
            own = wing == parts[1] and parts[2] == module.parts[1]
            assert own, f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_ros_stays_at_the_top(module: Path) -> None:
    ros = {name for name in imports(module) if name.split(".")[0] in ("rclpy", "dactyl_msgs")}
    assert not ros or floor(module) in ("ros", "monitoring", "nodes"), f"{module} imports {', '.join(ros)}"


def test_the_page_has_these_floors() -> None:
    """Protects the table of docs/architecture.md from falling behind."""
    page = (PACKAGE.parents[2] / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| (`[^|]+) \|", page.partition("## The floors")[2].partition("| wing")[0], re.MULTILINE)
    assert [set(re.findall(r"`(\w+)/?`", row)) for row in rows] == [names - {"__init__"} for names in FLOORS]


def test_there_are_no_circles() -> None:
    """Protects that any file can be read, and imported, without the ones that use it."""
    below = {
        name: {target for target in imports(module) if target in NAMES and target != name}
        for name, module in NAMES.items()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for target in sorted(below[name]):
                visit(target, (*path, name))
            done.add(name)

    for name in sorted(below):
        visit(name, ())
