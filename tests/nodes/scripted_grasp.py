"""A stand-in for a policy, without training: it grasps by the robot's script and follows the goals with what it has."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState

from dactyl import topics
from dactyl.maths import quaternion
from dactyl.robot import control
from dactyl.robot.driver import JointOrder
from dactyl.robots.gr1.grasps import SCRIPT, Script
from dactyl.robots.gr1.hands import Reach
from dactyl.ros import messages
from dactyl.simulation.scene import Scene
from dactyl_msgs.msg import HandAction, TrialStatus

CLOSES = 3
"""Phases of the script until the hand is closed."""
PERIOD_NS = 200_000_000
AHEAD = 0.025
"""m that the hand goes on towards the goal in a control step."""
NODES = ("sim", "fingertip_tracker", "depth_camera", "object_locator", "pick_and_drop", "action_filter", "hand_driver")
"""Those that run beside it."""
EVERY_READING = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)


class ScriptedGrasp:
    """object pose, joint states, goal, trial/status -> action: postures of the right arm, each control step."""

    def __init__(self, node: Node, scene: Scene, source: str) -> None:
        """`source` of the object's position, which is all that it knows of it."""
        self.scene, self.robot, self.script = scene, scene.robot, Script(scene)
        self.order = JointOrder(self.robot)
        self.status = TrialStatus(state=TrialStatus.FINISHED)
        self.pose, self.goal, self.trial = PoseStamped(), PoseStamped(), -1
        self.actions = node.create_publisher(HandAction, topics.absolute(topics.ACTION), messages.RELIABLE)
        for kind, topic, call, qos in (
            (TrialStatus, topics.absolute(topics.STATUS), self.on_status, messages.LATCHED),
            (PoseStamped, topics.absolute(topics.GOAL), self.on_goal, messages.LATCHED),
            (PoseStamped, topics.absolute(topics.object_pose(source)), self.on_pose, messages.SENSOR),
            (JointState, topics.of_simulated_hand(topics.JOINT_STATES), self.on_joint_states, EVERY_READING),
        ):
            node.create_subscription(kind, topic, call, qos)

    def on_status(self, message: TrialStatus) -> None:
        self.status = message

    def on_goal(self, message: PoseStamped) -> None:
        self.goal = message

    def on_pose(self, message: PoseStamped) -> None:
        self.pose = message

    def on_joint_states(self, message: JointState) -> None:
        stamp_ns = messages.nanoseconds(message.header.stamp)
        if stamp_ns % PERIOD_NS or self.status.state != TrialStatus.RUNNING or not self.order.concerns(message.name):
            return
        angles = self.order.angles(message.name, message.position)
        begins = self.status.trial != self.trial
        if begins:
            self._plan(angles, stamp_ns)
        targets = self._targets((stamp_ns - self.begun_ns + PERIOD_NS) * 1e-9)
        self._send(stamp_ns, targets, self.robot.actuator_positions(angles), begins)

    def _plan(self, angles: np.ndarray, stamp_ns: int) -> None:
        """Where the actuators are at the ends of the script's phases."""
        self.trial, self.begun_ns, self.sequence = self.status.trial, stamp_ns, 0
        state = self.scene.model.qpos0.copy()
        state[self.scene.joints] = angles
        self.reach: Reach = self.script.grasping(
            "right", self._world(self.pose), 0.0, np.random.default_rng(self.trial)
        )
        self.place = self.reach.place.copy()
        self.script.hands.begin_at(state)
        rows = [self.robot.actuator_positions(angles)]
        for phase in SCRIPT[:CLOSES]:
            self.script.follow(self.reach, phase, np.zeros(3))
            rows.append(self.script.hands.targets({"right": phase.grip}))
        self.times, self.rows = np.cumsum([0.0, *(p.seconds for p in SCRIPT[:CLOSES])]), np.array(rows)

    def _targets(self, seconds: float) -> np.ndarray:
        """(A,) rad, so long after the beginning."""
        if seconds <= self.times[-1] or not np.isfinite(place := self._world(self.pose)).all():
            return np.array([np.interp(seconds, self.times, column) for column in self.rows.T])
        way = self._world(self.goal) - place
        self.place += way * min(1.0, AHEAD / max(float(np.linalg.norm(way)), 1e-9))
        self.script.hands.reach("right", self.place, self.reach.turn)
        self.rows[-1] = self.script.hands.targets({"right": 1.0})
        found: np.ndarray = self.rows[-1]
        return found

    def _world(self, message: PoseStamped) -> np.ndarray:
        turned = quaternion.rotate(self.scene.hand_quaternion, messages.position(message.pose))
        place: np.ndarray = self.scene.hand_position + turned
        return place

    def _send(self, stamp_ns: int, targets: np.ndarray, positions: np.ndarray, begins: bool) -> None:
        limits, message = self.robot.actuator_limits, HandAction(robot=self.robot.name, sequence=self.sequence)
        messages.set_stamp(message.header.stamp, stamp_ns)
        message.action = messages.to_floats(control.action_for(targets, positions, limits, "middle"))
        message.start = messages.to_floats(control.holding(positions, limits, "middle") if begins else np.empty(0))
        self.actions.publish(message)
        self.sequence += 1
