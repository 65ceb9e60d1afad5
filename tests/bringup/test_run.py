"""The graphs of a run, made of what a person chose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dactyl import topics
from dactyl.bringup import run
from dactyl.bringup.graph import Graph
from dactyl.bringup.options import RealOptions, SimOptions
from dactyl.bringup.processes import command
from dactyl.bringup.run import real_graph, sim_graph, with_loop_benchmark
from dactyl.errors import DactylError
from dactyl.learning.policy import Policy
from dactyl.robots.shadow import ROBOT
from dactyl.ros import driver as drivers
from tests.toys import installed_toys

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"
COMMON = {"pose_estimator", "fingertip_tracker", "trial", "policy", "action_filter", "hand_driver", "dashboard"}


def policy_file(path: Path, contract: dict[str, Any]) -> Path:
    header = json.dumps({"__metadata__": {"dactyl": json.dumps(contract)}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    return path


def test_simulation_and_hardware_run_the_same_nodes() -> None:
    """Protects the point of the whole graph: nobody but this description knows which of the two it is."""
    assert {node.name for node in sim_graph(SimOptions()).nodes} == COMMON | {"sim"}
    assert {node.name for node in real_graph(RealOptions()).nodes} == COMMON | {"camera", "mocap", "timing_monitor"}


@pytest.mark.parametrize("graph", [sim_graph(SimOptions()), real_graph(RealOptions(emulate=True))], ids=["sim", "real"])
def test_a_simulated_hand_has_topics_of_its_own(graph: Graph) -> None:
    """Protects a real hand on the same network: no node of such a graph speaks or listens where a real hand may be."""
    kinds = drivers.load(ROBOT).topics
    hand = {topics.JOINT_STATES, *kinds("trajectory"), *kinds("position")}
    for node in graph.nodes:
        elsewhere = dict(node.remappings)
        assert all(elsewhere[topic] == f"/dactyl/hand{topic}" for topic in hand), node.name
    assert not any(node.remappings for node in real_graph(RealOptions()).nodes)
    benchmark = with_loop_benchmark(graph, 1.0, False, None).node("loop_benchmark")
    assert dict(benchmark.remappings).keys() >= hand


def test_only_what_cannot_be_replaced_ends_the_run() -> None:
    """Protects a run from the death of a node that can start again, and from a referee or a world that forgot all."""
    assert {node.name for node in sim_graph(SimOptions()).nodes if node.required} == {"sim", "trial"}
    assert {node.name for node in real_graph(RealOptions()).nodes if node.required} == {"trial"}


def test_options_reach_their_nodes(tmp_path: Path) -> None:
    """Protects the command line's promises."""
    options = SimOptions(trials=3, seed=7, lockstep=True, headless=True, json=str(tmp_path / "out.json"))
    graph = sim_graph(options)
    sim = graph.node("sim").parameters
    shown = {"object": "block", "seed": 7, "viewer": False, "lockstep": True}
    own = {"robot": "shadow", "task": "reorient", "action_scale": 1.0, "smoothing": 0.3}
    assert sim == {**shown, **own, "action_origin": graph.node("hand_driver").parameters["action_origin"]}
    trial = graph.node("trial").parameters
    assert (trial["trials"], trial["seed"], trial["lockstep"]) == (3, 7, True)
    assert (trial["report"], trial["command"]) == (str(tmp_path / "out.json"), "sim")
    assert {node.name for node in graph.nodes if node.parameters.get("lockstep")} == {
        "sim", "trial", "policy", "hand_driver",
    }  # fmt: skip


def test_rules_reach_the_referee_and_who_places_the_object() -> None:
    """Protects trials from goals of one difficulty and starts of another. Without them nobody is told any."""
    told = "{timeout: 5.0}"
    for graph in (sim_graph(SimOptions(rules=told)), real_graph(RealOptions(rules=told, emulate=True))):
        assert (graph.node("trial").parameters["rules"], graph.node("sim").parameters["rules"]) == (told, told)
        assert graph.parameters(graph.node("trial"))["timeout"] == 5.0, "a laboratory's file goes first"
    assert "rules" not in sim_graph(SimOptions()).node("trial").parameters
    assert "timeout" not in sim_graph(SimOptions(rules="{tolerance: 0.3}")).node("trial").parameters
    with pytest.raises(DactylError, match=r"unknown key rules\.kindness"):
        sim_graph(SimOptions(rules="{kindness: 3}"))


