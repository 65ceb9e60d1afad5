"""When the policy acts, on what, and when it does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from geometry_msgs.msg import Point, PoseStamped, Quaternion
from sensor_msgs.msg import Image, JointState

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.learning.models.diffusion import DiffusionArchitecture
from dactyl.learning.models.recurrent import Architecture
from dactyl.learning.policy import Contract, Policy
from dactyl.nodes.policy import PolicyNode
from dactyl.robot import control
from dactyl.robot import robot as robots
from dactyl.robots.shadow import ROBOT
from dactyl.ros import images, messages
from dactyl_msgs.msg import FingertipPositions, HandAction, TrialStatus

MS = 1_000_000
GR1 = robots.load("gr1_right")
SMALL = DiffusionArchitecture(dense=(8,), features=8, channels=(8,), denoising=1)


class Recorder:
    def __init__(self) -> None:
        self.actions: list[tuple[int, int, bytes]] = []
        self.starts: list[np.ndarray] = []

    def publish(self, action: HandAction) -> None:
        assert np.isfinite(action.action).all()
        np.testing.assert_array_equal(action.action, control.as_action(np.asarray(action.bins), 11))
        self.starts.append(np.array(action.start))
        self.actions.append((action.sequence, messages.nanoseconds(action.header.stamp), action.bins.tobytes()))

    @property
    def stamps(self) -> list[int]:
        return [stamp // MS for _, stamp, _ in self.actions]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small policy."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("policy") / "policy.safetensors"
    Policy(Contract(architecture=Architecture(dense=(16,), lstm=8))).save(path)
    return path


@pytest.fixture
def start(make_node: Callable[..., PolicyNode], path: Path) -> Callable[..., tuple[PolicyNode, Recorder]]:
    def start(**parameters: Any) -> tuple[PolicyNode, Recorder]:
        node = make_node(PolicyNode, **{"policy": str(path), **parameters})
        node.action_publisher = Recorder()
        return node, node.action_publisher

    return start


def fingertips(stamp_ns: int, age: float = 0.0, x: float = 0.01, count: int = 5) -> FingertipPositions:
    message = FingertipPositions(positions=[Point(x=x, y=-0.03, z=0.4)] * count)
    message.age = [age] * count
    messages.set_stamp(message.header.stamp, stamp_ns)
    return message


def pose(stamp_ns: int, w: float = 1.0) -> PoseStamped:
    message = PoseStamped()
    message.pose.orientation = Quaternion(w=w)
    messages.set_stamp(message.header.stamp, stamp_ns)
    return message


def status(stamp_ns: int, state: int = TrialStatus.RUNNING, trial: int = 0, goal_ns: int = 80 * MS) -> TrialStatus:
    message = TrialStatus(state=state, trial=trial)
    messages.set_stamp(message.header.stamp, stamp_ns)
    messages.set_stamp(message.goal_stamp, goal_ns)
    return message


def feed(node: PolicyNode, start_ms: int, end_ms: int) -> None:
    """Readings every 8 ms."""
    for stamp in range(start_ms * MS, end_ms * MS, 8 * MS):
        node.on_pose(pose(stamp))
        node.on_fingertips(fingertips(stamp))


def test_it_acts_every_80_ms_while_a_trial_runs(start: Callable[..., Any]) -> None:
    """Protects the control period and the meaning of the stamps."""
    node, recorder = start()
    node.on_goal(pose(80 * MS))
    feed(node, 80, 160)
    assert recorder.actions == []
    node.on_status(status(160 * MS))
    feed(node, 160, 480)
    assert recorder.stamps == [160, 240, 320, 400]
    assert [sequence for sequence, *_ in recorder.actions] == [0, 1, 2, 3]
    node.on_status(status(480 * MS, state=TrialStatus.AWAITING_OBJECT, trial=1))
    feed(node, 480, 640)
    assert len(recorder.actions) == 4


def test_each_trial_starts_afresh_and_draws_its_own_actions(start: Callable[..., Any]) -> None:
    """Protects repeatability: memory and random numbers belong to the trial, not to what happened before."""
    node, recorder = start(seed=3)
    node.on_goal(pose(80 * MS))
    node.on_status(status(80 * MS, trial=5))
    feed(node, 80, 400)
    first = [bins for *_, bins in recorder.actions]
    node.on_status(status(400 * MS, state=TrialStatus.AWAITING_OBJECT, trial=6))
    node.on_status(status(400 * MS, trial=6))
    feed(node, 400, 720)
    assert [sequence for sequence, *_ in recorder.actions[4:]] == [0, 1, 2, 3]
    second = [bins for *_, bins in recorder.actions[4:]]
    assert first != second
    node.on_status(status(720 * MS, trial=5))
    feed(node, 720, 1040)
    assert [bins for *_, bins in recorder.actions[8:]] == first


def test_it_knows_its_own_smoothed_action(start: Callable[..., Any], tmp_path: Path) -> None:
    """As in training: the moving average of what it did in this trial, zero when it begins."""
    terms = (("object_position", 3), ("smoothed_action", 20))
    path = tmp_path / "policy.safetensors"
    Policy(Contract(observation=terms, architecture=Architecture((16,), 8), smoothing=0.4)).save(path)
    node, recorder = start(policy=str(path))
    seen, step = [], node.policy.step
    node.policy.step = lambda groups, *others: (seen.append(groups["policy"][0, 3:].copy()), step(groups, *others))[1]
    node.on_goal(pose(80 * MS))
    for trial in (1, 2):
        node.on_status(status(80 * MS, trial=trial))
        node.ticks.slot = None
        feed(node, 80, 400)
    expected, smoothed = [], np.zeros(20, np.float32)
    for sequence, _, bins in recorder.actions:
        smoothed = smoothed * (sequence > 0)
        expected.append(smoothed)
        smoothed = control.smooth(smoothed, control.as_action(np.frombuffer(bins, np.uint8), 11), 0.4)
    assert len(seen) == 8
    np.testing.assert_allclose(seen, expected, atol=1e-6)


@pytest.mark.parametrize("late", [False, True])
def test_smoothing_starts_where_the_hand_is(start: Callable[..., Any], tmp_path: Path, late: bool) -> None:
    """A policy of postures waits for joint states, knows from them where it starts, and tells the filter."""
    path = tmp_path / "policy.safetensors"
    terms = (("object_position", 3), ("smoothed_action", 20))
    Policy(Contract(observation=terms, architecture=Architecture((16,), 8), action_origin="middle")).save(path)
    node, recorder = start(policy=str(path))
    seen, step = [], node.policy.step
    node.policy.step = lambda groups, *others: (seen.append(groups["policy"][0, 3:].copy()), step(groups, *others))[1]
    angles = 0.3 * ROBOT.joint_limits[:, 0] + 0.7 * ROBOT.joint_limits[:, 1]
    states = JointState(name=[ROBOT.ros_name(joint) for joint in ROBOT.joints], position=angles.tolist())
    messages.set_stamp(states.header.stamp, 160 * MS)
    node.on_goal(pose(80 * MS))
    node.on_status(status(80 * MS))
    feed(node, 80, 160)
    assert not recorder.actions
    assert node.diagnose().message == "no joint states"
    if late:  # of another time: the first ones are better than none
        messages.set_stamp(states.header.stamp, 170 * MS)
    node.on_joint_states(states)
    feed(node, 160, 320)
    assert len(seen) == 2
    np.testing.assert_allclose(seen[0], 0.4, atol=1e-6)
    chosen = np.frombuffer(recorder.actions[0][2], np.uint8)
    np.testing.assert_allclose(seen[1], control.smooth(seen[0], control.as_action(chosen, 11)), atol=1e-6)
    np.testing.assert_array_equal(recorder.starts[0], seen[0])
    assert len(recorder.starts[1]) == 0


def test_joint_angles_that_are_not_finite_start_nothing(start: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "policy.safetensors"
    Policy(Contract(architecture=Architecture((16,), 8), action_origin="middle")).save(path)
    node, recorder = start(policy=str(path))
    nowhere = JointState(name=[ROBOT.ros_name(joint) for joint in ROBOT.joints], position=[float("nan")] * 24)
    messages.set_stamp(nowhere.header.stamp, 80 * MS)
    node.on_joint_states(nowhere)
    node.on_goal(pose(80 * MS))
    node.on_status(status(80 * MS))
    feed(node, 80, 160)
    assert not recorder.actions
    assert "not finite" in node.diagnose().message


def test_the_most_likely_actions_need_no_random_numbers(start: Callable[..., Any]) -> None:
    """Protects the parameter `deterministic`."""
    node, recorder = start(deterministic="true", seed=1)
    node.on_goal(pose(80 * MS))
    for trial in (1, 2):
        node.on_status(status(80 * MS, trial=trial))
        node.ticks.slot = None
        feed(node, 80, 240)
    assert recorder.actions[0][2] == recorder.actions[2][2]
    assert recorder.actions[1][2] == recorder.actions[3][2]


def test_stale_fingertips_stop_it(start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the hand: late readings are bridged for 160 ms, then there are no more actions until new ones come."""
    node, recorder = start()
    node.on_goal(pose(80 * MS))
    node.on_status(status(80 * MS))
    feed(node, 80, 168)
    for now in range(168, 800, 20):
        monkeypatch.setattr(node, "get_clock", lambda now=now: FixedClock(now * MS))
        node.on_grace()
    assert recorder.stamps == [80, 160, 240, 320]
    assert "no new fingertips for more than 0.16 s" in node.diagnose().message
    feed(node, 800, 888)
    assert recorder.stamps[4:] == [800, 880]
    assert [sequence for sequence, *_ in recorder.actions] == list(range(6))


