"""The graph that turns an object, with a simulated hand or the real one, made of what a person chose."""

from __future__ import annotations

import atexit
import dataclasses
import importlib.util
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from dactyl import registry, topics, variables
from dactyl.bringup import configuration, shipped
from dactyl.bringup.calibrated import backlash_of, calibration_of
from dactyl.bringup.graph import Graph, Node, Value, with_parameters
from dactyl.bringup.names import check_name, remappings
from dactyl.bringup.options import POSE_TOPICS, Options, RealOptions, SimOptions
from dactyl.environment import task as tasks
from dactyl.errors import DactylError
from dactyl.ranges import check_options
from dactyl.results import check_writable
from dactyl.robot import robot as robots
from dactyl.robot.robot import Robot
from dactyl.storage.contract import Use, read_contract
from dactyl.storage.models import estimator_for, policies_for, policy_for

EMULATION = "emulation"
"""Namespace of what takes the hardware's place, below the graph's own."""
SMALL_NODES = ("fingertip_tracker", "trial", "action_filter", "hand_driver", "timing_monitor")
"""They spend their time with waking up: `one_process` puts them together."""
HAND_TOPICS = ("joint_states", "commands", "targets")
"""Parameters of nodes that say where a hand's topics are."""
RULES_APART = ("timeout", "max_successes", "tolerance")
"""Rules that are also parameters of the referee, which a laboratory's file may say."""
MOST_GRACE = 0.08
"""s that a policy may wait for pictures of a control step, at most."""
EMULATED_PICTURES = 8
"""That each emulated camera plays in turns."""


class _Choice(NamedTuple):
    """What the options come to."""

    options: Options
    """Now with an object."""
    policy: Path
    use: Use
    """What the policy's file says: its robot, its task, what its actions mean."""

    @property
    def namespace(self) -> str:
        """Of the graph."""
        return f"/{self.options.namespace.strip('/')}"

    @property
    def robot(self) -> dict[str, Value]:
        """For the nodes of one robot."""
        return {"robot": self.use.robot}

    @property
    def task(self) -> dict[str, Value]:
        """For those that also judge or place."""
        return {"robot": self.use.robot, "task": self.use.task}

    @property
    def rules(self) -> dict[str, Value]:
        """For the referee, and for who places the object: rules that differ from the task's."""
        return {"rules": self.options.rules} if self.options.rules else {}

    @property
    def judged(self) -> dict[str, Value]:
        """For the referee: rules that were asked for go before those of a laboratory's file."""
        rules = tasks.load(self.use.task).rules_with(self.options.rules)
        told = yaml.safe_load(self.options.rules or "{}")
        return {**self.rules, **{name: getattr(rules, name) for name in RULES_APART if name in told}}

    @property
    def source(self) -> dict[str, Value]:
        """Whose pose of the object counts."""
        return {"object_pose": POSE_TOPICS[self.options.pose]}

    @property
    def drawn(self) -> dict[str, Value]:
        """Whose pose of the object is drawn: what is only located has no rotation to be drawn with."""
        return {"object_pose": "mocap"} if self.located else self.source

    @property
    def looks(self) -> bool:
        """Whether anybody looks through an eye of the robot's: who locates the object, or the policy itself."""
        return self.located or bool(self.use.images)

    @property
    def located(self) -> bool:
        """Whether the object is located by a third view of the robot's: where it is, but not how it is turned."""
        return self.options.pose == "vision" and bool(robots.load(self.use.robot).locator)


