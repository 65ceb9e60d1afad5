"""The loop of a platform against a stand-in for its library: what is sent when, and what becomes of failures."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dactyl.robot import robot as robots
from dactyl.robots.trifinger import loop as loops
from dactyl.robots.trifinger.joints import HOME, STIFFNESS
from dactyl.robots.trifinger.loop import Observation, PlatformLoop

ROBOT = robots.load("trifinger")


class Platform:
    """robot_interfaces' frontend, as its documentation has it."""

    def __init__(self, pace: float = 0.0) -> None:
        self.actions: list[list[float]] = []
        self.position = np.array(HOME)
        self.repetitions = 0
        self.failure = ""
        self.pace = pace

    def append_desired_action(self, action: Any) -> int:
        if self.failure:
            raise RuntimeError(self.failure)
        self.actions.append(action)
        return len(self.actions) - 1

    def get_observation(self, t: int) -> Any:
        time.sleep(self.pace)
        return SimpleNamespace(position=self.position.copy(), velocity=np.full(9, 0.5), torque=np.full(9, 0.1))

    def get_status(self, t: int) -> Any:
        return SimpleNamespace(action_repetitions=self.repetitions)


class Clock:
    """Monotonic time that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    @staticmethod
    def time_ns() -> int:
        return 7


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(loops, "time", made)
    return made


def made(platform: Platform) -> tuple[PlatformLoop, list[Observation]]:
    seen: list[Observation] = []
    return PlatformLoop(ROBOT, platform, lambda torques: torques, seen.append), seen


def test_it_begins_with_no_torque_for_only_then_are_joints_known(clock: Clock) -> None:
    platform = Platform()
    loop, seen = made(platform)
    loop.poll()
    assert not seen
    loop.cycle()
    assert platform.actions == [[0.0] * 9]
    loop.poll()
    loop.poll()
    assert len(seen) == 1, "each observation is handed over once"
    np.testing.assert_array_equal(seen[0].positions, HOME)
    assert (seen[0].stamp_ns, seen[0].velocities[0], seen[0].torques[0]) == (7, 0.5, 0.1)


def test_torques_are_repeated_in_every_step_and_bounded(clock: Clock) -> None:
    platform = Platform()
    loop, _ = made(platform)
    loop.send(np.array([0.1, -0.2, 5.0] * 3), 0)
    for _ in range(3):
        clock.now += 0.001
        loop.cycle()
    assert platform.actions == [[0.1, -0.2, 0.36] * 3] * 3


def test_a_driver_that_hangs_leaves_the_fingers_held_at_the_loops_own_pace(clock: Clock) -> None:
    """The last torques of somebody who has stopped thinking would throw them on."""
    platform = Platform()
    loop, _ = made(platform)
    loop.send(np.full(9, 0.3), 0)
    loop.cycle()
    clock.now += loops.STALE + 0.01
    loop.cycle()
    np.testing.assert_allclose(platform.actions[-1], 0.0, atol=1e-12)
    platform.position = np.array(HOME) - 0.02
    loop.cycle()
    loop.cycle()
    np.testing.assert_allclose(platform.actions[-1], 0.02 * np.array(STIFFNESS))
    loop.send(np.full(9, 0.05), 0)
    loop.cycle()
    np.testing.assert_allclose(platform.actions[-1], 0.05)


def test_what_is_not_finite_never_becomes_a_torque(clock: Clock) -> None:
    platform = Platform()
    loop, _ = made(platform)
    loop.send(np.array([np.nan] + [0.1] * 8), 0)
    loop.cycle()
    assert platform.actions[-1] == [0.0] * 9
    loop.send(np.full(9, 0.1), 0)
    platform.position = np.full(9, np.nan)
    loop.cycle()
    clock.now += 1.0
    loop.cycle()
    assert platform.actions[-1] == [0.0] * 9, "nor joints that are not known"


def test_late_actions_are_counted_and_told(clock: Clock) -> None:
    platform = Platform()
    loop, _ = made(platform)
    for platform.repetitions in (0, 1, 3, 0):
        loop.cycle()
    assert loop.late == 2
    assert loop.problem() == "actions came late: the platform repeated others in 2 steps"
    assert loop.problem() == "", "told once, for what comes next to be seen"
    assert loop.unreachable() == ""


def test_in_its_own_thread_it_keeps_the_platforms_pace_and_ends_without_a_torque() -> None:
    platform = Platform(pace=0.001)
    loop, seen = made(platform)
    loop.start()
    deadline = time.monotonic() + 5.0
    while len(platform.actions) < 20 and time.monotonic() < deadline:
        loop.send(np.full(9, 0.1), 0)
        loop.poll()
        time.sleep(0.001)
    loop.close()
    assert len(platform.actions) >= 20
    assert [0.1] * 9 in platform.actions
    assert platform.actions[-1] == [0.0] * 9
    assert seen
    assert loop.problem() == ""


def test_a_platform_that_fails_is_told_of_and_sent_nothing_more() -> None:
    platform = Platform(pace=0.001)
    loop, _ = made(platform)
    loop.start()
    platform.failure = "Driver Error: motor 3 is hot"
    deadline = time.monotonic() + 5.0
    while not loop.problem() and time.monotonic() < deadline:
        time.sleep(0.001)
    sent = len(platform.actions)
    assert loop.problem() == loop.unreachable() == "the platform's loop has ended: Driver Error: motor 3 is hot"
    loop.close()
    assert len(platform.actions) == sent
