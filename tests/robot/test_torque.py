"""Torques on their way to the motors: the safety law and the law by which a robot holds, on numbers done by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dactyl.errors import DactylError
from dactyl.robot import control, torque
from dactyl.robot.control import TORQUE, ActionMeaning

LIMIT, DAMPING, STIFFNESS = 0.36, np.array([0.08, 0.08, 0.04]), np.array([5.0, 5.0, 2.5])


@pytest.fixture(params=[np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def array(request):
    return request.param


def test_the_safety_law_bounds_damps_and_bounds_again(array):
    """clip(clip(torque) - damping * velocity): a fast motor is braked by all that the limit allows, and no more."""
    asked = array(np.array([0.2, 1.0, -1.0]))
    still, turning = array(np.zeros(3)), array(np.array([1.0, 2.0, 30.0]))
    np.testing.assert_allclose(torque.applied(asked, still, LIMIT, array(DAMPING)), [0.2, 0.36, -0.36])
    expected = [0.2 - 0.08, 0.36 - 0.16, -0.36]
    np.testing.assert_allclose(torque.applied(asked, turning, LIMIT, array(DAMPING)), expected)


def test_a_motor_that_is_pushed_on_is_braked_from_the_bound_and_not_from_what_was_asked(array):
    """Protects the inner clip: 10 N·m asked for must not outweigh the damping of a motor at its full speed."""
    ten = array(np.full(3, 10.0))
    braked = torque.applied(ten, array(np.full(3, 4.5)), LIMIT, array(DAMPING))
    np.testing.assert_allclose(braked, [0.0, 0.0, 0.18], atol=1e-12)


def test_a_posture_is_pulled_to_within_the_limit(array):
    target, positions = array(np.array([0.02, 1.0, -1.0])), array(np.zeros(3))
    pulled = torque.towards(target, positions, LIMIT, array(STIFFNESS))
    np.testing.assert_allclose(pulled, [0.1, 0.36, -0.36])
    np.testing.assert_array_equal(torque.towards(target, target, LIMIT, array(STIFFNESS)), 0.0)


def test_the_laws_work_over_any_leading_dimensions(array):
    random = np.random.default_rng(0).normal(size=(4, 5, 2, 3))
    for law in (
        lambda a, b: torque.applied(a, b, LIMIT, array(DAMPING)),
        lambda a, b: torque.towards(a, b, LIMIT, array(STIFFNESS)),
    ):
        whole = np.asarray(law(array(random[..., 0, :]), array(random[..., 1, :])))
        one = np.asarray(law(array(random[2, 3, 0]), array(random[2, 3, 1])))
        np.testing.assert_array_equal(whole[2, 3], one)
        assert np.abs(whole).max() <= LIMIT


def test_nan_is_not_taken_for_a_torque(array):
    """A clip that swallowed NaN would send a motor to its limit; it has to reach the caller's check."""
    bad, good = array(np.array([np.nan, 0.1, 0.1])), array(np.zeros(3))
    for numbers in (
        torque.applied(bad, good, LIMIT, array(DAMPING)),
        torque.applied(good, bad, LIMIT, array(DAMPING)),
        torque.towards(bad, good, LIMIT, array(STIFFNESS)),
        torque.towards(good, bad, LIMIT, array(STIFFNESS)),
        control.torques(bad, LIMIT),
    ):
        assert np.isnan(np.asarray(numbers)).tolist() == [True, False, False]


def test_actions_are_shares_of_the_largest_torque(array):
    action = array(np.array([1.0, -0.5, 0.0, 3.0]))
    np.testing.assert_allclose(control.torques(action, LIMIT), [0.36, -0.18, 0.0, 0.36])
    np.testing.assert_allclose(control.torques(action, LIMIT, scale=0.5), [0.18, -0.09, 0.0, 0.36])


def test_commands_are_what_the_actions_mean(array):
    positions, action = array(np.array([0.1, 0.2])), array(np.array([0.5, -1.0]))
    limits = array(np.array([[-1.0, 1.0], [0.0, 1.0]]))
    torques = control.commands(positions, action, limits, ActionMeaning(TORQUE, 1.0, 1.0), 2.0)
    np.testing.assert_allclose(torques, [1.0, -2.0])
    for origin, expected in (("middle", [0.5, 0.0]), ("current", [0.6, 0.0])):
        targets = control.commands(positions, action, limits, ActionMeaning(origin, 1.0, 1.0), 2.0)
        np.testing.assert_allclose(targets, expected)


def test_the_action_that_asks_for_nothing_is_no_torque(array):
    """Postures have one for each position; torques have one for all, and it lets the robot sink."""
    positions, limits = array(np.array([0.1, 0.2])), array(np.array([[-1.0, 1.0], [0.0, 1.0]]))
    np.testing.assert_array_equal(control.holding(positions, limits, TORQUE), [0.0, 0.0])
    np.testing.assert_allclose(control.holding(positions, limits, "middle"), [0.1, -0.6])


def test_a_robot_without_torques_is_sent_none(array):
    """Protects a hand of position controllers from numbers that are no angles."""
    two = array(np.zeros(2))
    with pytest.raises(DactylError, match="actions are torques, and the robot takes none"):
        control.commands(two, two, array(np.array([[-1.0, 1.0], [0.0, 1.0]])), ActionMeaning(TORQUE))