def sim_graph(options: SimOptions) -> Graph:
    """The graph with the sim node in the hardware's place.

    Raises:
        DactylError: an option asks for what cannot be had.
    """
    choice = _choose(options)
    lockstep = {"lockstep": options.lockstep}
    sim: dict[str, Value] = {
        "object": choice.options.object, "seed": options.seed, "viewer": not options.headless, **lockstep,
    }  # fmt: skip
    nodes = _common_nodes(choice, lockstep, command="sim")
    sim |= {**choice.task, **choice.rules, **_meaning(choice.use), **calibration_of(options.calibration)}
    nodes = tuple(with_parameters(nodes, {"action_filter": backlash_of(choice.use.robot, options.calibration)}))
    if choice.looks:
        sim |= {"witnesses": 1}  # time begins once the depth cameras are told where everything is
        seen: dict[str, Value] = {"object": choice.options.object, "seed": options.seed}
        nodes = tuple(with_parameters(nodes, {"object_locator": {"use_sim_time": True}} if choice.located else {}))
        nodes = (Node("depth_camera", {**choice.robot, **seen}), *nodes)
    if options.drop_at:
        nodes = _dropping(nodes, choice, options)
    nodes = (Node("sim", sim, required=True), *nodes, *_rviz(choice, {}), *_dashboard(choice, True))
    nodes = with_simulated_hand(nodes, choice.use.robot, choice.namespace)
    found = of_simulated_hand(shipped.in_simulation(options.config, choice.namespace))
    return _graph(nodes, choice, found, usual=_quickest_executor())


def real_graph(options: RealOptions) -> Graph:
    """The graph for the hardware.

    Raises:
        DactylError: an option asks for what cannot be had.
    """
    choice = _choose(options)
    laboratory = shipped.on_hardware(choice.use.robot, options.config, choice.namespace)
    nodes = [Node("camera", choice.robot), Node("mocap"), *_common_nodes(choice, {}, command="real")]
    nodes += (
        Node("timing_monitor", choice.robot),
        *_rviz(choice, {} if options.emulate else laboratory),
        *_dashboard(choice, False),
    )
    if options.pose == "vision" and not choice.located:
        nodes = with_parameters(nodes, {"policy": {"max_reading_age": _oldest_sight(choice.use.robot, laboratory)}})
    if options.emulate:
        return _graph(_emulated(nodes, choice, laboratory), choice, of_simulated_hand(laboratory))
    return _graph(nodes, choice, laboratory)


def _graph(
    nodes: Iterable[Node], choice: _Choice, found: configuration.Configuration, usual: str = variables.WAITSET
) -> Graph:
    """The nodes with what is the same for all of them: parameter files, namespace, topics' names, what runs them."""
    options = choice.options
    graph = Graph(_remapped(nodes, remappings(options.remap)), found, namespace=choice.namespace)
    executor = options.executor or os.environ.get(variables.EXECUTOR) or usual
    graph = dataclasses.replace(graph, environment={**graph.environment, variables.EXECUTOR: executor})
    return in_one_process(graph) if options.one_process else graph


def _quickest_executor() -> str:
    """The events executor, where this rclpy has it. No real hand is held by it unless somebody asks for that."""
    found = importlib.util.find_spec("rclpy")
    there = found is not None and found.origin is not None and Path(found.origin).with_name("experimental").is_dir()
    return variables.EVENTS if there else variables.WAITSET


def in_one_process(graph: Graph) -> Graph:
    """The graph with its small nodes in one process.

    With counted trials that is required, for the referee would forget those that have ended. Else it may start again.
    """
    counted = graph.node("trial").parameters["trials"] != 0
    nodes = (dataclasses.replace(node, required=counted) if node.name == "trial" else node for node in graph.nodes)
    return dataclasses.replace(graph, nodes=tuple(nodes), together=SMALL_NODES)


def _oldest_sight(robot: str, laboratory: configuration.Configuration) -> float:
    """s that a pose from images may be old: it comes once in a control step, and is a step old by then; or slower."""
    allowed: Any = laboratory.get("policy", {}).get("max_reading_age", 0.0)
    oldest: float = max(2.0 * robots.load(robot).timing.control, allowed)
    return oldest


def _remapped(nodes: Iterable[Node], pairs: tuple[tuple[str, str], ...]) -> tuple[Node, ...]:
    """The nodes with other names for topics, which must not lead a simulated hand to a real one's."""
    nodes = tuple(nodes)
    taken = {before: after for node in nodes for before, after in node.remappings}
    for before, _ in pairs:
        if before in taken:
            raise DactylError(f"remap: {before} has another name in this graph already: {taken[before]}")
    return tuple(dataclasses.replace(node, remappings=(*node.remappings, *pairs)) for node in nodes)


