"""What the experiments' pictures share."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from dactyl.reproduction import pictures


def test_trials_of_different_numbers_share_one_axis() -> None:
    axes = Figure().subplots()
    pictures.sorted_trials(axes, {"a": {"sorted": [3, 2, 1, 0]}}, {"b": (9, 1)})
    ours, theirs = axes.lines
    assert ours.get_xdata() == pytest.approx([0.125, 0.375, 0.625, 0.875])
    assert theirs.get_xdata() == pytest.approx([0.25, 0.75])
    assert theirs.get_ydata() == pytest.approx([9, 1])


def test_an_interval_that_is_not_known_is_not_drawn() -> None:
    axes = Figure().subplots()
    curve = {"hours": [1.0, 2.0], "goals": [3.0, 4.0], "low": [None, 3.5], "high": [None, 4.5]}
    pictures.training_curves(axes, {"a": curve}, "hours")
    assert axes.lines[0].get_ydata() == pytest.approx([3.0, 4.0])
    assert axes.get_xscale() == "log"


def test_a_timeline_has_a_row_for_each_in_seconds() -> None:
    axes = Figure().subplots()
    pictures.timeline(axes, ["a", "b", "c"], [[[0, 2], [5, 6]], [], [[1, 3]]], 0.5)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    first, last = axes.collections
    boxes = [path.get_extents() for path in first.get_paths()]
    assert [(box.x0, box.x1) for box in boxes] == [(0.0, 1.0), (2.5, 3.0)]
    (box,) = (path.get_extents() for path in last.get_paths())
    assert (box.y0, box.y1) == pytest.approx((1.6, 2.4)), "what never was leaves its row empty"


def test_what_is_missing_in_a_matrix_stays_empty() -> None:
    axes = Figure().subplots()
    pictures.matrix(axes, np.array([[1.0, np.nan], [2.0, 3.0]]), ["a", "b"], ["c", "d"])
    assert sorted(text.get_text() for text in axes.texts) == ["1.0", "2.0", "3.0"]
    pictures.matrix(Figure().subplots(), np.full((1, 1), np.nan), ["a"], ["b"])