def test_filter_and_driver_follow_the_policys_contract(tmp_path: Path) -> None:
    """Protects a policy from being run with another smoothing or reach than it was trained with."""
    contract = {"smoothing": 0.5, "action_origin": "middle", "action_scale": 0.25}
    path = policy_file(tmp_path / "p.safetensors", contract)
    graph = sim_graph(SimOptions(policy=str(path)))
    assert graph.node("action_filter").parameters["smoothing"] == 0.5
    driver = graph.node("hand_driver").parameters
    assert (driver["action_origin"], driver["action_scale"]) == ("middle", 0.25)
    emulated = real_graph(RealOptions(policy=str(path), emulate=True))
    for sim in (graph.node("sim").parameters, emulated.node("sim").parameters):
        assert (sim["action_origin"], sim["action_scale"], sim["smoothing"]) == ("middle", 0.25, 0.5)
    assert graph.node("policy").parameters["policy"] == str(path)
    path.rename(tmp_path / "policy.safetensors")
    folder = sim_graph(SimOptions(policy=str(tmp_path)))
    assert folder.node("policy").parameters["policy"] == str(tmp_path / "policy.safetensors")


def of_another_robot(folder: Path) -> str:
    """The file of a policy for the TriFinger, as far as bringup reads it."""
    meaning = {"smoothing": 1.0, "action_scale": 1.0, "action_origin": "torque"}
    use = {"robot": "trifinger", "task": "repose", "object": "cube"}
    return str(policy_file(folder / "cube.safetensors", {**meaning, **use}))


def test_another_robot_gets_its_own_parameters_and_none_of_the_default_ones(tmp_path: Path) -> None:
    """Protects it from the Shadow's limits, time and place: with them its nodes did not even start."""
    graph = real_graph(RealOptions(policy=of_another_robot(tmp_path)))
    told = {node.name: graph.parameters(node) for node in graph.nodes}
    assert not {"timeout", "rest_position", "up"} & set(told["trial"])
    assert set(told["fingertip_tracker"]) == {"robot", "object", "pose_period", "pose_delay"}
    assert set(told["timing_monitor"]) == {"robot"}
    assert told["hand_driver"]["transport"] == "robot_interfaces"
    assert "max_temperature" not in told["hand_driver"]
    asked = real_graph(RealOptions(policy=of_another_robot(tmp_path), rules="{timeout: 3.0}"))
    assert asked.parameters(asked.node("trial"))["timeout"] == 3.0


def test_an_emulated_robot_is_seen_and_timed_as_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects `real --emulate` of another robot: its own scene in the pictures, its own rhythm where it is watched."""
    shown: list[tuple[Any, ...]] = []
    monkeypatch.setattr("dactyl.simulation.pictures.render_pictures", lambda _, *what: shown.append(what))
    policy = of_another_robot(tmp_path)
    graph = real_graph(RealOptions(policy=policy, emulate=True))
    assert shown == [("trifinger", "cube", 8, 0)]
    assert graph.parameters(graph.node("hand_driver"))["transport"] == "ros2"
    assert graph.parameters(graph.node("mocap"))["topic"] == "/dactyl/emulation/mocap/markers"
    assert "period" not in graph.parameters(graph.node("timing_monitor")), "the monitor's own are these"
    config = tmp_path / "mine.yaml"
    config.write_text(
        "/dactyl:\n  timing_monitor:\n    ros__parameters: {stages: [mocap/markers, action, joint_targets]}\n"
    )
    mine = real_graph(RealOptions(policy=policy, emulate=True, config=str(config)))
    assert mine.node("timing_monitor").parameters["period"] == [0.005, 0.02, 0.005]
    hand = real_graph(RealOptions(emulate=True))
    assert hand.node("timing_monitor").parameters["period"] == [0.008] * 3 + [0.08] * 6 + [0.008] * 2


def test_a_pose_from_images_may_be_as_old_as_two_control_steps_or_as_the_laboratory_says(tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("/dactyl:\n  policy:\n    ros__parameters: {max_reading_age: 0.3}\n")
    for file, oldest in (("", 0.16), (str(config), 0.3)):
        graph = real_graph(RealOptions(pose="vision", config=file))
        assert graph.parameters(graph.node("policy"))["max_reading_age"] == oldest


@pytest.mark.parametrize("locked", [False, True])
def test_a_policy_that_knows_a_locked_wrist_only_gets_one(tmp_path: Path, locked: bool) -> None:
    """Hardware and simulation lock WRJ1 for it (section 6.1); for others the driver's own setting stands."""
    contract = {"smoothing": 0.3, "action_origin": "middle", "action_scale": 1.0, "locked_wrist": locked}
    path = str(policy_file(tmp_path / "p.safetensors", contract))
    for graph in (sim_graph(SimOptions(policy=path)), real_graph(RealOptions(policy=path, emulate=True))):
        assert graph.node("hand_driver").parameters.get("lock_wrist", False) == locked
        assert graph.node("sim").parameters.get("locked_wrist", False) == locked


