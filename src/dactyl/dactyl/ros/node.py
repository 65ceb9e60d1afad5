"""What every node is: validated parameters, a diagnosis once a second, one main loop."""

from __future__ import annotations

import copy
import dataclasses
import gc
import os
import platform
import signal
import sys
import threading
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

import array_api_compat.numpy  # noqa: F401 what the maths imports at its first call: 0.2 s in a control step
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.exceptions import InvalidHandle
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSPolicyKind, QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.signals import SignalHandlerOptions
from rclpy.subscription import Subscription
from rclpy.timer import Timer
from rclpy.utilities import get_default_context

from dactyl import topics, variables
from dactyl.errors import WRONG_PARAMETER, DactylError, choose_from
from dactyl.ros.messages import RELIABLE
from dactyl.ros.parameters import check_parameter, descriptor
from dactyl.ros.polling import NotExecuted, take
from dactyl.ros.spinning import spinner
from dactyl.signals import ends

P = TypeVar("P")
QOS = "qos_overrides."
POLICIES = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY)
"""Of a topic's quality of service, what parameters may change."""
_given: ContextVar[list[str] | None] = ContextVar("_given", default=None)
"""ROS's arguments of the node that is being made, where they are not those of the whole process."""


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


def status(name: str, diagnosis: Diagnosis, hardware_id: str) -> DiagnosticStatus:
    """A diagnosis as /diagnostics has it."""
    message, level, values = diagnosis
    pairs = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
    return DiagnosticStatus(name=name, level=level, message=message, values=pairs, hardware_id=hardware_id)


