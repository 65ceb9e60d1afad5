"""Joint targets and joint angles of a recorded bag, at the pace of the robot's physics steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dactyl import topics
from dactyl.calibration.model.recording import Recording
from dactyl.errors import DactylError
from dactyl.recording.reading import Bag, nanoseconds, understood
from dactyl.robot import control
from dactyl.robot import robot as robots
from dactyl.robot.driver import JointOrder
from dactyl.robot.robot import Robot

MAX_GAP = 0.05
"""s between two readings of the joints, beyond which nothing in between is used."""
LONGEST = 3600.0
"""s that a recording may span."""
_ACTION, _FILTERED = topics.absolute(topics.ACTION), topics.absolute(topics.FILTERED)
_TRAJECTORY = "trajectory_msgs/msg/JointTrajectory"


def read(path: Path) -> Recording:
    """Read a bag.

    Raises:
        DactylError: it cannot be read, or lacks joint states or joint targets.
    """
    with understood(path):
        return _read(path, Bag(path))


def _read(path: Path, bag: Bag) -> Recording:
    robot = _robot_of(bag)
    told, asked, readings = _Targets(robot), _Asked(robot), _Readings(robot)
    trajectories = {name for name, topic in bag.topics.items() if topic.type == _TRAJECTORY}
    wanted = {*topics.of_hand(topics.JOINT_STATES), _ACTION, _FILTERED} | trajectories
    for recorded, message in bag.decoded(wanted):
        if recorded.topic in trajectories:
            told.take(message)
        elif recorded.topic in (_ACTION, _FILTERED):
            asked.take(message, filtered=recorded.topic == _FILTERED)
        elif readings.take(path, message):
            told.next_step()
            asked.next_step()
    if len(readings.times) < 2:
        raise DactylError(
            f"the bag {path} has nothing on {topics.JOINT_STATES}; it has: {', '.join(sorted(bag.topics))}"
        )
    rows = asked.rows() if asked.changed else told.rows()
    if unseen := [robot.actuators[i] for i in np.flatnonzero(np.isnan(rows[-1]))]:
        raise DactylError(
            f"the bag {path} has no trajectory with targets of {unseen[0]}: record with interface trajectory"
        )
    return _resampled(path, robot, np.array(readings.times), np.array(readings.angles), rows)


def _robot_of(bag: Bag) -> Robot:
    _, action = next(bag.decoded({_ACTION, _FILTERED}), (None, None))
    return bag.robot if action is None else robots.load(action.robot)


class _Readings:
    """Joint states in the robot's order, those that are newer than the last."""

    def __init__(self, robot: Robot) -> None:
        self._order = JointOrder(robot)
        self.times: list[int] = []
        """ns"""
        self.angles: list[np.ndarray] = []

    def take(self, path: Path, message: Any) -> bool:
        """Whether it is a reading."""
        if not self._order.concerns(message.name):
            return False
        stamp = nanoseconds(message.header.stamp)
        try:
            angles = self._order.pick(message.name, message.position)
        except ValueError as error:
            raise DactylError(f"the bag {path} has {error}") from error
        if angles is None or not np.isfinite(angles).all() or (self.times and stamp <= self.times[-1]):
            return False
        self.times.append(stamp)
        self.angles.append(angles)
        return True


class _Commands:
    """What the actuators were told in the step after each reading: the last that came before the next reading."""

    def __init__(self, robot: Robot) -> None:
        self._robot = robot
        self._now = np.full(len(robot.actuators), np.nan)
        self._rows: list[np.ndarray] = []

    def next_step(self) -> None:
        self._rows.append(self._now)

    def rows(self) -> np.ndarray:
        """(n, A) rad, of the step after each reading; NaN before anything was told."""
        return np.array([*self._rows[1:], self._now])


class _Targets(_Commands):
    """Joint targets as they went to the robot."""

    def __init__(self, robot: Robot) -> None:
        super().__init__(robot)
        self._columns = {robot.ros_name(name): i for i, name in enumerate(robot.actuators)}
        moves = ((joint, np.flatnonzero(robot.actuation[:, i])) for i, joint in enumerate(robot.joints))
        self._joints = {robot.ros_name(joint): int(own[0]) for joint, own in moves if len(own) == 1}

    def take(self, message: Any) -> None:
        """A trajectory of one point, for actuators or for the joints whose angles add up to theirs."""
        if not message.points or len(message.points[0].positions) != len(message.joint_names):
            return
        told: dict[int, float] = {}
        for name, position in zip(message.joint_names, message.points[0].positions, strict=True):
            column = self._columns.get(name, self._joints.get(name))
            if column is not None:
                told[column] = told.get(column, 0.0) + float(position)
        self._now = self._now.copy()
        self._now[list(told)] = list(told.values())


class _Asked(_Commands):
    """What the exercise asked for.

    It counts where the filter gave a simulated robot its backlash: the targets that went to it lost motion already.
    """

    def __init__(self, robot: Robot) -> None:
        super().__init__(robot)
        self.changed = False
        """Whether the filter gave on something else than it got."""
        self._sequence, self._action = -1, np.zeros(0)

    def take(self, message: Any, filtered: bool) -> None:
        """An action, counted from the middle of each actuator's range, before the filter or after it."""
        action = np.asarray(message.action, float)
        if filtered:
            same = message.sequence == self._sequence and action.shape == self._action.shape
            self.changed |= bool(same and np.abs(action - self._action).max(initial=0.0) > 1e-4)
        elif action.shape == self._now.shape:
            self._sequence, self._action = message.sequence, action
            self._now = control.target(np.zeros_like(action), action, self._robot.actuator_limits, "middle")


def _resampled(path: Path, robot: Robot, times: np.ndarray, angles: np.ndarray, targets: np.ndarray) -> Recording:
    """Samples at the pace of physics steps, the first at a control tick, from when everything was told."""
    told = int(np.isfinite(targets).all(axis=1).argmax())
    times, angles, targets = times[told:], angles[told:], targets[told:]
    tick, step = round(robot.timing.control * 1e9), round(robot.timing.physics * 1e9)
    span = (times[-1] - times[0]) * 1e-9
    if span > LONGEST:
        raise DactylError(f"the bag {path} spans {span:.0f} s by the stamps of its joint states: at most {LONGEST:.0f}")
    grid = np.arange(-(-times[0] // tick) * tick, times[-1], step)
    after = np.clip(np.searchsorted(times, grid), 1, len(times) - 1)
    gaps = (times[after] - times[after - 1]) * 1e-9 > MAX_GAP
    seconds = (times - times[0]) * 1e-9
    at = (grid - times[0]) * 1e-9
    sampled = np.stack([np.interp(at, seconds, column) for column in angles.T], axis=1).reshape(len(grid), -1)
    sampled[gaps] = np.nan
    rows = np.clip(np.searchsorted(times, grid + step // 2) - 1, 0, len(times) - 1)
    return Recording(robot, targets[rows], sampled)
