"""What ends a trial and what counts in it: goals reached, losses, timeouts (appendix C.1, section 6.2).

Batched over environments (N,), for numpy in the trial node and torch in training; one call of `advance` per control
step. What reaching a goal means is the task's to say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from array_api_compat import array_namespace

from dactyl.errors import DactylError
from dactyl.maths.quaternion import Array


@dataclass(frozen=True, kw_only=True)
class TrialRules(ABC):
    """When a trial ends. A task adds when a goal counts as reached."""

    timeout: float
    """s per goal."""
    max_successes: int
    """Goals that complete a trial."""

    def __post_init__(self) -> None:
        if not (0 < self.timeout < inf and self.max_successes >= 1):
            raise DactylError(
                f"trial rules: timeout {self.timeout} s must be > 0 and max_successes {self.max_successes} >= 1"
            )

    @property
    @abstractmethod
    def tolerances(self) -> tuple[float, ...]:
        """A goal is reached when each of the task's errors is below its tolerance."""

    @property
    def judged_at_timeout(self) -> bool:
        """Whether a goal is only reached when its time is up: the object must be there then, however it got there."""
        return False


class TrialState(NamedTuple):
    """Accounts of N running trials."""

    successes: Array
    """(N,) int64 goals reached so far."""
    goal_time: Array
    """(N,) s spent on the current goal."""


class TrialEvents(NamedTuple):
    """What happened in one control step, each (N,) bool."""

    reached: Array
    """The current goal was reached: draw the next one, unless `complete`."""
    dropped: Array
    """The object is lost."""
    complete: Array
    """All goals of the trial are reached."""
    timeout: Array

    @property
    def ended(self) -> Array:
        return self.dropped | self.complete | self.timeout


def start(like: Array) -> TrialState:
    """Fresh accounts for trials of the shape and device of `like` (N,)."""
    xp = array_namespace(like)
    return TrialState(xp.zeros_like(like, dtype=xp.int64), xp.zeros_like(like))


def advance(
    rules: TrialRules, state: TrialState, errors: Array, dropped: Array, duration: Array | float
) -> tuple[TrialState, TrialEvents]:
    """Account for one control step.

    Args:
        rules: when goals and trials end.
        state: accounts before the step.
        errors: (N, E) how far from the goal after the step, see `Task.errors`; NaN reaches nothing.
        dropped: (N,) bool; a lost object reaches no goal.
        duration: s that the step took, for all or (N,).

    Returns:
        The accounts after the step and its events; at most one of dropped, complete and timeout is true.
    """
    xp = array_namespace(errors)
    reached = ~dropped
    for i, tolerance in enumerate(rules.tolerances):
        reached = (errors[..., i] < tolerance) & reached
    spent = state.goal_time + duration
    if rules.judged_at_timeout:
        reached = reached & (spent + 0.5 * duration > rules.timeout)
    successes = state.successes + xp.astype(reached, xp.int64)
    goal_time = xp.where(reached, xp.zeros_like(state.goal_time), spent)
    complete = reached & (successes >= rules.max_successes)
    timeout = ~dropped & (goal_time + 0.5 * duration > rules.timeout)  # at the step nearest to it
    return TrialState(successes, goal_time), TrialEvents(reached, dropped, complete, timeout)


def restart(state: TrialState, mask: Array) -> TrialState:
    """Zero the accounts where mask (N,) is true."""
    xp = array_namespace(mask)
    return TrialState(*(xp.where(mask, xp.zeros_like(field), field) for field in state))