def test_vision_gives_the_network_to_the_estimator_and_its_poses_to_the_policy(tmp_path: Path) -> None:
    """Protects `--pose vision`: nothing is rendered without it, and the simulated referee goes by the truth."""
    assert sim_graph(SimOptions()).node("pose_estimator").parameters == {}
    graph = sim_graph(SimOptions(pose="vision"))
    weights = str(graph.node("pose_estimator").parameters["weights"])
    assert weights.endswith("models/pose-block/estimator.safetensors")
    assert Path(weights).is_file()
    assert graph.node("policy").parameters["object_pose"] == "vision"
    assert graph.node("trial").parameters["object_pose"] == "mocap"
    assert "min_confidence" not in graph.node("pose_estimator").parameters
    lockstep = sim_graph(SimOptions(pose="vision", lockstep=True, estimator=str(tmp_path / "mine.safetensors")))
    assert lockstep.node("pose_estimator").parameters["weights"] == str(tmp_path / "mine.safetensors")
    limits = {"min_confidence": 0.0, "max_degrees": 180.0, "max_millimetres": 1000.0, "max_disagreement": 0.0}
    assert limits.items() <= lockstep.node("pose_estimator").parameters.items()
    assert real_graph(RealOptions(pose="vision")).node("trial").parameters["object_pose"] == "vision"


def reaching(tmp_path: Path, **changes: Any) -> str:
    """A policy file that says that it reaches with a humanoid's hands."""
    contract = {"smoothing": 1.0, "action_origin": "current", "action_scale": 0.15, "robot": "gr1"}
    contract |= {"task": "grasp_and_reach", "object": "cylinder", "control_period": 0.2, **changes}
    return str(policy_file(tmp_path / "reach.safetensors", contract))


def test_a_robot_with_a_third_view_locates_the_object_by_it(tmp_path: Path) -> None:
    """Protects `--pose vision` of a humanoid: cameras, locator and policy fit each other and its slow steps."""
    graph = sim_graph(SimOptions(policy=reaching(tmp_path), pose="vision", seed=3, rviz=True))
    assert {node.name for node in graph.nodes} == COMMON - {"pose_estimator"} | {
        "sim", "depth_camera", "object_locator", "rviz_markers", "robot_description",
    }  # fmt: skip
    assert graph.node("depth_camera").parameters == {"robot": "gr1", "object": "cylinder", "seed": 3}
    locator = graph.node("object_locator").parameters
    assert locator == {"robot": "gr1", "object": "cylinder", "use_sim_time": True}
    assert graph.node("sim").parameters["witnesses"] == 1
    policy = graph.node("policy").parameters
    assert (policy["object_pose"], policy["max_reading_age"], policy["grace"]) == ("vision", 0.4, 0.08)
    sources = [graph.node(name).parameters["object_pose"] for name in ("trial", "dashboard", "rviz_markers")]
    assert sources == ["mocap"] * 3, "referee and pages know more than the policy"
    nodes = (graph.node(name) for name in ("depth_camera", "sim"))
    assert len({dict(node.remappings)[topics.JOINT_STATES] for node in nodes}) == 1


