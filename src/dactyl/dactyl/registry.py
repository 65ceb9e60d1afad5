"""Robots and tasks by name: the folders of `dactyl.robots` and `dactyl.tasks`, and what other packages register.

A folder is one robot or task. Where several share their code, it holds a file `robot_NAME.py` or `task_NAME.py` for
each of them instead.

Another package adds its own by an entry point of the group `dactyl.robots` or `dactyl.tasks`:

    [project.entry-points."dactyl.robots"]
    my_hand = "my_package.my_hand:ROBOT"

Listing names imports none of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

from dactyl.errors import DactylError

T = TypeVar("T")
DEFAULTS = {"robots": "shadow", "tasks": "reorient"}
"""Those of a file that names none: every file was theirs before there were others."""


@cache
def _places(wing: str) -> dict[str, str]:
    """Where each member is, as `module:attribute`, by its name."""
    package = f"dactyl.{wing}"
    found = _own(package, wing.removesuffix("s"))
    for name, place in registered(package).items():
        if name in found:
            raise DactylError(f"{place} is registered as {name!r}, which is one of dactyl's own {wing}")
        found[name] = place
    return dict(sorted(found.items()))


def _own(package: str, member: str) -> dict[str, str]:
    """The members among a package's folders, see `_places`."""
    found: dict[str, str] = {}
    prefix, attribute = f"{member}_", member.upper()
    for root in importlib.import_module(package).__path__:
        for folder in pkgutil.iter_modules([root]):
            if not folder.ispkg:
                continue
            inside = [file.name for file in pkgutil.iter_modules([str(Path(root, folder.name))])]
            several = [name for name in inside if name.startswith(prefix)]
            place = f"{package}.{folder.name}"
            found |= {name.removeprefix(prefix): f"{place}.{name}:{attribute}" for name in several}
            if not several:
                found[folder.name] = f"{place}:{attribute}"
    return found


@cache
def registered(group: str) -> dict[str, str]:
    """What other packages registered in a group of entry points: `module:attribute` by name.

    Raises:
        DactylError: two of them use the same name.
    """
    found: dict[str, str] = {}
    for point in entry_points(group=group):
        if found.setdefault(point.name, point.value) != point.value:
            raise DactylError(f"two packages register {point.name!r}: {found[point.name]} and {point.value}")
    return found


def folders(wing: str) -> tuple[Path, ...]:
    """The folders of a wing's members, each once, without importing any; those of a broken package are left out."""
    found = (folder(wing, name) for name in _places(wing))
    return tuple(dict.fromkeys(place for place in found if place is not None))


def folder(wing: str, name: str) -> Path | None:
    """The folder of a wing's member, without importing it; None: its package is broken, or it is a module alone.

    Raises:
        DactylError: there is none of that name.
    """
    module = _place(wing, name).partition(":")[0]
    if module.startswith(f"dactyl.{wing}."):
        module = ".".join(module.split(".")[:3])  # one of several members of a folder
    try:
        spec = importlib.util.find_spec(module)
    except ImportError:
        return None
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) if places else None


def names(wing: str) -> tuple[str, ...]:
    """The members of a wing, `robots` or `tasks`, in alphabetical order."""
    return tuple(_places(wing))


def load(wing: str, name: str, kind: type[T]) -> T:
    """A member of a wing, which must be of that kind.

    Raises:
        DactylError: there is none of that name, it cannot be imported, or it is something else.
    """
    place = _place(wing, name)
    return checked(f"{wing.removesuffix('s')} {name!r}", resolve(place), kind)


def _place(wing: str, name: str) -> str:
    """Where a member is, as `module:attribute`."""
    places = _places(wing)
    if name not in places:
        raise DactylError(f"there is no {wing.removesuffix('s')} {name!r}; there are: {', '.join(places)}")
    return places[name]


def checked(what: str, loaded: Any, kind: type[T]) -> T:
    """What was loaded, if it is of that kind.

    Raises:
        DactylError: it is not.
    """
    if not isinstance(loaded, kind):
        raise DactylError(f"{what} is no {kind.__name__} but of the type {type(loaded).__name__}")
    return loaded


def resolve(place: str) -> Any:
    """What `module:attribute` means: how light files name heavy ones without importing them.

    Raises:
        DactylError: it cannot be imported, or is not there.
    """
    module, _, attribute = place.partition(":")
    try:
        imported = importlib.import_module(module)
    except ImportError as error:
        raise DactylError(f"cannot import {place}: {error}") from error
    if not hasattr(imported, attribute):
        raise DactylError(f"there is no {attribute} in {module}")
    return getattr(imported, attribute)
