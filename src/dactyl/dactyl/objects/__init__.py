"""What is manipulated: one record an object, found by its name.

Another package adds its own by an entry point of the group `dactyl.objects`, as robots and tasks are added.
"""

from __future__ import annotations

from functools import cache

from dactyl import registry
from dactyl.errors import DactylError
from dactyl.objects.object import Object
from dactyl.objects.shapes import SHAPES


def names() -> tuple[str, ...]:
    """Every object there is."""
    return (*SHAPES, *(name for name in registry.registered("dactyl.objects") if name not in SHAPES))


@cache
def load(name: str) -> Object:
    """An object by its name.

    Raises:
        DactylError: there is no such object.
    """
    if name in SHAPES:
        return SHAPES[name]
    places = registry.registered("dactyl.objects")
    if name not in places:
        raise DactylError(f"unknown object {name!r}: choose one of {', '.join(names())}")
    loaded = registry.resolve(places[name])
    if not isinstance(loaded, Object):
        raise DactylError(f"object {name!r} is a {type(loaded).__name__}, not an Object")
    return loaded
