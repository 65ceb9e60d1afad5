"""Smooths the policy's actions and, where the hand is simulated, lets them pass through the tendons' backlash."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.registry import DEFAULTS
from dactyl.robot import backlash, control, robot
from dactyl.robot.backlash import CALIBRATED
from dactyl.robot.safety import REPEATED, ActionGate
from dactyl.ros.messages import RELIABLE, nanoseconds, to_array, to_floats
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.parameters import parameter
from dactyl_msgs.msg import HandAction


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot.")
    smoothing: float = parameter(
        None, "Weight of the new action in the moving average, per action.", minimum=0.01, maximum=1.0
    )
    backlash: bool = parameter(False, "Model the backlash of tendons: for a simulated hand, a real one has its own.")
    backlash_deltas: tuple[float, ...] = parameter(
        (CALIBRATED,),
        "Slack rates, in slack per full action and step: one for all, or for each actuator two, for negative and for "
        "positive actions.",
        minimum=1e-3,
    )


class ActionFilter(DactylNode):
    """action -> action_filtered."""

    def __init__(self) -> None:
        super().__init__("action_filter")
        self.robot = robot.load(self.asked("robot", DEFAULTS["robots"]))
        self.settings = self.declare(Parameters, {"smoothing": self.robot.action.smoothing})
        actuators = len(self.robot.actuators)
        self.deltas = _deltas(self.settings.backlash_deltas, actuators)
        self.gate = ActionGate(actuators)
        self.output = HandAction()
        self.smoothed = np.zeros(actuators, np.float32)
        self.slack = np.zeros(actuators, np.float32)
        self.publisher = self.create_publisher(HandAction, topics.FILTERED, RELIABLE)
        self.create_subscription(HandAction, topics.ACTION, self.on_action, RELIABLE)

    def on_action(self, message: HandAction) -> None:
        action = to_array(message.action)
        if message.robot != self.robot.name:
            reason: str | None = f"for the robot {message.robot!r}, not for {self.robot.name!r}"
            self.gate.refused["for another robot"] += 1
        else:
            reason = self.gate.admit(action, message.sequence, nanoseconds(message.header.stamp))
        if reason == REPEATED and message.header.stamp == self.output.header.stamp:
            self.publisher.publish(self.output)  # whoever repeats an action got no answer to it
            return
        if reason:
            self.get_logger().error(f"refused action {message.sequence}: {reason}", throttle_duration_sec=1.0)
            return
        if self.gate.begins:
            self.smoothed[:] = 0.0
            self.slack[:] = 0.0
        self.smoothed = control.smooth(self.smoothed, action, self.settings.smoothing)
        output = self.smoothed
        if self.settings.backlash:
            self.slack, output = backlash.apply(self.slack, self.smoothed, self.deltas)
        message.action = to_floats(output)
        self.output = message
        self.publisher.publish(message)

    def diagnose(self) -> Diagnosis:
        refused = self.gate.refused
        if refused:
            return warning("actions were refused", lost=self.gate.lost, **refused)
        return Diagnosis(values={"lost": self.gate.lost})


def _deltas(rates: tuple[float, ...], actuators: int) -> np.ndarray:
    """(A, 2) float32, as in training."""
    if len(rates) not in (1, 2 * actuators):
        raise DactylError(f"parameter backlash_deltas must have 1 or {2 * actuators} elements, not {len(rates)}")
    return np.broadcast_to(np.array(rates, np.float32).reshape(-1, min(len(rates), 2)), (actuators, 2))


def main() -> int:
    return run(ActionFilter)


if __name__ == "__main__":
    sys.exit(main())