def _choose(options: Options) -> _Choice:
    """The policy that is asked for, or the shipped one, and what it says about its use."""
    check_options(options)
    if options.json and not options.trials:
        raise DactylError("json needs trials: a run that goes on for ever has no results")
    if options.json:
        check_writable(Path(options.json))
    policy = _policy(options).absolute()
    use = read_contract(policy)
    for kind, asked, own in (("robot", options.robot, use.robot), ("task", options.task, use.task)):
        if asked not in (own, registry.DEFAULTS[f"{kind}s"]):
            raise DactylError(
                f"no policy for the {kind} {asked}: {policy} is for the {kind} {own}: name one with `policy`"
            )
    _check_hand(options.hand, robots.load(use.robot))
    tasks.load(use.task).rules_with(options.rules)
    shape = options.object or use.object or tasks.load(use.task).objects[0]
    choice = _Choice(dataclasses.replace(options, object=shape), policy, use)
    check_name("namespace", choice.namespace)
    return choice


def _policy(options: Options) -> Path:
    """The file of the policy that is named, or of the shipped one for what else is."""
    if options.policy:
        return policy_for("", options.policy)
    asked = {"robot": options.robot, "task": options.task}
    others = {kind: name for kind, name in asked.items() if name != registry.DEFAULTS[f"{kind}s"]}
    if not others:
        return policy_for(options.object or tasks.load(options.task).objects[0])
    robot = others.get("robot") or tasks.load(options.task).robot
    found = policies_for(f"{robot}-{others.get('task', '')}")
    if not found:
        kind, name = next(iter(others.items()))
        raise DactylError(f"no policy for the {kind} {name}: none is shipped: name one with `policy`")
    return found[0]


def _check_hand(asked: str, robot: Robot) -> None:
    if asked and f"{asked}_" != robot.joint_prefix:
        own = f"its joints begin with {robot.joint_prefix}" if robot.joint_prefix else "it is no hand with a side"
        raise DactylError(
            f"hand = {asked}: the robot {robot.name} is another, {own}: model, policies and marker table would have to "
            "be mirrored; docs/add_a_robot.md says how a robot is described"
        )


def _emulated(nodes: list[Node], choice: _Choice, laboratory: configuration.Configuration) -> tuple[Node, ...]:
    """The hardware's nodes with what is emulated at their other ends: cameras by pylon, hand and markers by the sim."""
    from dactyl.simulation.pictures import render_pictures

    options, robot = choice.options, robots.load(choice.use.robot)
    pictures = Path(tempfile.mkdtemp(prefix="dactyl-emulation-"))
    atexit.register(shutil.rmtree, pictures, ignore_errors=True)
    render_pictures(pictures, robot.name, options.object, EMULATED_PICTURES, options.seed)
    emulation = f"{choice.namespace}/{EMULATION}"
    changes: dict[str, dict[str, Value]] = {
        "camera": {"emulate_from": str(pictures)},
        "mocap": {"source": "topic", "topic": topics.absolute(topics.MARKERS, emulation)},
        "hand_driver": {
            "interface": "trajectory", "joint_states_clock": "sender",
            "enable_at_start": True,  # nobody's fingers are near
            "stop_after": 60.0,  # the simulated hand is silent while the simulated operator has it, ...
            "max_joint_speed": 1000.0,  # ... who moves it in no time
            "unguarded": "temperature",  # it has no motors
        },
        "timing_monitor": _emulated_periods(robot, laboratory),
    }  # fmt: skip
    parameters: dict[str, Value] = {"object": options.object, "seed": options.seed, "machine_clock": True}
    parameters |= {**choice.task, **choice.rules, **_meaning(choice.use)}
    elsewhere = [topics.MARKERS, topics.CLOCK]  # what the drivers publish, or nobody wants
    elsewhere += [topic(name) for name in robot.cameras.places for topic in (topics.image, topics.camera_info)]
    remappings = tuple((topic, f"{emulation}/{topic.lstrip('/')}") for topic in elsewhere)
    sim = Node("sim", parameters, remappings, required=True)
    return with_simulated_hand([sim, *with_parameters(nodes, changes)], choice.use.robot, choice.namespace)


