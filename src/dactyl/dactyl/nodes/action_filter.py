"""Smooths the policy's actions and, where the hand is simulated, lets them pass through the tendons' backlash."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from dactyl import topics
from dactyl.robot import backlash, control
from dactyl.robot.safety import REPEATED, ActionGate
from dactyl.robots.shadow.joints import ACTUATORS
from dactyl.ros.messages import RELIABLE, nanoseconds
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.parameters import parameter
from dactyl_msgs.msg import HandAction

_N = len(ACTUATORS)
_DELTAS = (backlash.CALIBRATED,) * 2 * _N


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    smoothing: float = parameter(
        control.SMOOTHING, "Weight of the new action in the moving average, per action.", minimum=0.01, maximum=1.0
    )
    backlash: bool = parameter(False, "Model the backlash of tendons: for a simulated hand, a real one has its own.")
    backlash_deltas: tuple[float, ...] = parameter(
        _DELTAS,
        "Slack rates per actuator, for negative and positive actions in turn, in slack per full action and step.",
        minimum=1e-3,
        length=2 * _N,
    )


class ActionFilter(DactylNode):
    """action -> action_filtered."""

    def __init__(self) -> None:
        super().__init__("action_filter")
        self.settings = self.declare(Parameters)
        self.deltas = np.array(self.settings.backlash_deltas, np.float32).reshape(_N, 2)  # as in training
        self.gate = ActionGate()
        self.output = HandAction()
        self.smoothed = np.zeros(_N, np.float32)
        self.slack = np.zeros(_N, np.float32)
        self.publisher = self.create_publisher(HandAction, topics.FILTERED, RELIABLE)
        self.create_subscription(HandAction, topics.ACTION, self.on_action, RELIABLE)

    def on_action(self, message: HandAction) -> None:
        reason = self.gate.admit(message.action, message.sequence, nanoseconds(message.header.stamp))
        if reason == REPEATED and message.header.stamp == self.output.header.stamp:
            self.publisher.publish(self.output)  # whoever repeats an action got no answer to it
            return
        if reason:
            self.get_logger().error(f"refused action {message.sequence}: {reason}", throttle_duration_sec=1.0)
            return
        if self.gate.begins:
            self.smoothed[:] = 0.0
            self.slack[:] = 0.0
        self.smoothed = control.smooth(self.smoothed, message.action, self.settings.smoothing)
        output = self.smoothed
        if self.settings.backlash:
            self.slack, output = backlash.apply(self.slack, self.smoothed, self.deltas)
        message.action[:] = output
        self.output = message
        self.publisher.publish(message)

    def diagnose(self) -> Diagnosis:
        refused = self.gate.refused
        if refused:
            return warning("actions were refused", lost=self.gate.lost, **refused)
        return Diagnosis(values={"lost": self.gate.lost})


def main() -> int:
    return run(ActionFilter)


if __name__ == "__main__":
    sys.exit(main())
