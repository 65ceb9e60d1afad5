"""How Shadow's software names and shapes what goes to and comes from the hand, whatever carries it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dactyl.robots.shadow import topics
from dactyl.robots.shadow.joints import ACTUATORS, JOINTS, joints_of, ros_joint_name

INTERFACES = ("trajectory", "position")
ROS_NAMES = tuple(ros_joint_name(joint) for joint in JOINTS)

WRIST = tuple(joint for joint in JOINTS if joint.startswith("WR"))
FINGER_JOINTS = tuple(joint for joint in JOINTS if not joint.startswith("WR"))
TRAJECTORIES = {topics.FINGERS: FINGER_JOINTS, topics.WRIST: WRIST}
"""Joints of each trajectory controller, by its topic."""
ACTUATOR_OF = {joint: i for i, actuator in enumerate(ACTUATORS) for joint in joints_of(actuator)}
"""Index in ACTUATORS of the actuator that moves a joint."""

_MOTOR = "SRDMotor "


POSITIONS = {topics.position(ros_joint_name(actuator)): i for i, actuator in enumerate(ACTUATORS)}
"""Index in ACTUATORS of what each position controller moves, by its topic."""


def trajectory_positions(joints: Sequence[str], targets: np.ndarray) -> list[float]:
    """Angles of joints, rad, for actuator targets (20,). Coupled joints get half of their sum each."""
    actuators = [ACTUATOR_OF[joint] for joint in joints]
    return [float(targets[i]) / len(joints_of(ACTUATORS[i])) for i in actuators]


@dataclass(frozen=True)
class JointStates:
    """One message of `joint_states`, as it came."""

    stamp_ns: int
    names: Sequence[str]
    positions: Sequence[float]
    """rad"""
    efforts: Sequence[float]
    """In the hand's unit; empty where not reported."""


class JointOrder:
    """Puts joint states into the order of JOINTS, whatever order they come in."""

    def __init__(self) -> None:
        self._names: list[str] | None = None
        self._order = np.arange(len(JOINTS))

    def sort(self, states: JointStates) -> tuple[np.ndarray, np.ndarray | None]:
        """Angles (24,) and efforts (24,), None where not reported.

        Raises:
            ValueError: joints are missing, or there is not an angle for each name; says which.
        """
        names = list(states.names)
        if names != self._names:
            if missing := set(ROS_NAMES) - set(names):
                raise ValueError(f"joint states without {min(missing)}")
            self._names, self._order = names, np.array([names.index(name) for name in ROS_NAMES])
        if len(states.positions) != len(names):
            raise ValueError("joint states of wrong length")
        angles = np.asarray(states.positions, float)[self._order]
        efforts = np.asarray(states.efforts, float)[self._order] if len(states.efforts) == len(names) else None
        return angles, efforts


def motor_temperature(name: str, values: Mapping[str, str]) -> tuple[int, float] | None:
    """Index in ACTUATORS and degrees Celsius, from one status of /diagnostics; None if it is no motor's temperature.

    Shadow's driver calls the status "SRDMotor FFJ3", with the hand's id in front, and the value "Temperature".
    """
    motor = name.partition(_MOTOR)[2].upper().removeprefix("RH_")
    if motor not in ACTUATORS or "Temperature" not in values:
        return None
    try:
        return ACTUATORS.index(motor), float(values["Temperature"])
    except ValueError:
        return None


class HandInterface(Protocol):
    """A way to the hand. What comes from it is handed to the callbacks given when it is made, in `poll`'s thread."""

    def send(self, targets: np.ndarray, stamp_ns: int) -> None:
        """Send actuator targets (20,), rad, of the action of a control tick."""

    def poll(self) -> None:
        """Hand over what has come since the last time."""

    def problem(self) -> str:
        """Why the hand cannot be reached; empty if it can, as far as is known."""

    def close(self) -> None:
        """Send what is still to be sent and let go."""


OnJointStates = Callable[[JointStates], None]
OnTemperature = Callable[[int, float], None]
