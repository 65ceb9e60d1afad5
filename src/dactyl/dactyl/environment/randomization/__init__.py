"""Everything that varies between simulated environments (section 3.2, appendix C.2), in the groups of Table 4.

Each group is a dataclass of standard deviations and ranges with the paper's values as defaults; None switches it off.
Appearance, the fourth group, belongs to rendering. `vision_errors` is none of Table 4's: it stands for the pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dactyl.environment.randomization.observation_noise import ObservationNoise
from dactyl.environment.randomization.physics import PhysicsRandomization
from dactyl.environment.randomization.unmodeled_effects import UnmodeledEffects
from dactyl.environment.randomization.vision_errors import VisionErrors
from dactyl.errors import DactylError
from dactyl.storage.presets import parse_fields


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
        """From a preset, which may also say it in a word, see `select`."""
        return select(value) if isinstance(value, str) else parse_fields(cls, value, where, default)


GROUPS = ("observation_noise", "physics", "unmodeled_effects")


def select(choice: str) -> RandomizationConfig:
    """The groups that "all", "none" or e.g. "-physics,-observation_noise" (all but these) leaves on.

    Raises:
        DactylError: the choice names no such group.
    """
    if choice == "all":
        return RandomizationConfig()
    off = list(GROUPS) if choice == "none" else [part.strip().lstrip("-") for part in choice.split(",")]
    if not set(off) <= set(GROUPS) or (
        choice != "none" and not all(p.strip().startswith("-") for p in choice.split(","))
    ):
        raise DactylError(f"randomizations {choice!r}: choose all, none, or -GROUP[,-GROUP] of {', '.join(GROUPS)}")
    return RandomizationConfig(**dict.fromkeys(off))