class FixedClock:
    def __init__(self, nanoseconds: int) -> None:
        self.nanoseconds = nanoseconds

    def now(self) -> FixedClock:
        return self


def test_a_hidden_fingertip_is_bridged_and_then_stops_it(start: Callable[..., Any]) -> None:
    """Protects the policy from what it was not trained with: markers hidden for longer than a second or two."""
    node, recorder = start()
    node.on_goal(pose(80 * MS))
    node.on_status(status(80 * MS))
    for stamp, age in ((80, 1.0), (160, 2.5), (240, np.inf), (320, np.nan), (400, 0.0)):
        node.on_pose(pose(stamp * MS))
        node.on_fingertips(fingertips(stamp * MS, age))
    assert recorder.stamps == [80, 400]


@pytest.mark.parametrize(
    ("tips", "where", "missing"),
    [
        (fingertips(80 * MS, x=float("nan")), pose(80 * MS), "fingertip_positions"),
        (fingertips(80 * MS, count=6), pose(80 * MS), "fingertips of a robot that has 6, not 5"),
        (fingertips(80 * MS, count=0), pose(80 * MS), "fingertips of a robot that has 0, not 5"),
        (fingertips(80 * MS), pose(80 * MS, w=float("nan")), "relative_target_orientation"),
        (fingertips(80 * MS), pose(80 * MS, w=0.0), "relative_target_orientation"),
    ],
)
def test_nan_never_becomes_an_action(
    start: Callable[..., Any], tips: FingertipPositions, where: PoseStamped, missing: str
) -> None:
    """Protects the hand: the policy stops and says what was wrong."""
    node, recorder = start()
    node.on_goal(pose(80 * MS))
    node.on_status(status(80 * MS))
    node.on_pose(where)
    node.on_fingertips(tips)
    assert recorder.actions == []
    assert missing in node.diagnose().message


