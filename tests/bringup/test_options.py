"""What a person may choose, also as text."""

from __future__ import annotations

import pytest

from dactyl.bringup.options import (
    RealOptions,
    RecordOptions,
    ReplayOptions,
    SimOptions,
    option_descriptions,
    parse_option,
)
from dactyl.errors import DactylError


def test_every_option_is_described() -> None:
    """Protects `--help` and `ros2 launch --show-args`."""
    for options in (SimOptions, RealOptions, RecordOptions, ReplayOptions):
        descriptions = option_descriptions(options)
        assert set(descriptions) == set(options.__dataclass_fields__)
    assert option_descriptions(SimOptions)["lockstep"].startswith("Wait for each action")


@pytest.mark.parametrize(("text", "hint", "value"), [("true", bool, True), ("3", int, 3), ("block", str, "block")])
def test_launch_arguments_become_options(text: str, hint: type, value: object) -> None:
    """Protects `ros2 launch dactyl sim.launch.py trials:=3`."""
    assert parse_option("name", text, hint) == value


def test_a_launch_argument_of_the_wrong_type_is_one_line() -> None:
    """Protects users of ros2 launch from a traceback."""
    with pytest.raises(DactylError, match="trials must be a whole number, not 'many'"):
        parse_option("trials", "many", int)
