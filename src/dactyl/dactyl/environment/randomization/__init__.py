"""Everything that varies between simulated environments (section 3.2, appendix C.2), in the groups of Table 4.

Each group is a dataclass of standard deviations and ranges with the first paper's values as defaults; None switches it
off. A task may have values of its own, see `of_task`. Appearance, the fourth group, belongs to rendering.
`vision_errors` is none of Table 4's: it stands for the pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dactyl import registry
from dactyl.environment.randomization.observation_noise import ObservationNoise
from dactyl.environment.randomization.physics import PhysicsRandomization
from dactyl.environment.randomization.unmodeled_effects import UnmodeledEffects
from dactyl.environment.randomization.vision_errors import VisionErrors
from dactyl.environment.task import Task
from dactyl.errors import DactylError
from dactyl.storage.presets import parse, parse_fields


@dataclass(frozen=True)
class RandomizationConfig:
    """Which groups are on, and how strong."""

    observation_noise: ObservationNoise | None = field(default_factory=ObservationNoise)
    physics: PhysicsRandomization | None = field(default_factory=PhysicsRandomization)
    unmodeled_effects: UnmodeledEffects | None = field(default_factory=UnmodeledEffects)
    vision_errors: VisionErrors | None = None
    """Errors of a pose estimator in place of noisy motion capture of the object; a preset may name the file of `vision
    errors` instead of numbers."""

    @classmethod
    def from_config(cls, value: Any, where: str, default: Any) -> RandomizationConfig:
        """From a preset, which may also say it in a word, see `select`. What it does not name is the default's."""
        own: RandomizationConfig = cls() if default is None else default
        if isinstance(value, str):
            return select(value, own)
        if not isinstance(value, Mapping) or set(value) - set(_KINDS):
            return parse_fields(cls, value, where, default)  # which says what is wrong
        changed = dict[str, Any]()
        for name, item in value.items():
            laid_over = getattr(own, name) or _KINDS[name]()
            place = f"{where}.{name}" if where else name
            changed[name] = None if item is None else parse(type(laid_over), item, place, laid_over)
        return replace(own, **changed)


GROUPS = ("observation_noise", "physics", "unmodeled_effects")
_KINDS: Mapping[str, type[Any]] = {
    "observation_noise": ObservationNoise,
    "physics": PhysicsRandomization,
    "unmodeled_effects": UnmodeledEffects,
    "vision_errors": VisionErrors,
}


def of_task(task: Task) -> RandomizationConfig:
    """All groups, with the task's own values where it has some."""
    if not task.randomization:
        return RandomizationConfig()
    own = registry.resolve(task.randomization)
    return registry.checked(f"{task.randomization} of the task {task.name!r}", own, RandomizationConfig)


def select(choice: str, own: RandomizationConfig | None = None) -> RandomizationConfig:
    """The groups that "all", "none" or e.g. "-physics,-observation_noise" (all but these) leaves on.

    Args:
        choice: which.
        own: the values of those that stay on, see `of_task`; None: the first paper's.

    Raises:
        DactylError: the choice names no such group.
    """
    own = own or RandomizationConfig()
    if choice == "all":
        return own
    off = list(GROUPS) if choice == "none" else [part.strip().lstrip("-") for part in choice.split(",")]
    if not set(off) <= set(GROUPS) or (
        choice != "none" and not all(p.strip().startswith("-") for p in choice.split(","))
    ):
        raise DactylError(f"randomizations {choice!r}: choose all, none, or -GROUP[,-GROUP] of {', '.join(GROUPS)}")
    return replace(own, **dict.fromkeys(off))
