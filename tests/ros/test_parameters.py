"""Parameters: a wrong one is one clear line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import rclpy
from rclpy.utilities import get_default_context

from dactyl.errors import DactylError
from dactyl.ros.apart import end
from dactyl.ros.node import DactylNode
from dactyl.ros.parameters import parameter


@dataclass(frozen=True)
class Parameters:
    rate: float = parameter(8.0, "How often.", minimum=0.1, maximum=100.0)
    count: int = parameter(3, "How many.", minimum=1)
    kind: str = parameter("a", "Which.", choices=("a", "b"))
    active: bool = parameter(False, "Whether.")
    weights: tuple[float, ...] = parameter((1.0, 2.0), "How much each.", minimum=0.0, length=2)


@contextmanager
def node(**overrides: Any) -> Iterator[DactylNode]:
    """A node started with these parameters on its command line."""
    arguments = ["--ros-args"]
    for name, value in overrides.items():
        arguments += ["-p", f"{name}:={value}"]
    rclpy.init(args=arguments)
    tested = DactylNode("tested")
    try:
        yield tested
    finally:
        tested.destroy_node()
        end(get_default_context(shutting_down=True))


@pytest.mark.usefixtures("ros_domain")
def test_values_come_from_overrides_and_defaults() -> None:
    """Protects the way from a parameter file into a node; whole numbers are numbers too."""
    with node(rate=5, weights="[3, 4]", active="true") as tested:
        assert tested.declare(Parameters) == Parameters(rate=5.0, weights=(3.0, 4.0), active=True)
        assert tested.get_parameter("rate").value == 5.0
        assert tested.get_parameter("kind").value == "a"
        description = tested.describe_parameter("rate")
        assert description.description == "How often."
        assert description.floating_point_range[0].to_value == 100.0
        assert description.read_only


@pytest.mark.usefixtures("ros_domain")
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"rate": 0.0}, "parameter rate = 0.0 is outside [0.1, 100]"),
        ({"rate": "fast"}, "parameter rate must be a float, not 'fast'"),
        ({"rate": ".nan"}, "parameter rate must be a number, not NaN"),
        ({"count": 1.5}, "parameter count must be a int, not 1.5"),
        ({"count": "true"}, "parameter count must be a int, not True"),
        ({"count": 0}, "parameter count = 0 is outside [1, inf]"),
        ({"kind": "c"}, "parameter kind = 'c' is none of: a, b"),
        ({"weights": "[1.0]"}, "parameter weights must have 2 elements, not 1"),
        ({"weights": "[1.0, -1.0]"}, "parameter weights[1] = -1.0 is outside [0, inf]"),
        ({"weights": 1.0}, "parameter weights must be a list, not 1.0"),
        ({"ratte": 8.0}, "there is no parameter ratte: did you mean rate?"),
    ],
)
def test_a_wrong_parameter_is_one_clear_line(override: dict[str, Any], message: str) -> None:
    """Protects whoever edits the parameter files, also from typing errors in names."""
    with node(**override) as tested, pytest.raises(DactylError) as error:
        tested.declare(Parameters)
    assert str(error.value) == message
