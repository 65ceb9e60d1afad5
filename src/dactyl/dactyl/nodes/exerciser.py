"""Puts a robot through the exercise that its model is calibrated from: instead of a policy, and without an object."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from sensor_msgs.msg import JointState

from dactyl import topics
from dactyl.calibration.model.exercise import exercise_of, motion
from dactyl.errors import DactylError
from dactyl.registry import DEFAULTS
from dactyl.robot import control, robot
from dactyl.robot.driver import JointOrder
from dactyl.robot.ticks import Ticks
from dactyl.ros.messages import JOINTS, RELIABLE, nanoseconds, to_floats
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.parameters import JOINT_STATES, parameter
from dactyl_msgs.msg import HandAction

LISTENERS = 2
"""Who must hear the actions before the first: filter and recorder."""
RAMP = 3.0
"""s that the robot gets to go to where the exercise begins."""
NEAR = 0.3
"""Of half an actuator's range: so near it must come."""


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot.")
    joint_states: str = parameter(topics.JOINT_STATES, JOINT_STATES)
    patience: float = parameter(
        60.0, "Time that the robot has to be enabled and to come to the start, s.", minimum=4.0, maximum=3600.0
    )
    steps: int = parameter(0, "Control steps after which the exercise ends; 0: all of it.", minimum=0, maximum=100_000)


class Exerciser(DactylNode):
    """Joint states -> action, counted from the middle of each actuator's range."""

    def __init__(self) -> None:
        super().__init__("exerciser")
        self.robot = robot.load(self.asked("robot", DEFAULTS["robots"]))
        settings = self.declare(Parameters)
        targets = motion(self.robot, exercise_of(self.robot))
        self.targets = targets[: settings.steps or None]
        """(K, A) rad"""
        self.patience = round(settings.patience / self.robot.timing.control)
        self.order = JointOrder(self.robot)
        self.ticks = Ticks(self.robot.timing.control)
        self.start: np.ndarray | None = None
        """(A,) rad, where the robot was at first."""
        self.waited = 0
        """Control steps on the way to the start."""
        self.step = -1
        """Of the exercise; -1: it has not begun."""
        self.message = HandAction(robot=self.robot.name)
        self.publisher = self.create_publisher(HandAction, topics.ACTION, RELIABLE)
        self.create_subscription(JointState, settings.joint_states, self.on_joint_states, JOINTS)

    def on_joint_states(self, message: JointState) -> None:
        if not self.order.concerns(message.name):
            return
        try:
            angles = self.order.angles(message.name, message.position)
        except ValueError as error:
            self._fail(str(error))
            return
        stamp_ns = nanoseconds(message.header.stamp)
        if not np.isfinite(angles).all() or self.publisher.get_subscription_count() < LISTENERS:
            return
        if self.ticks.due(stamp_ns):
            self._act(self.robot.actuator_positions(angles), message)

    def _act(self, positions: np.ndarray, reading: JointState) -> None:
        if self.step < 0:
            self._go_to_start(positions, reading)
            return
        self._publish(self.targets[self.step], reading)
        self.step += 1
        if self.step == len(self.targets):
            self.get_logger().info("the exercise is over")
            self.finish()

    def _go_to_start(self, positions: np.ndarray, reading: JointState) -> None:
        """Move slowly from where the robot is; begin once it is there, give up when it never comes."""
        if self.start is None:
            self.start = positions
            limits = self.robot.actuator_limits
            self.message.start = to_floats(control.holding(positions, limits, "middle"))
            self.get_logger().info(
                "going to where the exercise begins; a real hand must be enabled: ./dactyl hand enable"
            )
        self.waited += 1
        share = min(self.waited * self.robot.timing.control / RAMP, 1.0)
        self._publish(self.start + share * (self.targets[0] - self.start), reading)
        off = np.abs(positions - self.targets[0]) / (0.5 * np.ptp(self.robot.actuator_limits, axis=1))
        if share == 1.0 and (off < NEAR).all():
            seconds = len(self.targets) * self.robot.timing.control
            self.get_logger().info(f"the exercise begins and takes {seconds:.0f} s")
            self.step = 0
        elif self.waited > self.patience:
            actuator = self.robot.actuators[int(off.argmax())]
            self._fail(f"{actuator} does not come to where the exercise begins: is the robot enabled and free to move?")

    def _publish(self, targets: np.ndarray, reading: JointState) -> None:
        """Ask for actuator targets (A,), rad."""
        action = control.holding(targets, self.robot.actuator_limits, "middle")
        self.message.header.stamp = reading.header.stamp
        self.message.action = to_floats(np.clip(action, -1.0, 1.0))
        self.publisher.publish(self.message)
        self.message.sequence += 1
        self.message.start = to_floats(np.empty(0))

    def _fail(self, reason: str) -> None:
        self.fail(DactylError(reason))

    def diagnose(self) -> Diagnosis:
        if self.start is None:
            return warning("no joint states, or nobody listens")
        return Diagnosis(values={"step": self.step, "of": len(self.targets)})


def main() -> int:
    return run(Exerciser)


if __name__ == "__main__":
    sys.exit(main())
