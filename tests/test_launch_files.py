"""The launch files, as far as they can be looked at without ROS's `launch`."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("path", sorted((ROOT / "src" / "dactyl" / "launch").glob("*.launch.py")), ids=lambda p: p.name)
def test_launch_files_compile_and_import_what_there_is(path: Path) -> None:
    """Protects `ros2 launch` where launch is not installed to try it."""
    tree = ast.parse(path.read_text())
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "launch"]
    assert len(imported) >= 3
    for node in imported:
        module = importlib.import_module(str(node.module))
        assert all(hasattr(module, alias.name) for alias in node.names)
