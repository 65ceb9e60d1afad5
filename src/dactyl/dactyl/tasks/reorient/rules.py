"""When a goal orientation counts as reached and when a trial ends (appendix C.1, section 6.2)."""

from __future__ import annotations

from dataclasses import dataclass

from dactyl.environment.trial import TrialRules
from dactyl.errors import DactylError

SUCCESS_TOLERANCE = 0.4  # rad, appendix C.1
TRAINING_TIMEOUT = 8.0  # s without reaching the current goal, appendix C.1
EVALUATION_TIMEOUT = 80.0  # s, section 6.2
MAX_SUCCESSES = 50  # appendix C.1


@dataclass(frozen=True, kw_only=True)
class ReorientRules(TrialRules):
    """The defaults are those of the paper's evaluations."""

    tolerance: float = SUCCESS_TOLERANCE
    """rad; a goal is reached below it."""
    timeout: float = EVALUATION_TIMEOUT
    max_successes: int = MAX_SUCCESSES

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.tolerance > 0:
            raise DactylError(f"trial rules: tolerance {self.tolerance} rad must be > 0")

    @property
    def tolerances(self) -> tuple[float, ...]:
        return (self.tolerance,)