def test_without_vision_nobody_is_told_the_truth(tmp_path: Path) -> None:
    graph = sim_graph(SimOptions(policy=reaching(tmp_path)))
    assert {node.name for node in graph.nodes} == COMMON | {"sim"}
    assert "witnesses" not in graph.node("sim").parameters
    assert "max_reading_age" not in graph.node("policy").parameters


def test_a_policy_that_sees_images_is_given_an_eye(tmp_path: Path) -> None:
    """Protects policies that see: the depth camera is there, also where the object's pose is motion capture's."""
    policy = reaching(tmp_path, architecture={"kind": "diffusion", "images": {"depth_small": [1, 36, 48]}})
    graph = sim_graph(SimOptions(policy=policy))
    assert {node.name for node in graph.nodes} == COMMON | {"sim", "depth_camera"}
    assert graph.node("sim").parameters["witnesses"] == 1
    found = graph.node("policy").parameters
    assert (found["object_pose"], found["max_reading_age"], found["grace"]) == ("mocap", 0.4, 0.08)


def test_on_hardware_depth_and_masks_are_somebody_elses(tmp_path: Path) -> None:
    """Protects a laboratory: a depth camera and a segmentation have drivers of their own, on the same topics."""
    graph = real_graph(RealOptions(policy=reaching(tmp_path), pose="vision"))
    names = {node.name for node in graph.nodes}
    assert "object_locator" in names
    assert not {"pose_estimator", "depth_camera"} & names
    assert "use_sim_time" not in graph.node("object_locator").parameters
    assert graph.node("policy").parameters["max_reading_age"] == 0.4
    assert graph.node("trial").parameters["object_pose"] == "vision"


@pytest.mark.parametrize("pose", ["state", "vision"])
def test_pick_and_drop_takes_the_referees_place(tmp_path: Path, pose: Any) -> None:
    options = SimOptions(
        policy=reaching(tmp_path), pose=pose, drop_at="0.45 -0.3 0.3", trials=2, json=str(tmp_path / "out.json"),
        rules="{timeout: 8.0}",
    )  # fmt: skip
    graph = sim_graph(options)
    assert "trial" not in {node.name for node in graph.nodes}
    node = graph.node("pick_and_drop")
    assert node.required
    assert node.parameters == {
        "robot": "gr1", "task": "grasp_and_reach", "rules": "{timeout: 8.0}", "use_sim_time": True,
        "object_pose": {"state": "mocap", "vision": "vision"}[pose], "drop_at": [0.45, -0.3, 0.3],
        "action_origin": "current", "action_scale": 0.15,
        "trials": 2, "seed": 0, "report": str(tmp_path / "out.json"), "command": "sim",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"drop_at": "0.45 -0.3"}, "drop_at must be x y z in m, such as '0.45 -0.3 0.3', not '0.45 -0.3'"),
        ({"drop_at": "here it is"}, "drop_at must be x y z"),
        ({"drop_at": "0.45 -0.3 nan"}, "drop_at must be x y z"),
        ({"drop_at": "0 0 0", "lockstep": True}, "drop_at: .* no lockstep"),
        ({"drop_at": "0 0 0", "one_process": True}, "drop_at: .* no one_process"),
        ({"pose": "vision", "estimator": "mine"}, "the robot gr1 locates the object by depth and mask"),
    ],
)
def test_what_does_not_go_with_a_humanoid_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DactylError, match=message):
        sim_graph(SimOptions(policy=reaching(tmp_path), **changes))


@pytest.mark.parametrize(
    ("options", "shipped", "locked"),
    [
        (SimOptions(), "block", False),
        (SimOptions(object="octagonal_prism"), "octagonal-prism", False),
        (SimOptions(object="sphere"), "sphere", False),
        (SimOptions(object="sphere", policy=str(MODELS / "any-object")), "any-object", False),
        (SimOptions(policy=str(MODELS / "block-locked-wrist")), "block-locked-wrist", True),
    ],
)
def test_shipped_policies_run_by_their_object_or_name(options: SimOptions, shipped: str, locked: bool) -> None:
    graph = sim_graph(options)
    path = Path(str(graph.node("policy").parameters["policy"]))
    assert path.resolve() == MODELS / shipped / "policy.safetensors"
    assert Policy.load(path, options.object or None).contract.locked_wrist == locked
    assert graph.node("sim").parameters.get("locked_wrist", False) == locked
    assert (path.parent / "README.md").is_file()


