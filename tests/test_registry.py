"""Robots and tasks by name: dactyl's own folders, and what other packages register."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from dactyl import registry
from dactyl.environment import task as tasks
from dactyl.errors import DactylError
from dactyl.robot import robot as robots

Register = Callable[..., None]


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Iterator[Register]:
    """Stands in for installed packages: `register("dactyl.robots", tray="package:ROBOT", …)`, one call for each."""
    points: dict[str, list[EntryPoint]] = {}
    caches = (registry._places, registry.registered)

    def add(group: str, **places: str) -> None:
        points.setdefault(group, []).extend(EntryPoint(name, place, group) for name, place in places.items())
        for cached in caches:
            cached.cache_clear()

    monkeypatch.setattr(registry, "entry_points", lambda group: points.get(group, []))
    for cached in caches:
        cached.cache_clear()
    yield add
    for cached in caches:
        cached.cache_clear()


def test_dactyls_own_are_found_in_their_folders(register: Register) -> None:
    assert registry.names("robots") == robots.names()
    assert registry.names("tasks") == tasks.names()
    assert robots.load(registry.DEFAULTS["robots"]).name == "shadow"
    assert tasks.load(registry.DEFAULTS["tasks"]).name == "reorient"


def test_a_folder_may_hold_several_by_their_files(register: Register) -> None:
    """And then is none itself; its presets are found, once."""
    assert {"grasp_and_reach", "box_lift", "handover"} <= set(tasks.names())
    assert "tabletop" not in tasks.names()
    assert {"gr1", "gr1_inspire", "gr1_right"} <= set(robots.names())
    assert tasks.load("box_lift").name == "box_lift"
    folders = [folder.name for folder in registry.folders("tasks")]
    assert folders.count("tabletop") == 1


def test_another_packages_are_found_beside_them(register: Register) -> None:
    own = robots.names(), tasks.names()
    register("dactyl.robots", my_hand="dactyl.robots.shadow:ROBOT")
    assert set(robots.names()) == {"my_hand", *own[0]}
    assert tasks.names() == own[1]
    assert robots.load("my_hand") is robots.load("shadow")


def test_names_import_nothing() -> None:
    """Protects the speed of `--help`, and that a broken package does not take the others' names away."""
    script = (
        "import sys; from dactyl import registry; print(registry.names('robots'), registry.names('tasks'));"
        "print([m for m in sys.modules if m.startswith(('dactyl.robots.', 'dactyl.tasks.'))])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    names, imported = run.stdout.strip().splitlines()
    assert "shadow" in names
    assert "reorient" in names
    assert imported == "[]"


def test_a_package_that_cannot_be_imported_is_named_and_hurts_only_itself(register: Register) -> None:
    register("dactyl.robots", broken="no_such_package.hand:ROBOT")
    assert "broken" in robots.names()
    assert robots.load("shadow").name == "shadow"
    with pytest.raises(DactylError, match=r"cannot import no_such_package.hand:ROBOT: No module named"):
        robots.load("broken")


@pytest.mark.parametrize(("wing", "one"), [("robots", "robot"), ("tasks", "task")])
def test_unknown_names_are_refused_with_those_there_are(register: Register, wing: str, one: str) -> None:
    with pytest.raises(DactylError, match=rf"there is no {one} 'hook'; there are: .*{registry.DEFAULTS[wing]}"):
        registry.load(wing, "hook", object)


def test_two_packages_cannot_have_one_name(register: Register) -> None:
    """Protects from measuring another robot than was meant, by the order of installation."""
    register("dactyl.robots", my_hand="first.hand:ROBOT")
    register("dactyl.robots", my_hand="second.hand:ROBOT")
    with pytest.raises(DactylError, match=r"two packages register 'my_hand': first.hand:ROBOT and second.hand:ROBOT"):
        robots.names()


def test_one_package_that_is_found_twice_is_one(register: Register) -> None:
    """Protects checkouts that are installed too: the same entry point is then listed twice."""
    for _ in range(2):
        register("dactyl.robots", my_hand="dactyl.robots.shadow:ROBOT")
    assert robots.names() == ("gr1", "gr1_inspire", "gr1_right", "my_hand", "shadow", "trifinger")


@pytest.mark.parametrize(("group", "name"), [("dactyl.robots", "shadow"), ("dactyl.tasks", "reorient")])
def test_dactyls_own_names_are_taken(register: Register, group: str, name: str) -> None:
    register(group, **{name: "their.module:THEIRS"})
    wing = group.removeprefix("dactyl.")
    with pytest.raises(DactylError, match=f"their.module:THEIRS is registered as '{name}', .* dactyl's own {wing}"):
        registry.names(wing)


def test_what_is_neither_robot_nor_task_is_refused(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "their_package", ModuleType("their_package"))
    monkeypatch.setattr("their_package.THING", {"joints": 3}, raising=False)
    register("dactyl.robots", thing="their_package:THING", gone="their_package:GONE")
    register("dactyl.tasks", thing="their_package:THING")
    with pytest.raises(DactylError, match="robot 'thing' is no Robot but of the type dict"):
        robots.load("thing")
    with pytest.raises(DactylError, match="task 'thing' is no Task but of the type dict"):
        tasks.load("thing")
    with pytest.raises(DactylError, match="there is no GONE in their_package"):
        robots.load("gone")


def test_text_means_what_it_names() -> None:
    assert registry.resolve("math:pi") == pytest.approx(3.14159, abs=1e-5)
    with pytest.raises(DactylError, match="there is no tau2 in math"):
        registry.resolve("math:tau2")


def test_a_members_folder_is_its_packages(register: Register) -> None:
    """Protects files that lie beside a robot, also where several share a folder."""
    register("dactyl.robots", broken="no_such_package.hand:ROBOT", alone="math:pi")
    for name, place in (("shadow", "shadow"), ("gr1_right", "gr1")):
        found = registry.folder("robots", name)
        assert found is not None
        assert found.name == place
    assert registry.folder("robots", "broken") is None
    assert registry.folder("robots", "alone") is None
    with pytest.raises(DactylError, match="there is no robot 'hook'"):
        registry.folder("robots", "hook")


def test_folders_are_found_without_importing(register: Register) -> None:
    """Protects presets that a task brings, and that a broken package takes none of the others' away."""
    register("dactyl.tasks", broken="no_such_package.task:TASK")
    assert "broken" in tasks.names()
    assert sorted(folder.name for folder in registry.folders("tasks")) == ["reorient", "repose", "tabletop"]
