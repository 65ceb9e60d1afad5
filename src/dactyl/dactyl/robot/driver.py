"""What the driver node and a robot say to each other, whatever carries it. No ROS."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from dactyl import topics
from dactyl.errors import DactylError
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
    tolerated: Sequence[str] = ()
    """Full names of nodes that may speak on the hand's topics too."""
    joint_states: str = topics.JOINT_STATES
    """Topic of the robot's joint states."""
    commands: Sequence[str] = ()
    """Topics of the commands, in the order of the robot's own; empty: these."""


def names_of(own: Collection[str], given: Sequence[str]) -> dict[str, str]:
    """What each of a robot's command topics is called: as it is, or as was given.

    Raises:
        DactylError: not as many were given, or one twice.
    """
    if not given:
        return {topic: topic for topic in own}
    if len(given) != len(own) or len(set(given)) != len(given):
        wanted = f"{len(own)} different topics, in place of {', '.join(own)}"
        raise DactylError(f"parameter commands must have {wanted}, not {', '.join(given)}")
    return dict(zip(own, given, strict=True))


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
    """Puts joint states into the order of a robot's joints, whatever order they come in.

    Other robots may send theirs on the same topic: an arm, under the hand.
    """

    def __init__(self, robot: Robot) -> None:
        self._expected = [robot.ros_name(joint) for joint in robot.joints]
        self._orders: dict[tuple[str, ...], np.ndarray] = {}
        """That of the last message, by its names."""

    def concerns(self, names: Sequence[str]) -> bool:
        """Whether joint states are this robot's: those that name joints, and none of its own, are another's."""
        return tuple(names) in self._orders or not names or not set(self._expected).isdisjoint(names)

    def sort(self, states: JointStates) -> tuple[np.ndarray, np.ndarray | None]:
        """Angles (J,) and efforts (J,), None where not reported.

        Raises:
            ValueError: joints are missing, or there is not an angle for each name; says which.
        """
        return self.angles(states.names, states.positions), self.pick(states.names, states.efforts)

    def angles(self, names: Sequence[str], positions: Sequence[float]) -> np.ndarray:
        """Angles (J,) alone. ValueError: joints are missing, or there is not an angle for each name."""
        angles = self.pick(names, positions)
        if angles is None:
            raise ValueError("joint states of wrong length")
        return angles

    def pick(self, names: Sequence[str], values: Sequence[float]) -> np.ndarray | None:
        """The joints' values (J,); None where there is not a value for each name. ValueError: joints are missing."""
        found = tuple(names)
        order = self._orders.get(found)
        if order is None:
            if missing := set(self._expected) - set(found):
                raise ValueError(f"joint states without {min(missing)}")
            order = np.array([found.index(name) for name in self._expected])
            self._orders = {found: order}
        return np.asarray(values, float)[order] if len(values) == len(found) else None


class Command(NamedTuple):
    """What some of the actuators are sent."""

    actuators: list[int]
    """Indices."""
    targets: np.ndarray
    """rad; N·m where the robot takes torques."""
    stamp_ns: int
    """Control tick, 0 where there is none: it is for now."""


class Interface(Protocol):
    """A way to a robot. What comes from it is handed to the callbacks given when it is made, in `poll`'s thread."""

    def send(self, targets: np.ndarray, stamp_ns: int) -> None:
        """Send actuator targets (A,), rad, or torques, N·m, of the action of a control tick."""

    def poll(self) -> None:
        """Hand over what has come since the last time."""

    def problem(self) -> str:
        """What is wrong with the way to the robot; empty if nothing is, as far as is known."""

    def unreachable(self) -> str:
        """Why commands do not reach the robot; empty if they do, as far as is known."""

    def conflict(self) -> str:
        """Which other node speaks for the robot or commands it; empty if none does, as far as is known."""

    def untold(self) -> str:
        """Why an enable has to wait until it is told who else is there; empty if it need not."""

    def unseen(self) -> str:
        """Why other nodes are not seen; empty if they are, as far as is known."""

    def close(self) -> None:
        """Send what is still to be sent and let go."""


class Unconnected:
    """The way to a robot before there is one."""

    def send(self, targets: np.ndarray, stamp_ns: int) -> None:
        """To nobody."""

    def poll(self) -> None:
        """Nothing comes."""

    def problem(self) -> str:
        return self.unreachable()

    def unreachable(self) -> str:
        return "there is no connection to the robot"

    def conflict(self) -> str:
        return ""

    def untold(self) -> str:
        return ""

    def unseen(self) -> str:
        return ""

    def close(self) -> None:
        """There is nothing to close."""


OnJointStates = Callable[[JointStates], None]
OnTemperature = Callable[[int, float], None]
"""Takes an actuator's index and its motor's temperature, degrees Celsius."""
