"""A group of commands whose arguments are checked before any work begins, and what reads their numbers."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any

from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo
from tyro.extras import SubcommandApp

from dactyl import ranges


class Commands(SubcommandApp):
    """Tyro's group of commands; every number that a command takes is checked against the range of its type."""

    def command(self, func: Any = None, **choice: Any) -> Any:
        """As tyro's: a decorator of a function, with or without arguments, or a group to add."""
        if func is None:
            return lambda function: self.command(function, **choice)
        if isinstance(func, SubcommandApp):
            return super().command(func, **choice)
        super().command(**{"name": func.__name__, **choice})(checked(func))
        return func


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The command, which raises WrongArgumentError before any work where a number is out of its range."""

    @functools.wraps(function)
    def command(*args: Any, **kwargs: Any) -> Any:
        bound = inspect.signature(function).bind(*args, **kwargs)
        bound.apply_defaults()
        hints = typing.get_type_hints(function, include_extras=True)
        ranges.check(bound.arguments, hints, _option)
        return run(function, *args, **kwargs)

    return command


def run(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Let a command whose arguments are right do its work."""
    return function(*args, **kwargs)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


NUMBERS = ConstructorRegistry()
"""Reads what is given for a number, whatever it is: `checked` then says in one line what is wrong with it."""


@NUMBERS.primitive_rule
def _number(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    kind = info.type
    if kind not in (int, float):
        return None

    def read(texts: list[str]) -> Any:
        try:
            return kind(texts[0])
        except ValueError:
            if texts[0] == "None":  # an option that may be left out
                raise
            return ranges.Unread(texts[0])

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=kind.__name__.upper(),
        instance_from_str=read,
        is_instance=lambda value: isinstance(value, (kind, int)) and not isinstance(value, bool),
        str_from_instance=lambda value: [str(value)],
    )
