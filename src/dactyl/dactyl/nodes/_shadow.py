"""The two command interfaces of Shadow's controllers, written by the hand driver and read by the sim.

trajectory: trajectory_msgs/JointTrajectory for the 22 finger joints and for the 2 wrist joints, one point each, stamped
with the control tick its action was taken at. position: one std_msgs/Float64 per actuator, in rad.

Both sides keep messages as bytes between actions: the stream repeats them at 125 Hz, only a change has to be decoded.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from builtin_interfaces.msg import Duration
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Float64
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from dactyl.hand.joints import ACTUATORS, JOINTS, joints_of, ros_joint_name
from dactyl.nodes._support import nanoseconds, set_stamp

INTERFACES = ("trajectory", "position")
WRIST = tuple(joint for joint in JOINTS if joint.startswith("WR"))
FINGER_JOINTS = tuple(joint for joint in JOINTS if not joint.startswith("WR"))
_PARTS = {"/rh_trajectory_controller/command": FINGER_JOINTS, "/rh_wr_trajectory_controller/command": WRIST}
_ACTUATOR_OF = {joint: i for i, actuator in enumerate(ACTUATORS) for joint in joints_of(actuator)}
_JOINT_INDEX = {ros_joint_name(joint): _ACTUATOR_OF[joint] for joint in JOINTS}


def topics(interface: str) -> dict[str, type]:
    """Topic and message type of every command."""
    if interface == "trajectory":
        return dict.fromkeys(_PARTS, JointTrajectory)
    return dict.fromkeys((_position_topic(actuator) for actuator in ACTUATORS), Float64)


def encode(interface: str, targets: np.ndarray, stamp_ns: int, time_from_start_ns: int) -> dict[str, bytes]:
    """Serialized commands by topic, for actuator targets (20,) in rad. Coupled joints get half of their sum each."""
    if interface == "position":
        values = zip(ACTUATORS, targets.tolist(), strict=True)
        return {_position_topic(actuator): serialize_message(Float64(data=value)) for actuator, value in values}
    commands = {}
    for topic, joints in _PARTS.items():
        actuators = [_ACTUATOR_OF[joint] for joint in joints]
        positions = [float(targets[i]) / len(joints_of(ACTUATORS[i])) for i in actuators]
        seconds, rest = divmod(time_from_start_ns, 1_000_000_000)
        point = JointTrajectoryPoint(positions=positions, time_from_start=Duration(sec=seconds, nanosec=rest))
        message = JointTrajectory(joint_names=[ros_joint_name(joint) for joint in joints], points=[point])
        set_stamp(message.header.stamp, stamp_ns)
        commands[topic] = serialize_message(message)
    return commands


class Command(NamedTuple):
    """Targets for some of the actuators."""

    actuators: list[int]
    targets: np.ndarray
    """rad"""
    stamp_ns: int
    """Control tick, 0 where the interface carries none."""


def decode(topic: str, data: bytes) -> Command:
    """What a command asks for.

    Raises:
        ValueError: it is one that Shadow's controllers would not take; says why.
    """
    if topic not in _PARTS:
        target = deserialize_message(data, Float64).data
        if not np.isfinite(target):
            raise ValueError("not finite")
        return Command([_POSITION_ACTUATOR[topic]], np.array([target]), 0)
    message = deserialize_message(data, JointTrajectory)
    if len(message.points) != 1 or len(message.points[0].positions) != len(message.joint_names):
        raise ValueError("not one point with a position for each joint")
    if unknown := [name for name in message.joint_names if name not in _JOINT_INDEX]:
        raise ValueError(f"unknown joint {unknown[0]}")
    if len(set(message.joint_names)) != len(_PARTS[topic]):
        raise ValueError("not every joint of the controller once")
    sums: dict[int, float] = {}
    for name, position in zip(message.joint_names, message.points[0].positions, strict=True):
        sums[_JOINT_INDEX[name]] = sums.get(_JOINT_INDEX[name], 0.0) + position
    targets = np.array(list(sums.values()))
    if not np.isfinite(targets).all():
        raise ValueError("not finite")
    return Command(list(sums), targets, nanoseconds(message.header.stamp))


def _position_topic(actuator: str) -> str:
    return f"/sh_{ros_joint_name(actuator).lower()}_position_controller/command"


_POSITION_ACTUATOR = {_position_topic(actuator): i for i, actuator in enumerate(ACTUATORS)}
