"""How the TriFinger is driven: over ROS 2, as the simulator is, or a platform by its own library in this process."""

from __future__ import annotations

import importlib

from rclpy.node import Node
from sensor_msgs.msg import JointState

from dactyl.errors import DactylError
from dactyl.robot.driver import Connection, Interface, JointStates, OnJointStates, OnTemperature
from dactyl.robot.robot import Robot
from dactyl.robots.trifinger.loop import Observation, PlatformLoop
from dactyl.ros.driver import Driver, check_word, plain
from dactyl.ros.messages import SENSOR, set_stamp

LIBRARY = "robot_interfaces"
"""The platform's own library, which comes with its installation: it is in no package registry."""
TRANSPORTS = ("ros2", LIBRARY)
SHARED_MEMORY = "trifinger"
"""Name by which the platform's backend, a process of its own, shares its data."""


def driver(robot: Robot) -> Driver:
    """See `ros.driver.Driver`."""
    usual = plain(robot)

    def connect(
        node: Node, connection: Connection, on_joint_states: OnJointStates, on_temperature: OnTemperature
    ) -> Interface:
        check_word("transport", connection.transport, TRANSPORTS)
        if connection.transport == "ros2":
            return usual.connect(node, connection, on_joint_states, on_temperature)
        if connection.commands:
            raise DactylError(f"parameter commands: over {LIBRARY} there are no topics of commands")
        return _platform(robot, node, connection.joint_states, on_joint_states)

    return Driver(connect, usual.topics, usual.decode)


def _platform(robot: Robot, node: Node, topic: str, on_joint_states: OnJointStates) -> Interface:
    """Its joint states are also published here, for the policy and the recorder."""
    try:
        types = importlib.import_module(LIBRARY).trifinger
    except ImportError as error:
        raise DactylError(f"transport {LIBRARY}: that library of the platform's installation is missing") from error
    names = [robot.ros_name(joint) for joint in robot.joints]
    publisher = node.create_publisher(JointState, topic, SENSOR)

    def pass_on(seen: Observation) -> None:
        positions, velocities, torques = (values.tolist() for values in seen[1:])
        message = JointState(name=names, position=positions, velocity=velocities, effort=torques)
        set_stamp(message.header.stamp, seen.stamp_ns)
        publisher.publish(message)
        on_joint_states(JointStates(seen.stamp_ns, names, positions, torques))

    frontend = types.Frontend(types.MultiProcessData(SHARED_MEMORY, False))
    loop = PlatformLoop(
        robot, frontend, lambda torques: types.Action(torque=torques), pass_on,
        lambda: node.destroy_publisher(publisher),
    )  # fmt: skip
    loop.start()
    return loop