class DactylNode(Node):
    """A node that validates its parameters and reports its health on /diagnostics once a second."""

    finished = False
    ends_within = 5
    """s that it may take to end, middleware included. Then the process is killed: nobody else may be there to do it."""
    failure: BaseException | None = None
    """What ended a thread of the node, if something did."""
    hardware_id = platform.node()
    """What its diagnoses are about: a device where it has one, else this computer."""
    _overridable: set[str] | None = None
    """Beginnings of the names of quality-of-service parameters that its topics have; None until it is made."""
    _time: Subscription | None = None
    """To simulated time, where the node goes by it."""
    end_loop: Callable[[], None] | None = None
    """Ends the loop that runs the node's callbacks, from any thread; None: there is none of ours."""

    def __init__(self, name: str) -> None:
        given = _given.get()
        super().__init__(
            name,
            cli_args=given,
            use_global_arguments=given is None,
            automatically_declare_parameters_from_overrides=True,
        )
        self._overridable = set()
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        """One for all timers: the events executor has a thread for each clock."""
        self._diagnostics = self.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, RELIABLE)
        self.wall_timer(1.0, self._publish_diagnosis)

    def asked(self, name: str, default: str) -> str:
        """What somebody gave for a parameter that others depend on, before `declare`: the robot's name."""
        given = self.get_parameter_or(name).value
        return default if given is None else str(given)

    def declare(self, parameters: type[P], defaults: Mapping[str, Any] | None = None) -> P:
        """Declare the fields of a dataclass as parameters and return their values.

        Args:
            parameters: made of `parameters.parameter`.
            defaults: of fields whose own default is None, because the robot or the task says what it is.

        Raises:
            DactylError: one has a wrong type or value, or a parameter was given that the node does not have.
        """
        hints = typing.get_type_hints(parameters)
        declared: dict[str, Any] = self.get_parameters_by_prefix("")
        given = {name: item.value for name, item in declared.items()}
        fields = {field.name: field for field in dataclasses.fields(parameters)}  # type: ignore[arg-type]
        known = {*fields, "use_sim_time", "start_type_description_service"}
        if unknown := sorted(name for name in given if name not in known and not name.startswith(QOS)):
            raise DactylError(f"there is no parameter {unknown[0]}: {choose_from(unknown[0], sorted(fields))}")
        values = {}
        for name, field in fields.items():
            value = given.get(name, field.default if field.default is not None else (defaults or {}).get(name))
            values[name] = check_parameter(name, value, hints[name], field.metadata)
            if name in given:
                self.undeclare_parameter(name)  # declared with its override's type and no description
            ros_value = list(values[name]) if isinstance(values[name], tuple) else values[name]
            self.declare_parameter(name, ros_value, descriptor(hints[name], field.metadata), ignore_override=True)
        return parameters(**values)

    def create_publisher(self, msg_type: Any, topic: str, qos_profile: QoSProfile | int, **options: Any) -> Publisher:
        """As ROS's; its quality of service can be set by parameters `qos_overrides.TOPIC.publisher.depth`, …"""
        with self._overriding(topic, "publisher", qos_profile, options) as mine:
            return super().create_publisher(msg_type, topic, mine, **options)

    def create_subscription(
        self, msg_type: Any, topic: str, callback: Callable[..., None], qos_profile: QoSProfile | int, **options: Any
    ) -> Subscription:
        """As ROS's; its quality of service can be set by parameters `qos_overrides.TOPIC.subscription.depth`, …"""
        clock = topic == topics.CLOCK and "callback_group" not in options  # ROS's own, for use_sim_time
        if clock:
            options["callback_group"] = NotExecuted()
        with self._overriding(topic, "subscription", qos_profile, options) as mine:
            made = super().create_subscription(msg_type, topic, callback, mine, **options)
        if clock:
            self._time = made
        return made

    def destroy_subscription(self, subscription: Subscription) -> bool:
        """As ROS's."""
        if subscription is self._time:
            self._time = None
        destroyed: bool = super().destroy_subscription(subscription)
        return destroyed

    def get_clock(self) -> Clock:
        """As ROS's. Simulated time wakes nobody 125 times a second: it is looked at when somebody asks for the time."""
        time = self._time
        if time is not None:
            with suppress(InvalidHandle):  # another thread is destroying the node
                for taken in take(time):
                    time.callback(taken.message)
        return super().get_clock()

    @contextmanager
    def _overriding(
        self, topic: str, what: str, qos: QoSProfile | int, options: dict[str, Any]
    ) -> Iterator[QoSProfile | int]:
        """A copy of a profile that overrides may be written into, and the option that lets them be."""
        if self._overridable is None or not isinstance(qos, QoSProfile):  # ROS's own topics
            yield qos
            return
        try:
            beginning = f"{QOS}{self.resolve_topic_name(topic)}.{what}."
        except RuntimeError as error:  # the names of the hand's topics are parameters
            raise DactylError(f"{topic!r} is no name of a topic for ROS") from error
        self._overridable.add(beginning)
        options["qos_overriding_options"] = QoSOverridingOptions(POLICIES)
        try:
            yield copy.copy(qos)
        except (RuntimeError, TypeError, ValueError, AttributeError, AssertionError) as error:
            if not self.get_parameters_by_prefix(beginning.rstrip(".")):
                raise
            raise DactylError(f"parameters {beginning}*: {' '.join(str(error).split())}") from error

    def check_overrides(self) -> None:
        """DactylError where a quality of service was given for a topic that the node has not. To be asked once made."""
        for name in self.get_parameters_by_prefix(QOS.rstrip(".")):
            if not any((QOS + name).startswith(beginning) for beginning in self._overridable or ()):
                topics_ = ", ".join(sorted(beginning.rstrip(".") for beginning in self._overridable or ()))
                raise DactylError(f"there is no parameter {QOS}{name}; there are: {topics_}")

    @property
    def subscriptions(self) -> Iterator[Subscription]:
        """Those that an executor is to take from. One of rclpy's knows no callback groups: so others are not told."""
        return (each for each in super().subscriptions if not isinstance(each.callback_group, NotExecuted))

    def wall_timer(self, period: float, callback: Callable[[], None]) -> Timer:
        """Call back every `period` s of the machine's time, whatever the ROS clock does."""
        return self.create_timer(period, callback, clock=self._steady)

    def diagnose(self) -> Diagnosis:
        """How the node is; overridden by nodes that have something to say."""
        return Diagnosis()

    def finish(self) -> None:
        """End this process once the running callback returns: as a success, unless there is a failure."""
        self.finished = True
        if self.end_loop is not None:
            self.end_loop()

    def fail(self, failure: BaseException) -> None:
        """End this process because of a failure. An executor that it passed through would say it once more."""
        self.failure = failure
        self.finish()

    def _publish_diagnosis(self) -> None:
        found = status(self.get_fully_qualified_name(), self.diagnose(), self.hardware_id)
        array = DiagnosticArray(status=[found])
        array.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(array)


