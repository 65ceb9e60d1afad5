"""Probes read what is there, and nothing where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.reproduction import probe


def states(rows: int, width: int = 30, seed: int = 0) -> np.ndarray:
    """Like a memory's: numbers between -1 and 1, some of which follow others, and one that never changes."""
    random = np.random.default_rng(seed)
    x = np.tanh(random.standard_normal((rows, width)))
    x[:, 1] = 0.9 * x[:, 0] + 0.1 * x[:, 1]
    x[:, 2] = 0.5
    return x


def test_a_truth_that_is_in_the_states_is_read() -> None:
    x = states(800)
    truth = 3.0 + 0.5 * x[:, [3]] - 2.0 * x[:, [4]] + 0.1 * np.random.default_rng(1).standard_normal((800, 1))
    parts = probe.split(800, 0)
    found = probe.summary(probe.read(x, truth, parts), [0])
    assert found["explained"] > 0.95
    assert found["accuracy"] > 0.9
    low, high = found["interval_95"]
    assert low < found["accuracy"] < high
    assert low > found["chance"]
    assert found["asked"] == 200


def test_a_truth_that_is_not_there_is_not_read() -> None:
    """Protects from a probe that knows the held-out part by heart: there are more numbers than fitted rows."""
    x = states(160, width=150)
    truth = np.random.default_rng(2).standard_normal((160, 40))
    parts = probe.split(160, 0)
    found = probe.summary(probe.read(x, truth, parts), list(range(40)))
    assert found["explained"] < 0.05
    assert abs(found["accuracy"] - 0.5) < 0.06


def test_a_weak_truth_gets_a_strong_penalty_and_a_strong_one_a_weak_one() -> None:
    """Each truth has its own: one penalty for all would spoil the one or the other."""
    x, random = states(300, width=100), np.random.default_rng(3)
    clear, noise = x[:, [5]], random.standard_normal((300, 1))
    line = probe.fit(x, np.concatenate([clear, noise], axis=1))
    assert np.abs(line.weights[:, 0]).max() > 0.3
    assert np.abs(line.weights[:, 1]).max() < 0.1


def test_the_leave_one_out_error_is_that_of_leaving_each_one_out() -> None:
    """The closed form against the loop that it stands for, in which the mean is free and not penalized."""
    random = np.random.default_rng(4)
    x, y, penalty = random.standard_normal((25, 4)), random.standard_normal((25, 1)), 3.0
    x, y = x - x.mean(0), y - y.mean(0)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    closed = probe._leave_one_out(u, s, u.T @ y, y, penalty)
    z, penalties = np.column_stack([np.ones(25), x]), np.diag([0.0, *[penalty] * 4])
    squares = []
    for i in range(25):
        keep = np.arange(25) != i
        weights = np.linalg.solve(z[keep].T @ z[keep] + penalties, z[keep].T @ y[keep])
        squares.append(float((y[i] - z[i] @ weights)[0] ** 2))
    assert float(closed[0]) == pytest.approx(float(np.mean(squares)))


def test_yes_or_no_is_read_as_above_or_below() -> None:
    x = states(600)
    truth = (x[:, [6]] > 0.1).astype(float)
    parts = probe.split(600, 1)
    read = probe.read(x, truth, parts)
    assert probe.summary(read, [0])["accuracy"] > 0.85


def test_the_held_out_part_is_a_quarter_and_nobody_is_in_both() -> None:
    parts = probe.split(100, 3)
    assert (len(parts.fitted), len(parts.held_out)) == (75, 25)
    assert sorted([*parts.fitted, *parts.held_out]) == list(range(100))
    assert list(probe.split(100, 4).held_out) != list(parts.held_out)


def test_wilson_by_hand() -> None:
    low, high = probe.wilson(0.8, 10)
    assert (low, high) == (pytest.approx(0.490, abs=1e-3), pytest.approx(0.943, abs=1e-3))
    assert probe.wilson(0.0, 5)[0] == pytest.approx(0.0, abs=1e-9)
    for share, asked in ((0.5, 0), (1.5, 2), (-0.5, 2), (float("nan"), 2)):
        with pytest.raises(DactylError, match="is no share"):
            probe.wilson(share, asked)


def test_answers_that_err_together_count_once() -> None:
    """Protects from an interval that is narrow because each episode was asked about twenty joints."""
    one = np.random.default_rng(5).random((100, 1)) < 0.7
    assert probe.worth(one) == pytest.approx(100.0)
    assert probe.worth(one.repeat(20, axis=1)) == pytest.approx(100.0)
    apart = np.random.default_rng(6).random((100, 20)) < 0.7
    assert 1200.0 < probe.worth(apart) <= 2000.0
    assert probe.worth(np.ones((100, 20), bool)) == 100.0, "all right: nobody knows how they err"


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(DactylError, match="a probe needs"):
        probe.fit(np.full((10, 2), np.nan), np.ones((10, 1)))
    with pytest.raises(DactylError, match="a probe needs"):
        probe.fit(np.ones((2, 2)), np.ones((2, 1)))
