"""The rules that stand between actions and a robot's motors: all of them, and nothing else. No ROS, no clock.

Times called `now_ns` are this machine's monotonic clock, `stamp_ns` are the stamps of messages. What each rule does is
in the table of docs/hardware.md; tests/robot/test_safety.py has a test for each.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

import numpy as np

from dactyl.robot import control
from dactyl.robot.robot import Robot

REPEATED = "repeated"
NOT_ENABLED, RUNNING, HOLDING, BLIND, STOPPED = "not enabled", "running", "holding", "no joint states", "stopped"
_TOLERANCE = 1e-5  # float32 sums of numbers in [-1, 1]
_RANGE_MARGIN = 0.5
"""rad beyond its range at which a joint's angle cannot be true: degrees for radians, a broken sensor."""
_HISTORY = 64  # readings, 0.5 s
_CLOCK_RESTARTED_NS = 1_000_000_000  # further back than any reordering


class ActionGate:
    """Judges actions one by one and counts what it refuses: finite, in range, newer than the last one.

    Order goes by the stamps. A sequence that starts again is a new trial, or a policy that was started again, even
    where the action 0 itself was lost.
    """

    def __init__(self, actuators: int) -> None:
        """`actuators`: how many numbers an action must have."""
        self.refused: Counter[str] = Counter()
        self.lost = 0
        """Actions that never came, going by the sequence."""
        self.begins = False
        """Whether the action admitted last is the first one of a sequence."""
        self._actuators = actuators
        self._sequence = -1
        self._stamp_ns = -1
        self._start_ns = -1

    def admit(self, action: np.ndarray, sequence: int, stamp_ns: int, start: np.ndarray | None = None) -> str | None:
        """Take an action (A,) of this sequence number and tick, or say why it is refused.

        `start`: where its smoothing begins, (A,), or empty; judged as the action is.
        """
        reason = self._fault(action, sequence, stamp_ns)
        if not reason and start is not None and len(start):
            reason = self._fault_of_numbers(start)
        if reason:
            self.refused[reason] += 1
            return reason
        self.begins = sequence <= self._sequence or sequence == 0
        if self.begins:
            self._start_ns = stamp_ns
        elif self._sequence >= 0:
            self.lost += sequence - self._sequence - 1
        self._sequence, self._stamp_ns = sequence, stamp_ns
        return None

    def _fault_of_numbers(self, action: np.ndarray) -> str | None:
        if np.shape(action) != (self._actuators,):
            return f"{np.size(action)} numbers for {self._actuators} actuators"
        largest = float(np.abs(action).max())
        if not np.isfinite(largest):
            return "not finite"
        return "out of range" if largest > 1.0 + _TOLERANCE else None

    def _fault(self, action: np.ndarray, sequence: int, stamp_ns: int) -> str | None:
        if reason := self._fault_of_numbers(action):
            return reason
        if (sequence, stamp_ns) in ((self._sequence, self._stamp_ns), (0, self._start_ns)):
            return REPEATED
        if sequence == 0:  # the clock may have restarted too
            return None
        return None if stamp_ns > self._stamp_ns else "out of order"


@dataclass(frozen=True)
class Limits:
    """What the hand may do. The defaults bind nothing but the times: a simulated hand."""

    hold_after: float = 0.15
    """s after the tick of the last valid action, or without joint states, after which the hand is held where it is."""
    stop_after: float = inf
    """s without joint states after which the hand is stopped: somebody may be at it."""
    max_step: float = inf
    """rad that a target may lie from the angle it starts from."""
    max_rate: float = inf
    """rad/s that a target may move."""
    max_effort: np.ndarray | float = inf
    """(J,), or one for all: limit of each joint's effort, in the unit the robot reports, by size."""
    overload_after: float = 0.5
    """s above its effort limit after which a joint stops the hand."""
    max_temperature: np.ndarray | float = inf
    """(A,), or one for all: limit of each motor's temperature, in degrees Celsius."""
    locked: Mapping[str, float] = field(default_factory=dict)
    """Actuators that keep their positions, rad, whatever the action says (section 6.1)."""
    action_origin: str = "current"
    """What actions are counted from, see `control.ORIGINS`."""
    action_scale: float = 1.0
    """Reach of action 1 in units of half the actuator's range."""
    lockstep: bool = False
    """No time passes but the stamps': act on joint angles of exactly the action's tick, never hold."""


class Reading(NamedTuple):
    """Joint angles, (J,) rad."""

    stamp_ns: int
    angles: np.ndarray


class Action(NamedTuple):
    """An admitted action, (A,) in [-1, 1]."""

    stamp_ns: int
    action: np.ndarray


