"""The parameters that a node declares, without importing what the node itself needs: a second of torch or MuJoCo."""

from __future__ import annotations

import ast
import importlib.util
import pkgutil
from functools import cache
from pathlib import Path
from typing import Any

from dactyl import nodes

CLASS = "Parameters"


def node_names() -> tuple[str, ...]:
    """Every node that there is."""
    return tuple(module.name for module in pkgutil.iter_modules(nodes.__path__))


@cache
def parameters_of(module: str) -> type[Any] | None:
    """The dataclass Parameters of a node's module, made of its own lines and those that they use; None: it has none."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return None
    body = ast.parse(Path(spec.origin).read_text()).body
    found = [statement for statement in body if isinstance(statement, ast.ClassDef) and statement.name == CLASS]
    if not found:
        return None
    kept: list[ast.stmt] = [found[0]]
    used = _used(found[0])
    for statement in reversed(body[: body.index(found[0])]):
        if needed := _part(statement, used):
            kept.insert(0, needed)
            used |= _used(needed)
    scope: dict[str, Any] = {"__name__": module}
    # without this file's own annotations as text: the class's have to be types
    exec(compile(ast.Module(kept, []), spec.origin, "exec", dont_inherit=True), scope)
    made: type[Any] = scope[CLASS]
    return made


def _used(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _part(statement: ast.stmt, used: set[str]) -> ast.stmt | None:
    """What of a statement gives one of these names; None: nothing."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        names = [name for name in statement.names if (name.asname or name.name.partition(".")[0]) in used]
        if not names:
            return None
        if isinstance(statement, ast.Import):
            return ast.copy_location(ast.Import(names), statement)
        return ast.copy_location(ast.ImportFrom(statement.module, names, statement.level), statement)
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return statement if statement.name in used else None
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return statement if any(isinstance(target, ast.Name) and target.id in used for target in targets) else None