@contextmanager
def started_with(arguments: list[str]) -> Iterator[None]:
    """The node made meanwhile has these arguments, `--ros-args` and so on, in place of the process's."""
    before = _given.set(arguments)
    try:
        yield
    finally:
        _given.reset(before)


def run(*makers: Callable[[], DactylNode], arguments: list[str] | None = None) -> int:
    """Make nodes and spin them until one finishes or a signal of `signals.ends` comes; returns the process's exit code.

    A signal ends the loop, so that the nodes' last messages can be sent and their threads end before ROS does; ROS's
    own handlers would shut it down under their feet.

    Args:
        makers: of the nodes.
        arguments: of the process, as ROS sees them; None: its command line.
    """
    made: list[DactylNode] = []
    _finish_on_signal(made)
    try:
        variables.check_ros()
        variables.executor()
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    except (DactylError, RuntimeError) as error:  # RCLError is one: a parameter file that ROS itself cannot read
        return _cannot("start", error)
    with ExitStack() as ending:
        ending.callback(get_default_context().try_shutdown)
        try:
            _spin(makers, made, ending)
        except DactylError as error:
            return _cannot("go on" if made else "start", error)
    return 0


def _spin(makers: Sequence[Callable[[], DactylNode]], made: list[DactylNode], ending: ExitStack) -> None:
    """Make the nodes, add them to `made` when all are, and run their callbacks; `ending` gets what is then to be done.

    Raises:
        DactylError: one cannot be made, or has failed.
    """
    nodes = []
    for make in makers:
        node = make()
        ending.callback(node.destroy_node)
        node.check_overrides()
        nodes.append(node)
    loop = spinner()
    ending.callback(loop.close)  # the first thing to be done: then no callback comes any more
    for node in nodes:
        loop.add(node)
        node.end_loop = loop.stop
    made.extend(nodes)
    gc.collect()
    gc.freeze()  # what start-up made stays: looking through it again would stop the nodes for tens of ms
    loop.spin(lambda: all(node.context.ok() and not node.finished for node in nodes))
    _limit_the_end(nodes)
    for node in nodes:
        if node.failure:
            raise node.failure


def _limit_the_end(nodes: Sequence[DactylNode]) -> None:
    """Let the kernel kill this process should it not end: the middleware has been seen to spin for ever at its end.

    It held python's lock meanwhile, so no thread of ours could have done it.
    """
    signal.alarm(max(node.ends_within for node in nodes))


def _cannot(what: str, error: Exception) -> int:
    """Say in one line why a node cannot start or go on; its exit code."""
    print(f"cannot {what}: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
    return WRONG_PARAMETER if what == "start" else 1


def _finish_on_signal(made: Sequence[DactylNode]) -> None:
    """Let the signals that end a program finish the nodes, once they are made; before that, the process."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def wait() -> None:
        os.read(reading, 1)
        if not made:
            os._exit(0)
        _limit_the_end(made)
        for node in made:
            node.finish()

    # python's handlers run in the main thread, which waits inside the middleware: what wakes this thread is the byte
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in ends():
        signal.signal(number, lambda *_: None)
    threading.Thread(target=wait, daemon=True).start()
