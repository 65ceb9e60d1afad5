"""The real graph over DDS: every node a process, in a ROS domain of its own."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Container
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, Quaternion
from rclpy.action import ActionClient
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory

from dactyl import topics
from dactyl.bringup.options import RealOptions, SimOptions
from dactyl.bringup.run import real_graph, sim_graph
from dactyl.robot import backlash, control
from dactyl.robots.shadow import ROBOT
from dactyl.robots.shadow import topics as names
from dactyl.robots.shadow.joints import ACTUATOR_LIMITS, ACTUATORS, JOINTS, ros_joint_name
from dactyl.robots.shadow.ros import decode
from dactyl.ros import messages
from dactyl_msgs.action import RunTrials
from dactyl_msgs.msg import FingertipPositions, HandAction, MocapMarkers, TrialStatus
from dactyl_msgs.srv import SetGoal
from tests.nodes.conftest import EVERYTHING

FINGERS, WRIST, JOINT_STATES = map(topics.of_simulated_hand, (names.FINGERS, names.WRIST, topics.JOINT_STATES))
SMALL = {"image_width": 64, "image_height": 48}

LATCHED = DurabilityPolicy.TRANSIENT_LOCAL

# topic: type, rate in Hz (0: on change), quality of service
TOPICS: dict[str, tuple[type, float, QoSProfile]] = {
    "/clock": (Clock, 125.0, messages.SENSOR),
    JOINT_STATES: (JointState, 125.0, messages.SENSOR),
    "/dactyl/mocap/markers": (MocapMarkers, 125.0, messages.SENSOR),
    "/dactyl/fingertips": (FingertipPositions, 125.0, messages.SENSOR),
    "/dactyl/object_pose/mocap": (PoseStamped, 125.0, messages.SENSOR),
    **{f"/dactyl/camera_{i}/image_raw": (Image, 12.5, messages.SENSOR) for i in range(3)},
    **{f"/dactyl/camera_{i}/camera_info": (CameraInfo, 12.5, messages.SENSOR) for i in range(3)},
    "/dactyl/goal": (PoseStamped, 0.0, messages.LATCHED),
    "/dactyl/action": (HandAction, 12.5, messages.RELIABLE),
    "/dactyl/action_filtered": (HandAction, 12.5, messages.RELIABLE),
    "/dactyl/trial/status": (TrialStatus, 12.5, messages.LATCHED),
    FINGERS: (JointTrajectory, 0.0, messages.RELIABLE),
    WRIST: (JointTrajectory, 0.0, messages.RELIABLE),
}


def stamp_ns(message: Any) -> int:
    return messages.nanoseconds(message.clock if isinstance(message, Clock) else message.header.stamp)


def imports_torch(pid: int) -> bool:
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()


def resident_mb(pid: int) -> float:
    """Without the memory that processes share to pass messages: 16 MB each (config/fastdds.xml)."""
    fields = dict(line.split(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return sum(int(fields[kind].split()[0]) for kind in ("RssAnon", "RssFile")) / 1024


def test_every_topic_has_its_type_quality_and_rate(run_graph: Any) -> None:
    """Protects whoever connects to the graph, and the machine: no node but the policy may grow beyond 300 MB.

    The simulation may have 400: where no GPU draws, the libraries of the software renderer are 66 of them."""
    with run_graph(sim_graph(SimOptions(headless=True)), sim=SMALL) as graph:
        received = {topic: graph.listen(kind, topic) for topic, (kind, *_) in TOPICS.items()}
        graph.until(lambda: len(received["/dactyl/action"]) > 25 and len(received["/dactyl/camera_2/image_raw"]) > 5)
        graph.until(lambda: len(received["/dactyl/trial/status"]) > 40)
        for topic, (_, rate, qos) in TOPICS.items():
            publishers = graph.node.get_publishers_info_by_topic(topic)
            assert len(publishers) == 1, topic
            offered = publishers[0].qos_profile
            assert offered.reliability == qos.reliability, topic
            assert (offered.durability == LATCHED) == (qos.durability == LATCHED), topic
            if rate:  # by the stamps: what a busy machine makes late is still sent at its rate
                intervals, period = np.diff([stamp_ns(message) for message in received[topic]]), round(1e9 / rate)
                if "camera" in topic:  # a busy machine leaves images out
                    intervals %= period
                    period = 0
                assert np.median(intervals) == period, topic
        streamed = Counter(message.header.stamp.nanosec for message in received[FINGERS])
        assert max(streamed.values()) >= 8, "targets are streamed at 125 Hz, ten between two actions"
        image = received["/dactyl/camera_0/image_raw"][-1]
        assert (image.width, image.height, image.encoding) == (64, 48, "rgb8")
        assert np.std(image.data) > 10
        assert "/dactyl/object_pose/vision" in dict(graph.node.get_topic_names_and_types())

        pids = graph.runner.pids()
        assert {name for name, pid in pids.items() if imports_torch(pid)} == {"policy"}
        limits = dict.fromkeys(pids.keys() - {"policy"}, 300.0) | {"sim": 400.0}
        large = {name: size for name, limit in limits.items() if (size := resident_mb(pids[name])) > limit}
        assert not large


def test_an_action_goes_round(run_graph: Any) -> None:
    """Protects the whole chain: filter, backlash, targets from the joint angles of the action's own tick, coupling."""
    description = sim_graph(SimOptions(headless=True, lockstep=True))
    origin = str(description.node("hand_driver").parameters["action_origin"])
    with run_graph(description, trial={"timeout": 3.0}) as graph:  # trials begin again and again
        actions = graph.listen(HandAction, "/dactyl/action", messages.RELIABLE)
        filtered = graph.listen(HandAction, "/dactyl/action_filtered", messages.RELIABLE)
        angles: dict[int, np.ndarray] = {}

        def on_joints(message: JointState) -> None:
            assert list(message.name) == [ros_joint_name(joint) for joint in JOINTS]
            angles[stamp_ns(message)] = np.array(message.position)

        graph.node.create_subscription(JointState, JOINT_STATES, on_joints, EVERYTHING)
        commands: dict[str, dict[int, np.ndarray]] = {FINGERS: {}, WRIST: {}}
        for topic, by_stamp in commands.items():

            def on_command(data: bytes, topic: str = topic, by_stamp: dict[int, np.ndarray] = by_stamp) -> None:
                command = decode(topic.removeprefix("/dactyl/hand"), data)
                by_stamp[command.stamp_ns] = np.full(len(ACTUATORS), np.nan)
                by_stamp[command.stamp_ns][command.actuators] = command.targets

            graph.node.create_subscription(JointTrajectory, topic, on_command, 10, raw=True)

        def heard() -> dict[int, tuple[HandAction, np.ndarray, np.ndarray]]:
            """Filtered action, joint angles and targets by the action's tick, of all that came to the test whole."""
            found = {}
            for output in filtered:
                tick = stamp_ns(output)
                if all(tick in part for part in (angles, commands[FINGERS], commands[WRIST])):
                    wrist = commands[WRIST][tick]
                    found[tick] = (output, angles[tick], np.where(np.isnan(wrist), commands[FINGERS][tick], wrist))
            return found

        looked = 0

        def enough() -> bool:
            """A busy machine may lose some, and the object may fall soon: then the next trial is looked at too."""
            nonlocal looked
            if len(filtered) < looked + 10:
                return False
            looked = len(filtered)
            return sum(map(len, stretches(actions, heard()))) > 20

        graph.until(enough)
        assert np.ptp(list(angles.values()), axis=0).max() > 0.05, "the hand moves"
        deltas, limits = np.full((20, 2), backlash.NOMINAL, np.float32), ACTUATOR_LIMITS.astype(np.float32)
        parts = heard()
        for stretch in stretches(actions, parts):
            smoothed, slack = np.asarray(stretch[0].start, np.float32), np.zeros(20, np.float32)
            began = ROBOT.actuator_positions(parts[stamp_ns(stretch[0])][1])
            np.testing.assert_allclose(smoothed, control.holding(began, ACTUATOR_LIMITS, origin), atol=1e-6)
            for action in stretch:
                output, measured, sent = parts[stamp_ns(action)]
                np.testing.assert_allclose(action.action, control.as_action(np.asarray(action.bins), ROBOT.action.bins))
                smoothed = control.smooth(smoothed, np.asarray(action.action), ROBOT.action.smoothing)
                assert output.sequence == action.sequence
                positions = ROBOT.actuator_positions(measured).astype(np.float32)
                wanted = control.target(positions, smoothed, limits, origin)
                slack, targets = backlash.transmit(slack, positions, wanted, limits, deltas)
                expected = control.action_for(targets, positions, limits, origin)
                np.testing.assert_allclose(output.action, expected, atol=1e-6)
                np.testing.assert_allclose(sent, np.clip(targets, *ACTUATOR_LIMITS.T), atol=1e-5)


