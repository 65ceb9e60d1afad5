"""The rules between actions and the hand's motors, one test each. docs/hardware.md lists what they do."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

from dactyl.robot import safety
from dactyl.robot.gate import REPEATED
from dactyl.robot.guards import GuardLimits
from dactyl.robot.safety import BLIND, HOLDING, NOT_ENABLED, RUNNING, STOPPED, Limits, Safety
from dactyl.robots.shadow import ROBOT
from dactyl.robots.shadow.joints import ACTUATOR_LIMITS, ACTUATORS, JOINTS

MS = 1_000_000
CYCLE = 8 * MS
REACH = 0.5 * (ACTUATOR_LIMITS[:, 1] - ACTUATOR_LIMITS[:, 0])


def angles(value: float = 0.1) -> np.ndarray:
    return np.full(len(JOINTS), value)


def action(value: float = 0.2) -> np.ndarray:
    return np.full(len(ACTUATORS), value, np.float32)


def held(angle: float) -> np.ndarray:
    """Targets that hold a hand whose joints are all at one angle."""
    return np.clip(ROBOT.actuator_positions(angles(angle)), ACTUATOR_LIMITS[:, 0], ACTUATOR_LIMITS[:, 1])


class Hand:
    """A safety and the time that passes for it; the stamps are the same clock as the machine's."""

    def __init__(self, enabled: bool = True, **limits: object) -> None:
        self.safety = Safety(ROBOT, Limits(**limits), enabled)  # type: ignore[arg-type]
        self.now = 1000 * MS
        self.sequence = 0
        self.angle = 0.1
        self.efforts: np.ndarray | None = None

    def read(self) -> str | None:
        return self.safety.take_joint_states(self.now, angles(self.angle), self.efforts, self.now)

    def act(self, value: float = 0.2, late: int = 0) -> str | None:
        reason = self.safety.take_action(action(value), self.sequence, self.now - late, self.now)
        self.sequence += 1
        return reason

    def targets(self) -> np.ndarray | None:
        return self.safety.targets(self.now)

    def cycles(self, ms: int, reading: bool = True, acting: bool = False) -> list[np.ndarray | None]:
        """Targets of each cycle while time passes."""
        sent = []
        for cycle in range(ms // 8):
            self.now += CYCLE
            if reading:
                self.read()
            if acting and cycle % 10 == 9:
                self.act()
            sent.append(self.targets())
        return sent


@pytest.fixture
def hand() -> Hand:
    """It runs: an action is in force."""
    hand = Hand()
    hand.read()
    assert hand.act() is None
    return hand


def test_targets_start_from_the_angles_at_the_actions_tick(hand: Hand) -> None:
    """Protects the meaning of a relative action (appendix C.1), and the joints from targets outside their range."""
    hand.angle = 0.3
    hand.cycles(8)
    targets = hand.targets()
    assert targets is not None
    positions = ROBOT.actuator_positions(angles(0.1))
    np.testing.assert_allclose(
        targets, np.clip(positions + 0.2 * REACH, ACTUATOR_LIMITS[:, 0], ACTUATOR_LIMITS[:, 1]), atol=1e-6
    )
    assert (targets <= ACTUATOR_LIMITS[:, 1]).all()


def test_targets_counted_from_the_middle_do_not_depend_on_the_angles() -> None:
    """And come no nearer at once than the largest step allows."""
    middle = ACTUATOR_LIMITS.mean(-1)
    for step in (np.inf, 0.1):
        hand = Hand(action_origin="middle", max_step=step)
        hand.angle = 0.3
        hand.read()
        assert hand.act() is None
        positions = ROBOT.actuator_positions(angles(0.3))
        expected = np.clip(middle + 0.2 * REACH, positions - step, positions + step)
        np.testing.assert_allclose(hand.targets(), expected, atol=1e-6)


# ------------------------------------------------------------------------------------------------------------ enable


def test_nothing_is_sent_before_it_is_enabled() -> None:
    """Protects people's fingers: an action from before counts no more when the hand is enabled."""
    hand = Hand(enabled=False)
    assert "does not answer" in hand.safety.enable(hand.now)
    hand.read()
    hand.act()
    assert hand.cycles(40) == [None] * 5
    assert hand.safety.state == NOT_ENABLED
    assert hand.safety.enable(hand.now) == ""
    assert hand.cycles(40) == [None] * 5
    hand.act()
    assert hand.targets() is not None
    assert hand.safety.state == RUNNING


def test_disabling_holds_the_hand_and_then_lets_go(hand: Hand) -> None:
    """Protects against a hand that goes on to where its last action sent it."""
    hand.angle = 0.3
    hand.cycles(8)
    hand.safety.disable()
    np.testing.assert_allclose(hand.targets(), held(0.3))
    hand.safety.disable()
    assert hand.cycles(16) == [None, None]


# ------------------------------------------------------------------------------------------------------------ actions


def test_without_actions_the_hand_holds_within_160_ms(hand: Hand) -> None:
    """Protects the hand from a silent policy: it stays where it is measured to be when the time is up."""
    wanted = hand.targets()
    hand.angle = 0.25
    sent = hand.cycles(160)
    np.testing.assert_array_equal(sent[16], wanted)
    np.testing.assert_allclose(sent[-1], held(0.25))
    assert hand.safety.state == HOLDING
    hand.angle = 0.3
    np.testing.assert_allclose(hand.cycles(400)[-1], held(0.25))


def test_a_hold_ends_with_the_next_action(hand: Hand) -> None:
    """Protects the run from one lost message: it goes on from where the hand is."""
    hand.cycles(200)
    assert hand.safety.state == HOLDING
    assert hand.act() is None
    hand.targets()
    assert hand.safety.state == RUNNING


def test_regular_actions_never_hold(hand: Hand) -> None:
    """Protects the policy's control of the hand: 80 ms between actions, and one that is lost."""
    hand.cycles(800, acting=True)
    hand.cycles(64)
    assert hand.safety.state == RUNNING


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (action(nan), "not finite"),
        (action(1.5), "out of range"),
        (np.zeros(19, np.float32), "19 numbers for 20 actuators"),
        (np.zeros(0, np.float32), "0 numbers for 20 actuators"),
    ],
)
def test_actions_that_no_policy_can_mean_are_refused(hand: Hand, bad: np.ndarray, reason: str) -> None:
    """Protects the hand, which holds as if nothing had come."""
    before = hand.targets()
    hand.now += CYCLE
    assert hand.safety.take_action(bad, 1, hand.now, hand.now) == reason
    np.testing.assert_array_equal(hand.targets(), before)
    assert hand.safety.gate.refused == {reason: 1}
    for sequence in range(2, 30):
        hand.cycles(8)
        hand.safety.take_action(bad, sequence, hand.now, hand.now)
    assert hand.safety.state == HOLDING


