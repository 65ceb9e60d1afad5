"""The loop of a real TriFinger platform, in the driver's process: an action a millisecond, each with its observation.

Written from the documentation of robot_interfaces; it has never met a platform. There an action is appended to a time
series and applied in a step of its own, and who asks for that step's observation waits for it: so the platform sets the
pace. Whoever is late has the last action repeated, and is told so. The safety law is the platform's own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from dactyl.robot import torque
from dactyl.robot.robot import Robot, Torques

STALE = 0.05
"""s without a command after which the loop holds the fingers by itself: the rest of the driver hangs."""
END_WITHIN = 1.0  # s that the loop may take to end


class Status(Protocol):
    """What robot_interfaces says of a step."""

    action_repetitions: int


class Frontend(Protocol):
    """robot_interfaces' `Frontend`, as far as it is used."""

    def append_desired_action(self, action: Any) -> int:
        """The step in which the action will be applied. RuntimeError: the platform has failed; says why."""

    def get_observation(self, t: int) -> Any:
        """Of that step, waiting for it: `position`, `velocity`, `torque`, a number for each joint."""

    def get_status(self, t: int) -> Status:
        """Of that step."""


class Observation(NamedTuple):
    """Of one step, (9,) each."""

    stamp_ns: int
    """This computer's clock at arrival."""
    positions: np.ndarray
    velocities: np.ndarray
    torques: np.ndarray


class PlatformLoop:
    """A `robot.driver.Interface` whose commands are torques.

    From its start it sends actions, at first none: before the first one a platform tells nothing of its joints.
    """

    def __init__(
        self,
        robot: Robot,
        frontend: Frontend,
        make_action: Callable[[list[float]], Any],
        on_observation: Callable[[Observation], None],
        on_close: Callable[[], object] = lambda: None,
    ) -> None:
        """
        Args:
            robot: the TriFinger.
            frontend: of the platform.
            make_action: from torques, N·m.
            on_observation: called by `poll` with the newest one.
            on_close: called by `close` in the end.
        """
        assert isinstance(robot.action, Torques)
        self._limit, self._stiffness = robot.action.limit, np.array(robot.action.stiffness)
        self._frontend, self._make_action = frontend, make_action
        self._on_observation, self._on_close = on_observation, on_close
        self._none = np.zeros(len(robot.actuators))
        self._asked: tuple[np.ndarray, float] | None = None
        """Torques, and when they came, monotonic s."""
        self._newest: Observation | None = None
        self._handed: Observation | None = None
        self._posture: np.ndarray | None = None
        """In which the loop holds by itself; None: it does not."""
        self.late = self._told = 0
        """Steps in which the platform had to repeat an action, and how many of them have been told."""
        self._failure = ""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cycle(self) -> None:
        """One step of the platform.

        Raises:
            RuntimeError: it has failed; says why.
        """
        step = self._frontend.append_desired_action(self._make_action(self._torques().tolist()))
        seen = self._frontend.get_observation(step)
        self.late += self._frontend.get_status(step).action_repetitions > 0
        values = (np.array(part, float) for part in (seen.position, seen.velocity, seen.torque))
        self._newest = Observation(time.time_ns(), *values)

    def _torques(self) -> np.ndarray:
        """What is asked for, within the limit; where nobody has asked for a while, what holds the fingers."""
        if self._asked is None:
            return self._none
        asked, at = self._asked
        if time.monotonic() - at <= STALE:
            self._posture = None
            return np.clip(asked, -self._limit, self._limit)
        if self._newest is None or not np.isfinite(self._newest.positions).all():
            return self._none
        if self._posture is None:
            self._posture = self._newest.positions
        held: np.ndarray = torque.towards(self._posture, self._newest.positions, self._limit, self._stiffness)
        return held

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                self.cycle()
        except Exception as error:  # whatever the platform's library raises
            self._failure = f"the platform's loop has ended: {error}"

    # ------------------------------------------------------------------------------------------------- Interface

    def send(self, targets: np.ndarray, stamp_ns: int) -> None:
        """Take torques (9,), N·m, for the steps to come. Such as are not finite are none: the fingers are held."""
        if np.isfinite(targets).all():
            self._asked = (np.array(targets, float), time.monotonic())

    def poll(self) -> None:
        newest = self._newest
        if newest is not None and newest is not self._handed:
            self._handed = newest
            self._on_observation(newest)

    def problem(self) -> str:
        late, self._told = self.late - self._told, self.late
        return self._failure or (f"actions came late: the platform repeated others in {late} steps" if late else "")

    def unreachable(self) -> str:
        return self._failure

    def conflict(self) -> str:
        """The platform takes actions of one process alone."""
        return ""

    def untold(self) -> str:
        return ""

    def unseen(self) -> str:
        return ""

    def close(self) -> None:
        """End, with no torque as the last word."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(END_WITHIN)
        if not self._failure:
            try:
                self._frontend.append_desired_action(self._make_action(self._none.tolist()))
            except RuntimeError as error:
                self._failure = str(error)
        self._on_close()
