"""Which numbers may be chosen, and the one line about one that may not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import pytest

from dactyl.errors import WrongArgumentError
from dactyl.ranges import Count, Minutes, Number, Range, Seed, Unread, check, check_options, find


@dataclass
class Choice:
    seed: Seed = 0
    minutes: Minutes = math.inf
    place: tuple[Number, Number] | None = None
    threads: tuple[Count, ...] = ()
    plain: float = 0.0
    name: str = "nan"
    on: bool = True


@pytest.mark.parametrize(
    "options", [Choice(), Choice(2**63 - 1, 0.5, (-1.0, 2.0), (1, 2), -7.0), Choice(minutes=1, place=(0, 1))]
)
def test_what_may_be_chosen_passes(options: Choice) -> None:
    check_options(options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Choice(seed=-1), "seed must be a whole number from 0 to 9223372036854775807, not -1"),
        (Choice(seed=2**63), "seed must be"),
        (Choice(seed=10**400), "seed must be"),
        (Choice(minutes=0.0), "minutes must be a number above 0, not 0.0"),
        (Choice(minutes=math.nan), "minutes must be a number above 0, not nan"),
        (Choice(minutes=-math.inf), "minutes must be"),
        (Choice(place=(0.0, math.inf)), "place must be a finite number, not inf"),
        (Choice(threads=(1, 0)), "threads must be a whole number from 1 to 2147483647, not 0"),
        (Choice(plain=math.nan), "plain must be a finite number, not nan"),
    ],
)
def test_what_may_not_is_one_line(options: Choice, message: str) -> None:
    with pytest.raises(WrongArgumentError) as error:
        check_options(options)
    assert message in str(error.value)


def test_what_was_no_number_is_shown_as_it_was_given() -> None:
    with pytest.raises(WrongArgumentError, match="--n must be a whole number up to 5, not 'x'"):
        check({"n": Unread("x")}, {"n": Annotated[int, Range(high=5)]}, "--{}".format)


def test_only_numbers_have_a_range() -> None:
    assert find(bool) is None
    assert find(str) is None
    assert find(tuple[str, ...] | None) is None
    assert find(int) == (int, Range())
