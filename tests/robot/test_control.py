"""The control chain: bins, smoothing, relative targets. The nodes run it in numpy, training in torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dactyl.errors import DactylError
from dactyl.robot import control
from dactyl.robot.control import ActionMeaning
from dactyl.robots.shadow.joints import ACTUATOR_LIMITS


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_bins_cover_the_action_range_evenly(dtype):
    """Eleven equally spaced actions from -1 to 1, in single precision, whatever integers bins come as (uint8 wraps)."""
    actions = control.as_action(np.arange(11, dtype=dtype), 11)
    assert actions.dtype == np.float32
    np.testing.assert_allclose(actions, np.linspace(-1, 1, 11), atol=1e-7)
    assert actions[5] == 0.0  # exactly: a hand told to hold still must not creep
    np.testing.assert_array_equal(actions, -actions[::-1])
    np.testing.assert_array_equal(actions, control.as_action(torch.arange(11), 11).numpy())
    assert control.as_action(np.arange(11), 11, np.float64)[6] == 0.2
    np.testing.assert_array_equal(control.as_action(np.arange(5), 5), [-1.0, -0.5, 0.0, 0.5, 1.0])
    np.testing.assert_array_equal(control.as_action(np.array([-0.3, 1.0]), 0), np.float32([-0.3, 1.0]))


def test_smoothing_is_a_moving_average():
    """Footnote 15: 0.3 is the weight of the new action per 80 ms."""
    smoothed, trace = np.zeros(20), []
    for action in (1.0, 1.0, 1.0, 0.0, -1.0):
        smoothed = control.smooth(smoothed, np.full(20, action), 0.3)
        trace.append(smoothed[0])
    np.testing.assert_allclose(trace, [0.3, 0.51, 0.657, 0.4599, 0.02193], atol=1e-12)
    assert control.smooth(np.zeros(20), np.zeros(20), 0.3).max() == 0.0
    np.testing.assert_array_equal(control.smooth(np.ones(20), np.full(20, 0.4), coefficient=1.0), np.full(20, 0.4))


def test_numpy_and_torch_smooth_alike():
    """Bit by bit: the action filter's float32 must be training's float32 after any number of steps."""
    generator = np.random.default_rng(0)
    ours, theirs = np.zeros(20, np.float32), torch.zeros(20)
    for _ in range(100):
        bins = generator.integers(11, size=20)
        ours = control.smooth(ours, control.as_action(bins, 11), 0.3)
        theirs = control.smooth(theirs, control.as_action(torch.from_numpy(bins), 11), 0.3)
        np.testing.assert_array_equal(ours, theirs.numpy())
    assert ours.dtype == np.float32


def test_targets_are_relative_to_the_present_positions():
    """Action 1 reaches half the actuator's range from where the joint is, action 0 holds it there."""
    lower, upper = ACTUATOR_LIMITS.T
    middle, half = (lower + upper) / 2, (upper - lower) / 2
    zero, one = np.zeros(20), np.ones(20)
    np.testing.assert_array_equal(control.target(middle, zero, ACTUATOR_LIMITS), middle)
    np.testing.assert_allclose(control.target(middle, one, ACTUATOR_LIMITS), upper)
    np.testing.assert_allclose(control.target(middle, -0.5 * one, ACTUATOR_LIMITS), middle - half / 2)
    np.testing.assert_allclose(control.target(middle, one, ACTUATOR_LIMITS, scale=0.25), middle + half / 4)


def test_targets_counted_from_the_middle_are_postures():
    """Whatever the positions are: 0 is the middle of the range and 1 its end."""
    lower, upper = ACTUATOR_LIMITS.T
    middle, one = (lower + upper) / 2, np.ones(20)
    for array in (np.asarray, torch.as_tensor):
        for positions in (lower, np.random.default_rng(0).normal(size=20)):
            arrays = array(positions), array(-one), array(ACTUATOR_LIMITS), "middle"
            np.testing.assert_allclose(control.target(*arrays), lower)
            np.testing.assert_allclose(control.target(*arrays, scale=0.5), (lower + middle) / 2)
    for refuse in (control.check_origin, ActionMeaning):
        with pytest.raises(DactylError, match="counted from current or middle, not 'wrist'"):
            refuse("wrist")


def test_targets_stay_inside_the_limits():
    """Appendix B.4: the low-level controller clips to the valid range; also where a joint already is outside."""
    lower, upper = ACTUATOR_LIMITS.T
    one = np.ones(20)
    np.testing.assert_array_equal(control.target(upper, one, ACTUATOR_LIMITS), upper)
    np.testing.assert_array_equal(control.target(lower, -one, ACTUATOR_LIMITS), lower)
    np.testing.assert_array_equal(control.target(upper + 0.3, 0 * one, ACTUATOR_LIMITS), upper)


def test_nan_is_not_taken_for_a_limit():
    """A clip that swallowed NaN would send the hand to a limit; it has to reach the caller's check."""
    positions = np.zeros(20)
    positions[3] = np.nan
    for array in (np.asarray, torch.as_tensor):
        target = control.target(array(positions), array(np.zeros(20)), array(ACTUATOR_LIMITS))
        assert np.isnan(np.asarray(target)).nonzero()[0].tolist() == [3]


def test_numpy_and_torch_find_the_same_targets():
    generator = np.random.default_rng(1)
    positions, actions = generator.normal(size=(50, 20)), generator.uniform(-1, 1, (50, 20))
    ours = control.target(positions, actions, ACTUATOR_LIMITS)
    theirs = control.target(*map(torch.as_tensor, (positions, actions, ACTUATOR_LIMITS)))
    np.testing.assert_array_equal(ours, theirs.numpy())
