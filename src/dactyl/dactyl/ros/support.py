"""What every node shares: validated parameters, QoS profiles, ROS conversions, diagnostics, the main loop."""

from __future__ import annotations

import dataclasses
import gc
import math
import os
import signal
import sys
import threading
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import array_api_compat.numpy  # noqa: F401 what the maths imports at its first call: 0.2 s in a control step
import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import Point, Pose, Quaternion
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import get_default_context

from dactyl.errors import WRONG_PARAMETER, DactylError

SENSOR = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Sensor data: the newest reading or none."""
RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
"""Everything else."""
LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""State that a node started later has to know: the goal, the trial's status."""

P = TypeVar("P")

# ---------------------------------------------------------------------------------------------------- parameters


def parameter(
    default: Any,
    description: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[str] = (),
    length: int | None = None,
) -> Any:
    """A field of a node's parameter dataclass; limits are inclusive, and hold for each element of a list."""
    limits = {"minimum": minimum, "maximum": maximum, "choices": tuple(choices), "length": length}
    return dataclasses.field(default=default, metadata={"description": description, **limits})


def check_parameter(name: str, value: Any, hint: Any, limits: Mapping[str, Any]) -> Any:
    """The value as its declared type, within its limits.

    Raises:
        DactylError: one line saying what is wrong with it.
    """
    if typing.get_origin(hint) is tuple:
        if isinstance(value, (str, bytes)) or not hasattr(value, "__len__"):
            raise DactylError(f"parameter {name} must be a list, not {value!r}")
        if limits["length"] not in (None, len(value)):
            raise DactylError(f"parameter {name} must have {limits['length']} elements, not {len(value)}")
        element = typing.get_args(hint)[0]
        return tuple(check_parameter(f"{name}[{i}]", item, element, limits) for i, item in enumerate(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)  # "rate: 8" in a parameter file
    if type(value) is not hint:
        raise DactylError(f"parameter {name} must be a {hint.__name__}, not {value!r}")
    if isinstance(value, float) and math.isnan(value):
        raise DactylError(f"parameter {name} must be a number, not NaN")
    minimum, maximum = limits["minimum"], limits["maximum"]
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        allowed = f"[{_limit(minimum, '-inf')}, {_limit(maximum, 'inf')}]"
        raise DactylError(f"parameter {name} = {value} is outside {allowed}")
    if limits["choices"] and value not in limits["choices"]:
        raise DactylError(f"parameter {name} = {value!r} is none of: {', '.join(limits['choices'])}")
    return value


def _limit(limit: float | None, unlimited: str) -> str:
    return unlimited if limit is None else f"{limit:g}"


def _descriptor(hint: Any, metadata: Mapping[str, Any]) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=metadata["description"], read_only=True)
    scalar = typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else hint
    minimum, maximum = metadata["minimum"], metadata["maximum"]
    if metadata["choices"]:
        descriptor.additional_constraints = "one of: " + ", ".join(metadata["choices"])
    elif None not in (minimum, maximum) and scalar is int:
        descriptor.integer_range = [IntegerRange(from_value=int(minimum), to_value=int(maximum), step=1)]
    elif None not in (minimum, maximum) and scalar is float:
        descriptor.floating_point_range = [FloatingPointRange(from_value=float(minimum), to_value=float(maximum))]
    elif minimum is not None or maximum is not None:
        descriptor.additional_constraints = f"in [{_limit(minimum, '-inf')}, {_limit(maximum, 'inf')}]"
    return descriptor


# --------------------------------------------------------------------------------------------------- conversions


def nanoseconds(stamp: Time) -> int:
    """A stamp as one number."""
    return stamp.sec * 1_000_000_000 + stamp.nanosec


def set_stamp(stamp: Time, ns: int) -> None:
    """Write ns >= 0 into a message's stamp."""
    stamp.sec, stamp.nanosec = divmod(ns, 1_000_000_000)


def set_point(message: Point, position: Sequence[float] | np.ndarray) -> None:
    """Write (3,) into a message."""
    message.x, message.y, message.z = float(position[0]), float(position[1]), float(position[2])


def set_quaternion(message: Quaternion, wxyz: Sequence[float] | np.ndarray) -> None:
    """Write (w, x, y, z) into a message."""
    message.w, message.x, message.y, message.z = (float(value) for value in wxyz)


def position(message: Pose) -> np.ndarray:
    """(3,)"""
    return np.array([message.position.x, message.position.y, message.position.z])


def orientation(message: Quaternion) -> np.ndarray:
    """(4,) unit, (w, x, y, z); NaN where the message holds no rotation."""
    wxyz = np.array([message.w, message.x, message.y, message.z])
    length = np.linalg.norm(wxyz)
    return wxyz / length if length > 1e-6 else np.full(4, np.nan)


