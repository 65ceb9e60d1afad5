"""Training presets: YAML files of config/training as checked dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dactyl.environment.config import EnvironmentConfig
from dactyl.errors import DactylError
from dactyl.learning.algorithms.ppo import PPOConfig
from dactyl.learning.models.recurrent import Architecture
from dactyl.storage.presets import merge, parse

WHOLE = ("reward",)
"""Keys that are replaced as a whole: which terms a reward has is a choice."""


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
    merged = [{**stage, **{key: merge(base[key], stage.get(key) or {}, WHOLE) for key in base}} for stage in stages]
    return parse(TrainingConfig, {**values, "stages": merged})
