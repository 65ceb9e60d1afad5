"""YAML that people write. A mistake in it is one line with its place, and a key that is there twice is a mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dactyl.errors import DactylError


def load(path: Path) -> Any:
    """A file's content.

    Raises:
        DactylError: names file and line of what cannot be read.
    """
    root = compose(path)
    return None if root is None else construct(path, root)


def compose(path: Path) -> yaml.Node | None:
    """A file as nodes that know their places; None where it is empty. Merged keys (`<<`) are resolved.

    Raises:
        DactylError: names file and line of what cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DactylError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DactylError(f"cannot read {path}: it is no text in UTF-8 ({error.reason})") from error
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            _check(path, root, set(), frozenset())
    except yaml.YAMLError as error:
        raise _mistake(path, error) from error
    except (RecursionError, ValueError) as error:
        raise DactylError(f"cannot read {path}: {' '.join(str(error).split())}") from error
    return root


def construct(path: Path, node: yaml.Node) -> Any:
    """What a node of `compose` holds.

    Raises:
        DactylError: names file and line of what is no plain value.
    """
    try:
        return yaml.SafeLoader("").construct_document(node)
    except yaml.YAMLError as error:
        raise _mistake(path, error) from error
    except (ValueError, TypeError, RecursionError) as error:  # a date of month 13, a key that is a list
        raise DactylError(f"{place(path, node)}: {' '.join(str(error).split())}") from error


def place(path: Path, node: yaml.Node) -> str:
    """Where a node is, as an editor takes it."""
    return f"{path}:{node.start_mark.line + 1}"


def _check(path: Path, node: yaml.Node, done: set[int], above: frozenset[int]) -> None:
    """Resolve merged keys below a node, each node once. DactylError: a key is there twice, or a node in itself."""
    if id(node) in above:
        raise DactylError(f"{place(path, node)}: it contains itself")
    if id(node) in done:
        return
    done.add(id(node))
    above |= {id(node)}
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check(path, item, done, above)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[tuple[str, str], yaml.Node] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and (first := seen.setdefault((key.tag, key.value), key)) is not key:
            raise DactylError(f"{place(path, key)}: {key.value} is there twice, first in line {_line(first)}")
    yaml.SafeLoader("").flatten_mapping(node)
    for key, value in node.value:
        _check(path, key, done, above)
        _check(path, value, done, above)


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _mistake(path: Path, error: yaml.YAMLError) -> DactylError:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    line = f":{mark.line + 1}" if mark else ""
    return DactylError(f"{path}{line} is not YAML: {' '.join(str(problem or error).split())}")
