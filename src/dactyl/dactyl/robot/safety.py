"""The rules that stand between actions and a robot's motors. No ROS, no clock.

Which actions and readings are believed is in `gate` and `readings`, limits of what is measured are in `guards`. Times
called `now_ns` are this machine's monotonic clock, `stamp_ns` are the stamps of messages. What each rule does is in the
table of docs/hardware.md; tests/robot/test_safety.py has a test for each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

import numpy as np

from dactyl.robot import control, torque
from dactyl.robot.gate import REPEATED, ActionGate
from dactyl.robot.guards import GUARDS, TEMPERATURE, GuardLimits, Guards
from dactyl.robot.readings import JUMP, Reading, Readings
from dactyl.robot.robot import Robot, Torques

NOT_ENABLED, RUNNING, HOLDING, BLIND, STOPPED = "not enabled", "running", "holding", "no joint states", "stopped"
STEADY = 0.5
"""s without a jump of the joint states that an enable needs."""


@dataclass(frozen=True)
class Limits:
    """What the hand may do. The defaults bind nothing but the times: a simulated hand."""

    hold_after: float = 0.15
    """s after the tick of the last valid action, or without joint states, after which the hand is held where it is."""
    stop_after: float = inf
    """s without joint states after which the hand is stopped: somebody may be at it."""
    heartbeat_after: float = inf
    """s without a heartbeat after which the hand is held and not enabled any more; infinite: it needs none."""
    first_action_after: float = inf
    """s after an enable without any valid action after which the hand is stopped: whoever was to act does not."""
    max_step: float = inf
    """rad that a target may lie from the angle it starts from."""
    max_rate: float = inf
    """rad/s that a target may move, whatever moves it: actions, holds, stops."""
    ramp: float = 0.0
    """s in which this rate grows from nothing: after an enable, and where a policy begins."""
    max_joint_speed: float = inf
    """rad/s that a joint can turn at: readings that say more are not believed."""
    guards: GuardLimits = field(default_factory=GuardLimits)
    """What stops the hand."""
    locked: Mapping[str, float] = field(default_factory=dict)
    """Actuators that keep their positions, rad, whatever the action says (section 6.1)."""
    action_origin: str = "current"
    """What actions are counted from, see `control.ORIGINS`, or torques."""
    action_scale: float = 1.0
    """Reach of action 1 in units of half the actuator's range, or of the largest torque."""
    lockstep: bool = False
    """No time passes but the stamps': act on joint angles of exactly the action's tick, never hold."""


class Action(NamedTuple):
    """An admitted action, (A,) in [-1, 1]."""

    stamp_ns: int
    action: np.ndarray