def stretches(actions: list[HandAction], heard: Container[int]) -> list[list[HandAction]]:
    """Each trial's actions from its first one on, as far as all that belongs to their ticks was heard.

    Without the joint angles of one tick the slack after it is not known.
    """
    found: list[list[HandAction]] = []
    ended = True
    for action in {stamp_ns(action): action for action in actions}.values():  # lockstep repeats what is unanswered
        if action.sequence == 0:
            found.append([])
            ended = False
        ended = ended or action.sequence != len(found[-1]) or stamp_ns(action) not in heard
        if not ended:
            found[-1].append(action)
    return [stretch for stretch in found if stretch]


def test_the_hand_holds_while_a_killed_policy_comes_back(run_graph: Any) -> None:
    """Protects the hand: without actions it keeps its targets, and the next action takes it from there."""
    with run_graph(sim_graph(SimOptions(headless=True))) as graph:
        actions = graph.listen(HandAction, "/dactyl/action")
        targets = graph.listen(JointTrajectory, FINGERS)
        joints = graph.listen(JointState, JOINT_STATES)
        graph.until(lambda: actions and actions[-1].sequence > 40 and len(targets) > 50)
        os.kill(graph.runner.pids()["policy"], signal.SIGKILL)
        graph.until(lambda: "policy killed by signal 9; it starts again" in graph.text)
        graph.until(lambda: "no actions: the hand holds" in graph.text)
        said = len(targets)
        graph.until(lambda: len(targets) > said + 10)  # what was on its way when that was said has come
        last, held = targets[-1], len(targets)
        before = len(actions)
        time.sleep(0.3)
        graph.until(lambda: len(targets) > held + 30)
        assert all(message == last for message in targets[held : held + 30])
        assert np.abs(np.array(joints[-1].velocity)).max() < 0.5

        graph.until(lambda: len(actions) > before + 5)
        assert actions[before].sequence < 40, "the sequence starts again; the first ones find no subscriber yet"
        graph.until(lambda: targets[-1] != last)
        assert "actions: the hand moves" in graph.text


