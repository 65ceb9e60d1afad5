"""What the driver node and a robot say to each other, whatever carries it. No ROS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from dactyl.robot.robot import Robot


@dataclass(frozen=True)
class Connection:
    """How to reach a robot. What the words mean is its driver's to say, which refuses those that it does not know."""

    transport: str
    address: str
    interface: str
    """Which of the robot's controllers take the targets."""
    time_from_start: float
    """s that a trajectory gives the robot to reach its target."""
    stamped: bool
    """Whether targets carry the control tick of their action; else they mean now."""


@dataclass(frozen=True)
class JointStates:
    """One message of `joint_states`, as it came."""

    stamp_ns: int
    names: Sequence[str]
    positions: Sequence[float]
    """rad"""
    efforts: Sequence[float]
    """In the robot's unit; empty where not reported."""


class JointOrder:
    """Puts joint states into the order of a robot's joints, whatever order they come in."""

    def __init__(self, robot: Robot) -> None:
        self._expected = [robot.ros_name(joint) for joint in robot.joints]
        self._names: list[str] | None = None
        self._order = np.arange(len(self._expected))

    def sort(self, states: JointStates) -> tuple[np.ndarray, np.ndarray | None]:
        """Angles (J,) and efforts (J,), None where not reported.

        Raises:
            ValueError: joints are missing, or there is not an angle for each name; says which.
        """
        angles = self.pick(states.names, states.positions)
        if angles is None:
            raise ValueError("joint states of wrong length")
        return angles, self.pick(states.names, states.efforts)

    def pick(self, names: Sequence[str], values: Sequence[float]) -> np.ndarray | None:
        """The joints' values (J,); None where there is not a value for each name. ValueError: joints are missing."""
        names = list(names)
        if names != self._names:
            if missing := set(self._expected) - set(names):
                raise ValueError(f"joint states without {min(missing)}")
            self._names, self._order = names, np.array([names.index(name) for name in self._expected])
        return np.asarray(values, float)[self._order] if len(values) == len(names) else None


class Command(NamedTuple):
    """Targets for some of the actuators."""

    actuators: list[int]
    """Indices."""
    targets: np.ndarray
    """rad"""
    stamp_ns: int
    """Control tick, 0 where there is none: it is for now."""


class Interface(Protocol):
    """A way to a robot. What comes from it is handed to the callbacks given when it is made, in `poll`'s thread."""

    def send(self, targets: np.ndarray, stamp_ns: int) -> None:
        """Send actuator targets (A,), rad, of the action of a control tick."""

    def poll(self) -> None:
        """Hand over what has come since the last time."""

    def problem(self) -> str:
        """Why the robot cannot be reached; empty if it can, as far as is known."""

    def close(self) -> None:
        """Send what is still to be sent and let go."""


OnJointStates = Callable[[JointStates], None]
OnTemperature = Callable[[int, float], None]
"""Takes an actuator's index and its motor's temperature, degrees Celsius."""
