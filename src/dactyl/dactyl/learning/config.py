"""Training presets: YAML files of config/training as checked dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from dactyl.environment.config import EnvironmentConfig
from dactyl.errors import DactylError
from dactyl.learning.algorithms.ppo import PPOConfig
from dactyl.learning.collector import CollectionConfig
from dactyl.learning.models.recurrent import Architecture
from dactyl.storage.presets import merge, parse

WHOLE = ("reward",)
"""Keys that are replaced as a whole: which terms a reward has is a choice."""

_MAPPINGS = ("environment", "collection", "ppo")
_MOVED = {
    "horizon": "collection.horizon",
    "ppo.sequence": "collection.sequence",
    "ppo.hold": "collection.hold",
    "ppo.rehearsal": "collection.near_failures",
    "ppo.bf16": "collection.bf16",
    "ppo.imitation": "imitation",
    "environment.nursery": "environment.reset_pool",
}
"""Keys of older files, and where they are now."""


@dataclass(frozen=True)
class Stage:
    """A part of the curriculum. In a file it names only what differs from the preset as a whole."""

    environment: EnvironmentConfig = field(default_factory=EnvironmentConfig)
    collection: CollectionConfig = field(default_factory=CollectionConfig)
    ppo: PPOConfig = field(default_factory=PPOConfig)
    imitation: float = 0.0
    """Weight of the KL divergence from the teacher to the policy in the loss; PPO's own has the rest, at 1 none."""
    demonstrated: float = 0.0
    """Weight in the loss of doing as the robot's script shows; PPO's own has the rest, at 1 none."""
    until_successes: float | None = None
    """The next stage begins when this many goals are reached per episode, on average over the last 20 iterations."""
    until_steps: int | None = None
    """The next stage begins at the latest after this many control steps, counted from the start of training."""

    def __post_init__(self) -> None:
        for name in ("imitation", "demonstrated"):
            if not 0 <= getattr(self, name) <= 1:
                raise DactylError(f"{name} must be between 0 and 1, not {getattr(self, name)}")
        if self.imitation and self.demonstrated:
            raise DactylError("a stage imitates a teacher or does as a script shows, not both: imitation, demonstrated")
        if self.collection.led and self.imitation < 1:
            raise DactylError("collection.led is for stages that only imitate: imitation 1")
        minibatch, sequence = self.ppo.minibatch, self.collection.sequence
        if minibatch % sequence:
            raise DactylError(f"ppo.minibatch {minibatch} is no multiple of collection.sequence {sequence}")


@dataclass(frozen=True)
class TrainingConfig:
    """A whole training run."""

    stages: tuple[Stage, ...] = (Stage(),)
    policy: Architecture = field(default_factory=Architecture)
    value: Architecture = field(default_factory=Architecture)
    num_envs: int = 8192
    """Environments that act at the same time."""
    total_steps: int = 1_000_000_000
    """Control steps of all environments together."""
    seed: int = 0
    checkpoint_minutes: float = 5.0
    averaging: float = 0.0
    """Weight of the past, at every iteration, in an average of the policy's weights, which its file then has; 0:
    the newest alone. Learning itself goes on from the newest."""
    initial: str | None = None
    """A checkpoint whose networks and normalizers to begin with, as in fine-tuning; `train --initial` sets it too."""

    deviation: float | None = None
    """Of actions that are numbers, at first, in units of action; None: half of the way to the end."""
    objects: tuple[str, ...] = ()
    """Environments are shared out evenly among these objects; empty: all have the scene's."""
    scripts: int = 100
    """Tries of the robot's script that each process makes, see `demonstrated`."""
    teacher: str | None = None
    """A feed-forward policy to imitate, see `imitation`; what the value network sees must begin with what it sees."""
    specialists: dict[str, str] = field(default_factory=dict, hash=False)
    """By object, for each of `objects`, a policy for it alone that sees and acts as the one for all does, to imitate in
    that object's environments. Without `initial`, training begins with the mean of their weights, and of those of the
    value networks beside them: it makes sense of policies that came from the same one."""

    def __post_init__(self) -> None:
        for name in ("num_envs", "total_steps", "scripts"):
            if not getattr(self, name) >= 1:
                raise DactylError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.deviation is not None and not 0 < self.deviation < inf:
            raise DactylError(f"deviation must be positive, not {self.deviation}")
        if not self.checkpoint_minutes > 0:
            raise DactylError(f"checkpoint_minutes must be positive, not {self.checkpoint_minutes}")
        if not 0 <= self.averaging < 1:
            raise DactylError(f"averaging must be at least 0 and less than 1, not {self.averaging}")
        if len(set(self.objects)) != len(self.objects) or self.num_envs % max(1, len(self.objects)):
            raise DactylError(f"{self.num_envs} environments cannot be shared out among the objects {self.objects}")
        if not self.stages:
            raise DactylError("stages: there must be at least one")
        for stage in self.stages[:-1]:
            if stage.until_successes is None and stage.until_steps is None:
                raise DactylError("stages: all but the last need until_successes or until_steps")
        if any(stage.demonstrated for stage in self.stages) and self.policy.lstm:
            raise DactylError("demonstrated: the policy must be without memory, lstm: 0")
        if self.specialists and self.teacher is not None:
            raise DactylError("a preset has a teacher or specialists, not both")
        if self.specialists and set(self.specialists) != set(self.objects):
            raise DactylError(f"specialists: one for each of the objects {list(self.objects)}, and for no other")
        if not (self.teacher or self.specialists) and any(stage.imitation for stage in self.stages):
            raise DactylError("imitation needs a teacher")


def parse_training(values: Mapping[str, Any]) -> TrainingConfig:
    """A preset from the content of its file: `TrainingConfig`'s keys, and those of a `Stage` for all stages.

    Raises:
        DactylError: names the key that is unknown or has a wrong value.
    """
    values = renew(values)
    base = {key: values.pop(key, None) or {} for key in _MAPPINGS}
    shared = {name: values.pop(name) for name in ("imitation", "demonstrated") if name in values}
    stages = values.pop("stages", None) or [{}]
    if not isinstance(stages, list) or not all(isinstance(stage, Mapping) for stage in stages):
        raise DactylError("stages: expected a list of mappings")
    merged = [
        {**shared, **stage, **{key: merge(base[key], stage.get(key) or {}, WHOLE) for key in base}} for stage in stages
    ]
    return parse(TrainingConfig, {**values, "stages": merged})


def renew(values: Mapping[str, Any]) -> dict[str, Any]:
    """A preset file's content, or a stage's, with keys that were elsewhere once in their places.

    Raises:
        DactylError: a key is there by its old and by its new name.
    """
    values = {key: dict(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    for old, new in _MOVED.items():
        source, key = _section(values, old)
        if key not in source:
            continue
        target, name = _section(values, new)
        if name in target:
            raise DactylError(f"{new} is there twice, once by its old name {old}")
        target[name] = source.pop(key)
    if isinstance(values.get("stages"), list):
        values["stages"] = [renew(stage) if isinstance(stage, Mapping) else stage for stage in values["stages"]]
    return values


def _section(values: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    """The mapping that a key such as ppo.gamma belongs to, made where it is missing, and its name there."""
    section, _, name = key.rpartition(".")
    if section and values.get(section) is None:
        values[section] = {}
    found = values[section] if section else values
    return (found, name) if isinstance(found, dict) else ({}, name)