def test_two_runs_with_one_seed_are_identical(run_graph: Any, tmp_path: Path) -> None:
    """Protects repeatability: the same actions, joint angles and goals, bit for bit, and the same results."""

    def record(name: str) -> tuple[dict[tuple[str, int], bytes], Any]:
        report = tmp_path / f"{name}.json"
        options = SimOptions(headless=True, lockstep=True, trials=4, seed=4, json=str(report))
        with run_graph(sim_graph(options), trial={"timeout": 3.2}) as graph:
            actions = graph.listen(HandAction, "/dactyl/action")
            joints = graph.listen(JointState, JOINT_STATES)
            goals = graph.listen(PoseStamped, "/dactyl/goal", messages.LATCHED)
            graph.until(lambda: graph.code is not None)
            assert graph.join() == 0
        seen = {("action", stamp_ns(m)): m.action.tobytes() for m in actions}
        seen |= {("joints", stamp_ns(m)): np.array(m.position).tobytes() for m in joints}
        seen |= {("goal", stamp_ns(m)): repr(m.pose.orientation).encode() for m in goals}
        return seen, json.loads(report.read_text())["results"]

    first, results = record("first")
    again, results_again = record("again")
    common = first.keys() & again.keys()  # an observer joins late and may miss messages
    assert len(common) > 40
    assert {key: first[key] for key in common} == {key: again[key] for key in common}
    assert results == results_again
    assert len(results["trials"]) == 4
    assert set(results["trials"][0]) == {"successes", "reason", "seconds"}
    for trial in results["trials"]:
        assert trial["reason"] in ("dropped", "timeout")
        assert trial["seconds"] <= 3.2 * (trial["successes"] + 1)
    assert {"mean", "std", "median", "goals_reached", "goals_presented"} <= set(results)


