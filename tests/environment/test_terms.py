"""Terms that are a signal as it is."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl import objects
from dactyl.environment.terms import FINGERTIPS, flat, plain
from dactyl.robot import robot as robots

SHADOW, BLOCK = robots.load("shadow"), objects.load("block")


@pytest.mark.parametrize(
    ("signal", "size"),
    [("joint_angles", 24), ("smoothed_action", 20), ("object_position", 3), ("object_turn", 4), ("effects", 106)],
)
def test_a_plain_term_is_its_signal(signal: str, size: int) -> None:
    term, values = plain(signal), np.random.default_rng(0).normal(size=(2, size))
    assert (term.shape(SHADOW), term.needs) == ((size,), (signal,))
    np.testing.assert_array_equal(term.function({signal: values}, BLOCK), values)


def test_a_signal_that_is_no_vector_has_no_plain_term() -> None:
    with pytest.raises(KeyError, match="fingertips"):
        plain("fingertips")


def test_fingertips_are_side_by_side() -> None:
    tips = np.arange(30.0).reshape(2, 5, 3)
    assert FINGERTIPS.shape(SHADOW) == (15,)
    np.testing.assert_array_equal(FINGERTIPS.function({"fingertips": tips}, BLOCK), np.arange(30.0).reshape(2, 15))
    np.testing.assert_array_equal(flat(tips[0]), np.arange(15.0))