class Safety:
    """Decides, whenever it is asked, which targets a robot gets: those of an action, those that hold it, or none.

    Arrays are in the order of the robot's joints and actuators.

    To hold is to make the measured angles the targets. A hold ends with the next valid action; a stop is latched until
    `reset` and needs `enable` after it. Nothing is sent before `enable`.
    """

    def __init__(self, robot: Robot, limits: Limits, enabled: bool = False) -> None:
        self.robot = robot
        self.limits = limits
        self.enabled = enabled
        self.stopped = ""
        """Why the hand is stopped; empty if it is not."""
        self.refused = Counter[str]()
        """What was refused besides the gate's actions."""
        self.gate = ActionGate(len(robot.actuators))
        self.stamp_ns = 0
        """Control tick of the action whose targets are in force."""
        self._max_effort = np.broadcast_to(limits.max_effort, (len(robot.joints),))
        self._max_temperature = np.broadcast_to(limits.max_temperature, (len(robot.actuators),))
        self._hold_after_ns = round(limits.hold_after * 1e9)
        self._readings: deque[Reading] = deque(maxlen=_HISTORY)
        self._read_ns: int | None = None
        self._acted_ns: int | None = None
        self._pending: Action | None = None
        self._targets: np.ndarray | None = None
        self._sent: np.ndarray | None = None
        self._sent_ns = 0
        self._holding = self._blind = False
        self._overloaded_ns = np.full(len(robot.joints), inf)

    # ------------------------------------------------------------------------------------------ what a person does

    def enable(self, now_ns: int) -> str:
        """Let the hand follow actions from now on; why not, if not."""
        if self.stopped:
            return f"the hand is stopped ({self.stopped}): reset it first"
        if not self._sees(now_ns):
            return "there are no joint states: the hand does not answer"
        self.enabled = True
        return ""

    def disable(self) -> np.ndarray | None:
        """Follow no more actions, and send nothing after the targets (A,) that this returns, which hold the hand."""
        moving = self._targets is not None
        self.enabled = False
        self._forget()
        return self._measured() if moving else None

    def stop(self, reason: str) -> None:
        """Hold the hand, until it is reset."""
        if self.stopped:
            return
        self.stopped = reason
        self.enabled = False
        self._pending = None
        if self._targets is not None:
            self._hold()

    def reset(self) -> None:
        """Lift a stop. The hand is not enabled by that."""
        self.stopped = ""
        self._overloaded_ns[:] = inf
        self._forget()

    # ------------------------------------------------------------------------------------------------ what comes in

    def take_joint_states(
        self, stamp_ns: int, angles: np.ndarray, efforts: np.ndarray | None, now_ns: int
    ) -> str | None:
        """Take angles (J,) in rad and, where reported, efforts (J,); why they are refused, if they are."""
        last_ns = self._readings[-1].stamp_ns if self._readings else -1
        if stamp_ns == last_ns:
            return REPEATED
        reason = self._fault_of(angles)
        if not reason and last_ns - _CLOCK_RESTARTED_NS < stamp_ns < last_ns:
            reason = "joint states out of order"
        if reason:
            self.refused[reason] += 1
            return reason
        restarted = stamp_ns < last_ns
        if restarted:
            self._readings.clear()
        self._readings.append(Reading(stamp_ns, angles))
        self._read_ns = now_ns
        if restarted and self._targets is not None:
            self._hold()
        if efforts is not None and self.enabled:
            self._check_efforts(efforts, now_ns)
        if self._pending is not None:
            self._act(self._pending, now_ns)
        return None

    def take_temperature(self, motor: int, celsius: float) -> None:
        """Take the temperature of a motor, by its actuator's index."""
        limit = self._max_temperature[motor]
        if self.enabled and celsius > limit:
            self.stop(f"motor of {self.robot.actuators[motor]} at {celsius:.0f} °C, above {limit:g}")

    def take_action(self, action: np.ndarray, sequence: int, stamp_ns: int, now_ns: int) -> str | None:
        """Take an action (A,); why it is refused, if it is."""
        reason = self.gate.admit(action, sequence, stamp_ns)
        if reason or not self.enabled:
            return reason
        return self._act(Action(stamp_ns, np.asarray(action, float)), now_ns)

    # ----------------------------------------------------------------------------------------------- what goes out

    def targets(self, now_ns: int) -> np.ndarray | None:
        """Targets (A,) to send now, rad; None: send nothing."""
        if not self._sees(now_ns):
            return self._go_blind(now_ns)
        if self._blind:
            self._blind = False
            if self._targets is not None:
                self._hold()
        if self._targets is None:
            return None
        if not self._holding and self._action_is_old(now_ns):
            self._hold()
        self._sent = self._approach(self._targets, now_ns)
        self._sent_ns = now_ns
        return self._sent

    @property
    def state(self) -> str:
        """One of NOT_ENABLED, RUNNING, HOLDING, BLIND, STOPPED."""
        if self.stopped:
            return STOPPED
        if not self.enabled:
            return NOT_ENABLED
        if self._blind or not self._readings:
            return BLIND
        return HOLDING if self._holding or self._targets is None else RUNNING

    # --------------------------------------------------------------------------------------------------- the rules

    def _sees(self, now_ns: int) -> bool:
        if self.limits.lockstep:
            return bool(self._readings)
        return self._read_ns is not None and now_ns - self._read_ns <= self._hold_after_ns

    def _action_is_old(self, now_ns: int) -> bool:
        """By the time since it came, or by how far the joint states have gone on since what it was decided on."""
        age_ns = max(now_ns - (self._acted_ns or 0), self._readings[-1].stamp_ns - self.stamp_ns)
        return age_ns > self._hold_after_ns and not self.limits.lockstep

    def _go_blind(self, now_ns: int) -> np.ndarray | None:
        """Send the last measured angles once, for want of better ones, then nothing."""
        if self.enabled and self._read_ns is not None and now_ns - self._read_ns > self.limits.stop_after * 1e9:
            self.stop(f"no joint states for {self.limits.stop_after:g} s")
        if self._blind or self._targets is None:
            self._blind = True
            return None
        self._blind = True
        self._hold()
        return self._targets

    def _fault_of(self, angles: np.ndarray) -> str:
        if np.shape(angles) != (len(self.robot.joints),):
            return "joint states of wrong length"
        if not np.isfinite(angles).all():
            return "joint states not finite"
        limits = self.robot.joint_limits
        lower, upper = limits[:, 0] - _RANGE_MARGIN, limits[:, 1] + _RANGE_MARGIN
        return "" if ((lower <= angles) & (angles <= upper)).all() else "joint states out of range"

    def _check_efforts(self, efforts: np.ndarray, now_ns: int) -> None:
        limits = self._max_effort
        over = np.abs(efforts) > limits
        self._overloaded_ns = np.where(over, np.minimum(self._overloaded_ns, now_ns), inf)
        longest = int(self._overloaded_ns.argmin())
        if now_ns - self._overloaded_ns[longest] > self.limits.overload_after * 1e9:
            self.stop(f"effort of {self.robot.ros_name(self.robot.joints[longest])} above {limits[longest]:g}")

    def _act(self, action: Action, now_ns: int) -> str | None:
        """Make an action's targets the ones in force, or wait for the angles they start from, or refuse it."""
        self._pending = None
        newest_ns = self._readings[-1].stamp_ns if self._readings else None
        if self.limits.lockstep and (newest_ns is None or newest_ns < action.stamp_ns):
            self._pending = action
            return None
        reading = next((r for r in reversed(self._readings) if r.stamp_ns <= action.stamp_ns), None)
        reason = ""
        if newest_ns is None:
            reason = "actions before any joint states"
        elif newest_ns - action.stamp_ns > self._hold_after_ns and not self.limits.lockstep:
            reason = "actions too old"
        elif reading is None or (self.limits.lockstep and reading.stamp_ns != action.stamp_ns):
            reason = "actions older than the joint angles kept"
        elif action.stamp_ns - reading.stamp_ns > self._hold_after_ns:
            reason = "actions without joint angles of their time"
        if reason or reading is None:
            self.refused[reason] += 1
            return reason
        positions = self.robot.actuator_positions(reading.angles)
        origin, scale = self.limits.action_origin, self.limits.action_scale
        targets = control.target(positions, action.action, self.robot.actuator_limits, origin, scale)
        for actuator, position in self.limits.locked.items():
            targets[self.robot.actuators.index(actuator)] = position
        targets = np.clip(targets, positions - self.limits.max_step, positions + self.limits.max_step)
        self._targets, self.stamp_ns, self._acted_ns, self._holding = targets, action.stamp_ns, now_ns, False
        return None

    def _approach(self, targets: np.ndarray, now_ns: int) -> np.ndarray:
        """As far towards the targets as the rate limit lets them move since the last time, from where the hand is."""
        if self.limits.max_rate == inf or self._holding:
            return targets
        start = self._measured() if self._sent is None else self._sent
        seconds = min((now_ns - self._sent_ns) * 1e-9, 2 * self.robot.timing.physics)
        assert start is not None
        return start + np.clip(targets - start, -self.limits.max_rate * seconds, self.limits.max_rate * seconds)

    def _hold(self) -> None:
        self._targets, self._holding = self._measured(), True

    def _measured(self) -> np.ndarray | None:
        """(A,) actuator positions last measured, inside the limits."""
        if not self._readings:
            return None
        positions = self.robot.actuator_positions(self._readings[-1].angles)
        return np.clip(positions, self.robot.actuator_limits[:, 0], self.robot.actuator_limits[:, 1])

    def _forget(self) -> None:
        self._pending = self._targets = self._sent = self._acted_ns = None
        self._holding = False
