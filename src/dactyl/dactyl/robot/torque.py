"""Torques on their way to the motors of a robot that takes them: its safety law, and the law by which it holds.

Pure functions over leading batch dimensions in the array API, (..., A) each; N·m, rad, rad/s. They are meant for every
cycle of a motor's loop, 1 kHz on the real TriFinger. NaN gives NaN: callers refuse it before, as `control` does.
"""

from __future__ import annotations

from array_api_compat import array_namespace

from dactyl.maths.quaternion import Array


def applied(torque: Array, velocities: Array, limit: float, damping: Array) -> Array:
    """What the safety law lets through: clip(clip(torque) - damping * velocity), both to ±limit.

    Source: robot_fingers' and trifinger_simulation's loop. It keeps a motor that is pushed on slow.

    Args:
        torque: asked for.
        velocities: of the actuators.
        limit: largest torque, see `Torques.limit`.
        damping: (A,), see `Torques.damping`.
    """
    xp = array_namespace(torque, velocities)
    return xp.clip(xp.clip(torque, -limit, limit) - damping * velocities, -limit, limit)


def towards(target: Array, positions: Array, limit: float, stiffness: Array) -> Array:
    """The torque, within ±limit, that pulls actuators to a posture: what a hold is for a robot that takes torques.

    To send no torque would let it fall. Damping is the safety law's, through which this goes too. Nothing here knows
    the robot's weight: it hangs below the posture by its weight's torque over the stiffness.

    Args:
        target: posture, inside the robot's limits.
        positions: where the actuators are now.
        limit: largest torque, see `Torques.limit`.
        stiffness: (A,), see `Torques.stiffness`.
    """
    xp = array_namespace(target, positions)
    return xp.clip(stiffness * (target - positions), -limit, limit)
