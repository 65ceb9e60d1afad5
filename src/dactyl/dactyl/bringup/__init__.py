"""The graph as data: which nodes, with which parameters, restarted or not. For ROS's `launch` and for `processes`.

Parameters come from the package's config/*.yaml; what a person chooses for one run is laid over them here.
"""

from __future__ import annotations

import atexit
import dataclasses
import json
import os
import shutil
import tempfile
import time
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from dactyl.errors import DactylError
from dactyl.results import check_writable

NAMESPACE = "/dactyl"
EMULATION = f"{NAMESPACE}/emulation"
"""Namespace of what takes the hardware's place."""
EMULATED_PICTURES = 8
"""That each emulated camera plays in turns."""
WRONG_PARAMETER = 2
"""Exit code of a node that cannot start as configured: the run ends, for starting it again would not help."""

Value = bool | int | float | str | list[float]


@dataclass(frozen=True)
class Node:
    """One process of the graph."""

    name: str
    """Also its executable's, and its module's in dactyl.nodes."""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    """Laid over those of the graph's parameter file."""
    remappings: tuple[tuple[str, str], ...] = ()
    respawn: bool = True
    respawn_delay: float = 0.5
    """s"""
    required: bool = False
    """The run ends with it, and with its exit code."""
    package: str = "dactyl.nodes"
    """Python package of its module."""


def _environment() -> dict[str, str]:
    # thread pools of numpy and torch would fight over the cores; a heap for each of DDS's threads is only memory
    environment = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    if not any(name in os.environ for name in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")):
        environment["FASTRTPS_DEFAULT_PROFILES_FILE"] = str(share("config", "fastdds.xml"))
    return environment


@dataclass(frozen=True)
class Graph:
    """Everything that runs."""

    nodes: tuple[Node, ...]
    parameter_file: Path
    environment: Mapping[str, str] = field(default_factory=lambda: _environment())

    def node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)


@dataclass(frozen=True)
class Options:
    """What can be chosen for any run."""

    object: Literal["block", "octagonal_prism", "sphere"] = "block"
    """Object in the hand."""
    pose: Literal["state", "vision"] = "state"
    """Where the object's pose comes from: motion capture or cameras."""
    trials: int = 0
    """Trials to run, then everything ends; 0: go on for ever."""
    seed: int = 0
    """Of all randomness."""
    policy: str = ""
    """Policy file (.safetensors) or a folder with one; empty: the shipped one for the object."""
    estimator: str = ""
    """With pose vision: a pose estimator's file (.safetensors) or a folder with one; empty: the shipped one."""
    json: str = ""
    """Also write the results of the trials to this file, as JSON."""
    rviz: bool = False
    """Also draw markers for RViz, on the topic `markers`."""
    dashboard: bool = True
    """Serve a web page to watch and steer the run; it costs nothing until somebody opens it."""
    dashboard_host: str = "127.0.0.1"
    """Address it listens on; any but this machine's own demands a token, which is printed."""
    dashboard_port: int = 8090
    """Its port, or the next free one."""


@dataclass(frozen=True)
class SimOptions(Options):
    """What can be chosen for a run in simulation."""

    lockstep: bool = False
    """Wait for each action instead of keeping real time: exactly repeatable."""
    headless: bool = False
    """Show no window."""


@dataclass(frozen=True)
class RealOptions(Options):
    """What can be chosen for a run on hardware."""

    emulate: bool = False
    """Emulated cameras, and a simulated hand with its markers, behind the real drivers' interfaces."""


@dataclass(frozen=True)
class RecordOptions:
    """What can be chosen for a recording."""

    bag: str = ""
    """Folder to make; empty: bags/ and the time."""
    topics: str = ""
    """Topics to record, separated by spaces; empty: all there are."""
    images: bool = True
    """Record pictures too, where no topics are named."""
    seconds: float = 0.0
    """How long, from the first message; 0: until it is ended."""
    split_mb: int = 2000
    """Size at which the next file begins, MB; 0: one file."""
    json: str = ""
    """Also write what was recorded and lost to this file, as JSON."""