def _emulated_periods(robot: Robot, laboratory: configuration.Configuration) -> dict[str, Value]:
    """Of the stages that a laboratory has watched: simulated markers come once in a physics step, as joint states do.

    Without any the monitor has its own stages, with such periods.
    """
    stages: Any = laboratory.get("timing_monitor", {}).get("stages", ())
    often = {topics.MARKERS, topics.FINGERTIPS, topics.MOCAP_POSE, topics.JOINT_STATES, *robot.targets}
    timing = robot.timing
    return {"period": [timing.physics if stage in often else timing.control for stage in stages]} if stages else {}


def with_simulated_hand(nodes: Iterable[Node], name: str, namespace: str = topics.NAMESPACE) -> tuple[Node, ...]:
    """The nodes, with the topics of the robot of that name where no real one has them, whatever runs beside this.

    The driver speaks on these alone: a lab's own file may say another way, which would lead it to the real hand.
    """
    robot = robots.load(name)
    names = [topics.JOINT_STATES, *(robot.controllers or robot.targets)]
    if namespace != topics.NAMESPACE:  # each simulated hand has a time of its own
        names.append(topics.CLOCK)
    hand = tuple((name, topics.of_simulated_hand(name, namespace)) for name in names)
    nodes = with_parameters(nodes, {"hand_driver": {"transport": "ros2"}})
    return tuple(dataclasses.replace(node, remappings=(*node.remappings, *hand)) for node in nodes)


def of_simulated_hand(found: configuration.Configuration) -> configuration.Configuration:
    """A configuration without the names of a real hand's topics: a simulated one must not speak or listen there."""
    return {
        node: {name: value for name, value in parameters.items() if name not in HAND_TOPICS}
        for node, parameters in found.items()
    }


def _meaning(use: Use) -> dict[str, Value]:
    """What a simulated robot must have in common with filter and driver: what actions mean, what is locked."""
    meaning: dict[str, Value] = {
        "action_origin": use.action_origin, "action_scale": use.action_scale, "smoothing": use.smoothing,
    }  # fmt: skip
    return {**meaning, "locked_wrist": True} if use.locked_wrist else meaning


def with_loop_benchmark(graph: Graph, seconds: float, cameras: bool, json: Path | None) -> Graph:
    """The graph and a node that measures its control loop for so long, optionally with all images subscribed."""
    report = str(json.absolute()) if json else ""
    vision = graph.node("policy").parameters["object_pose"] == "vision"
    parameters: dict[str, Value] = {"seconds": seconds, "cameras": cameras, "vision": vision, "report": report}
    driver = graph.node("hand_driver")
    parameters["robot"] = driver.parameters["robot"]
    benchmark = Node("loop_benchmark", parameters, driver.remappings, required=True)
    return dataclasses.replace(graph, nodes=(*graph.nodes, benchmark))


def _common_nodes(choice: _Choice, lockstep: Mapping[str, Value], command: str) -> tuple[Node, ...]:
    """What hardware and simulation share."""
    options, use = choice.options, choice.use
    # a simulated referee knows where the object is, though no camera may see it
    referee: Mapping[str, Value] = {"object_pose": "mocap"} if command == "sim" else choice.source
    seed = {"seed": options.seed}
    report = str(Path(options.json).absolute()) if options.json else ""
    trials: dict[str, Value] = {"trials": options.trials, "report": report, "command": command}
    driver: dict[str, Value] = {"action_origin": use.action_origin, "action_scale": use.action_scale}
    driver |= {"lock_wrist": True} if use.locked_wrist else {}  # else as the configuration has it
    filter: dict[str, Value] = {
        "action_origin": use.action_origin, "action_scale": use.action_scale, "smoothing": use.smoothing,
    }  # fmt: skip
    policy: dict[str, Value] = {"policy": str(choice.policy), "object": options.object}
    if choice.looks:  # once in a control step, and pictures take their time
        period = robots.load(use.robot).timing.control
        policy |= {"max_reading_age": 2 * period, "grace": min(MOST_GRACE, period / 2)}
    return (
        _perception(choice, bool(lockstep.get("lockstep"))),
        Node("fingertip_tracker", {**choice.robot, "object": options.object}),
        Node("trial", {**choice.task, **choice.judged, **trials, **referee, **seed, **lockstep}, required=True),
        Node("policy", {**policy, **choice.source, **seed, **lockstep}),
        Node("action_filter", {**choice.robot, **filter}),
        Node("hand_driver", {**choice.robot, **driver, **lockstep}),
    )


