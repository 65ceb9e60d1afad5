"""The graph that turns an object, with a simulated hand or the real one, made of what a person chose."""

from __future__ import annotations

import atexit
import dataclasses
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from dactyl import topics
from dactyl.bringup.graph import Graph, Node, Value, with_parameters
from dactyl.bringup.options import POSE_TOPICS, Options, RealOptions, SimOptions
from dactyl.errors import DactylError
from dactyl.results import check_writable
from dactyl.storage.contract import read_contract
from dactyl.storage.models import estimator_for, policies_for, policy_for
from dactyl.storage.shared import shared

EMULATION = f"{topics.NAMESPACE}/emulation"
"""Namespace of what takes the hardware's place."""
EMULATED_PICTURES = 8
"""That each emulated camera plays in turns."""


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
        shared("config", "sim.yaml"),
    )


def real_graph(options: RealOptions) -> Graph:
    """The graph for the hardware.

    Raises:
        DactylError: an option asks for what cannot be had.
    """
    nodes = [Node("camera"), Node("mocap"), *_common_nodes(options, {}, command="real"), Node("timing_monitor")]
    nodes += (*_rviz(options), *_dashboard(options, False))
    if options.pose == "vision":  # a pose from images comes once in a control step, and is a step old by then
        nodes = with_parameters(nodes, {"policy": {"max_reading_age": 0.16}})
    return Graph(tuple(_emulated(nodes, options) if options.emulate else nodes), shared("config", "real.yaml"))


def _emulated(nodes: list[Node], options: RealOptions) -> list[Node]:
    """The hardware's nodes with what is emulated at their other ends: cameras by pylon, hand and markers by the sim."""
    from dactyl.simulation.pictures import render_pictures

    pictures = Path(tempfile.mkdtemp(prefix="dactyl-emulation-"))
    atexit.register(shutil.rmtree, pictures, ignore_errors=True)
    render_pictures(pictures, options.object, EMULATED_PICTURES, options.seed)
    changes: dict[str, dict[str, Value]] = {
        "camera": {"emulate_from": str(pictures)},
        "mocap": {"source": "topic", "topic": topics.absolute(topics.MARKERS, EMULATION)},
        "hand_driver": {
            "transport": "ros2", "interface": "trajectory", "joint_states_clock": "sender",
            "enable_at_start": True,  # nobody's fingers are near
            "stop_after": 60.0,  # the simulated hand is silent while the simulated operator has it
        },
        "timing_monitor": {"period": [0.008] * 3 + [0.08] * 6 + [0.008] * 2},  # simulated markers come at 125 Hz
    }  # fmt: skip
    parameters: dict[str, Value] = {"object": options.object, "seed": options.seed, "machine_clock": True}
    parameters |= _hand_of(nodes)
    elsewhere = [topics.MARKERS, topics.CLOCK]  # what the drivers publish, or nobody wants
    elsewhere += [of(camera) for camera in topics.CAMERAS for of in (topics.image, topics.camera_info)]
    remappings = tuple((topic, f"{EMULATION}/{topic.lstrip('/')}") for topic in elsewhere)
    sim = Node("sim", parameters, remappings, required=True)
    return [sim, *with_parameters(nodes, changes)]


def _hand_of(nodes: Iterable[Node]) -> dict[str, Value]:
    """What a simulated hand must have in common with the driver: what actions are counted from, a locked wrist."""
    driver = next(node.parameters for node in nodes if node.name == "hand_driver")
    return {"action_origin": driver["action_origin"], **({"locked_wrist": True} if "lock_wrist" in driver else {})}


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
    source = {"object_pose": POSE_TOPICS[options.pose]}
    # a simulated referee knows where the object is, though no camera may see it
    referee = {"object_pose": "mocap"} if command == "sim" else source
    seed = {"seed": options.seed}
    report = str(Path(options.json).absolute()) if options.json else ""
    driver: dict[str, Value] = {"action_origin": contract.action_origin, "action_scale": contract.action_scale}
    driver |= {"lock_wrist": True} if contract.locked_wrist else {}  # else as the configuration has it
    return (
        Node("pose_estimator", _estimator(options, bool(lockstep.get("lockstep")))),
        Node("fingertip_tracker"),
        Node(
            "trial",
            {"trials": options.trials, "report": report, "command": command, **referee, **seed, **lockstep},
            required=True,
        ),
        Node("policy", {"policy": str(policy), "object": options.object, **source, **seed, **lockstep}),
        Node("action_filter", {"smoothing": contract.smoothing}),
        Node("hand_driver", driver | dict(lockstep)),
    )


def _policy_file(options: Options) -> Path:
    """The policy that is asked for, or the shipped one."""
    return policy_for(options.object, options.policy or None).absolute()


def _estimator(options: Options, lockstep: bool) -> dict[str, Value]:
    """Parameters of the pose estimator: a network only where poses come from images."""
    if options.pose == "state":
        return {}
    weights = estimator_for(options.object, options.estimator or None).absolute()
    # in lockstep everybody waits for the pose, so the best guess is given, as in `evaluate`
    return {"weights": str(weights), "object": options.object, **({"min_confidence": 0.0} if lockstep else {})}


def _rviz(options: Options) -> tuple[Node, ...]:
    """The node that draws for RViz, if it is wanted."""
    source = POSE_TOPICS[options.pose]
    return (Node("rviz_markers", {"object": options.object, "object_pose": source}),) if options.rviz else ()


def _dashboard(options: Options, simulated: bool) -> tuple[Node, ...]:
    """The node of the dashboard, if it is wanted; it offers the policy and those shipped that act alike."""
    if not options.dashboard:
        return ()
    chosen = _policy_file(options)
    fitting = [path for path in policies_for(options.object) if read_contract(path) == read_contract(chosen)]
    parameters: dict[str, Value] = {
        "object": options.object,
        "object_pose": POSE_TOPICS[options.pose],
        "simulated": simulated,
        "policies": ":".join(str(path) for path in dict.fromkeys([chosen, *fitting])),
        "host": options.dashboard_host,
        "port": options.dashboard_port,
    }
    return (Node("dashboard", parameters),)
