"""How many processes share a training."""

from __future__ import annotations

import pytest

from dactyl.reproduction.sharing import cores, workers_for


@pytest.mark.parametrize(
    ("number", "workers"), [(0, 1), (1, 1), (2, 2), (3, 2), (4, 4), (7, 4), (8, 8), (16, 8), (100, 8)]
)
def test_a_power_of_two_that_the_cores_carry(number: int, workers: int) -> None:
    """Protects trainings of 8 environments or more from workers that cannot share them."""
    assert workers_for(number) == workers


def test_this_machine_has_a_core() -> None:
    assert cores() >= 1
