"""The backlash model against appendix C.2's equations, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dactyl.robot import backlash

# one joint with rates 2 (negative) and 4 (positive), slack 0 at first: action, slack after it, action that gets through
DELTA = np.array([2.0, 4.0])
TRACE = [
    (0.1, 0.4, 0.0),  # s' = 0 + 0.1 * 4; alpha = 1 - |1 - 0| / 0.4 < 0: nothing gets through
    (0.1, 0.8, 0.0),  # 1 - 0.6 / 0.4 < 0
    (0.1, 1.0, 0.0),  # clipped at 1; 1 - 0.2 / 0.2 = 0: this step still took up the last of the slack
    (0.1, 1.0, 0.1),  # tight: alpha = 1 - 0 / 1e-12 = 1
    (0.5, 1.0, 0.5),
    (0.0, 1.0, 0.0),  # no action moves nothing, the slack least of all
    (0.5, 1.0, 0.5),
    (-0.25, 0.5, 0.0),  # reversed: the slack has to be crossed at the other direction's rate
    (-0.25, 0.0, 0.0),
    (0.1, 0.4, 0.0),  # reversed half way
    (-0.5, -0.6, 0.0),
    (-0.5, -1.0, 0.0),
    (-0.5, -1.0, -0.5),
    (-1.0, -1.0, -1.0),
    (0.5, 1.0, 0.0),  # full width in one step: 0.5 * 4 = 2
    (0.5, 1.0, 0.5),
]


@pytest.mark.parametrize("array", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_hand_worked_trace(array):
    """Slack takes up, alpha is 0 then 1, reversals, zero action, each direction its own rate."""
    slack = array(np.zeros(1))
    for i, (action, expected_slack, expected_output) in enumerate(TRACE):
        slack, output = backlash.apply(slack, array(np.array([action])), array(DELTA[None]))
        assert float(slack[0]) == pytest.approx(expected_slack, abs=1e-9), f"slack at step {i}"
        assert float(output[0]) == pytest.approx(expected_output, abs=1e-9), f"output at step {i}"


def test_time_scales_the_rate():
    """Two half steps move the slack as far as a whole one."""
    whole, _ = backlash.apply(np.zeros(1), np.array([0.1]), DELTA[None])
    half = np.zeros(1)
    for _ in range(2):
        half, _ = backlash.apply(half, np.array([0.1]), DELTA[None], steps=0.5)
    np.testing.assert_allclose(half, whole)


def random_actions(seed: int = 0) -> np.ndarray:
    """(steps, worlds, 20), often zero or reversing."""
    generator = np.random.default_rng(seed)
    return generator.integers(-5, 6, (60, 4, 20)) / 5 * generator.choice([0.1, 1.0], (60, 4, 20))


def test_batched_is_one_by_one():
    """Worlds and joints do not touch each other."""
    actions = random_actions()
    delta = np.random.default_rng(1).uniform(0.5, 8, (4, 20, 2))
    slack, single = np.zeros((4, 20)), np.zeros((4, 20))
    for action in actions:
        slack, output = backlash.apply(slack, action, delta)
        for index in np.ndindex(4, 20):
            new, out = backlash.apply(single[index], action[index], delta[index])
            single[index] = new
            assert new == slack[index]
            assert out == output[index]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numpy_and_torch_are_equal(dtype):
    """The node's numpy and training's torch, bit by bit."""
    delta = np.random.default_rng(1).uniform(0.5, 8, (4, 20, 2)).astype(dtype)
    ours = np.zeros((4, 20), dtype)
    theirs = torch.from_numpy(ours.copy())
    for action in random_actions().astype(dtype):
        ours, out = backlash.apply(ours, action, delta)
        theirs, torch_out = backlash.apply(theirs, torch.from_numpy(action), torch.from_numpy(delta))
        np.testing.assert_array_equal(ours, theirs.numpy())
        np.testing.assert_array_equal(out, torch_out.numpy())
        assert out.dtype == dtype


def test_never_amplifies_or_reverses():
    """Whatever the history: |slack| <= 1, the output is between nothing and the action, and none of it is NaN."""
    delta = np.random.default_rng(2).uniform(0.01, 20, (4, 20, 2))
    slack, passed = np.zeros((4, 20)), 0
    for action in random_actions(3):
        slack, output = backlash.apply(slack, action, delta)
        assert (np.abs(slack) <= 1).all()
        assert (output * action >= 0).all()
        assert (np.abs(output) <= np.abs(action)).all()
        passed += (output != 0).sum()
    assert passed > 500
