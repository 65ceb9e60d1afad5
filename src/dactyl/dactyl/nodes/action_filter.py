"""Smooths the policy's actions and, where the hand is simulated, lets motions pass through the tendons' backlash."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
from rclpy.subscription import Subscription
from sensor_msgs.msg import JointState

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.registry import DEFAULTS
from dactyl.robot import backlash, control, robot
from dactyl.robot.backlash import NOMINAL
from dactyl.robot.driver import JointOrder
from dactyl.robot.gate import REPEATED, ActionGate
from dactyl.ros.messages import JOINTS, RELIABLE, nanoseconds, to_array, to_floats
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.parameters import JOINT_STATES, parameter
from dactyl.ros.polling import NotExecuted, subscribe, take
from dactyl.ros.recent import Recent
from dactyl_msgs.msg import HandAction

LOOK_AGAIN = 0.004
"""s between looks at the joint states while an action waits for those of its time."""


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot.")
    joint_states: str = parameter(topics.JOINT_STATES, JOINT_STATES)
    smoothing: float = parameter(
        None, "Weight of the new action in the moving average, per action.", minimum=0.01, maximum=1.0
    )
    action_origin: str = parameter(
        "current", "What actions are counted from, as in the driver: the policy's.", choices=control.MEANINGS
    )
    action_scale: float = parameter(1.0, "Their reach, as in the driver: the policy's.", minimum=0.0, maximum=2.0)
    backlash: bool = parameter(False, "Model the backlash of tendons: for a simulated hand, a real one has its own.")
    backlash_deltas: tuple[float, ...] = parameter(
        (NOMINAL,),
        "Slack rates, in slack per motion by half the range and step: one for all, or for each actuator two, for "
        "negative and for positive motions.",
        minimum=1e-3,
    )


class ActionFilter(DactylNode):
    """action and, for the backlash, joint states -> action_filtered."""

    def __init__(self) -> None:
        super().__init__("action_filter")
        self.robot = robot.load(self.asked("robot", DEFAULTS["robots"]))
        self.settings = self.declare(Parameters, {"smoothing": self.robot.action.smoothing})
        self.robot.check_origin(self.settings.action_origin)
        actuators = len(self.robot.actuators)
        self.deltas = _deltas(self.settings.backlash_deltas, actuators)
        self.limits = self.robot.actuator_limits.astype(np.float32)
        self.gate = ActionGate(actuators)
        self.recent = Recent()
        self.output = HandAction()
        self.smoothed = np.zeros(actuators, np.float32)
        self.slack = np.zeros(actuators, np.float32)
        self.order = JointOrder(self.robot)
        self.positions_ns = -1
        self.positions = np.zeros(actuators, np.float32)
        """Where the actuators are, rad, at that time."""
        self.waiting: HandAction | None = None
        """An action that waits for joint states of its time."""
        self.publisher = self.create_publisher(HandAction, topics.FILTERED, RELIABLE)
        self.create_subscription(HandAction, topics.ACTION, self.on_action, RELIABLE)
        self.joints: Subscription | None = None
        """Joint states: they come before the action of their time, and so wake nobody."""
        self.again = self.wall_timer(LOOK_AGAIN, self._look)
        self.again.cancel()
        self.slackens = self.settings.backlash and self.robot.action.tendons
        if self.slackens:
            self.joints = subscribe(self, JointState, self.settings.joint_states, JOINTS, NotExecuted(), raw=False)

    def on_action(self, message: HandAction) -> None:
        action = to_array(message.action)
        if message.robot != self.robot.name:
            reason: str | None = f"for the robot {message.robot!r}, not for {self.robot.name!r}"
            self.gate.refused["for another robot"] += 1
        else:
            reason = self.gate.admit(
                action, message.sequence, nanoseconds(message.header.stamp), to_array(message.start)
            )
        if reason == REPEATED and message.header.stamp == self.output.header.stamp:
            self.publisher.publish(self.output)  # whoever repeats an action got no answer to it
            return
        if reason:
            self.get_logger().error(f"refused action {message.sequence}: {reason}", throttle_duration_sec=1.0)
            return
        if self.gate.begins:
            self.smoothed = to_array(message.start) if message.start else np.zeros_like(self.smoothed)
            self.slack[:] = 0.0
        self.smoothed = control.smooth(self.smoothed, action, self.settings.smoothing)
        if self.slackens:
            self.waiting = message
            self._look()
            if self.waiting is not None:
                self.again.reset()
        else:
            self._publish(message, self.smoothed)

    def _look(self) -> None:
        """Take the joint states that have come, one after the other: the first of the action's time lets it pass."""
        for taken in take(self.joints) if self.joints else ():
            self.on_joint_states(taken.message)
        self._slacken()
        if self.waiting is None:
            self.again.cancel()

    def on_joint_states(self, message: JointState) -> None:
        """Take over where the robot is."""
        if not self.order.concerns(message.name):
            return
        try:
            angles = self.order.angles(message.name, message.position)
        except ValueError as error:
            self.gate.refused[str(error)] += 1
            return
        if not np.isfinite(angles).all():
            self.gate.refused["joint states not finite"] += 1
            return
        self.positions = self.robot.actuator_positions(angles).astype(np.float32)
        self.positions_ns = nanoseconds(message.header.stamp)
        self._slacken()

    def _slacken(self) -> None:
        """Let the motion that the waiting action commands from where the robot is now take up the slack."""
        message = self.waiting
        if message is None or self.positions_ns < nanoseconds(message.header.stamp):
            return
        self.waiting = None
        origin, scale = self.settings.action_origin, self.settings.action_scale
        targets = control.target(self.positions, self.smoothed, self.limits, origin, scale)
        self.slack, targets = backlash.transmit(self.slack, self.positions, targets, self.limits, self.deltas)
        self._publish(message, control.action_for(targets, self.positions, self.limits, origin, scale))

    def _publish(self, message: HandAction, output: np.ndarray) -> None:
        message.action = to_floats(output)
        self.output = message
        self.publisher.publish(message)

    def diagnose(self) -> Diagnosis:
        refused = self.gate.refused
        values = {"lost": self.gate.lost, **refused}
        if self.recent.grown(refused, time.monotonic()):
            return warning("actions were refused", **values)
        return Diagnosis(values=values)


def _deltas(rates: tuple[float, ...], actuators: int) -> np.ndarray:
    """(A, 2) float32, as in training."""
    if len(rates) not in (1, 2 * actuators):
        raise DactylError(f"parameter backlash_deltas must have 1 or {2 * actuators} elements, not {len(rates)}")
    return np.broadcast_to(np.array(rates, np.float32).reshape(-1, min(len(rates), 2)), (actuators, 2))


def main() -> int:
    return run(ActionFilter)


if __name__ == "__main__":
    sys.exit(main())
