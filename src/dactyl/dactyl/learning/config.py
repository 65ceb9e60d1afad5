"""Training presets: YAML files of config/training as checked dataclasses."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from typing import Any

from dactyl.environment.environment import EnvironmentConfig
from dactyl.environment.randomization import RandomizationConfig, select
from dactyl.errors import DactylError
from dactyl.learning.algorithms.ppo import PPOConfig
from dactyl.learning.models.recurrent import Architecture


@dataclass(frozen=True)
class Stage:
    """A part of the curriculum. In a file it names only what differs from the preset's environment and ppo."""

    environment: EnvironmentConfig = field(default_factory=EnvironmentConfig)
    ppo: PPOConfig = field(default_factory=PPOConfig)
    until_successes: float | None = None
    """The next stage begins when this many goals are reached per episode, on average over the last 20 iterations."""
    until_steps: int | None = None
    """The next stage begins at the latest after this many control steps, counted from the start of training."""


@dataclass(frozen=True)
class TrainingConfig:
    """A whole training run."""

    stages: tuple[Stage, ...] = (Stage(),)
    policy: Architecture = field(default_factory=Architecture)
    value: Architecture = field(default_factory=Architecture)
    num_envs: int = 8192
    """Worlds that act at the same time."""
    horizon: int = 10
    """Control steps of every world per iteration; a multiple of ppo.sequence."""
    total_steps: int = 1_000_000_000
    """Control steps of all worlds together."""
    seed: int = 0
    checkpoint_minutes: float = 5.0
    initial: str | None = None
    """A checkpoint whose networks and normalizers to begin with, as in fine-tuning; `train --initial` sets it too."""

    teacher: str | None = None
    """A feed-forward policy to imitate, see ppo.imitation; it must see what the value network sees."""

    def __post_init__(self) -> None:
        for name in ("num_envs", "horizon", "total_steps"):
            if not getattr(self, name) >= 1:
                raise DactylError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not self.checkpoint_minutes > 0:
            raise DactylError(f"checkpoint_minutes must be positive, not {self.checkpoint_minutes}")
        if not self.stages:
            raise DactylError("stages: there must be at least one")
        for stage in self.stages:
            if self.horizon % stage.ppo.sequence:
                raise DactylError(f"horizon {self.horizon} is no multiple of ppo.sequence {stage.ppo.sequence}")
        for stage in self.stages[:-1]:
            if stage.until_successes is None and stage.until_steps is None:
                raise DactylError("stages: all but the last need until_successes or until_steps")


def parse_training(values: Mapping[str, Any]) -> TrainingConfig:
    """A preset from the content of its file: `TrainingConfig`'s keys, and `environment` and `ppo` for all stages.

    Raises:
        DactylError: names the key that is unknown or has a wrong value.
    """
    values = dict(values)
    base = {key: values.pop(key, None) or {} for key in ("environment", "ppo")}
    stages = values.pop("stages", None) or [{}]
    if not isinstance(stages, list) or not all(isinstance(stage, Mapping) for stage in stages):
        raise DactylError("stages: expected a list of mappings")
    merged = [{**stage, **{key: merge(base[key], stage.get(key) or {}) for key in base}} for stage in stages]
    return parse(TrainingConfig, {**values, "stages": merged})


def parse(kind: Any, value: Any, where: str = "", default: Any = None) -> Any:
    """Check a value from a YAML file against a type, building dataclasses from mappings.

    Args:
        kind: a dataclass, bool, int, float, str, tuple[…], dict[str, …] or a union of these.
        value: what the file says.
        where: the value's place in the file, for messages.
        default: of a dataclass: what holds for the fields that the file does not name.

    Raises:
        DactylError: names the key that is unknown or has a wrong value.
    """
    if kind is RandomizationConfig and isinstance(value, str):
        return select(value)
    if is_dataclass(kind):
        return _parse_dataclass(kind, value, where, default)
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


def _parse_dataclass(kind: Any, value: Any, where: str, default: Any) -> Any:
    if not isinstance(value, Mapping):
        raise DactylError(f"{where or 'the file'}: expected a mapping, not {value!r}")
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}
    for key in value:
        if key not in known:
            raise DactylError(f"unknown key {_join(where, key)}: choose from {', '.join(known)}")
    parsed = {key: parse(hints[key], item, _join(where, key), _default(known[key])) for key, item in value.items()}
    try:
        return kind(**parsed) if default is None else replace(default, **parsed)
    except DactylError as error:
        raise DactylError(f"{where}: {error}" if where else str(error)) from error


def _default(f: Field[Any]) -> Any:
    return f.default if f.default_factory is MISSING else f.default_factory()


def merge(base: Any, changes: Any) -> Any:
    """`base` with the leaves of `changes` put in; reward weights are a choice, so they are replaced as a whole."""
    if not (isinstance(base, Mapping) and isinstance(changes, Mapping)):
        return changes
    merged = dict(base)
    for key, change in changes.items():
        merged[key] = merge(base[key], change) if key in base and key != "reward" else change
    return merged


def _number(text: str) -> float | str:
    """YAML reads 3e-4 as text."""
    try:
        return float(text)
    except ValueError:
        return text


def _join(where: str, key: Any) -> str:
    return f"{where}.{key}" if where else str(key)
