"""Turns actions into joint targets and streams them to the robot at its own rate, the Shadow hand's 125 Hz."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from math import inf

import numpy as np
from std_msgs.msg import Bool
from std_srvs.srv import SetBool, Trigger

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.registry import DEFAULTS
from dactyl.robot import control, robot
from dactyl.robot.driver import Connection, Interface, JointOrder, JointStates
from dactyl.robot.robot import Robot
from dactyl.robot.safety import BLIND, HOLDING, REPEATED, RUNNING, STOPPED, Limits, Safety
from dactyl.ros.driver import load
from dactyl.ros.messages import RELIABLE, nanoseconds, to_array
from dactyl.ros.node import DactylNode, Diagnosis, error, run, warning
from dactyl.ros.parameters import parameter
from dactyl_msgs.msg import HandAction

_SAID = {
    BLIND: "no joint states: the hand is held where it was last seen, and gets nothing more",
    HOLDING: "no actions: the hand holds",
    RUNNING: "actions: the hand moves",
}


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot.")
    transport: str = parameter("ros2", "How the robot is reached: ros2; Shadow's also by rosbridge.")
    rosbridge_address: str = parameter(
        "localhost:9090", "Of the rosbridge server beside Shadow's ROS 1, or ws://host:port."
    )
    interface: str = parameter(
        "trajectory", "Which of the robot's controllers take the targets: trajectory; Shadow's also position."
    )
    joint_states_clock: str = parameter(
        "sender",
        "Whose stamps joint states get: the sender's, or this computer's at arrival where the clocks are not in step.",
        choices=("sender", "arrival"),
    )
    enable_at_start: bool = parameter(False, "Move without being enabled by the service first: for a simulated hand.")
    action_origin: str = parameter(
        "current",
        "What actions are counted from: the joint angles of their time, or the middle of each actuator's range.",
        choices=control.ORIGINS,
    )
    action_scale: float = parameter(
        1.0, "Reach of action 1 in units of half the actuator's range.", minimum=0.0, maximum=2.0
    )
    time_from_start: float = parameter(
        None, "Time a trajectory gives the hand to reach its target, s.", minimum=1e-3, maximum=1.0
    )
    hold_after: float = parameter(
        0.15, "Without a valid action, or joint states, for this long, s, the hand holds.", minimum=0.08, maximum=2.0
    )
    stop_after: float = parameter(
        inf, "Without joint states for this long, s, the hand stops until it is reset.", minimum=0.1
    )
    max_step: float = parameter(inf, "How far a target may lie from the angle it starts from, rad.", minimum=0.01)
    max_rate: float = parameter(inf, "How fast a target may move, rad/s.", minimum=0.1)
    max_effort: tuple[float, ...] = parameter(
        (0.0,),
        "Joint effort that stops the hand, in its unit: one for all, or one each; 0: no limit.",
        minimum=0.0,
    )
    overload_after: float = parameter(0.5, "Time above max_effort that stops the hand, s.", minimum=0.0, maximum=60.0)
    max_temperature: tuple[float, ...] = parameter(
        (0.0,),
        "Motor temperature that stops it, degrees Celsius: one for all, or one each; 0: no limit.",
        minimum=0.0,
    )
    lock_wrist: bool = parameter(False, "Hold still what the robot can lock: Shadow's WRJ1, at -0.5 rad (section 6.1).")
    priority: int = parameter(
        0, "Real-time priority (SCHED_FIFO) of this process, 0: none; needs the right to it.", minimum=0, maximum=98
    )
    lockstep: bool = parameter(False, "Act on joint angles of exactly the action's tick only, clocked by them.")


class HandDriver(DactylNode):
    """action_filtered, joint states, emergency_stop -> joint targets. Services enable, stop, reset."""

    def __init__(self) -> None:
        super().__init__("hand_driver")
        self.robot = robot.load(self.asked("robot", DEFAULTS["robots"]))
        self.settings = settings = self.declare(Parameters, {"time_from_start": self.robot.timing.physics})
        self.monotonic_ns = time.monotonic_ns
        self.safety = Safety(self.robot, _limits(settings, self.robot), settings.enable_at_start)
        self.order = JointOrder(self.robot)
        self.state = self.safety.state
        self.moved = False
        """Whether it ever moved."""
        self.streamed = 0
        self.hand = self._connect()
        self.create_subscription(HandAction, topics.FILTERED, self.on_action, RELIABLE)
        self.create_subscription(Bool, topics.EMERGENCY_STOP, self.on_emergency_stop, RELIABLE)
        self.create_service(SetBool, "hand_driver/enable", self.on_enable)
        self.create_service(Trigger, "hand_driver/stop", self.on_stop)
        self.create_service(Trigger, "hand_driver/reset", self.on_reset)
        if not settings.lockstep:
            self.wall_timer(self.robot.timing.physics, self.cycle)
        if settings.priority:
            self._set_priority(settings.priority)
        if not settings.enable_at_start:
            self.get_logger().info(
                "the hand does not move until it is enabled: ./dactyl hand enable, or the service hand_driver/enable"
            )

    def _connect(self) -> Interface:
        settings = self.settings
        connection = Connection(
            settings.transport, settings.rosbridge_address, settings.interface, settings.time_from_start,
            stamped=settings.lockstep,
        )  # fmt: skip
        driver = load(self.robot)
        return driver.connect(self, connection, self.on_joint_states, self.safety.take_temperature)

    # ------------------------------------------------------------------------------------------------- the hand's side

    def on_joint_states(self, states: JointStates) -> None:
        try:
            angles, efforts = self.order.sort(states)
        except ValueError as fault:
            self.safety.refused[str(fault)] += 1
            self._say_refused(str(fault))
            return
        arrival = self.settings.joint_states_clock == "arrival"
        stamp_ns = self.get_clock().now().nanoseconds if arrival else states.stamp_ns
        refused = self.safety.take_joint_states(stamp_ns, angles, efforts, self.monotonic_ns())
        if refused and refused != REPEATED:
            self._say_refused(refused)
        elif self.settings.lockstep:
            self.cycle()

    def cycle(self) -> None:
        """What happens at the robot's own rate, or in lockstep with every reading: targets go out, if there are any."""
        self.hand.poll()
        self._send()

    def _send(self) -> None:
        targets = self.safety.targets(self.monotonic_ns())
        if targets is not None:
            self.hand.send(targets, self.safety.stamp_ns)
            self.streamed += 1
        self._tell_state()

    def _tell_state(self) -> None:
        state = self.safety.state
        if state == self.state:
            return
        if state == STOPPED:
            self.get_logger().error(f"stopped: {self.safety.stopped}")
        elif state == RUNNING or (self.moved and state in _SAID):
            self.moved = True
            self.get_logger().info(_SAID[state])
        self.state = state

    # ------------------------------------------------------------------------------------------------- the graph's side

    def on_action(self, message: HandAction) -> None:
        self.hand.poll()  # for the angles of the action's tick
        if message.robot != self.robot.name:
            reason: str | None = f"for the robot {message.robot!r}, not for {self.robot.name!r}"
            self.safety.refused["actions for another robot"] += 1
        else:
            reason = self.safety.take_action(
                to_array(message.action), message.sequence, nanoseconds(message.header.stamp), self.monotonic_ns()
            )
        if reason:
            if reason != REPEATED:
                self._say_refused(f"action {message.sequence}: {reason}")
            return
        self._send()

    def on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        if request.data:
            response.message = self.safety.enable(self.monotonic_ns())
        elif (targets := self.safety.disable()) is not None:
            self.hand.send(targets, self.safety.stamp_ns)
        response.success = not response.message
        response.message = response.message or ("the hand follows actions" if request.data else "the hand holds")
        self.get_logger().info(response.message)
        return response

    def on_emergency_stop(self, message: Bool) -> None:
        if message.data:
            self._stop("emergency_stop")

    def on_stop(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._stop("hand_driver/stop")
        response.success = True
        response.message = f"stopped: {self.safety.stopped}"
        return response

    def on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self.safety.reset()
        response.success = True
        response.message = "reset: enable the hand to move it"
        self.get_logger().info(response.message)
        return response

    def _stop(self, reason: str) -> None:
        self.safety.stop(reason)
        self._send()

    # ------------------------------------------------------------------------------------------------------- the rest

    def diagnose(self) -> Diagnosis:
        safety = self.safety
        refused = {**safety.gate.refused, **safety.refused}
        values = {"state": safety.state, "targets per s": self.streamed, "lost actions": safety.gate.lost, **refused}
        self.streamed = 0
        if safety.stopped:
            return error(f"stopped: {safety.stopped}", **values)
        if problem := self.hand.problem():
            return warning(problem, **values)
        if safety.state == BLIND:
            return warning("no joint states: the hand does not answer", **values)
        if safety.enabled and refused:
            return warning("messages were refused", **values)
        return Diagnosis(safety.state, values=values)

    def destroy_node(self) -> None:
        targets = self.safety.disable()
        if targets is not None and self.context.ok():
            self.hand.send(targets, self.safety.stamp_ns)
        self.hand.close()
        super().destroy_node()

    def _say_refused(self, what: str) -> None:
        self.get_logger().warning(f"refused {what}", throttle_duration_sec=1.0)

    def _set_priority(self, priority: int) -> None:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
        except OSError as fault:
            self.get_logger().warning(f"no real-time priority: {fault.strerror}; see docs/hardware.md")


def _limits(settings: Parameters, driven: Robot) -> Limits:
    return Limits(
        hold_after=settings.hold_after,
        stop_after=settings.stop_after,
        max_step=settings.max_step,
        max_rate=settings.max_rate,
        max_effort=_each("max_effort", settings.max_effort, len(driven.joints)),
        overload_after=settings.overload_after,
        max_temperature=_each("max_temperature", settings.max_temperature, len(driven.actuators)),
        locked=driven.locked if settings.lock_wrist else {},
        action_origin=settings.action_origin,
        action_scale=settings.action_scale,
        lockstep=settings.lockstep,
    )


def _each(name: str, values: tuple[float, ...], count: int) -> np.ndarray:
    """(count,) limits, infinite where there is none."""
    if len(values) not in (1, count):
        raise DactylError(f"parameter {name} must have 1 or {count} elements, not {len(values)}")
    return np.array([value or inf for value in np.broadcast_to(values, (count,)).tolist()])


def main() -> int:
    return run(HandDriver)


if __name__ == "__main__":
    sys.exit(main())
