"""Parameters that may be changed while a node runs, with `ros2 param set` or from the dashboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from dactyl.errors import DactylError


def add_setting(node: Node, name: str, start: Any, description: str, apply: Callable[[Any], None]) -> None:
    """Declare a parameter whose new value goes to `apply`, which raises DactylError to refuse it."""
    node.declare_parameter(name, start, ParameterDescriptor(description=description), ignore_override=True)

    def on_set(parameters: Sequence[Parameter]) -> SetParametersResult:
        try:
            for parameter in parameters:
                if parameter.name == name:
                    apply(parameter.value)
        except DactylError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(on_set)
