"""Turns actions into joint targets and streams them to the robot at its own rate, the Shadow hand's 125 Hz.

A managed node: configured, it is connected to the hand; active, it is enabled, so the hand follows actions. Enable and
activate are the same, and ask the same; so are disable and deactivate. A stop or a lapse deactivates it too.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from math import inf

import numpy as np
from rclpy.lifecycle import TransitionCallbackReturn
from std_msgs.msg import Bool, Empty
from std_srvs.srv import SetBool, Trigger

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.registry import DEFAULTS
from dactyl.robot import control, robot
from dactyl.robot.driver import Connection, Interface, JointOrder, JointStates, Unconnected
from dactyl.robot.gate import REPEATED
from dactyl.robot.guards import GUARDS, GuardLimits
from dactyl.robot.robot import Robot, Timing, Torques
from dactyl.robot.safety import BLIND, HOLDING, RUNNING, STOPPED, Limits, Safety
from dactyl.ros.driver import load
from dactyl.ros.managed import UNCONFIGURED, ManagedNode
from dactyl.ros.messages import RELIABLE, nanoseconds, to_array
from dactyl.ros.node import Diagnosis, error, run, warning
from dactyl.ros.parameters import JOINT_STATES, parameter
from dactyl.ros.peers import NAMELESS
from dactyl.ros.recent import Recent
from dactyl_msgs.msg import HandAction

CHECK_EVERY_NS = 100_000_000
"""Between looks at who else is on the hand's topics."""
PATIENCE_NS = 5_000_000_000
"""That a graph may take to come up before it is told what the hand waits for."""
SAY_AGAIN_NS = 10_000_000_000
"""Between two lines that tell the same."""
LATE = 0.07
"""s beyond a control step that an action may take, where nobody says how long the hand waits for it."""
END_WITHIN = 0.5
"""s that a driver which is told to end may take to hold the hand."""
_SAID = {
    BLIND: "no joint states: the hand is held where it was last seen, and gets nothing more",
    HOLDING: "no actions: the hand holds",
    RUNNING: "actions: the hand moves",
}


LIMITS = ("stop_after", "max_step", "max_rate", "max_joint_speed", "max_effort", "max_temperature", "max_error")
"""Parameters that may be none: infinite, or 0 for each joint."""


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot.")
    transport: str = parameter(
        "ros2", "How the robot is reached: ros2; others are its driver's, as Shadow's rosbridge."
    )
    rosbridge_address: str = parameter(
        "localhost:9090", "Of the rosbridge server beside Shadow's ROS 1, or ws://host:port."
    )
    interface: str = parameter(
        "trajectory",
        "Which controllers take the targets: trajectory; Shadow's also position, or ros2_control for those of ROS 2.",
    )
    joint_states: str = parameter(topics.JOINT_STATES, JOINT_STATES)
    commands: str = parameter(
        "", "Topics of the commands, separated by spaces, in the order of the robot's own; empty: these."
    )
    autostart: bool = parameter(
        True, "Be connected to the hand from the start; else a lifecycle manager, or a person, configures the node."
    )
    joint_states_clock: str = parameter(
        "sender",
        "Whose stamps joint states get: the sender's, or this computer's at arrival where the clocks are not in step.",
        choices=("sender", "arrival"),
    )
    enable_at_start: bool = parameter(False, "Move without being enabled by the service first: for a simulated hand.")
    action_origin: str = parameter(
        "current",
        "What actions are counted from: the joint angles of their time, or the middle of each actuator's range; or "
        "torque, for robots that take torques.",
        choices=control.MEANINGS,
    )
    action_scale: float = parameter(
        1.0, "Reach of action 1 in units of half the actuator's range.", minimum=0.0, maximum=2.0
    )
    time_from_start: float = parameter(
        None, "Time a trajectory gives the hand to reach its target, s.", minimum=1e-3, maximum=1.0
    )
    hold_after: float = parameter(
        None,
        "Without a valid action, or joint states, for this long, s, the hand holds; a control step and 70 ms.",
        minimum=0.08,
        maximum=2.0,
    )
    stop_after: float = parameter(
        inf, "Without joint states for this long, s, the hand stops until it is reset.", minimum=0.1
    )
    heartbeat_after: float = parameter(
        inf, "Without a heartbeat for this long, s, the hand holds and has to be enabled again; .inf: it needs none.",
        minimum=0.1,
    )  # fmt: skip
    first_action_after: float = parameter(
        inf, "Without an action for this long after an enable, s, the hand stops; .inf: it waits.", minimum=0.1
    )
    max_step: float = parameter(inf, "How far a target may lie from the angle it starts from, rad.", minimum=0.01)
    max_rate: float = parameter(inf, "How fast a target may move, rad/s, in holds and stops too.", minimum=0.1)
    ramp: float = parameter(
        0.0, "Time in which max_rate grows from nothing, after an enable and where a policy begins, s.",
        minimum=0.0, maximum=60.0,
    )  # fmt: skip
    max_joint_speed: float = parameter(
        inf, "How fast a joint can turn, rad/s: joint states that say more are refused.", minimum=1.0
    )
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
    max_error: float = parameter(inf, "How far an actuator may be from its target, rad, ...", minimum=0.01)
    error_after: float = parameter(2.0, "... for so many s: longer stops the hand.", minimum=0.1, maximum=60.0)
    unguarded: str = parameter(
        "", "Limits that may go without readings, separated by spaces: effort, temperature. Others refuse an enable."
    )
    tolerated_nodes: str = parameter(
        "", "Full names of nodes that may also publish on the hand's topics, separated by spaces: an arm's."
    )
    lock_wrist: bool = parameter(False, "Hold still what the robot can lock: Shadow's WRJ1, at -0.5 rad (section 6.1).")
    priority: int = parameter(
        0, "Real-time priority (SCHED_FIFO) of this process, 0: none; needs the right to it.", minimum=0, maximum=98
    )
    lockstep: bool = parameter(False, "Act on joint angles of exactly the action's tick only, clocked by them.")


