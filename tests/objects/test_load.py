"""Objects by name: dactyl's own, and those that other packages register."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from dactyl import objects, registry
from dactyl.errors import DactylError
from dactyl.objects.primitives import PRIMITIVES
from dactyl.objects.shapes import BLOCK, SHAPES

THEIRS = ModuleType("their_package")
THEIRS.__dict__.update(BRICK=replace(BLOCK, name="brick"), BLOCK=replace(BLOCK, density=1.0), NOTHING=3)


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another package's entry points."""
    points = [EntryPoint(name.lower(), f"their_package:{name}", "dactyl.objects") for name in vars(THEIRS) if
              name.isupper()]  # fmt: skip
    monkeypatch.setitem(sys.modules, "their_package", THEIRS)
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "dactyl.objects" else [])
    caches = (registry.registered, objects.load)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


def test_the_papers_objects() -> None:
    assert objects.names()[:3] == ("block", "octagonal_prism", "sphere")
    assert [objects.load(name).name for name in objects.names()[:3]] == ["block", "octagonal_prism", "sphere"]


def test_unknown_objects_are_refused_with_those_there_are() -> None:
    with pytest.raises(DactylError, match="unknown object 'cone': choose one of block, octagonal_prism, sphere"):
        objects.load("cone")


@pytest.mark.usefixtures("others")
def test_another_package_adds_an_object() -> None:
    assert objects.names() == (*objects.OWN, "brick", "nothing")
    assert objects.load("brick") is THEIRS.BRICK


@pytest.mark.usefixtures("others")
def test_dactyls_own_objects_cannot_be_replaced() -> None:
    """Protects measured results: a package that happens to be installed must not change the block."""
    assert objects.load("block") is BLOCK


@pytest.mark.usefixtures("others")
def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(DactylError, match="object 'nothing' is no Object but of the type int"):
        objects.load("nothing")


def test_the_names_that_are_listed_are_the_shapes_there_are() -> None:
    """Protects a new shape from being forgotten: listing names imports nothing, so they are said twice."""
    assert (*SHAPES, *PRIMITIVES) == objects.OWN