def test_lockstep_waits_until_everything_carries_the_ticks_stamp(start: Callable[..., Any]) -> None:
    """Protects repeatability from the order in which messages arrive."""
    node, recorder = start(lockstep="true")
    node.on_fingertips(fingertips(160 * MS))
    node.on_status(status(160 * MS, goal_ns=160 * MS))
    node.on_goal(pose(80 * MS))
    node.on_pose(pose(80 * MS))
    assert recorder.actions == []
    node.on_goal(pose(160 * MS))
    assert recorder.actions == []
    node.on_pose(pose(160 * MS))
    assert recorder.stamps == [160]


def test_lockstep_repeats_an_action_that_did_not_arrive(start: Callable[..., Any]) -> None:
    """Protects a run in lockstep from waiting for ever for one lost message: the same action goes out again."""
    node, recorder = start(lockstep="true")
    node.on_goal(pose(160 * MS))
    node.on_status(status(160 * MS, goal_ns=160 * MS))
    node.on_pose(pose(160 * MS))
    node.on_fingertips(fingertips(160 * MS))
    node.on_fingertips(fingertips(160 * MS))
    assert len(recorder.actions) == 2
    assert recorder.actions[0] == recorder.actions[1]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"policy": "''"}, "parameter policy is empty"),
        ({"policy": "/nowhere.safetensors"}, "cannot use the policy /nowhere.safetensors"),
        ({"object": "sphere"}, "was trained for the object block, not sphere"),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused(
    start: Callable[..., Any], parameters: dict[str, str], message: str
) -> None:
    """Protects users from a node that comes up and does nothing."""
    with pytest.raises(DactylError, match=message):
        start(**parameters)


