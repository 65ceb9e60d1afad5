"""Turns relative actions into absolute targets for Shadow's controllers, and streams them at the hand's own 125 Hz."""

from __future__ import annotations

import sys
from collections import Counter, deque
from dataclasses import dataclass

import numpy as np
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from dactyl.hand import control
from dactyl.hand.joints import ACTUATOR_LIMITS, JOINTS, ros_joint_name
from dactyl.nodes import _shadow
from dactyl.nodes._gate import REPEATED, ActionGate
from dactyl.nodes._support import (
    RELIABLE,
    SENSOR,
    DactylNode,
    Diagnosis,
    nanoseconds,
    parameter,
    run,
    warning,
)
from dactyl_msgs.msg import HandAction

_NAMES = [ros_joint_name(joint) for joint in JOINTS]
_HISTORY = 64  # readings, 0.5 s


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    interface: str = parameter(
        "trajectory", "Which of Shadow's controllers take the targets.", choices=_shadow.INTERFACES
    )
    enable_at_start: bool = parameter(False, "Move without being enabled by the service first: for a simulated hand.")
    action_scale: float = parameter(
        1.0, "Reach of action 1 in units of half the actuator's range.", minimum=0.0, maximum=2.0
    )
    hold_after: float = parameter(
        0.16, "Without an action for this long, s, the hand holds.", minimum=0.08, maximum=2.0
    )
    time_from_start: float = parameter(
        control.PHYSICS_TIMESTEP, "Time a trajectory gives the hand to reach its target, s.", minimum=1e-3, maximum=1.0
    )
    lockstep: bool = parameter(False, "Act on joint angles of exactly the action's tick only.")


class HandDriver(DactylNode):
    """action_filtered, joint states -> joint targets.

    The stream of targets is clocked by the joint states: each one is answered by the targets in force. Where they stop,
    so do the targets, and Shadow's controllers hold the last ones.
    """

    def __init__(self) -> None:
        super().__init__("hand_driver")
        self.settings = settings = self.declare(Parameters)
        self.gate = ActionGate()
        self.refused = Counter[str]()
        self.enabled = settings.enable_at_start
        self.holding = False
        self.hold_after_ns = round(settings.hold_after * 1e9)
        self.readings: deque[tuple[int, np.ndarray]] = deque(maxlen=_HISTORY)
        self.names: list[str] = []
        self.order = np.arange(len(JOINTS))
        self.pending: HandAction | None = None
        self.action_ns: int | None = None
        self.commands: dict[str, bytes] = {}
        self.streamed = 0
        self.command_publishers = {
            topic: self.create_publisher(kind, topic, RELIABLE)
            for topic, kind in _shadow.topics(settings.interface).items()
        }
        self.create_subscription(JointState, "/joint_states", self.on_joint_states, SENSOR)
        self.create_subscription(HandAction, "action_filtered", self.on_action, RELIABLE)
        self.create_service(SetBool, "hand_driver/enable", self.on_enable)
        if not self.enabled:
            self.get_logger().info("the hand does not move until the service hand_driver/enable says so")

    def on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self.enabled = request.data
        self._forget_targets()
        response.success = True
        response.message = "the hand follows actions" if self.enabled else "the hand holds"
        self.get_logger().info(response.message)
        return response

    def on_joint_states(self, message: JointState) -> None:
        stamp_ns = nanoseconds(message.header.stamp)
        angles = self._angles(message)
        if angles is None:
            return
        if self.readings and stamp_ns < self.readings[-1][0]:  # the clock restarted
            self.readings.clear()
            self._forget_targets()
        self.readings.append((stamp_ns, angles))
        if self.pending is not None:
            self._act(self.pending)
        elif self.commands:
            if not self.holding and self.action_ns is not None and stamp_ns - self.action_ns > self.hold_after_ns:
                self.holding = True
                self.get_logger().info("no actions: the hand holds")
            self._stream()

    def on_action(self, message: HandAction) -> None:
        stamp_ns = nanoseconds(message.header.stamp)
        reason = self.gate.admit(message.action, message.sequence, stamp_ns)
        if reason == REPEATED:
            return
        if reason:
            self.get_logger().error(f"refused action {message.sequence}: {reason}", throttle_duration_sec=1.0)
        elif self.enabled:
            self._act(message)

    def diagnose(self) -> Diagnosis:
        refused = {**self.gate.refused, **self.refused}
        values = {"enabled": self.enabled, "targets per s": self.streamed, "lost actions": self.gate.lost, **refused}
        self.streamed = 0
        if not self.readings:
            return warning("no joint states: the hand does not answer", **values)
        if not self.enabled:
            return Diagnosis("not enabled", values=values)
        if refused:
            return warning("messages were refused", **values)
        return Diagnosis("holding" if self.holding else "running", values=values)

    def _angles(self, message: JointState) -> np.ndarray | None:
        """(24,) joint angles in the order of JOINTS; None if the message is refused."""
        if message.name != self.names:
            if missing := set(_NAMES) - set(message.name):
                self._refuse(f"joint states without {min(missing)}")
                return None
            self.names = list(message.name)
            self.order = np.array([self.names.index(name) for name in _NAMES])
        if len(message.position) != len(self.names):
            self._refuse("joint states of wrong length")
            return None
        angles = np.asarray(message.position)[self.order]
        if not np.isfinite(angles).all():
            self._refuse("joint states not finite")
            return None
        return angles

    def _refuse(self, reason: str) -> None:
        self.refused[reason] += 1
        self.get_logger().warning(f"refused {reason}", throttle_duration_sec=1.0)

    def _act(self, action: HandAction) -> None:
        """Compute and send new targets, or wait for the joint angles they start from."""
        stamp_ns = nanoseconds(action.header.stamp)
        self.pending = None
        reading = next((reading for reading in reversed(self.readings) if reading[0] <= stamp_ns), None)
        if reading is None or (self.settings.lockstep and reading[0] != stamp_ns):
            if not self.readings or self.readings[-1][0] < stamp_ns:
                self.pending = action
            else:
                self._refuse("actions older than the joint angles kept")
            return
        if stamp_ns - reading[0] > self.hold_after_ns:
            self._refuse("actions without joint angles of their time")
            return
        positions = control.actuator_positions(reading[1])
        targets = control.relative_target(
            positions, action.action.astype(float), ACTUATOR_LIMITS, self.settings.action_scale
        )
        if self.holding:
            self.holding = False
            self.get_logger().info("actions again: the hand moves")
        self.action_ns = stamp_ns
        self.commands = _shadow.encode(
            self.settings.interface, targets, stamp_ns, round(self.settings.time_from_start * 1e9)
        )
        self._stream()

    def _stream(self) -> None:
        for topic, command in self.commands.items():
            self.command_publishers[topic].publish(command)
        self.streamed += 1

    def _forget_targets(self) -> None:
        self.pending, self.action_ns, self.commands, self.holding = None, None, {}, False


def main() -> int:
    return run(HandDriver)


if __name__ == "__main__":
    sys.exit(main())
