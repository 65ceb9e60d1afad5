"""What nodes declare, without importing them."""

from __future__ import annotations

import importlib
import subprocess
import sys
import typing
from dataclasses import fields

import pytest

from dactyl.bringup.declared import node_names, parameters_of

PROGRAM = """
import sys
from dactyl.bringup.declared import node_names, parameters_of
assert all(parameters_of(f"dactyl.nodes.{name}") for name in node_names())
print(*({"torch", "mujoco", "cv2", "rclpy"} & set(sys.modules)))
"""


@pytest.mark.parametrize("name", node_names())
def test_it_is_what_the_node_itself_declares(name: str) -> None:
    """Protects the check of parameter files from growing apart from the nodes."""
    pytest.importorskip("rclpy", reason="needs ROS: run with ./dactyl test")
    found = parameters_of(f"dactyl.nodes.{name}")
    own = importlib.import_module(f"dactyl.nodes.{name}").Parameters
    assert found is not None
    assert typing.get_type_hints(found) == typing.get_type_hints(own)
    shown = [[(f.name, f.default, dict(f.metadata)) for f in fields(kind)] for kind in (found, own)]
    assert shown[0] == shown[1]


def test_nothing_heavy_is_imported() -> None:
    """Protects the start of every command that reads a parameter file."""
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout) == (0, "\n"), run.stderr


def test_a_module_without_parameters_has_none() -> None:
    """Protects nodes of other kinds, and typing errors in their names, from an internal error."""
    assert parameters_of("dactyl.nodes") is None
    assert parameters_of("dactyl.errors") is None
    assert parameters_of("dactyl.no_such_module") is None