class HandDriver(ManagedNode):
    """action_filtered, joint states, emergency_stop, heartbeat -> joint targets. Services enable, stop, reset."""

    def __init__(self) -> None:
        super().__init__("hand_driver")
        self.robot = robot.load(self.asked("robot", DEFAULTS["robots"]))
        self.settings = settings = self.declare(Parameters, _own(self.robot.timing))
        self.monotonic_ns = time.monotonic_ns
        self.safety = Safety(self.robot, _limits(settings, self.robot))
        self.without = ", ".join(_without(settings))
        """Limits that are off, to be said to whoever enables the hand."""
        self.order = JointOrder(self.robot)
        self.state = self.safety.state
        self.moved = False
        """Whether it ever moved."""
        self.said_ns: dict[str, int] = {}
        """When each state was told last."""
        self.starting = settings.enable_at_start and settings.autostart
        """Whether it is still to be enabled at the start; a lifecycle manager does that itself."""
        self.begun_ns = self.monotonic_ns()
        self.checked_ns = 0
        self.conflicts = 0
        """Looks in a row that found another node on the hand's topics."""
        self.trouble_ns: int | None = None
        """Since when the hand cannot be reached."""
        self.streamed = 0
        self.recent = Recent()
        self.hand: Interface = Unconnected()
        if settings.autostart:
            self.begin_inactive()
        self.create_subscription(HandAction, topics.FILTERED, self.on_action, RELIABLE)
        self.create_subscription(Bool, topics.EMERGENCY_STOP, self.on_emergency_stop, RELIABLE)
        self.create_subscription(Empty, topics.HEARTBEAT, self.on_heartbeat, RELIABLE)
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

    # --------------------------------------------------------------------------------------------------- the lifecycle

    def prepare(self) -> None:
        """Connect to the hand."""
        settings = self.settings
        connection = Connection(
            settings.transport, settings.rosbridge_address, settings.interface, settings.time_from_start,
            stamped=settings.lockstep, tolerated=settings.tolerated_nodes.split(),
            joint_states=settings.joint_states, commands=settings.commands.split(),
        )  # fmt: skip
        self.hand = load(self.robot).connect(self, connection, self.on_joint_states, self.on_temperature)

    def start(self) -> None:
        """Let the hand follow actions."""
        if reason := self._unfit() or self.safety.enable(self.monotonic_ns()):
            raise DactylError(reason)

    def stop(self) -> None:
        """Hold the hand, and send nothing once it is held: `cycle` goes on until then."""
        self.starting = False
        if self.safety.enabled:
            self.safety.disable()
            if self.context.ok():
                self._send()

    def release(self) -> None:
        """Hold the hand as far as the rate lets it within END_WITHIN, and disconnect.

        What is left of the hold is forgotten: the hand may be elsewhere when there is a connection again.
        """
        self.safety.disable()
        self._hold_to_the_end()
        self.safety.forget()
        self.hand.close()
        self.hand = Unconnected()

    # ------------------------------------------------------------------------------------------------- the hand's side

    def on_joint_states(self, states: JointStates) -> None:
        if not self.order.concerns(states.names):
            return
        try:
            angles, efforts = self.order.sort(states)
        except ValueError as fault:
            self.safety.refused[str(fault)] += 1
            self._say_refused(str(fault))
            return
        arrival = self.settings.joint_states_clock == "arrival"
        stamp_ns = self.get_clock().now().nanoseconds if arrival else states.stamp_ns
        refused = self.safety.take_joint_states(stamp_ns, angles, efforts, self.monotonic_ns())
        if self.starting:
            self._enable_at_start()
        if refused and refused != REPEATED:
            self._say_refused(refused)
        elif self.settings.lockstep:
            self.cycle()

    def on_temperature(self, motor: int, celsius: float) -> None:
        self.safety.take_temperature(motor, celsius, self.monotonic_ns())

    def cycle(self) -> None:
        """What happens at the robot's own rate, or in lockstep with every reading: targets go out, if there are any."""
        self.hand.poll()
        if self.monotonic_ns() - self.checked_ns > CHECK_EVERY_NS:
            self._check_the_way()
        self._send()

    def _check_the_way(self) -> None:
        """Stop where another node speaks on the hand's topics, or nobody takes the commands any more."""
        self.checked_ns = now_ns = self.monotonic_ns()
        if not self.safety.enabled:
            self.conflicts, self.trouble_ns = 0, None
            return
        conflict = self.hand.conflict()
        self.conflicts = self.conflicts + 1 if conflict else 0
        if self.conflicts >= (5 if NAMELESS in conflict else 2):  # it may be tolerated, once its name is known
            self._halt(conflict)
        problem = self.hand.unreachable()
        self.trouble_ns = (self.trouble_ns or now_ns) if problem else None
        if self.trouble_ns is not None and now_ns - self.trouble_ns > self.settings.stop_after * 1e9:
            self._halt(problem)

    def _send(self) -> None:
        commands = self.safety.commands(self.monotonic_ns())
        if commands is not None:
            self.hand.send(commands, self.safety.stamp_ns)
            self.streamed += 1
        if self.active and not self.safety.enabled:  # by a stop, or without a heartbeat: managers are to know
            self.trigger_deactivate()
        self._tell_state()

    def _tell_state(self) -> None:
        state = self.safety.state
        if state == self.state:
            return
        self.moved |= state == RUNNING
        if state == STOPPED:
            self.get_logger().error(f"stopped: {self.safety.stopped}")
        elif self.safety.lapsed:
            self.get_logger().warning(f"{self.safety.lapsed}: the hand holds, and has to be enabled again")
        elif self.moved and state in _SAID:
            self._say_seldom(_SAID[state])
        self.state = state

    def _say_seldom(self, line: str) -> None:
        """Tell what may happen many times a second once in a while."""
        now_ns = self.monotonic_ns()
        if now_ns - self.said_ns.get(line, -SAY_AGAIN_NS) >= SAY_AGAIN_NS:
            self.said_ns[line] = now_ns
            self.get_logger().info(line)

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

    def on_heartbeat(self, _: Empty) -> None:
        self.safety.take_heartbeat(self.monotonic_ns())

    def on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self.starting = False
        if request.data:
            response.message = self._enable()
        else:
            self.safety.disable()
            self._send()
        response.success = not response.message
        notes = [f"without a limit: {self.without}"] if self.without else []
        notes += [unseen] if (unseen := self.hand.unseen()) else []
        done = "; ".join(["the hand follows actions", *notes]) if request.data else "the hand holds"
        response.message = response.message or done
        self.get_logger().info(response.message)
        return response

    def _enable(self) -> str:
        """Let the hand move; why not, if not."""
        if reason := self._unfit():
            return reason
        if self.active:
            return self.safety.enable(self.monotonic_ns())
        activated = self.trigger_activate() == TransitionCallbackReturn.SUCCESS
        return "" if activated else "the node could not become active: its log says why"

    def _unfit(self) -> str:
        """Why the hand must not move; empty if it may."""
        if not self.prepared:
            return UNCONFIGURED.message
        hand, now_ns = self.hand, self.monotonic_ns()
        return hand.conflict() or self.safety.unfit(now_ns) or hand.unreachable() or hand.untold()

    def _enable_at_start(self) -> None:
        """As soon as it may; why it may not is told where that lasts."""
        if reason := self._enable():
            if self.monotonic_ns() - self.begun_ns > PATIENCE_NS:
                self.get_logger().warning(f"not enabled: {reason}", throttle_duration_sec=5.0)
        else:
            self.starting = False

    def on_emergency_stop(self, message: Bool) -> None:
        if message.data:
            self._halt("emergency_stop")

    def on_stop(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._halt("hand_driver/stop")
        response.success = True
        response.message = f"stopped: {self.safety.stopped}"
        return response

    def on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self.safety.reset()
        response.success = True
        response.message = "reset: enable the hand to move it"
        self.get_logger().info(response.message)
        return response

    def _halt(self, reason: str) -> None:
        """Hold the hand until it is reset."""
        self.starting = False
        self.safety.stop(reason)
        self._send()

    # ------------------------------------------------------------------------------------------------------- the rest

    def diagnose(self) -> Diagnosis:
        safety = self.safety
        refused = {**safety.gate.refused, **safety.refused}
        absent = safety.absent(self.monotonic_ns())
        values = {"state": safety.state, "targets per s": self.streamed, "lost actions": safety.gate.lost, **refused}
        values |= {f"unguarded: {name}": why for name, why in absent.items()}
        if self.without:
            values["without a limit"] = self.without
        self.streamed = 0
        recent = self.recent.grown(refused, self.monotonic_ns() * 1e-9)
        if safety.stopped:
            return error(f"stopped: {safety.stopped}", **values)
        if not self.prepared:
            return warning(UNCONFIGURED.message, **values)
        if conflict := self.hand.conflict():
            return error(conflict, **values)
        unguarded = [why for name, why in absent.items() if name not in self.settings.unguarded.split()]
        if wrong := self.hand.problem() or safety.lapsed or next(iter(unguarded), ""):
            return warning(wrong, **values)
        if safety.state == BLIND:
            return warning("no joint states: the hand does not answer", **values)
        if safety.enabled and recent:
            return warning("messages were refused", **values)
        if unseen := self.hand.unseen():
            return warning(unseen, **values)
        return Diagnosis(safety.state, values=values)

    def _hold_to_the_end(self) -> None:
        """Send what holds the hand, which takes a while at a limited rate; a robot of torques then gets none.

        That one sinks, but it must not go on with the last torques of a program that has ended.
        """
        end = time.monotonic() + END_WITHIN
        while self.context.ok() and (commands := self.safety.commands(self.monotonic_ns())) is not None:
            self.hand.send(commands, self.safety.stamp_ns)
            if time.monotonic() > end:
                if isinstance(self.robot.action, Torques):
                    self.hand.send(np.zeros_like(commands), self.safety.stamp_ns)
                return
            time.sleep(self.robot.timing.physics)

    def _say_refused(self, what: str) -> None:
        self.get_logger().warning(f"refused {what}", throttle_duration_sec=1.0)

    def _set_priority(self, priority: int) -> None:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
        except OSError as fault:
            self.get_logger().warning(f"no real-time priority: {fault.strerror}; see docs/hardware.md")


def _own(timing: Timing) -> dict[str, float]:
    """What a robot's rhythms say: one that decides five times a second is not held between two actions."""
    waits = min(max(round(timing.control + LATE, 6), 0.08), 2.0)
    return {"time_from_start": timing.physics, "hold_after": waits}


def _limits(settings: Parameters, driven: Robot) -> Limits:
    return Limits(
        hold_after=settings.hold_after,
        stop_after=settings.stop_after,
        heartbeat_after=settings.heartbeat_after,
        first_action_after=settings.first_action_after,
        max_step=settings.max_step,
        max_rate=settings.max_rate,
        ramp=settings.ramp,
        max_joint_speed=settings.max_joint_speed,
        guards=_guards(settings, driven),
        locked=driven.locked if settings.lock_wrist else {},
        action_origin=settings.action_origin,
        action_scale=settings.action_scale,
        lockstep=settings.lockstep,
    )


def _guards(settings: Parameters, driven: Robot) -> GuardLimits:
    unguarded = settings.unguarded.split()
    if unknown := set(unguarded) - set(GUARDS):
        raise DactylError(f"parameter unguarded: {min(unknown)!r} is none of: {', '.join(GUARDS)}")
    return GuardLimits(
        max_effort=_each("max_effort", settings.max_effort, len(driven.joints)),
        overload_after=settings.overload_after,
        max_temperature=_each("max_temperature", settings.max_temperature, len(driven.actuators)),
        max_error=settings.max_error,
        error_after=settings.error_after,
        unguarded=unguarded,
    )


def _without(settings: Parameters) -> list[str]:
    """Names of the limits that are set to none."""
    given = {name: getattr(settings, name) for name in LIMITS}
    return [name for name, value in given.items() if value == inf or (isinstance(value, tuple) and not any(value))]


def _each(name: str, values: tuple[float, ...], count: int) -> np.ndarray:
    """(count,) limits, infinite where there is none."""
    if len(values) not in (1, count):
        raise DactylError(f"parameter {name} must have 1 or {count} elements, not {len(values)}")
    return np.array([value or inf for value in np.broadcast_to(values, (count,)).tolist()])


def main() -> int:
    return run(HandDriver)


if __name__ == "__main__":
    sys.exit(main())