def _perception(choice: _Choice, lockstep: bool) -> Node:
    """Who says by pictures where the object is.

    Raises:
        DactylError: an estimator is named for a robot that needs none, or none is shipped for one that does.
    """
    if not choice.located:
        return Node("pose_estimator", _estimator(choice.options, lockstep))
    if choice.options.estimator:
        raise DactylError(f"the robot {choice.use.robot} locates the object by depth and mask: leave estimator out")
    return Node("object_locator", {**choice.robot, "object": choice.options.object})


def _dropping(nodes: tuple[Node, ...], choice: _Choice, options: SimOptions) -> tuple[Node, ...]:
    """The nodes, with the one that has objects picked up and dropped in the referee's place.

    Raises:
        DactylError: `drop_at` is no place, or the run is of a kind in which that node cannot take part.
    """
    for name in ("lockstep", "one_process"):
        if getattr(options, name):
            raise DactylError(f"drop_at: pick-and-drop runs in real time and in processes of their own: no {name}")
    referee = next(node for node in nodes if node.name == "trial")
    same = {name: referee.parameters[name] for name in ("trials", "seed", "report", "command")}
    meaning: dict[str, Value] = {"action_origin": choice.use.action_origin, "action_scale": choice.use.action_scale}
    own: dict[str, Value] = {"drop_at": _place(options.drop_at), "use_sim_time": True}
    parameters = {**choice.task, **choice.rules, **choice.source, **same, **meaning, **own}
    others = (node for node in nodes if node is not referee)
    return (*others, Node("pick_and_drop", parameters, required=True))


def _place(text: str) -> list[float]:
    """x y z, m.

    Raises:
        DactylError: the text is not these.
    """
    try:
        place = [float(part) for part in text.split()]
    except ValueError:
        place = []
    if len(place) != 3 or not all(map(math.isfinite, place)):
        raise DactylError(f"drop_at must be x y z in m, such as '0.45 -0.3 0.3', not {text!r}")
    return place


def _estimator(options: Options, lockstep: bool) -> dict[str, Value]:
    """Parameters of the pose estimator: a network only where poses come from images."""
    if options.pose == "state":
        return {}
    weights = estimator_for(options.object, options.estimator or None).absolute()
    # in lockstep everybody waits for the pose, so the best guess is given, as in `evaluate`
    best_guess: dict[str, Value] = {
        "min_confidence": 0.0, "max_degrees": 180.0, "max_millimetres": 1000.0, "max_disagreement": 0.0,
    }  # fmt: skip
    return {"weights": str(weights), "object": options.object, **(best_guess if lockstep else {})}


def _rviz(choice: _Choice, laboratory: configuration.Configuration) -> tuple[Node, ...]:
    """What draws for RViz, if it is wanted; a laboratory's markers and cameras are where its configuration says."""
    if not choice.options.rviz:
        return ()
    tracker, camera = (laboratory.get(name, {}) for name in ("fingertip_tracker", "camera"))
    base: dict[str, Value] = {name: tracker[name] for name in ("base_ids", "base_positions") if name in tracker}
    cameras = {"calibration": camera.get("calibration", "")} if laboratory else {"simulated_cameras": True}
    drawn = {"object": choice.options.object, **choice.drawn}
    return (
        Node("rviz_markers", {**choice.robot, **drawn, **base}),
        Node("robot_description", {**choice.robot, **base, **cameras}),
    )


def _dashboard(choice: _Choice, simulated: bool) -> tuple[Node, ...]:
    """The node of the dashboard, if it is wanted; it offers the policy and those shipped that act alike."""
    options = choice.options
    if not options.dashboard:
        return ()
    alike = dataclasses.replace(choice.use, object="")  # that it was trained with another object does not matter
    fitting = [p for p in policies_for(options.object) if dataclasses.replace(read_contract(p), object="") == alike]
    parameters: dict[str, Value] = {
        **choice.task,
        "object": options.object,
        **choice.drawn,
        "simulated": simulated,
        "policies": ":".join(str(path) for path in dict.fromkeys([choice.policy, *fitting])),
        "host": options.dashboard_host,
        "port": options.dashboard_port,
    }
    return (Node("dashboard", parameters),)
