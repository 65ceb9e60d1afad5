"""Which actions get through the gate of robot/gate.py."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.robot.gate import ActionGate

MS = 1_000_000
STILL = np.zeros(20, dtype=np.float32)


def with_value(value: float) -> np.ndarray:
    action = STILL.copy()
    action[7] = value
    return action


@pytest.mark.parametrize(
    ("value", "reason"),
    [(np.nan, "not finite"), (-np.inf, "not finite"), (1.1, "out of range"), (-2.0, "out of range")],
)
def test_what_no_policy_can_mean_is_refused(value: float, reason: str) -> None:
    """Protects the hand: NaN never reaches an actuator."""
    gate = ActionGate(20)
    assert gate.admit(with_value(value), 0, 0) == reason
    assert gate.refused == {reason: 1}
    assert gate.admit(with_value(1.0), 0, 0) is None


def test_order_is_kept() -> None:
    """Protects against repeated and late actions."""
    gate = ActionGate(20)
    assert gate.admit(STILL, 0, 80 * MS) is None
    assert gate.admit(STILL, 2, 240 * MS) is None
    assert gate.lost == 1
    assert not gate.begins
    assert gate.admit(STILL, 2, 240 * MS) == "repeated"
    assert gate.admit(STILL, 1, 160 * MS) == "out of order"
    assert gate.admit(STILL, 3, 200 * MS) == "out of order"
    assert gate.refused == {"repeated": 1, "out of order": 2}


def test_a_trial_begins_with_zero_even_when_the_clock_restarted() -> None:
    """Protects the nodes behind a policy or a simulation that was started again."""
    gate = ActionGate(20)
    gate.admit(STILL, 0, 80 * MS)
    gate.admit(STILL, 5, 480 * MS)
    assert gate.admit(STILL, 0, 160 * MS) is None
    assert gate.begins
    assert gate.admit(STILL, 0, 160 * MS) == "repeated"
    assert gate.admit(STILL, 1, 240 * MS) is None


def test_a_gate_may_open_in_the_middle_of_a_trial() -> None:
    """Protects the restart of the filter and the driver."""
    gate = ActionGate(20)
    assert gate.admit(STILL, 1234, 80 * MS) is None
    assert gate.lost == 0


def test_a_sequence_that_starts_again_is_taken_even_if_its_first_action_was_lost() -> None:
    """Protects the run when a policy is started again: its first action may come before the filter knows it."""
    gate = ActionGate(20)
    gate.admit(STILL, 140, 80 * MS)
    assert gate.admit(STILL, 1, 160 * MS) is None
    assert gate.begins
    assert gate.admit(STILL, 2, 240 * MS) is None
    assert not gate.begins


def test_a_stamp_from_the_future_shuts_out_one_more_action_at_most() -> None:
    """Protects a run from a single wrong stamp, which the filter cannot know without a clock."""
    gate = ActionGate(20)
    gate.admit(STILL, 1, 80 * MS)
    assert gate.admit(STILL, 2, 10_000 * MS) is None
    assert gate.admit(STILL, 3, 240 * MS) == "out of order"
    assert gate.admit(STILL, 4, 320 * MS) is None
    assert gate.admit(STILL, 5, 400 * MS) is None