@dataclass(frozen=True)
class ReplayOptions:
    """What can be chosen for a replay."""

    bag: str
    """Folder of a bag, or an .mcap file."""
    node: Literal["policy", "pose_estimator"] = "policy"
    """Who it is played to."""
    weights: str = ""
    """Policy or pose estimator, a file or a folder with one; empty: the shipped one."""
    object: Literal["block", "octagonal_prism", "sphere"] = "block"
    """Object in the hand."""
    pose: Literal["state", "vision"] = "state"
    """Where the policy takes the object's pose from: motion capture or cameras."""
    seed: int = 0
    """Of the policy's drawn actions; as in the recorded run."""
    speed: float = 1.0
    """Times the pace of the recording."""
    json: str = ""
    """Also write the comparison to this file, as JSON."""


def sim_graph(options: SimOptions) -> Graph:
    """The graph with the sim node in the hardware's place.

    Raises:
        DactylError: an option asks for what cannot be had.
    """
    lockstep = {"lockstep": options.lockstep}
    sim: dict[str, Value] = {
        "object": options.object, "seed": options.seed, "viewer": not options.headless, **lockstep,
    }  # fmt: skip
    if (
        options.pose == "vision"
    ):  # the network takes still smaller ones, and a CPU cannot render 37 larger ones a second
        sim |= {"image_width": 320, "image_height": 240}
    nodes = _common_nodes(options, lockstep, command="sim")
    sim |= _hand_of(nodes)
    return Graph(
        (Node("sim", sim, required=True), *nodes, *_rviz(options), *_dashboard(options, True)),
        share("config", "sim.yaml"),
    )


def real_graph(options: RealOptions) -> Graph:
    """The graph for the hardware.

    Raises:
        DactylError: an option asks for what cannot be had.
    """
    nodes = [Node("camera"), Node("mocap"), *_common_nodes(options, {}, command="real"), Node("timing_monitor")]
    nodes += (*_rviz(options), *_dashboard(options, False))
    if options.pose == "vision":  # a pose from images comes once in a control step, and is a step old by then
        nodes = _with_parameters(nodes, {"policy": {"max_reading_age": 0.16}})
    return Graph(tuple(_emulated(nodes, options) if options.emulate else nodes), share("config", "real.yaml"))


def _emulated(nodes: list[Node], options: RealOptions) -> list[Node]:
    """The hardware's nodes with what is emulated at their other ends: cameras by pylon, hand and markers by the sim."""
    from dactyl.simulation.pictures import render_pictures

    pictures = Path(tempfile.mkdtemp(prefix="dactyl-emulation-"))
    atexit.register(shutil.rmtree, pictures, ignore_errors=True)
    render_pictures(pictures, options.object, EMULATED_PICTURES, options.seed)
    changes: dict[str, dict[str, Value]] = {
        "camera": {"emulate_from": str(pictures)},
        "mocap": {"source": "topic", "topic": f"{EMULATION}/mocap/markers"},
        "hand_driver": {
            "transport": "ros2", "interface": "trajectory", "joint_states_clock": "sender",
            "enable_at_start": True,  # nobody's fingers are near
            "stop_after": 60.0,  # the simulated hand is silent while the simulated operator has it
        },
        "timing_monitor": {"period": [0.008] * 3 + [0.08] * 6 + [0.008] * 2},  # simulated markers come at 125 Hz
    }  # fmt: skip
    parameters: dict[str, Value] = {"object": options.object, "seed": options.seed, "machine_clock": True}
    parameters |= _hand_of(nodes)
    elsewhere = ["mocap/markers", "/clock"]  # what the drivers publish, or nobody wants
    elsewhere += [f"camera_{i}/{topic}" for i in range(3) for topic in ("image_raw", "camera_info")]
    remappings = tuple((topic, f"{EMULATION}/{topic.lstrip('/')}") for topic in elsewhere)
    sim = Node("sim", parameters, remappings, required=True)
    return [sim, *_with_parameters(nodes, changes)]


