"""Limits that stop a robot: effort, temperature, a hand that does not follow. No ROS, no clock.

A limit is worth nothing while its reading is absent or not a number. So that counts as a fault too, unless the lab says
by the limit's name that it goes without.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import inf

import numpy as np

from dactyl.robot.robot import Robot

GUARDS = EFFORT, TEMPERATURE = ("effort", "temperature")
"""Limits that readings of their own are needed for."""
STILL, OFF_TARGET = 0.02, 0.1
"""rad: a robot none of whose actuators has moved by the one, while one of them is off its target by the other, does not
follow."""
TEMPERATURE_AFTER = 5.0
"""s without a motor's temperature, which Shadow's driver tells twice a second, after which it counts as absent."""


@dataclass(frozen=True)
class GuardLimits:
    """What is too much. The defaults bind nothing."""

    max_effort: np.ndarray | float = inf
    """(J,), or one for all: limit of each joint's effort, in the unit the robot reports, by size."""
    overload_after: float = 0.5
    """s above its effort limit, or without an effort, after which a joint stops the robot."""
    max_temperature: np.ndarray | float = inf
    """(A,), or one for all: limit of each motor's temperature, in degrees Celsius."""
    max_error: float = inf
    """rad that an actuator may be from its target ..."""
    error_after: float = 2.0
    """... for so many s: longer, and it does not follow. Nor does a robot that stands still for so long, off its
    targets. Where `max_error` is infinite it need not follow at all."""
    unguarded: Collection[str] = ()
    """Of GUARDS: those whose readings may be absent."""


class Guards:
    """Keeps the time that each limit has been broken for."""

    def __init__(self, robot: Robot, limits: GuardLimits) -> None:
        self._robot, self._limits = robot, limits
        joints, actuators = len(robot.joints), len(robot.actuators)
        self._max_effort = np.broadcast_to(limits.max_effort, (joints,))
        self._max_temperature = np.broadcast_to(limits.max_temperature, (actuators,))
        self._overload = _Duration(joints)
        self._error = _Duration(actuators)
        self._stands = _Duration(1)
        self._stood = np.full(actuators, inf)
        """Where the robot has stood for a while."""
        self._efforts = np.full(joints, np.nan)
        self._measured_ns = np.full(actuators, -inf)
        """When each motor's temperature came last."""

    def forget(self) -> None:
        """Begin anew: nothing has been broken."""
        self._overload.clear()
        self.forget_error()

    def forget_error(self) -> None:
        """The robot need not follow for now."""
        self._error.clear()
        self._stands.clear()

    def take_efforts(self, efforts: np.ndarray | None, now_ns: int) -> str:
        """Why efforts (J,) stop the robot; None: it reports none."""
        self._efforts = np.full(len(self._robot.joints), np.nan) if efforts is None else efforts
        over = ~(np.abs(self._efforts) <= self._max_effort) & np.isfinite(self._max_effort)
        if EFFORT in self._limits.unguarded:
            over &= np.isfinite(self._efforts)
        joint = self._overload.longest(over, now_ns, self._limits.overload_after)
        if joint is None:
            return ""
        name = self._robot.ros_name(self._robot.joints[joint])
        if np.isfinite(self._efforts[joint]):
            return f"effort of {name} above {self._max_effort[joint]:g}"
        return f"effort of {name} is not reported"

    def take_temperature(self, motor: int, celsius: float, now_ns: int) -> str:
        """Why the temperature of a motor, by its actuator's index, stops the robot."""
        if not np.isfinite(celsius):
            return ""
        self._measured_ns[motor] = now_ns
        limit = self._max_temperature[motor]
        return (
            f"motor of {self._robot.actuators[motor]} at {celsius:.0f} °C, above {limit:g}" if celsius > limit else ""
        )

    def take_positions(self, positions: np.ndarray, targets: np.ndarray, now_ns: int) -> str:
        """Why actuators at these positions (A,), with these targets (A,), stop the robot; rad."""
        limits = self._limits
        if limits.max_error == inf:
            return ""
        error = np.abs(targets - positions)
        actuator = self._error.longest(error > limits.max_error, now_ns, limits.error_after)
        if np.abs(positions - self._stood).max() > STILL:
            self._stood = positions
            self._stands.clear()
        if actuator is not None:
            what = f"{self._robot.actuators[actuator]} does not follow"
        elif self._stands.longest(np.array([error.max() > OFF_TARGET]), now_ns, limits.error_after) is not None:
            actuator, what = int(error.argmax()), "the hand does not move"
        else:
            return ""
        name = self._robot.actuators[actuator]
        return f"{what}: {name} is {error[actuator]:.2f} rad from its target, for {limits.error_after:g} s"

    def absent(self, now_ns: int) -> dict[str, str]:
        """Of each limit that cannot be kept, what is missing."""
        found = {}
        unknown = np.isfinite(self._max_effort) & ~np.isfinite(self._efforts)
        if unknown.any():
            joint = self._robot.ros_name(self._robot.joints[int(unknown.argmax())])
            found[EFFORT] = f"joint states without the effort of {joint}"
        old = np.isfinite(self._max_temperature) & (now_ns - self._measured_ns > TEMPERATURE_AFTER * 1e9)
        if old.any():
            motor = self._robot.actuators[int(old.argmax())]
            found[TEMPERATURE] = f"no temperature of the motor of {motor} for {TEMPERATURE_AFTER:g} s"
        return found

    def missed(self, now_ns: int, *guards: str) -> str:
        """What is absent of these of GUARDS and must not be; empty if nothing is."""
        absent = self.absent(now_ns)
        needed = (name for name in guards if name in absent and name not in self._limits.unguarded)
        return next((f"{absent[name]}, which has a limit" for name in needed), "")


class _Duration:
    """How long each of several conditions has held."""

    def __init__(self, count: int) -> None:
        self._since_ns = np.full(count, inf)

    def clear(self) -> None:
        self._since_ns[:] = inf

    def longest(self, holds: np.ndarray, now_ns: int, limit: float) -> int | None:
        """The one that has held for longest, if that is longer than the limit, s. `holds`: which do now."""
        self._since_ns = np.where(holds, np.minimum(self._since_ns, now_ns), inf)
        longest = int(self._since_ns.argmin())
        return longest if now_ns - self._since_ns[longest] > limit * 1e9 else None