def test_services_and_the_action_run_trials(run_graph: Any) -> None:
    """Protects what a person or a script steers the trials with."""
    graph_ = sim_graph(SimOptions(headless=True, lockstep=True))
    with run_graph(graph_, trial={"autostart": False, "timeout": 0.8, "settle_time": 0.16}) as graph:
        statuses = graph.listen(TrialStatus, "/dactyl/trial/status", messages.RELIABLE)
        goals = graph.listen(PoseStamped, "/dactyl/goal", messages.LATCHED)
        graph.until(lambda: statuses)
        assert statuses[-1].state == TrialStatus.FINISHED
        refused = graph.call(Trigger, "/dactyl/trial/reset", Trigger.Request())
        assert (refused.success, refused.message) == (False, "no trial is running")

        client = ActionClient(graph.node, RunTrials, "/dactyl/run_trials")
        graph.until(client.server_is_ready)
        feedback: list[Any] = []
        sent = client.send_goal_async(RunTrials.Goal(trials=2), feedback_callback=feedback.append)
        graph.until(sent.done)
        assert sent.result().accepted
        result = sent.result().get_result_async()
        graph.until(lambda: any(status.state == TrialStatus.RUNNING for status in statuses))
        target = Quaternion(w=0.0, x=0.0, y=3.0, z=0.0)
        assert graph.call(SetGoal, "/dactyl/trial/set_goal", SetGoal.Request(orientation=target)).success
        graph.until(lambda: any(goal.pose.orientation.y == 1.0 for goal in goals))
        answer = graph.call(SetGoal, "/dactyl/trial/set_goal", SetGoal.Request(orientation=Quaternion(w=0.0)))
        assert not answer.success
        graph.until(result.done)
        ended = result.result().result
        assert [trial.reason in ("timeout", "dropped") for trial in ended.results] == [True, True]
        assert len(feedback) > 3
        graph.until(lambda: statuses[-1].state == TrialStatus.FINISHED)
        assert statuses[-1].trials_ended == 2


def test_the_real_graph_waits_for_its_hardware_and_says_so(run_graph: Any) -> None:
    """Protects honesty: nothing pretends to be a camera or a hand, and nothing moves before it is enabled."""
    with run_graph(real_graph(RealOptions()), mocap={"source": "topic", "topic": "/nothing"}) as graph:
        graph.until(lambda: "policy.safetensors" in graph.text, 90.0)
        for said in (
            "no camera has a serial number: there will be no images",
            "the hand does not move until it is enabled",
            "/joint_states: silent",
        ):
            graph.until(lambda said=said: said in graph.text)  # type: ignore[misc]
        answer = graph.call(SetBool, "/dactyl/hand_driver/enable", SetBool.Request(data=True))
        assert (answer.success, answer.message) == (False, "there are no joint states: the hand does not answer")


def test_a_wrong_parameter_stops_the_run_with_one_line(run_graph: Any) -> None:
    """Protects users from a graph that half runs."""
    with run_graph(sim_graph(SimOptions(headless=True)), hand_driver={"interface": "telepathy"}) as graph:
        assert graph.join() == 2
        known = "trajectory, position, ros2_control"
        line = f"hand_driver | cannot start: parameter interface = 'telepathy' is none of: {known}\n"
        assert line in graph.text
        assert "Traceback" not in graph.text
