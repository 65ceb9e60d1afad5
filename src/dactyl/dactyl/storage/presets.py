"""Presets: YAML files, each laid over the one that it extends, as checked dataclasses."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from dactyl.errors import DactylError, did_you_mean
from dactyl.storage import yaml_files

ENDINGS = (".yaml", ".yml")


def read(
    preset: str,
    folders: Sequence[Path],
    what: str,
    whole: Collection[str] = (),
    renew: Callable[[Mapping[str, Any]], dict[str, Any]] = dict,
) -> dict[str, Any]:
    """A preset's file, laid over the one that its key `extends` names.

    Args:
        preset: the file's name without .yaml, if it is in one of the folders, or its path. A path that a file extends
            is looked for beside that file first.
        folders: of presets; the first that has one of that name counts.
        what: they are for, for messages.
        whole: keys whose values are replaced instead of merged, see `merge`.
        renew: puts the keys of a file from an older version in their present places.

    Raises:
        DactylError: there is no such preset, it is no mapping in YAML, or it extends itself.
    """
    files: dict[str, dict[str, Any]] = {}
    name: str | None = preset
    while name is not None:
        if name in files:
            raise DactylError(f"{what} preset {name} extends itself")
        path = _path(name, folders, what)
        files[name] = renew(_read(path, name, what))
        base = files[name].pop("extends", None)
        name = None if base is None else _named(str(base), path.parent)
    values: dict[str, Any] = {}
    for file in reversed(files.values()):
        values = merge(values, file, whole)
    return values


def _named(base: str, folder: Path) -> str:
    """What a file in this folder extends."""
    beside = folder / base
    return str(beside) if base.endswith(ENDINGS) and beside.is_file() else base


def _path(preset: str, folders: Sequence[Path], what: str) -> Path:
    path = Path(preset)
    if not preset.endswith(ENDINGS):
        places = [folder / f"{preset}.yaml" for folder in folders]
        path = next((place for place in places if place.is_file()), places[0])
    if not path.exists():
        names = ", ".join(sorted({file.stem for folder in folders for file in folder.glob("*.yaml")}))
        raise DactylError(f"there is no {what} preset {preset}: choose from {names}, or name a .yaml file")
    return path


def _read(path: Path, preset: str, what: str) -> dict[str, Any]:
    """One file's content."""
    values = yaml_files.load(path)
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise DactylError(f"{what} preset {preset}: expected a mapping, not {values!r}")
    return values


def merge(base: Any, changes: Any, whole: Collection[str] = ()) -> Any:
    """`base` with the leaves of `changes` put in; the values of the keys in `whole` count as leaves."""
    if not (isinstance(base, Mapping) and isinstance(changes, Mapping)):
        return changes
    merged = dict(base)
    for key, change in changes.items():
        merged[key] = merge(base[key], change, whole) if key in base and key not in whole else change
    return merged


def parse(kind: Any, value: Any, where: str = "", default: Any = None) -> Any:
    """Check a value from a YAML file against a type, building dataclasses from mappings.

    Args:
        kind: a dataclass, bool, int, float, str, tuple[…], dict[str, …] or a union of these. A dataclass may read its
            values by itself, by a class method `from_config(value, where, default)`.
        value: what the file says.
        where: the value's place in the file, for messages.
        default: of a dataclass: what holds for the fields that the file does not name.

    Raises:
        DactylError: names the key that is unknown or has a wrong value.
    """
    if hasattr(kind, "from_config"):
        return kind.from_config(value, where, default)
    if is_dataclass(kind):
        return parse_fields(kind, value, where, default)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return parse(next(a for a in arguments if a is not type(None)), value, where, default)
    if origin is tuple and isinstance(value, (list, tuple)):
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        if len(kinds) == len(value):
            return tuple(parse(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(zip(kinds, value, strict=True)))
    if origin is dict and isinstance(value, Mapping):
        return {str(key): parse(arguments[1], item, _join(where, key)) for key, item in value.items()}
    if kind is float and isinstance(value, str):
        value = _number(value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind in (float, int) and number and kind(value) == value:
        return kind(value)
    if kind in (bool, str) and isinstance(value, kind):
        return value
    raise DactylError(f"{where}: expected {getattr(kind, '__name__', kind)}, not {value!r}")


def parse_fields(kind: Any, value: Any, where: str, default: Any) -> Any:
    """A dataclass from a mapping of its fields, see `parse`.

    Where a field's type depends on the others' values, its static method `defaults_of(value)` gives an instance of it.
    """
    if not isinstance(value, Mapping):
        raise DactylError(f"{where or 'the file'}: expected a mapping, not {value!r}")
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}
    for key in value:
        if key not in known:
            choices = "; ".join(filter(None, (", ".join(known), did_you_mean(key, known))))
            raise DactylError(f"unknown key {_join(where, key)}: choose from {choices}")
    own = kind.defaults_of(value) if hasattr(kind, "defaults_of") else {}
    hints |= {key: type(item) for key, item in own.items()}
    parsed = {
        key: parse(hints[key], item, _join(where, key), own.get(key, _default(known[key])))
        for key, item in value.items()
    }
    try:
        return kind(**parsed) if default is None else replace(default, **parsed)
    except DactylError as error:
        raise DactylError(f"{where}: {error}" if where else str(error)) from error


def _default(f: Field[Any]) -> Any:
    return f.default if f.default_factory is MISSING else f.default_factory()


def _number(text: str) -> float | str:
    """YAML reads 3e-4 as text."""
    try:
        return float(text)
    except ValueError:
        return text


def _join(where: str, key: Any) -> str:
    return f"{where}.{key}" if where else str(key)