def _hand_of(nodes: Iterable[Node]) -> dict[str, Value]:
    """What a simulated hand must have in common with the driver: what actions are counted from, a locked wrist."""
    driver = next(node.parameters for node in nodes if node.name == "hand_driver")
    return {"action_origin": driver["action_origin"], **({"locked_wrist": True} if "lock_wrist" in driver else {})}


def _with_parameters(nodes: list[Node], changes: Mapping[str, Mapping[str, Value]]) -> list[Node]:
    """The nodes with more parameters, by node."""
    return [dataclasses.replace(node, parameters={**node.parameters, **changes.get(node.name, {})}) for node in nodes]


def record_graph(options: RecordOptions) -> Graph:
    """The project's own recorder, beside a graph that runs already.

    Raises:
        DactylError: an option asks for what cannot be had.
    """
    if options.json:
        check_writable(Path(options.json))
    if not options.seconds >= 0 or options.split_mb < 0:
        raise DactylError(f"seconds = {options.seconds} and split_mb = {options.split_mb} must be >= 0")
    parameters: dict[str, Value] = {
        "bag": str(Path(options.bag or time.strftime("bags/%Y-%m-%d-%H-%M-%S")).absolute()),
        "topics": options.topics,
        "images": options.images,
        "seconds": float(options.seconds),
        "split_mb": options.split_mb,
        "report": str(Path(options.json).absolute()) if options.json else "",
    }
    return Graph((Node("recorder", parameters, required=True),), share("config", "sim.yaml"))


def replay_graph(options: ReplayOptions) -> Graph:
    """One node of the graph, and another that plays a bag to it.

    Raises:
        DactylError: an option asks for what cannot be had.
    """
    if not Path(options.bag).exists():
        raise DactylError(f"there is no bag {options.bag}")
    if options.json:
        check_writable(Path(options.json))
    source = {"object_pose": {"state": "mocap", "vision": "vision"}[options.pose]}
    player: dict[str, Value] = {
        "bag": str(Path(options.bag).absolute()),
        "node": options.node,
        "speed": options.speed,
        "report": str(Path(options.json).absolute()) if options.json else "",
        **source,
    }
    weights = Path(options.weights or _shipped(options.object if options.node == "policy" else "pose-block"))
    weights = next(iter(sorted(weights.glob("*.safetensors"))), weights) if weights.is_dir() else weights
    if not weights.exists():
        raise DactylError(f"there are no weights {weights} for the {options.node}: name them with --weights")
    tried: dict[str, Value] = {"object": options.object}
    if options.node == "policy":
        tried |= {"policy": str(weights.absolute()), "seed": options.seed, **source}
    else:
        tried |= {"weights": str(weights.absolute()), "sensor_noise": False}
    return Graph((Node("replayer", player, required=True), Node(options.node, tried)), share("config", "sim.yaml"))


def with_loop_benchmark(graph: Graph, seconds: float, cameras: bool, json: Path | None) -> Graph:
    """The graph and a node that measures its control loop for so long, optionally with all images subscribed."""
    report = str(json.absolute()) if json else ""
    vision = graph.node("policy").parameters["object_pose"] == "vision"
    parameters: dict[str, Value] = {"seconds": seconds, "cameras": cameras, "vision": vision, "report": report}
    benchmark = Node("loop_benchmark", parameters, required=True)
    return dataclasses.replace(graph, nodes=(*graph.nodes, benchmark))


