"""The command interfaces of the hand's controllers as ROS 2 messages, written by the driver and read by the sim.

trajectory: trajectory_msgs/JointTrajectory for the 22 finger joints and for the 2 wrist joints, one point each.
position: one std_msgs/Float64 per actuator, in rad.
ros2_control: the trajectories on the topics that joint_trajectory_controllers listen to.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from rclpy.node import Node
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from trajectory_msgs.msg import JointTrajectory

from dactyl.errors import DactylError
from dactyl.robot.driver import Command, Connection, Interface, JointStates, OnJointStates, OnTemperature
from dactyl.robot.robot import Robot
from dactyl.robots.shadow.joints import ros_joint_name
from dactyl.robots.shadow.protocol import (
    ACTUATOR_OF,
    CONTROLLERS,
    INTERFACES,
    POSITIONS,
    TRAJECTORIES,
    TRANSPORTS,
    motor_temperature,
    positions_of,
)
from dactyl.ros.driver import Driver, TopicInterface, check_word, trajectory, trajectory_values
from dactyl.ros.messages import SENSOR, set_stamp
from dactyl.ros.peers import Peers

_ACTUATOR_OF_NAME = {ros_joint_name(joint): actuator for joint, actuator in ACTUATOR_OF.items()}


def driver(_: Robot) -> Driver:
    """How the hand is driven: over ROS 2 topics of Shadow's names, or over rosbridge."""
    return Driver(connect, topics, decode)


def connect(
    node: Node, connection: Connection, on_joint_states: OnJointStates, on_temperature: OnTemperature
) -> Interface:
    """Connect to the hand; over rosbridge its joint states are also published here, for recorder and monitor."""
    check_word("transport", connection.transport, TRANSPORTS)
    kinds = topics(connection.interface)
    if connection.transport == "ros2":
        commands = partial(encode, connection.interface, connection.time_from_start)
        return TopicInterface(node, kinds, commands, connection, on_joint_states, on_temperature, motor_temperature)
    from dactyl.robots.shadow.rosbridge import RosbridgeHand

    if connection.commands:
        raise DactylError("parameter commands: over rosbridge the topics of the commands keep Shadow's names")
    publisher = node.create_publisher(JointState, connection.joint_states, SENSOR)

    def pass_on(states: JointStates) -> None:
        positions, efforts = (np.asarray(values, float).tolist() for values in (states.positions, states.efforts))
        message = JointState(name=list(states.names), position=positions, effort=efforts)
        set_stamp(message.header.stamp, states.stamp_ns)
        publisher.publish(message)
        on_joint_states(states)

    peers = Peers(node, (), connection.tolerated, connection.joint_states)
    return RosbridgeHand(
        connection.address, connection.interface, connection.time_from_start, pass_on, on_temperature,
        connection.tolerated, peers.conflict, lambda: node.destroy_publisher(publisher),
    )  # fmt: skip


def topics(interface: str) -> dict[str, type]:
    """Topic and message type of every command."""
    check_word("interface", interface, INTERFACES)
    if interface == "position":
        return dict.fromkeys(POSITIONS, Float64)
    return dict.fromkeys(TRAJECTORIES[interface], JointTrajectory)


def encode(interface: str, time_from_start: float, targets: np.ndarray, stamp_ns: int) -> dict[str, bytes]:
    """Serialized commands by topic, for actuator targets (20,) in rad. Coupled joints get half of their sum each."""
    if interface == "position":
        return {topic: serialize_message(Float64(data=float(targets[i]))) for topic, i in POSITIONS.items()}
    return {
        topic: trajectory(
            [ros_joint_name(joint) for joint in joints], positions_of(joints, targets), time_from_start, stamp_ns
        )
        for topic, joints in TRAJECTORIES[interface].items()
    }


def decode(topic: str, data: bytes) -> Command:
    """What a command asks for.

    Raises:
        ValueError: it is one that Shadow's controllers would not take; says why.
    """
    if topic not in CONTROLLERS:
        target = deserialize_message(data, Float64).data
        if not np.isfinite(target):
            raise ValueError("not finite")
        return Command([POSITIONS[topic]], np.array([target]), 0)
    positions, stamp_ns = trajectory_values(data)
    if unknown := [name for name in positions if name not in _ACTUATOR_OF_NAME]:
        raise ValueError(f"unknown joint {unknown[0]}")
    if len(positions) != len(CONTROLLERS[topic]):
        raise ValueError("not every joint of the controller once")
    sums: dict[int, float] = {}
    for name, position in positions.items():
        actuator = _ACTUATOR_OF_NAME[name]
        sums[actuator] = sums.get(actuator, 0.0) + position
    return Command(list(sums), np.array(list(sums.values())), stamp_ns)
