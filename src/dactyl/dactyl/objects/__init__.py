"""What is manipulated: one record an object, found by its name.

Another package adds its own by an entry point of the group `dactyl.objects`, as robots and tasks are added.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from dactyl import registry
from dactyl.errors import DactylError

if TYPE_CHECKING:
    from dactyl.objects.object import Object

OWN = (
    "block", "octagonal_prism", "sphere", "cube", "cube_60", "cube_120",
    "cylinder", "slim_cylinder", "wide_cylinder", "table_cube", "small_cube", "standing_block", "flat_block",
    "ball", "small_ball", "large_ball", "bar", "carton",
)  # fmt: skip
"""Those in `shapes` and `primitives`, said here so that listing them imports nothing."""


def names() -> tuple[str, ...]:
    """Every object there is, without importing any."""
    return (*OWN, *(name for name in registry.registered("dactyl.objects") if name not in OWN))


@cache
def load(name: str) -> Object:
    """An object by its name.

    Raises:
        DactylError: there is no such object.
    """
    from dactyl.objects.object import Object
    from dactyl.objects.primitives import PRIMITIVES
    from dactyl.objects.shapes import SHAPES

    for own in (SHAPES, PRIMITIVES):
        if name in own:
            return own[name]
    places = registry.registered("dactyl.objects")
    if name not in places:
        raise DactylError(f"unknown object {name!r}: choose one of {', '.join(names())}")
    return registry.checked(f"object {name!r}", registry.resolve(places[name]), Object)