def _common_nodes(options: Options, lockstep: Mapping[str, Value], command: str) -> tuple[Node, ...]:
    """What hardware and simulation share."""
    if options.trials < 0 or options.seed < 0:
        raise DactylError(f"trials = {options.trials} and seed = {options.seed} must be >= 0")
    if options.json and not options.trials:
        raise DactylError("json needs trials: a run that goes on for ever has no results")
    if options.json:
        check_writable(Path(options.json))
    policy = _policy_file(options)
    contract = read_contract(policy)
    source = {"object_pose": {"state": "mocap", "vision": "vision"}[options.pose]}
    # a simulated referee knows where the object is, though no camera may see it
    referee = {"object_pose": "mocap"} if command == "sim" else source
    seed = {"seed": options.seed}
    report = str(Path(options.json).absolute()) if options.json else ""
    driver = {name: contract[name] for name in ("action_origin", "action_scale")}
    driver |= {"lock_wrist": True} if contract["locked_wrist"] else {}  # else as the configuration has it
    return (
        Node("pose_estimator", _estimator(options, bool(lockstep.get("lockstep")))),
        Node("fingertip_tracker"),
        Node(
            "trial",
            {"trials": options.trials, "report": report, "command": command, **referee, **seed, **lockstep},
            required=True,
        ),
        Node("policy", {"policy": str(policy), "object": options.object, **source, **seed, **lockstep}),
        Node("action_filter", {"smoothing": contract["smoothing"]}),
        Node("hand_driver", driver | dict(lockstep)),
    )


def _policy_file(options: Options) -> Path:
    """The policy that is asked for, or the shipped one."""
    policy = Path(options.policy or _shipped(options.object)).absolute()
    policy = policy / "policy.safetensors" if policy.is_dir() else policy
    if not options.policy and not policy.exists():
        raise DactylError(f"no policy for the object {options.object} is shipped: name one with `policy`")
    return policy


def _shipped(name: str) -> Path:
    """Folder of the model of that name or for that object, which may not exist."""
    return share("models", name.replace("_", "-"))


def _estimator(options: Options, lockstep: bool) -> dict[str, Value]:
    """Parameters of the pose estimator: a network only where poses come from images."""
    if options.pose == "state":
        return {}
    weights = Path(options.estimator or _shipped(f"pose-{options.object}")).absolute()
    weights = weights / "estimator.safetensors" if weights.is_dir() else weights
    if not options.estimator and not weights.exists():
        raise DactylError(f"no pose estimator for the object {options.object} is shipped: name one with `estimator`")
    # in lockstep everybody waits for the pose, so the best guess is given, as in `evaluate`
    return {"weights": str(weights), "object": options.object, **({"min_confidence": 0.0} if lockstep else {})}


def _rviz(options: Options) -> tuple[Node, ...]:
    """The node that draws for RViz, if it is wanted."""
    source = {"state": "mocap", "vision": "vision"}[options.pose]
    return (Node("rviz_markers", {"object": options.object, "object_pose": source}),) if options.rviz else ()


def _dashboard(options: Options, simulated: bool) -> tuple[Node, ...]:
    """The node of the dashboard, if it is wanted; it offers the policy and those shipped that act alike."""
    if not options.dashboard:
        return ()
    shipped = sorted(share("models").glob(f"{_shipped(options.object).name}*/policy.safetensors"))
    chosen = _policy_file(options)
    fitting = [path for path in shipped if read_contract(path) == read_contract(chosen)]
    parameters: dict[str, Value] = {
        "object": options.object,
        "object_pose": {"state": "mocap", "vision": "vision"}[options.pose],
        "simulated": simulated,
        "policies": ":".join(str(path) for path in dict.fromkeys([chosen, *fitting])),
        "host": options.dashboard_host,
        "port": options.dashboard_port,
    }
    return (Node("dashboard", parameters),)