def test_without_an_object_it_is_the_policys(tmp_path: Path) -> None:
    """Protects a policy from an object that it does not know, which its node would refuse."""
    contract = {"smoothing": 0.3, "action_scale": 1.0, "object": "octagonal_prism"}
    path = str(policy_file(tmp_path / "p.safetensors", contract))
    for asked, expected in (("", "octagonal_prism"), ("block", "block")):
        graph = sim_graph(SimOptions(policy=path, object=asked))
        given = {node.name: node.parameters["object"] for node in graph.nodes if "object" in node.parameters}
        assert given == dict.fromkeys(("sim", "fingertip_tracker", "policy", "dashboard"), expected)


def test_the_dashboard_offers_what_acts_alike_whatever_object_it_was_trained_with() -> None:
    """Protects the way from a block's policy to that of the object which lies there."""
    graph = sim_graph(SimOptions(object="octagonal_prism", policy=str(MODELS / "block")))
    offered = str(graph.node("dashboard").parameters["policies"]).split(":")
    assert [Path(path).parent.name for path in offered] == ["block", "octagonal-prism"]


@pytest.mark.parametrize(
    ("options", "looked_for"),
    [
        (SimOptions(robot="tray"), "tray-"),
        (SimOptions(task="slide"), "shadow-slide"),
        (SimOptions(robot="tray", task="slide"), "tray-slide"),
        (SimOptions(task="repose"), "trifinger-repose"),
    ],
)
def test_what_is_shipped_for_another_robot_or_task_is_called_as_these(
    options: SimOptions, looked_for: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects `./dactyl sim --robot NAME`: no object's name is needed to find what is shipped."""
    robot = options.robot if options.task != "repose" else "trifinger"
    task = "slide" if options.task == "reorient" else options.task
    contract = {"smoothing": 0.3, "action_scale": 1.0, "robot": robot, "task": task, "object": "cube"}
    path = policy_file(tmp_path / "p.safetensors", contract)
    monkeypatch.setattr(run, "policies_for", lambda name: [path] if name == looked_for else [])
    with installed_toys():
        graph = sim_graph(options)
    assert graph.node("policy").parameters["policy"] == str(path)
    sim = graph.node("sim").parameters
    assert (sim["robot"], sim["task"], sim["object"]) == (robot, task, "cube")
    monkeypatch.setattr(run, "policies_for", lambda name: [])
    with installed_toys(), pytest.raises(DactylError, match="none is shipped: name one with `policy`"):
        sim_graph(options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SimOptions(pose="vision", object="sphere", policy="models/block"), "no pose estimator for the object sphere"),
        (SimOptions(object="cube_60"), "no policy for the object cube_60 is shipped: name one"),
        (SimOptions(trials=-1), "trials must be a whole number from 0"),
        (SimOptions(seed=-1), "seed must be a whole number from 0"),
        (SimOptions(json="out.json"), "json needs trials"),
        (SimOptions(trials=1, json="/nowhere/out.json"), "there is no folder /nowhere"),
        (SimOptions(policy="/nowhere.safetensors"), "cannot read the policy /nowhere.safetensors: No such file"),
        (SimOptions(policy=__file__), "is not a policy file"),
        (SimOptions(robot="tray"), "no policy for the robot tray: none is shipped: name one"),
        (SimOptions(policy="models/block", task="slide"), "no policy for the task slide: .* is for the task reorient"),
    ],
)
def test_what_cannot_be_had_is_refused(options: Any, message: str) -> None:
    """Protects users from a graph that starts and then does not do what they asked for."""
    with pytest.raises(DactylError, match=message) as error:
        (sim_graph if isinstance(options, SimOptions) else real_graph)(options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("contract", [{}, {"smoothing": 0.3}])
def test_a_policy_without_a_whole_contract_is_refused(tmp_path: Path, contract: dict[str, Any]) -> None:
    """Protects against a file of tensors that says nothing about its use."""
    path = policy_file(tmp_path / "p.safetensors", contract)
    with pytest.raises(DactylError, match="is not a policy file"):
        sim_graph(SimOptions(policy=str(path)))


def test_parameter_files_are_found() -> None:
    """Protects the way to the package's share folder, installed or in the source tree."""
    for graph in (sim_graph(SimOptions()), real_graph(RealOptions())):
        assert "interface" in graph.configuration["hand_driver"]


def test_a_namespace_is_all_of_a_graphs_names(tmp_path: Path) -> None:
    """Protects two hands in one ROS domain: nothing of the one is where the other's is, simulated time included."""
    config = tmp_path / "left.yaml"
    config.write_text("/left:\n  trial:\n    ros__parameters: {timeout: 7}\n")
    for name in ("left", "/left", "/left/"):
        graph = sim_graph(SimOptions(namespace=name, config=str(config)))
        assert graph.namespace == "/left"
        assert graph.configuration["trial"]["timeout"] == 7.0
        assert "interface" in graph.configuration["hand_driver"], "the shipped file counts in any namespace"
        line = command(graph.node("hand_driver"), graph)
        assert "__ns:=/left" in line
        assert {"/joint_states:=/left/hand/joint_states", "/clock:=/left/hand/clock"} <= set(line)
    emulated = real_graph(RealOptions(namespace="left", emulate=True))
    assert emulated.node("mocap").parameters["topic"] == "/left/emulation/mocap/markers"
    assert ("mocap/markers", "/left/emulation/mocap/markers") in emulated.node("sim").remappings


def test_topics_get_other_names() -> None:
    """Protects labs whose hand, bridge or arm names topics otherwise."""
    graph = real_graph(RealOptions(remap="/joint_states:=/right/joint_states"))
    assert {node.remappings for node in graph.nodes} == {(("/joint_states", "/right/joint_states"),)}


def test_the_hands_topics_are_parameters_of_a_real_graph_only(tmp_path: Path) -> None:
    """Protects a real hand from a lab's own file, when that is used with --emulate or in simulation."""
    config = tmp_path / "right.yaml"
    config.write_text(
        "/**:\n  ros__parameters: {joint_states: /right/joint_states}\n"
        "/dactyl:\n  hand_driver:\n    ros__parameters:\n"
        "      {commands: /right/fingers /right/wrist, max_rate: 3, transport: rosbridge}\n"
    )
    real = real_graph(RealOptions(config=str(config)))
    using = {name for name, given in real.configuration.items() if given.get("joint_states") == "/right/joint_states"}
    assert {"hand_driver", "policy", "action_filter", "timing_monitor", "dashboard"} <= using
    driver = real.parameters(real.node("hand_driver"))
    assert (driver["commands"], driver["transport"]) == ("/right/fingers /right/wrist", "rosbridge")
    for graph in (real_graph(RealOptions(config=str(config), emulate=True)), sim_graph(SimOptions(config=str(config)))):
        driver = graph.parameters(graph.node("hand_driver"))
        assert (driver["max_rate"], driver["transport"]) == (3.0, "ros2"), "it speaks to the simulated hand alone"
        for node in graph.nodes:
            assert not {"joint_states", "commands", "targets"} & set(graph.parameters(node)), node.name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SimOptions(namespace="my hand"), "namespace = '/my hand' is no name for ROS"),
        (SimOptions(hand="lh"), "hand = lh: the robot shadow is another, its joints begin with rh_"),
        (SimOptions(remap="/joint_states:=/joint_states"), "/joint_states has another name in this graph already"),
        (RealOptions(emulate=True, remap="/rh_trajectory_controller/command:=/x"), "has another name in this graph"),
        (RealOptions(config="/nowhere.yaml"), "cannot read /nowhere.yaml"),
    ],
)
def test_names_and_files_that_cannot_be_are_refused(options: Any, message: str) -> None:
    """Protects a real hand from a simulated one that is led to its topics, a left one from a right one's policy."""
    with pytest.raises(DactylError, match=message) as error:
        (sim_graph if isinstance(options, SimOptions) else real_graph)(options)
    assert "\n" not in str(error.value)


def test_the_hand_that_it_is_is_taken() -> None:
    assert sim_graph(SimOptions(hand="rh")).nodes == sim_graph(SimOptions()).nodes