class Safety:
    """Decides, whenever it is asked, which targets a robot gets: those of an action, those that hold it, or none.

    Arrays are in the order of the robot's joints and actuators.

    To hold is to make the angles that were last believed the targets, and to go there no faster than `max_rate`. A hold
    ends with the next valid action; a stop is latched until `reset` and needs `enable` after it. Nothing is sent before
    `enable`.

    A robot that takes torques is held by a law of its motors, see `torque.towards`, which goes on for as long as its
    joints are seen: nothing sent would be nothing held. What it is sent is in `commands`.
    """

    def __init__(self, robot: Robot, limits: Limits, enabled: bool = False) -> None:
        robot.check_origin(limits.action_origin)
        self.robot = robot
        self.limits = limits
        self._torques = robot.action if isinstance(robot.action, Torques) else None
        self._in_torques = limits.action_origin == control.TORQUE
        """Whether the targets of an action are torques, N·m."""
        self.enabled = enabled
        self.stopped = ""
        """Why the hand is stopped; empty if it is not."""
        self.lapsed = ""
        """Why the hand is not enabled any more, although nobody has disabled it."""
        self.refused = Counter[str]()
        """What was refused besides the gate's actions."""
        self.gate = ActionGate(len(robot.actuators))
        self.stamp_ns = 0
        """Control tick of the action whose targets are in force."""
        self._guards = Guards(robot, limits.guards)
        self._readings = Readings(robot, limits.max_joint_speed)
        self._hold_after_ns = round(limits.hold_after * 1e9)
        self._acted_ns: int | None = None
        self._beat_ns: int | None = None
        self._pending: Action | None = None
        self._targets: np.ndarray | None = None
        self._sent: np.ndarray | None = None
        self._sent_ns = 0
        self._ramp_ns: int | None = None
        """When the ramp began; None: with the next action."""
        self._enabled_ns: int | None = None
        """When it was enabled; None: it has acted since, or was enabled from the start."""
        self._holding = self._blind = self._letting_go = False

    # ------------------------------------------------------------------------------------------ what a person does

    def enable(self, now_ns: int) -> str:
        """Let the hand follow actions from now on; why not, if not."""
        if reason := self.unfit(now_ns):
            return reason
        self.enabled, self.lapsed, self._ramp_ns = True, "", None
        self._enabled_ns = now_ns
        self._guards.forget()
        return ""

    def disable(self) -> None:
        """Follow no more actions: hold the hand, and send nothing once its targets are there."""
        self.enabled = False
        self._pending = None
        self._let_go()

    def stop(self, reason: str) -> None:
        """Hold the hand, until it is reset."""
        if self.stopped:
            return
        self.stopped = reason
        self.enabled = False
        self._pending = None
        if self._targets is not None and not self._letting_go:
            self._hold()

    def reset(self) -> None:
        """Lift a stop. The hand is not enabled by that."""
        self.stopped = self.lapsed = ""
        self._let_go()

    def forget(self) -> None:
        """Send nothing more until the next action: there is no hand any more, or it has all that holds it."""
        self._pending = self._targets = self._sent = self._acted_ns = None
        self._holding = self._letting_go = False

    # ------------------------------------------------------------------------------------------------ what comes in

    def take_joint_states(
        self, stamp_ns: int, angles: np.ndarray, efforts: np.ndarray | None, now_ns: int
    ) -> str | None:
        """Take angles (J,) in rad and, where reported, efforts (J,); why they are refused, if they are."""
        asleep = not self.enabled and self._targets is None
        reason = self._readings.add(Reading(stamp_ns, angles), now_ns, anew=asleep)
        if reason == REPEATED:
            return reason
        if reason:
            self.refused[reason] += 1
            return reason
        if self._readings.restarted and self._targets is not None:
            self._hold()
        overloaded = self._guards.take_efforts(efforts, now_ns)
        self._stop_if_enabled(overloaded or self._follows_badly(now_ns))
        if self._pending is not None:
            self._act(self._pending, now_ns)
        return None

    def take_temperature(self, motor: int, celsius: float, now_ns: int) -> None:
        """Take the temperature of a motor, by its actuator's index."""
        self._stop_if_enabled(self._guards.take_temperature(motor, celsius, now_ns))

    def take_heartbeat(self, now_ns: int) -> None:
        """Somebody watches the hand."""
        self._beat_ns = now_ns

    def take_action(self, action: np.ndarray, sequence: int, stamp_ns: int, now_ns: int) -> str | None:
        """Take an action (A,); why it is refused, if it is. While the hand is not enabled it counts for nothing."""
        if not self.enabled:
            return None
        newest = self._readings.newest
        if newest and stamp_ns - newest.stamp_ns > self._hold_after_ns and not self.limits.lockstep:
            return self._refuse("actions without joint angles of their time")  # before its stamp counts for the order
        reason = self.gate.admit(action, sequence, stamp_ns)
        if reason:
            return reason
        if self.gate.begins:
            self._ramp_ns = None
        return self._act(Action(stamp_ns, np.asarray(action, float)), now_ns)

    # ----------------------------------------------------------------------------------------------- what goes out

    def targets(self, now_ns: int) -> np.ndarray | None:
        """Targets (A,) to send now, rad; None: send nothing."""
        self._look(now_ns)
        if self._targets is None or (self._blind and self._arrived()):
            return None
        running_in_torques = self._in_torques and not self._holding
        self._sent = self._targets if running_in_torques else self._approach(self._targets, now_ns)
        self._sent_ns = self._time(now_ns)
        sent = self._sent
        if self._letting_go and self._arrived():
            self.forget()
        return sent

    def commands(self, now_ns: int) -> np.ndarray | None:
        """What to send now, (A,): targets, rad, or torques, N·m, where the robot takes those; None: send nothing.

        A robot of torques whose joints are not seen gets none: it sinks, as slowly as its motors' damping lets it.
        """
        targets, newest = self.targets(now_ns), self._readings.newest
        if self._torques is None or self._targets is None:
            return targets
        if self._blind or targets is None or newest is None:
            return np.zeros(len(self.robot.actuators))
        if self._in_torques and not self._holding:
            return targets
        positions, stiffness = self.robot.actuator_positions(newest.angles), np.array(self._torques.stiffness)
        pulled: np.ndarray = torque.towards(targets, positions, self._torques.limit, stiffness)
        return pulled

    @property
    def state(self) -> str:
        """One of NOT_ENABLED, RUNNING, HOLDING, BLIND, STOPPED."""
        if self.stopped:
            return STOPPED
        if not self.enabled:
            return NOT_ENABLED
        if self._blind or not self._readings.newest:
            return BLIND
        return HOLDING if self._holding or self._targets is None else RUNNING

    def absent(self, now_ns: int) -> dict[str, str]:
        """Of each limit that cannot be kept, what is missing."""
        return self._guards.absent(now_ns)

    # --------------------------------------------------------------------------------------------------- the rules

    def unfit(self, now_ns: int) -> str:
        """Why the hand cannot be enabled."""
        if self.stopped:
            return f"the hand is stopped ({self.stopped}): reset it first"
        if not self._sees(now_ns):
            return "there are no joint states: the hand does not answer"
        jumped_ns = self._readings.jumped_ns
        if jumped_ns is not None and now_ns - jumped_ns < STEADY * 1e9:
            return f"{JUMP}: faster than {self.limits.max_joint_speed:g} rad/s within the last {STEADY:g} s"
        if missed := self._guards.missed(now_ns, *GUARDS):
            return f"{missed}: mend it, or name the limit in `unguarded`"
        return "nobody watches: there is no heartbeat" if self._unwatched(now_ns) else ""

    def _look(self, now_ns: int) -> None:
        """Let time pass: what has not come until now changes what is sent."""
        if self.enabled:
            self._stop_if_enabled(self._guards.missed(now_ns, TEMPERATURE))
        if self.enabled and self._unstarted(now_ns):
            self.stop(f"no action for {self.limits.first_action_after:g} s after it was enabled")
        if self.enabled and self._unwatched(now_ns):
            self.lapsed = f"no heartbeat for {self.limits.heartbeat_after:g} s"
            self.disable()
        if not self._sees(now_ns):
            self._go_blind(now_ns)
        elif self._blind:
            self._blind = False
            if self._targets is not None:
                self._hold()
        elif self._targets is not None and not self._holding and self._action_is_old(now_ns):
            self._hold()

    def _sees(self, now_ns: int) -> bool:
        read_ns = self._readings.read_ns
        return read_ns is not None and (self.limits.lockstep or now_ns - read_ns <= self._hold_after_ns)

    def _unstarted(self, now_ns: int) -> bool:
        after = self.limits.first_action_after
        return after < inf and self._enabled_ns is not None and now_ns - self._enabled_ns > after * 1e9

    def _unwatched(self, now_ns: int) -> bool:
        after = self.limits.heartbeat_after
        return after < inf and (self._beat_ns is None or now_ns - self._beat_ns > after * 1e9)

    def _action_is_old(self, now_ns: int) -> bool:
        """By the time since it came, or by how far the joint states have gone on since what it was decided on."""
        newest = self._readings.newest
        assert newest is not None
        age_ns = max(now_ns - (self._acted_ns or 0), newest.stamp_ns - self.stamp_ns)
        return age_ns > self._hold_after_ns and not self.limits.lockstep

    def _go_blind(self, now_ns: int) -> None:
        """Go to the angles last believed, for want of better ones; once there, nothing is sent."""
        read_ns, after = self._readings.read_ns, self.limits.stop_after
        if self.enabled and read_ns is not None and now_ns - read_ns > after * 1e9:
            jumped = (self._readings.jumped_ns or 0) > read_ns
            self.stop(f"{JUMP}, for {after:g} s" if jumped else f"no joint states for {after:g} s")
        if not self._blind and self._targets is not None:
            self._hold()
        self._blind = True

    def _stop_if_enabled(self, reason: str) -> None:
        if reason and self.enabled:
            self.stop(reason)

    def _follows_badly(self, now_ns: int) -> str:
        newest = self._readings.newest
        if self._sent is None or self._holding or self._in_torques or newest is None:
            self._guards.forget_error()
            return ""
        return self._guards.take_positions(self.robot.actuator_positions(newest.angles), self._sent, now_ns)

    def _refuse(self, reason: str) -> str:
        self.refused[reason] += 1
        return reason

    def _act(self, action: Action, now_ns: int) -> str | None:
        """Make an action's targets the ones in force, or wait for the angles they start from, or refuse it."""
        self._pending = None
        newest = self._readings.newest
        if self.limits.lockstep and (newest is None or newest.stamp_ns < action.stamp_ns):
            self._pending = action
            return None
        reading = self._readings.at(action.stamp_ns)
        if newest is None:
            return self._refuse("actions before any joint states")
        if newest.stamp_ns - action.stamp_ns > self._hold_after_ns and not self.limits.lockstep:
            return self._refuse("actions too old")
        if reading is None or (self.limits.lockstep and reading.stamp_ns != action.stamp_ns):
            return self._refuse("actions older than the joint angles kept")
        if action.stamp_ns - reading.stamp_ns > self._hold_after_ns or not self._sees(now_ns):
            return self._refuse("actions without joint angles of their time")
        self._targets = self._wanted(action.action, self.robot.actuator_positions(reading.angles))
        self.stamp_ns, self._acted_ns, self._holding, self._letting_go = action.stamp_ns, now_ns, False, False
        self._enabled_ns = None
        if self._ramp_ns is None:
            self._ramp_ns = self._time(now_ns)
        return None

    def _wanted(self, action: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Where an action (A,) sends actuators that are at these positions (A,), rad; of torques these, N·m."""
        limits = self.limits
        if self._in_torques and self._torques is not None:
            wanted: np.ndarray = control.torques(action, self._torques.limit, limits.action_scale)
            return wanted
        targets = control.target(
            positions, action, self.robot.actuator_limits, limits.action_origin, limits.action_scale
        )
        for actuator, position in limits.locked.items():
            targets[self.robot.actuators.index(actuator)] = position
        clipped: np.ndarray = np.clip(targets, positions - limits.max_step, positions + limits.max_step)
        return clipped

    def _approach(self, targets: np.ndarray, now_ns: int) -> np.ndarray:
        """As far towards the targets as the rate limit lets them move since the last time, from where the hand is."""
        if self.limits.max_rate == inf:
            return targets
        start, timing = self._sent, self.robot.timing
        seconds = timing.physics
        if start is None:
            start = self._measured()
        elif self.limits.lockstep:
            seconds = (self._time(now_ns) - self._sent_ns) * 1e-9
        else:
            seconds = min((now_ns - self._sent_ns) * 1e-9, 2 * timing.physics)
        assert start is not None
        most = self._rate(now_ns) * max(seconds, 0.0)
        near: np.ndarray = np.clip(targets, start - most, start + most)
        return near

    def _rate(self, now_ns: int) -> float:
        """rad/s that targets may move at now. A hold need not wait for the ramp."""
        if self._holding or self._ramp_ns is None or not self.limits.ramp:
            return self.limits.max_rate
        since = (self._time(now_ns) - self._ramp_ns) * 1e-9
        return self.limits.max_rate * min(max(since / self.limits.ramp, 0.0), 1.0)

    def _time(self, now_ns: int) -> int:
        """What rates are counted by: in lockstep no time passes but the stamps'."""
        newest = self._readings.newest
        return newest.stamp_ns if self.limits.lockstep and newest else now_ns

    def _arrived(self) -> bool:
        """Whether the targets in force have been sent, as far as the rate goes."""
        return self._sent is not None and self._targets is not None and np.array_equal(self._sent, self._targets)

    def _hold(self) -> None:
        if self._in_torques and not self._holding:
            self._sent = None  # it was a torque: the way to the posture begins where the robot is
        self._targets, self._holding = self._measured(), True

    def _let_go(self) -> None:
        """Hold the hand, and forget it once the targets are there."""
        if self._targets is None:
            return
        if not self._holding:
            self._hold()
        if self._torques is not None:
            return  # nothing sent would be nothing held
        self._letting_go = True
        if self._arrived():
            self.forget()

    def _measured(self) -> np.ndarray | None:
        """(A,) actuator positions last believed, inside the limits."""
        newest = self._readings.newest
        if newest is None:
            return None
        positions = self.robot.actuator_positions(newest.angles)
        return np.clip(positions, self.robot.actuator_limits[:, 0], self.robot.actuator_limits[:, 1])