def read_contract(policy: Path) -> dict[str, Value]:
    """What filter and driver need of the contract in a policy file's header, read without torch, which takes seconds.

    Raises:
        DactylError: there is no such file, or no contract in it.
    """
    try:
        with policy.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        contract = json.loads(header["__metadata__"]["dactyl"])
        numbers: dict[str, Value] = {name: float(contract[name]) for name in ("smoothing", "action_scale")}
        origin, locked = contract.get("action_origin", "current"), contract.get("locked_wrist", False)
        return numbers | {"action_origin": str(origin), "locked_wrist": bool(locked)}
    except OSError as error:
        raise DactylError(f"cannot read the policy {policy}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise DactylError(f"{policy} is not a policy file: it has no dactyl contract") from error


def share(*parts: str) -> Path:
    """A path in the package's share folder, or in the source tree where the package is not installed."""
    try:
        from ament_index_python.packages import get_package_share_directory

        return Path(get_package_share_directory("dactyl"), *parts)
    except LookupError:  # PackageNotFoundError
        return Path(__file__).resolve().parents[2].joinpath(*parts)


# -------------------------------------------------------------------------------------------------- for ROS's launch


def to_launch(graph: Graph) -> list[Any]:
    """The graph as launch actions. Needs `launch` and `launch_ros`, which a ROS installation has."""
    from launch.actions import EmitEvent, RegisterEventHandler, SetEnvironmentVariable
    from launch.event_handlers import OnProcessExit
    from launch.events import Shutdown
    from launch_ros.actions import Node as LaunchNode

    actions: list[Any] = [SetEnvironmentVariable(name, value) for name, value in graph.environment.items()]
    for node in graph.nodes:
        action = LaunchNode(
            package="dactyl",
            executable=node.name,
            name=node.name,
            namespace=NAMESPACE,
            parameters=[str(graph.parameter_file), dict(node.parameters)],
            remappings=list(node.remappings),
            respawn=node.respawn and not node.required,
            respawn_delay=node.respawn_delay,
            output="screen",
            emulate_tty=True,
        )

        def end_with(event: Any, _: Any, node: Node = node) -> list[Any]:
            reason = exit_reason(node, event.returncode)
            return [EmitEvent(event=Shutdown(reason=reason))] if reason else []

        actions += [action, RegisterEventHandler(OnProcessExit(target_action=action, on_exit=end_with))]
    return actions


def launch_description(options: type[Any], graph: Callable[[Any], Graph]) -> Any:
    """A launch description with an argument for each field of the options, made into a graph when it is launched."""
    from launch.actions import DeclareLaunchArgument, OpaqueFunction
    from launch.substitutions import LaunchConfiguration

    from launch import LaunchDescription  # type: ignore[attr-defined]  # mypy sees the folder launch/

    hints = typing.get_type_hints(options)
    descriptions = option_descriptions(options)
    arguments = []
    for item in dataclasses.fields(options):
        choices = ["true", "false"] if hints[item.name] is bool else list(map(str, typing.get_args(hints[item.name])))
        default = str(item.default).lower() if hints[item.name] is bool else str(item.default)
        arguments.append(
            DeclareLaunchArgument(
                item.name, default_value=default, description=descriptions[item.name], choices=choices or None
            )
        )

    def make(context: Any) -> list[Any]:
        given = {name: LaunchConfiguration(name).perform(context) for name in hints}
        chosen = {name: parse_option(name, text, hints[name]) for name, text in given.items()}
        return to_launch(graph(options(**chosen)))

    return LaunchDescription([*arguments, OpaqueFunction(function=make)])


def parse_option(name: str, text: str, hint: Any) -> Any:
    """A launch argument's text as the option's type.

    Raises:
        DactylError: it is none.
    """
    if hint is bool:
        return text == "true"
    if hint is int:
        try:
            return int(text)
        except ValueError as error:
            raise DactylError(f"{name} must be a whole number, not {text!r}") from error
    if hint is float:
        try:
            return float(text)
        except ValueError as error:
            raise DactylError(f"{name} must be a number, not {text!r}") from error
    return text


def option_descriptions(options: type[Any]) -> dict[str, str]:
    """The docstring below each field of an options dataclass, by name."""
    import ast
    import inspect
    import textwrap

    found = {}
    for base in reversed(options.__mro__[:-1]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0].body  # type: ignore[attr-defined]
        for statement, following in pairwise(body):
            if isinstance(statement, ast.AnnAssign) and isinstance(following, ast.Expr):
                found[statement.target.id] = following.value.value  # type: ignore[union-attr, attr-defined]
    return found


def exit_reason(node: Node, exit_code: int) -> str:
    """Why the run ends when this node ends like this; empty if it goes on."""
    if node.required:
        return f"{node.name} has finished" if exit_code == 0 else f"{node.name} ended with exit code {exit_code}"
    return f"{node.name} cannot start as configured" if exit_code == WRONG_PARAMETER else ""