# ---------------------------------------------------------------------------------------------------------- node


class Diagnosis(NamedTuple):
    """How a node is."""

    message: str = "running"
    level: bytes = DiagnosticStatus.OK
    values: Mapping[str, Any] = {}


def warning(message: str, **values: Any) -> Diagnosis:
    """A node that lacks something."""
    return Diagnosis(message, DiagnosticStatus.WARN, values)


def error(message: str, **values: Any) -> Diagnosis:
    """A node that a person has to look after."""
    return Diagnosis(message, DiagnosticStatus.ERROR, values)


def status(name: str, diagnosis: Diagnosis) -> DiagnosticStatus:
    """A diagnosis as /diagnostics has it."""
    message, level, values = diagnosis
    pairs = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
    return DiagnosticStatus(name=name, level=level, message=message, values=pairs)


class DactylNode(Node):
    """A node that validates its parameters and reports its health on /diagnostics once a second."""

    finished = False
    failure: BaseException | None = None
    """What ended a thread of the node, if something did."""

    def __init__(self, name: str) -> None:
        super().__init__(name, automatically_declare_parameters_from_overrides=True)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", RELIABLE)
        self.wall_timer(1.0, self._publish_diagnosis)

    def declare(self, parameters: type[P]) -> P:
        """Declare the fields of a dataclass as parameters and return their values.

        Raises:
            DactylError: one has a wrong type or value, or a parameter was given that the node does not have.
        """
        hints = typing.get_type_hints(parameters)
        declared: dict[str, Any] = self.get_parameters_by_prefix("")
        given = {name: item.value for name, item in declared.items()}
        fields = {field.name: field for field in dataclasses.fields(parameters)}  # type: ignore[arg-type]
        ros = ("use_sim_time", "start_type_description_service", "qos_overrides.")
        if unknown := sorted(name for name in given if name not in fields and not name.startswith(ros)):
            raise DactylError(f"there is no parameter {unknown[0]}; there are: {', '.join(sorted(fields))}")
        values = {}
        for name, field in fields.items():
            value = given.get(name, field.default)
            values[name] = check_parameter(name, value, hints[name], field.metadata)
            if name in given:
                self.undeclare_parameter(name)  # declared with its override's type and no description
            ros_value = list(values[name]) if isinstance(values[name], tuple) else values[name]
            self.declare_parameter(name, ros_value, _descriptor(hints[name], field.metadata), ignore_override=True)
        return parameters(**values)

    def wall_timer(self, period: float, callback: Callable[[], None]) -> None:
        """Call back every `period` s of the machine's time, whatever the ROS clock does."""
        self.create_timer(period, callback, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def diagnose(self) -> Diagnosis:
        """How the node is; overridden by nodes that have something to say."""
        return Diagnosis()

    def finish(self) -> None:
        """End this process once the running callback returns: as a success, unless there is a failure."""
        self.finished = True
        if self.executor:
            self.executor.wake()

    def _publish_diagnosis(self) -> None:
        array = DiagnosticArray(status=[status(self.get_fully_qualified_name(), self.diagnose())])
        array.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(array)


def run(make_node: Callable[[], DactylNode]) -> int:
    """Make a node and spin it until it finishes or SIGINT or SIGTERM comes; returns the process's exit code.

    A signal ends the loop, so that the node's last messages can be sent and its threads end before ROS does; ROS's own
    handlers would shut it down under their feet.
    """
    made: list[DactylNode] = []
    _finish_on_signal(made)
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    executor = SingleThreadedExecutor()
    node = None
    try:
        node = make_node()
        made.append(node)
        executor.add_node(node)
        gc.collect()
        gc.freeze()  # what start-up made stays: looking through it again would stop the node for tens of ms
        while node.context.ok() and not node.finished:
            executor.spin_once()
        if node.failure:
            raise node.failure
    except DactylError as error:
        print(f"cannot {'go on' if node else 'start'}: {error}", file=sys.stderr, flush=True)
        return 1 if node else WRONG_PARAMETER
    finally:
        executor.shutdown(timeout_sec=1.0)
        if node:
            node.destroy_node()
        get_default_context().try_shutdown()
    return 0


def _finish_on_signal(made: Sequence[DactylNode]) -> None:
    """Let SIGINT and SIGTERM finish the node, once it is made; before that, the process."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def wait() -> None:
        os.read(reading, 1)
        if not made:
            os._exit(0)
        made[0].finish()

    # python's handlers run in the main thread, which waits inside the middleware: what wakes this thread is the byte
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    threading.Thread(target=wait, daemon=True).start()