def test_repeated_actions_do_not_count_as_new_ones(hand: Hand) -> None:
    """Protects against a filter that hangs and repeats itself."""
    for _ in range(30):
        hand.cycles(8)
        assert hand.safety.take_action(action(), 0, 1000 * MS, hand.now) == REPEATED
    assert hand.safety.state == HOLDING


def test_actions_out_of_order_are_refused(hand: Hand) -> None:
    """Protects against going back in time."""
    assert hand.safety.take_action(action(), 1, 990 * MS, hand.now) == "out of order"


def test_late_actions_are_refused(hand: Hand) -> None:
    """Protects against a delay anywhere between the sensors and here: 150 ms are too many."""
    hand.cycles(200)
    for _ in range(10):
        hand.cycles(80)
        assert hand.act(late=200 * MS) == "actions too old"
    assert hand.safety.state == HOLDING
    assert hand.safety.refused["actions too old"] == 10
    assert hand.act(late=100 * MS) is None


def test_actions_ahead_of_the_joint_states_are_refused(hand: Hand) -> None:
    """Protects against joint states that come late, or from a computer with another clock."""
    assert hand.act(late=-200 * MS) == "actions without joint angles of their time"
    assert Hand().act() == "actions before any joint states"


# ------------------------------------------------------------------------------------------------------- joint states


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (np.append(angles()[1:], nan), "joint states not finite"),
        (angles()[1:], "joint states of wrong length"),
        (np.append(angles()[1:], 30.0), "joint states out of range"),
    ],
)
def test_joint_states_that_cannot_be_true_are_refused(hand: Hand, bad: np.ndarray, reason: str) -> None:
    """Protects the hand from targets computed from nonsense; if nothing better comes it is held."""
    for _ in range(30):
        hand.now += CYCLE
        assert hand.safety.take_joint_states(hand.now, bad, None, hand.now) == reason
        hand.targets()
    assert hand.safety.state == BLIND


