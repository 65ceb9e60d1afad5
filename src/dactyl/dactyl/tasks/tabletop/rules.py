"""When a goal at the table counts as reached, where goals and objects are. Robot frame, whose z is up; m, rad."""

from __future__ import annotations

from dataclasses import dataclass

from dactyl.environment.trial import TrialRules
from dactyl.errors import DactylError

SIDES = ("middle", "left", "right", "either")


@dataclass(frozen=True, kw_only=True)
class TabletopRules(TrialRules):
    """The paper says no time, no tolerance and no goal region: all are choices. Starts are Table IV's, in m and rad."""

    tolerance: float = 0.05
    """m from the goal at which the object is there."""
    at_end: bool = True
    """Whether only where the object is when the time is up counts; else a goal is reached as soon as it is there."""
    goal_heights: tuple[float, float] = (0.22, 0.32)
    """Of goals above the robot's frame."""
    goal_spread: float = 0.05
    """Goals are up to so far from the object, forwards, backwards and aside."""
    start_spread: float = 0.02
    """Objects begin up to so far from their place, in each direction."""
    start_yaw: float = 0.75
    """They are turned about the vertical by up to this."""
    side: str = "middle"
    """Where objects begin: in the middle, aside to the left or right, or to either."""
    aside: float = 0.2
    """How far that is."""
    timeout: float = 6.0
    max_successes: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self.goal_heights
        if not low <= high:
            raise DactylError(f"trial rules: goal_heights [{low}, {high}] are no range")
        if self.side not in SIDES:
            raise DactylError(f"trial rules: side {self.side!r} is none of {', '.join(SIDES)}")
        if not self.tolerance > 0:
            raise DactylError(f"trial rules: tolerance {self.tolerance} m must be > 0")
        for name in ("goal_spread", "start_spread", "start_yaw", "aside"):
            if not getattr(self, name) >= 0:
                raise DactylError(f"trial rules: {name} {getattr(self, name)} must be >= 0")

    @property
    def tolerances(self) -> tuple[float, ...]:
        return (self.tolerance,)

    @property
    def judged_at_timeout(self) -> bool:
        return self.at_end
