"""The rules between actions and the motors of a robot that takes torques: a hold, a stop, a loss of sight."""

from __future__ import annotations

from collections.abc import Iterator
from math import nan

import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.robot import robot as robots
from dactyl.robot.robot import Robot, Torques
from dactyl.robot.safety import BLIND, HOLDING, NOT_ENABLED, RUNNING, STOPPED, Limits, Safety
from dactyl.robots.shadow import ROBOT as SHADOW
from tests.toys import installed_toys

MS = 1_000_000
CYCLE = 5 * MS


@pytest.fixture(scope="module")
def arm() -> Iterator[Robot]:
    with installed_toys():
        yield robots.load("arm")


class Arm:
    """A safety and the time that passes for it; the stamps are the same clock as the machine's."""

    def __init__(self, robot: Robot, origin: str = "torque", enabled: bool = True, **limits: object) -> None:
        self.safety = Safety(robot, Limits(action_origin=origin, **limits), enabled)  # type: ignore[arg-type]
        self.now, self.sequence, self.angle = 1000 * MS, 0, 0.1

    def read(self) -> str | None:
        return self.safety.take_joint_states(self.now, np.full(2, self.angle), None, self.now)

    def act(self, *values: float) -> str | None:
        reason = self.safety.take_action(np.array(values, np.float32), self.sequence, self.now, self.now)
        self.sequence += 1
        return reason

    def cycle(self, seeing: bool = True, ms: int = 5) -> np.ndarray | None:
        """What is sent in the last of the cycles of so long."""
        sent = None
        for _ in range(ms // 5):
            self.now += CYCLE
            if seeing:
                self.read()
            sent = self.safety.commands(self.now)
        return sent


def law(robot: Robot, target: float, angle: float) -> np.ndarray:
    assert isinstance(robot.action, Torques)
    return np.clip(np.array(robot.action.stiffness) * (target - angle), -robot.action.limit, robot.action.limit)


def test_actions_are_sent_as_torques(arm: Robot) -> None:
    made = Arm(arm)
    made.read()
    assert made.act(0.5, -1.0) is None
    np.testing.assert_allclose(made.cycle(), [0.4, -0.8])
    assert made.safety.state == RUNNING


def test_nothing_is_sent_before_an_action(arm: Robot) -> None:
    for enabled in (False, True):
        assert Arm(arm, enabled=enabled).cycle(ms=50) is None


def test_without_actions_the_arm_is_held_by_the_law_of_its_motors(arm: Robot) -> None:
    """No torque would let it fall: the posture that was last seen is pulled to, in every cycle anew."""
    made = Arm(arm)
    made.read()
    made.act(0.5, 0.5)
    made.cycle()
    made.cycle(ms=200)
    assert made.safety.state == HOLDING
    np.testing.assert_allclose(made.safety.commands(made.now), [0.0, 0.0], atol=1e-12)
    made.angle = 0.05  # it sinks
    np.testing.assert_allclose(made.cycle(), law(arm, 0.1, 0.05))
    made.angle = -0.4
    np.testing.assert_allclose(made.cycle(ms=50), law(arm, 0.1, -0.4))
    assert np.abs(made.safety.commands(made.now)).max() <= 0.8


def test_a_hold_ends_with_the_next_action(arm: Robot) -> None:
    made = Arm(arm)
    made.read()
    made.act(0.5, 0.5)
    made.cycle(ms=300)
    made.act(-0.5, 0.25)
    np.testing.assert_allclose(made.cycle(), [-0.4, 0.2])


def test_a_rate_limit_is_of_postures_and_not_of_torques(arm: Robot) -> None:
    """A torque may change at once; the posture of a hold is gone to from where the arm is."""
    made = Arm(arm, max_rate=1.0)
    made.read()
    made.act(1.0, 1.0)
    np.testing.assert_allclose(made.cycle(), [0.8, 0.8])
    made.act(-1.0, -1.0)
    np.testing.assert_allclose(made.cycle(), [-0.8, -0.8])
    held = made.cycle(ms=300)
    np.testing.assert_allclose(held, [0.0, 0.0], atol=1e-12)


def test_a_stop_holds_until_the_end_and_a_reset_goes_on_holding(arm: Robot) -> None:
    """A robot of positions is let go once its targets are there, and its controllers hold; here nobody else does."""
    made = Arm(arm)
    made.read()
    made.act(1.0, 1.0)
    made.cycle()
    made.safety.stop("somebody said so")
    made.angle = 0.0
    np.testing.assert_allclose(made.cycle(ms=1000), law(arm, 0.1, 0.0))
    assert made.safety.state == STOPPED
    assert made.act(1.0, 1.0) is None  # counts for nothing
    np.testing.assert_allclose(made.cycle(), law(arm, 0.1, 0.0))
    made.safety.reset()
    assert made.safety.state == NOT_ENABLED
    np.testing.assert_allclose(made.cycle(ms=100), law(arm, 0.1, 0.0))


def test_a_disabled_arm_is_held(arm: Robot) -> None:
    made = Arm(arm)
    made.read()
    made.act(1.0, 1.0)
    made.cycle()
    made.safety.disable()
    made.angle = 0.0
    np.testing.assert_allclose(made.cycle(ms=500), law(arm, 0.1, 0.0))


def test_unseen_joints_get_no_torque_at_all(arm: Robot) -> None:
    """A law that cannot see would push on blindly: damped sinking is what is left."""
    made = Arm(arm)
    made.read()
    made.act(1.0, 1.0)
    made.cycle()
    np.testing.assert_array_equal(made.cycle(seeing=False, ms=400), [0.0, 0.0])
    assert made.safety.state == BLIND
    made.angle = 0.2
    made.cycle(ms=20)
    made.angle = 0.1
    np.testing.assert_allclose(made.cycle(), law(arm, 0.2, 0.1))


@pytest.mark.parametrize("bad", [(nan, 0.0), (2.0, 0.0), (0.0,)])
def test_what_is_no_action_never_becomes_a_torque(arm: Robot, bad: tuple[float, ...]) -> None:
    made = Arm(arm)
    made.read()
    made.act(0.5, 0.5)
    assert made.act(*bad)
    np.testing.assert_allclose(made.cycle(), [0.4, 0.4])


def test_actions_may_be_postures_that_the_law_follows(arm: Robot) -> None:
    made = Arm(arm, "middle")
    made.read()
    made.act(0.2, 0.1)  # 0.3 and 0.2 rad
    np.testing.assert_allclose(made.cycle(), [4.0 * 0.2, 2.0 * 0.1], rtol=1e-6)
    made.angle = 0.25
    np.testing.assert_allclose(made.cycle(), [4.0 * 0.05, -2.0 * 0.05], rtol=1e-5)


def test_whoever_does_not_act_soon_after_an_enable_stops_the_robot(arm: Robot) -> None:
    """The platform's first-action timeout; an action in time ends it for good."""
    for acts, expected in ((False, STOPPED), (True, HOLDING)):
        made = Arm(arm, enabled=False, first_action_after=1.0)
        made.read()
        assert made.safety.enable(made.now) == ""
        made.cycle(ms=800)
        if acts:
            made.act(0.1, 0.1)
        made.cycle(ms=2000)
        assert made.safety.state == expected
        assert ("no action for 1 s" in made.safety.stopped) is not acts


def test_a_hand_of_positions_takes_no_torques() -> None:
    with pytest.raises(DactylError, match="actions of the robot shadow are counted from current or middle"):
        Safety(SHADOW, Limits(action_origin="torque"))


def test_a_hand_of_positions_is_sent_its_targets() -> None:
    """Protects the Shadow's driver from a second way: what is sent are the targets, to the bit."""
    made = Safety(SHADOW, Limits(), enabled=True)
    made.take_joint_states(1000 * MS, np.full(24, 0.1), None, 1000 * MS)
    made.take_action(np.full(20, 0.2, np.float32), 0, 1000 * MS, 1000 * MS)
    first, second = made.targets(1001 * MS), made.commands(1001 * MS)
    assert first is not None
    np.testing.assert_array_equal(first, second)