def test_without_joint_states_nothing_is_sent(hand: Hand) -> None:
    """Protects a hand that cannot be seen: held where it was last seen, within 160 ms, then left alone."""
    hand.angle = 0.2
    hand.cycles(8)
    sent = hand.cycles(400, reading=False, acting=True)
    last = next(i for i, targets in enumerate(sent) if np.array_equal(targets, held(0.2)))
    assert (last + 1) * 8 <= 160
    assert sent[last + 1 :] == [None] * (len(sent) - last - 1)
    assert hand.safety.state == BLIND


def test_joint_states_that_come_back_are_followed_again(hand: Hand) -> None:
    """Protects the run from a short outage: the hand is held where it is now, until the next action."""
    hand.cycles(400, reading=False)
    hand.angle = 0.4
    np.testing.assert_allclose(hand.cycles(8)[0], held(0.4))
    assert hand.safety.state == HOLDING
    hand.act()
    assert hand.safety.state == RUNNING


def test_a_frozen_stream_is_none(hand: Hand) -> None:
    """Protects against a driver of the hand that sends one reading for ever."""
    for _ in range(30):
        hand.now += CYCLE
        assert hand.safety.take_joint_states(1000 * MS, angles(), None, hand.now) == REPEATED
        hand.targets()
    assert hand.safety.state == BLIND


def test_a_long_outage_stops_the_hand() -> None:
    """Protects whoever went to see what is wrong with it."""
    hand = Hand(stop_after=1.0)
    hand.read()
    hand.act()
    hand.cycles(1200, reading=False)
    hand.cycles(80, acting=True)
    assert hand.safety.state == STOPPED
    assert hand.safety.stopped == "no joint states for 1 s"


def test_readings_out_of_order_are_refused_and_a_new_clock_is_not(hand: Hand) -> None:
    """Protects the history of angles; a hand's computer that was started again holds the hand."""
    hand.cycles(80)
    assert hand.safety.take_joint_states(1000 * MS, angles(), None, hand.now) == "joint states out of order"
    hand.now += 5000 * MS
    hand.read()
    assert hand.safety.take_joint_states(8 * MS, angles(0.5), None, hand.now) is None
    np.testing.assert_allclose(hand.targets(), held(0.5))
    assert hand.safety.state == HOLDING


# -------------------------------------------------------------------------------------------------------------- limits


def test_no_target_is_further_than_a_step(hand: Hand) -> None:
    """Protects against a policy file with too large a reach."""
    hand = Hand(max_step=0.05)
    hand.read()
    hand.act(1.0)
    np.testing.assert_allclose(hand.targets(), ROBOT.actuator_positions(angles(0.1)) + 0.05)


def test_no_target_moves_faster_than_the_rate() -> None:
    """Protects gears and tendons from jumps; the target gets there all the same."""
    hand = Hand(max_rate=10.0)
    hand.read()
    hand.act(0.3)
    sent = np.array([hand.targets(), *hand.cycles(80)])
    assert np.abs(np.diff(sent, axis=0)).max() <= 10.0 * 0.008 + 1e-9
    goal = Hand()
    goal.read()
    goal.act(0.3)
    np.testing.assert_allclose(sent[-1], goal.targets())


