"""Plans that cannot be carried out are refused before any work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dactyl.errors import DactylError
from dactyl.reproduction.experiment import Size, check_plan
from tests.reproduction.toys import Toy


def test_a_plan_in_order_passes() -> None:
    toy = Toy()
    check_plan(toy.experiment(), toy.plan(Size()))


def test_a_step_cannot_need_a_later_one() -> None:
    toy = Toy()
    first, second, third = toy.plan(Size())
    with pytest.raises(DactylError, match="second needs first, which comes later"):
        check_plan(toy.experiment(), (second, first, third))


@pytest.mark.parametrize("name", ["", "a b", "../x", "third"])
def test_a_name_that_is_no_files_or_there_twice(name: str) -> None:
    toy = Toy()
    first, second, third = toy.plan(Size())
    with pytest.raises(DactylError, match="cannot be a step's name"):
        check_plan(toy.experiment(), (first, second, third, replace(third, name=name)))
