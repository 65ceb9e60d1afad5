"""What ends a trial and what counts in it: goals reached, drops, timeouts (appendix C.1, section 6.2).

Batched over worlds (N,), for numpy in the trial node and torch in training; one call of `advance` per control step.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from array_api_compat import array_namespace

from dactyl.errors import DactylError
from dactyl.maths.quaternion import Array
from dactyl.robot.control import CONTROL_PERIOD
from dactyl.tasks.reorient.goals import SUCCESS_TOLERANCE

TRAINING_TIMEOUT = 8.0  # s without reaching the current goal, appendix C.1
EVALUATION_TIMEOUT = 80.0  # s, section 6.2
MAX_SUCCESSES = 50  # appendix C.1
START_STEPS = {"block": 100, "octagonal_prism": 100, "sphere": 10}
"""Random actions before a trial (appendix C.1), by object; hardly a sphere stays on the palm for a hundred."""
DROP_HEIGHT = 0.10  # m the object may sink below its place on the level palm: the wrist alone lowers it by 0.06
DROP_DISTANCE = 0.16  # m it may be away from there: outstretched fingertips end at 0.13


@dataclass(frozen=True)
class TrialRules:
    """When a goal counts as reached and when a trial ends."""

    tolerance: float = SUCCESS_TOLERANCE
    """rad; a goal is reached below it."""
    timeout: float = EVALUATION_TIMEOUT
    """s per goal."""
    max_successes: int = MAX_SUCCESSES

    def __post_init__(self) -> None:
        if not (self.tolerance > 0 and CONTROL_PERIOD <= self.timeout < inf and self.max_successes >= 1):
            raise DactylError(
                f"trial rules: tolerance {self.tolerance} must be > 0, timeout {self.timeout} s >= {CONTROL_PERIOD}, "
                f"max_successes {self.max_successes} >= 1"
            )


class TrialState(NamedTuple):
    """Accounts of N running trials."""

    successes: Array
    """(N,) int64 goals reached so far."""
    goal_steps: Array
    """(N,) int64 control steps spent on the current goal."""


class TrialEvents(NamedTuple):
    """What happened in one control step, each (N,) bool."""

    reached: Array
    """The current goal was reached: draw the next one, unless `complete`."""
    dropped: Array
    complete: Array
    """All goals of the trial are reached."""
    timeout: Array

    @property
    def ended(self) -> Array:
        return self.dropped | self.complete | self.timeout


def start(like: Array) -> TrialState:
    """Fresh accounts for trials of the shape and device of `like` (N,)."""
    xp = array_namespace(like)
    return TrialState(xp.zeros_like(like, dtype=xp.int64), xp.zeros_like(like, dtype=xp.int64))


def advance(rules: TrialRules, state: TrialState, angle: Array, dropped: Array) -> tuple[TrialState, TrialEvents]:
    """Account for one control step.

    Args:
        rules: when goals and trials end.
        state: accounts before the step.
        angle: (N,) rad to the goal after the step.
        dropped: (N,) bool, see `is_dropped`; a dropped object reaches no goal.

    Returns:
        The accounts after the step and its events; at most one of dropped, complete and timeout is true.
    """
    xp = array_namespace(angle)
    reached = (angle < rules.tolerance) & ~dropped
    successes = state.successes + xp.astype(reached, xp.int64)
    goal_steps = xp.where(reached, xp.zeros_like(state.goal_steps), state.goal_steps + 1)
    complete = reached & (successes >= rules.max_successes)
    timeout = ~dropped & (goal_steps >= round(rules.timeout / CONTROL_PERIOD))
    return TrialState(successes, goal_steps), TrialEvents(reached, dropped, complete, timeout)


def restart(state: TrialState, mask: Array) -> TrialState:
    """Zero the accounts where mask (N,) is true."""
    xp = array_namespace(mask)
    return TrialState(*(xp.where(mask, xp.zeros_like(field), field) for field in state))


def is_dropped(position: Array, rest: Array, up: Array) -> Array:
    """Whether an object has left the hand, (...,) bool. A position that is not finite counts as dropped.

    Args:
        position: object centre in the hand frame, (..., 3), m.
        rest: where an object rests on the palm, hand frame, (3,), m.
        up: the vertical in the hand frame, (3,), unit.
    """
    xp = array_namespace(position)
    offset = position - rest
    height = xp.sum(offset * up, axis=-1)
    distance = xp.sqrt(xp.sum(offset * offset, axis=-1))
    return ~((height > -DROP_HEIGHT) & (distance < DROP_DISTANCE))