def test_effort_above_its_limit_for_a_while_stops_the_hand() -> None:
    """Protects tendons and motors, joint by joint; a short peak is none."""
    limits = np.full(len(JOINTS), inf)
    limits[JOINTS.index("FFJ3")] = 200.0
    hand = Hand(guards=GuardLimits(max_effort=limits, overload_after=0.1))
    hand.read()
    hand.efforts = np.full(len(JOINTS), -300.0)
    hand.cycles(80)
    hand.efforts = np.zeros(len(JOINTS))
    hand.cycles(8)
    hand.efforts = np.full(len(JOINTS), -300.0)
    hand.cycles(80)
    assert not hand.safety.stopped
    hand.cycles(40)
    assert hand.safety.stopped == "effort of rh_FFJ3 above 200"


def test_a_hot_motor_stops_the_hand(hand: Hand) -> None:
    """Protects the motors, each with a limit of its own."""
    limits = np.full(len(ACTUATORS), 60.0)
    limits[0] = inf
    hand = Hand(guards=GuardLimits(max_temperature=limits))
    hand.read()
    hand.safety.take_temperature(0, 99.0, hand.now)
    hand.safety.take_temperature(4, 60.0, hand.now)
    assert not hand.safety.stopped
    hand.safety.take_temperature(4, 61.0, hand.now)
    assert hand.safety.stopped == "motor of FFJ0 at 61 °C, above 60"


def test_the_wrist_can_be_locked() -> None:
    """Protects the set-up of section 6.1: WRJ1 stays where it is locked, WRJ2 does not."""
    hand = Hand(locked=ROBOT.locked)
    hand.read()
    hand.act(0.5)
    targets = hand.targets()
    assert targets is not None
    assert targets[ACTUATORS.index("WRJ1")] == ROBOT.locked["WRJ1"]
    assert targets[ACTUATORS.index("WRJ2")] != 0.0


def test_a_wrist_goes_to_where_it_is_locked_no_faster_than_other_joints() -> None:
    hand = Hand(locked=ROBOT.locked, max_step=0.1)
    hand.read()
    hand.act(0.5)
    targets = hand.targets()
    assert targets is not None
    assert targets[ACTUATORS.index("WRJ1")] == pytest.approx(hand.angle - 0.1)


# ---------------------------------------------------------------------------------------------------------------- stop


def test_a_stop_holds_the_hand_and_is_latched(hand: Hand) -> None:
    """Protects people: only a reset and then an enable make the hand move again, and the first reason is told."""
    hand.angle = 0.3
    hand.cycles(8)
    hand.safety.stop("red button")
    hand.safety.stop("something else")
    for targets in hand.cycles(800, acting=True):
        np.testing.assert_allclose(targets, held(0.3))
    assert hand.safety.state == STOPPED
    assert hand.safety.enable(hand.now) == "the hand is stopped (red button): reset it first"
    hand.safety.reset()
    assert hand.cycles(80, acting=True) == [None] * 10
    assert hand.safety.enable(hand.now) == ""
    hand.cycles(8)
    hand.act()
    assert hand.targets() is not None


def test_a_stop_before_anything_moved_sends_nothing() -> None:
    """Protects a hand that other programs move while this one is not enabled."""
    hand = Hand(enabled=False)
    hand.read()
    hand.safety.stop("red button")
    assert hand.cycles(16) == [None, None]


# ------------------------------------------------------------------------------------------------------------ lockstep


def test_lockstep_waits_for_the_angles_of_the_tick_and_knows_no_time() -> None:
    """Protects repeatability: an action that overtakes the joint states of its tick must not use older ones."""
    hand = Hand(lockstep=True)
    hand.read()
    hand.now += 80 * MS
    assert hand.act() is None
    assert hand.targets() is None
    hand.read()
    targets = hand.targets()
    assert targets is not None
    hand.now += 100_000 * MS
    np.testing.assert_array_equal(hand.targets(), targets)
    assert hand.safety.state == RUNNING


def test_the_defaults_bind_nothing() -> None:
    """Protects the simulated hand from limits that training does not know."""
    hand = Hand()
    hand.read()
    hand.act(1.0)
    positions = ROBOT.actuator_positions(angles(0.1))
    np.testing.assert_allclose(hand.targets(), np.clip(positions + REACH, ACTUATOR_LIMITS[:, 0], ACTUATOR_LIMITS[:, 1]))
    assert safety.Limits().hold_after <= 0.16 - 0.008