def test_a_policy_that_needs_more_than_is_measured_is_refused(start: Callable[..., Any], tmp_path: Path) -> None:
    """Protects against policies made for simulation only."""
    contract = Contract(observation=(("object_velocity", 3),), architecture=Architecture(dense=(16,), lstm=8))
    Policy(contract).save(tmp_path / "p.safetensors")
    with pytest.raises(DactylError, match="object_velocity"):
        start(policy=str(tmp_path / "p.safetensors"))


def test_it_listens_to_what_its_observation_needs_and_to_no_more(start: Callable[..., Any], tmp_path: Path) -> None:
    """Protects robots without motion capture of their fingertips: the policy's terms decide, not the node."""
    terms = (("joint_angles", 24), ("joint_velocities", 24), ("target_orientation", 4))
    Policy(Contract(observation=terms, architecture=Architecture((16,), 8))).save(tmp_path / "p.safetensors")
    node, recorder = start(policy=str(tmp_path / "p.safetensors"))
    assert {each.topic_name for each in node.subscriptions} == {"/joint_states", "/goal", "/trial/status"}
    names = [ROBOT.ros_name(joint) for joint in reversed(ROBOT.joints)]
    states = JointState(name=names, position=list(range(24)), velocity=[0.5] * 24)
    node.on_goal(pose(80 * MS))
    node.on_status(status(80 * MS))
    messages.set_stamp(states.header.stamp, 80 * MS)
    node.on_joint_states(states)
    assert recorder.stamps == [80]
    signals = node._signals()
    assert signals["joint_angles"].tolist() == list(range(23, -1, -1))
    assert not node.action.fingertips_stamp.nanosec
    states.velocity = []
    messages.set_stamp(states.header.stamp, 160 * MS)
    node.on_joint_states(states)
    assert "joint_velocities" in node.diagnose().message
    assert recorder.stamps == [80]


def test_a_policy_of_another_rhythm_is_refused(make_node: Callable[..., PolicyNode], tmp_path: Path) -> None:
    """Protects the hand from decisions that were learned for 40 ms."""
    path = tmp_path / "fast.safetensors"
    Policy(Contract(architecture=Architecture(dense=(16,), lstm=8), control_period=0.04)).save(path)
    with pytest.raises(DactylError, match=r"decides every 0.04 s, the graph every 0.08 s"):
        make_node(PolicyNode, policy=str(path))


def test_a_pose_that_has_come_is_taken_when_a_step_begins(start: Callable[..., Any]) -> None:
    """Protects the sensors that wake nobody: what the step needs of them is looked at before it decides."""
    node, recorder = start()
    publisher = node.create_publisher(PoseStamped, "object_pose/mocap", messages.SENSOR)
    node.on_goal(pose(80 * MS))
    node.on_status(status(80 * MS))
    deadline = time.monotonic() + 10.0
    while "object pose" not in node.readings:
        assert time.monotonic() < deadline
        publisher.publish(pose(80 * MS))
        time.sleep(0.02)
        node._look()
    del node.readings["object pose"]
    publisher.publish(pose(80 * MS))
    time.sleep(0.2)
    node.on_fingertips(fingertips(80 * MS))
    assert recorder.stamps == [80]


