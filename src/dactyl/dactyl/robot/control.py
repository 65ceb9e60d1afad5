"""From the policy's bins to absolute actuator targets (section 4.2, appendices B.4 and C.1), or to torques.

Pure functions over leading batch dimensions, for numpy in the nodes and torch in training. Actions are (..., A) in
[-1, 1]; positions and targets are actuator positions in rad, those of coupled joints as their sum. What torques do on
their way to the motors is in `torque`.
"""

from __future__ import annotations

from dataclasses import dataclass

from array_api_compat import array_namespace

from dactyl.errors import DactylError
from dactyl.maths.quaternion import Array

ORIGINS = ("current", "middle")
"""What actions are counted from: the joint angles when the action is specified (section 4.2), or the middle of each
actuator's range, so that an action is a posture (as most of the paper's successors have it)."""
TORQUE = "torque"
"""What actions of a robot with `Torques` may be instead: shares of its largest torque."""
MEANINGS = (*ORIGINS, TORQUE)
"""All of them; a robot's own are in `Positions.origins` and `Torques.origins`."""
SMOOTHING = 0.3  # weight of the new action per control step, appendix C.1 footnote 15


def as_action(chosen: Array, bins: int, dtype: object = None) -> Array:
    """What a policy chose as actions -1…1: bins 0…bins - 1, or numbers, where there are 0 bins.

    `dtype` defaults to the namespace's float32.
    """
    xp = array_namespace(chosen)
    numbers = xp.astype(chosen, dtype or xp.float32)
    middle = (bins - 1) // 2
    return (numbers - middle) / middle if bins else numbers


def smooth(previous: Array, action: Array, coefficient: float = SMOOTHING) -> Array:
    """Exponential moving average of actions, one call per control step; `previous` starts at `holding`."""
    return coefficient * action + (1.0 - coefficient) * previous


def check_origin(origin: str) -> None:
    """Raise DactylError if actions cannot be counted from there."""
    if origin not in MEANINGS:
        raise DactylError(f"actions are torques, or counted from {' or '.join(ORIGINS)}, not {origin!r}")


@dataclass(frozen=True)
class ActionMeaning:
    """What a policy's actions mean to the robot: it belongs to the policy's weights, not to the lab."""

    origin: str = "current"
    """What actions are counted from, see `ORIGINS`, or TORQUE."""
    scale: float = 1.0
    """How far action 1 reaches, in units of half the actuator's range; of torques the share of the largest."""
    smoothing: float = SMOOTHING
    """Weight of the new action in the moving average, per control step."""

    def __post_init__(self) -> None:
        check_origin(self.origin)


def target(positions: Array, action: Array, limits: Array, origin: str = "current", scale: float = 1.0) -> Array:
    """Targets that actions mean, inside the limits.

    Args:
        positions: actuator positions when the action was specified (s_t of appendix C.1), (..., A).
        action: (..., A) in [-1, 1].
        limits: (A, 2) lower and upper actuator limits.
        origin: what action 0 means, see `ORIGINS`.
        scale: how far action 1 reaches, in units of half the actuator's range.

    Returns:
        Targets (..., A). A NaN in positions or action gives NaN: callers refuse those before.
    """
    xp = array_namespace(positions, action, limits)
    lower, upper = limits[..., 0], limits[..., 1]
    start = positions if origin == "current" else xp.broadcast_to(0.5 * (lower + upper), positions.shape)
    return xp.minimum(xp.maximum(start + action * (0.5 * scale * (upper - lower)), lower), upper)


def action_for(targets: Array, positions: Array, limits: Array, origin: str = "current", scale: float = 1.0) -> Array:
    """The action (..., A) in [-1, 1] whose `target` these targets (..., A) are, or the nearest."""
    xp = array_namespace(targets, positions, limits)
    lower, upper = limits[..., 0], limits[..., 1]
    start = positions if origin == "current" else 0.5 * (lower + upper)
    return xp.clip((targets - start) / (0.5 * scale * (upper - lower)), -1.0, 1.0)


def torques(action: Array, limit: float, scale: float = 1.0) -> Array:
    """Torques (..., A), N·m, that actions (..., A) mean where they are shares of the largest, `limit`.

    A NaN gives NaN: callers refuse it before.
    """
    xp = array_namespace(action)
    return limit * xp.clip(scale * action, -1.0, 1.0)


def commands(
    positions: Array, action: Array, limits: Array, meaning: ActionMeaning, most_torque: float | None = None
) -> Array:
    """What actuators are sent for actions (..., A): targets, rad, or torques, N·m, (..., A).

    Args:
        positions: see `target`; not looked at for torques.
        action: (..., A) in [-1, 1].
        limits: (A, 2), see `target`.
        meaning: of the actions.
        most_torque: N·m, see `Torques.limit`; None: the robot takes none.
    """
    if meaning.origin != TORQUE:
        return target(positions, action, limits, meaning.origin, meaning.scale)
    if most_torque is None:
        raise DactylError("actions are torques, and the robot takes none")
    return torques(action, most_torque, meaning.scale)


def holding(positions: Array, limits: Array, origin: str = "current", scale: float = 1.0) -> Array:
    """The action (..., A) that asks for no motion from these positions (..., A): what smoothing starts from.

    Where actions are torques: none. A robot that is to stay where it is follows a posture, see `torque.towards`.
    """
    if origin == TORQUE:
        return array_namespace(positions).zeros_like(positions)
    return action_for(positions, positions, limits, origin, scale)