class Seeing:
    """A policy for a humanoid's arm that also sees the head's depth image, and what reaches its node."""

    def __init__(self, make_node: Callable[..., PolicyNode], folder: Path, **parameters: Any) -> None:
        torch.manual_seed(0)
        shape = GR1.eyes["depth_small"].shape
        network = replace(SMALL, images={"depth_small": shape})
        path = folder / "reach.safetensors"
        contract = Contract(robot="gr1_right", task="grasp_and_reach", architecture=network, action_origin="middle")
        Policy(contract).save(path)
        self.node = make_node(PolicyNode, **{"policy": str(path), "max_reading_age": 0.4, "grace": 0.08, **parameters})
        self.stamps: list[int] = []
        self.seen: list[np.ndarray] = []
        step = self.node.policy.step

        def watched(observed: Any, *others: Any) -> Any:
            self.seen.append(observed["depth_small"].copy())
            return step(observed, *others)

        self.node.policy.step = watched  # type: ignore[method-assign]
        self.node.action_publisher = self

    def publish(self, action: HandAction) -> None:
        assert np.isfinite(action.action).all()
        self.stamps.append(messages.nanoseconds(action.header.stamp) // MS)

    def sense(self, stamp_ms: int, joints: bool = True) -> None:
        """All but the images."""
        self.node.on_fingertips(fingertips(stamp_ms * MS, count=4))
        self.node.on_pose(pose(stamp_ms * MS))
        self.node.on_goal(pose(200 * MS))
        state = JointState(name=[*GR1.joints], position=[0.0] * 18, velocity=[0.0] * 18)
        messages.set_stamp(state.header.stamp, stamp_ms * MS)
        if joints:
            self.node.on_joint_states(state)

    def look(self, stamp_ms: int, metres: float = 0.5, depth: bool = True, mask: bool = True) -> None:
        """The depth image and the mask, as their subscriptions give them."""
        size = GR1.eyes["depth_small"].shape[1:]
        where = np.zeros(size, bool)
        where[5:9, 5:9] = True
        depths, masks = (self._callback(topic) for topic in (topics.image, topics.mask))
        for wanted, callback, message in (
            (depth, depths, images.from_depth(np.full(size, metres))), (mask, masks, images.from_mask(where)),
        ):  # fmt: skip
            if wanted:
                messages.set_stamp(message.header.stamp, stamp_ms * MS)
                callback(message)

    def _callback(self, topic: Callable[[str], str]) -> Callable[[Image], None]:
        name = topic("depth_small")
        subscription = next(each for each in self.node.subscriptions if each.topic_name.endswith(name))
        found: Callable[[Image], None] = subscription.callback
        return found


@pytest.fixture
def seeing(make_node: Callable[..., PolicyNode], tmp_path: Path) -> Callable[..., Seeing]:
    return partial(Seeing, make_node, tmp_path)


@pytest.mark.parametrize("lockstep", [False, True])
def test_images_set_the_pace_and_are_seen_as_in_training(seeing: Callable[..., Seeing], lockstep: bool) -> None:
    rig = seeing(lockstep=lockstep)
    for stamp in (200, 400, 600):
        rig.node.on_status(status(stamp * MS, goal_ns=200 * MS))
        rig.sense(stamp)
        before = len(rig.stamps)
        rig.look(stamp, metres=0.001 * stamp, mask=False)
        assert len(rig.stamps) == before, "no mask yet"
        rig.look(stamp, depth=False)
    assert rig.stamps == [200, 400, 600]
    for stamp, image in zip(rig.stamps, rig.seen, strict=True):
        assert image.shape == (1, *GR1.eyes["depth_small"].shape)
        np.testing.assert_allclose(np.unique(image), [0.0, 0.001 * stamp], rtol=1e-6)


def test_without_fresh_images_it_does_not_act(seeing: Callable[..., Seeing]) -> None:
    """Protects what is held from a policy that sees where the object was."""
    rig = seeing()
    rig.node.on_status(status(200 * MS, goal_ns=200 * MS))
    rig.sense(200)
    rig.node._act(200 * MS)
    assert rig.node.problem == "not everything has been sensed yet"
    rig.look(200)
    assert rig.stamps == [200]
    rig.sense(800)
    rig.node._act(800 * MS)
    assert rig.node.problem == "no new depth_small for more than 0.4 s"
    rig.look(1000, metres=float("nan"))
    assert rig.node.problem.startswith("no new") or "no depth where the object is" in rig.node.problem
    assert rig.stamps == [200]


def test_images_of_another_size_are_refused(make_node: Callable[..., PolicyNode], tmp_path: Path) -> None:
    network = replace(SMALL, images={"depth": (1, 36, 48)})
    path = tmp_path / "reach.safetensors"
    Policy(Contract(robot="gr1_right", task="grasp_and_reach", architecture=network, action_origin="middle")).save(path)
    with pytest.raises(DactylError, match=r"sees images depth of \(1, 36, 48\), which the robot gr1_right has not"):
        make_node(PolicyNode, policy=str(path))
