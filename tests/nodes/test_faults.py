"""What the hand does when a stream breaks: tracker, policy, filter and driver in one process, each wire breakable.

docs/hardware.md has the table of faults and of the tests behind each; tests/test_hardware_docs.py compares.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mujoco
import numpy as np
import pytest
import yaml
from geometry_msgs.msg import Pose, PoseStamped, Quaternion
from sensor_msgs.msg import JointState

from dactyl.nodes.action_filter import ActionFilter
from dactyl.nodes.fingertip_tracker import FingertipTracker
from dactyl.nodes.hand_driver import HandDriver
from dactyl.nodes.policy import PolicyNode
from dactyl.robot.markers import usual_ids
from dactyl.robots.shadow import ROBOT
from dactyl.robots.shadow.joints import JOINTS, ros_joint_name
from dactyl.robots.shadow.ros import decode
from dactyl.robots.shadow.topics import WRIST
from dactyl.ros import messages
from dactyl.simulation.scene import build
from dactyl_msgs.msg import MocapMarker, MocapMarkers, TrialStatus

PERIOD_NS = 80_000_000
ROOT = Path(__file__).resolve().parents[2]
MS = 1_000_000
CYCLE = 8 * MS
HOLDS_WITHIN = 160 * MS
RATE, STEP = 5.0, 0.8  # config/real.yaml
THERE_WITHIN = HOLDS_WITHIN + round(STEP / RATE * 1000 + 8) * MS
"""A hold goes back to where the hand is at the rate."""
BEGIN = 100_000_000_000
HERE = ROBOT.actuator_positions(np.full(len(JOINTS), 0.1))[2:]
"""Where the fingers' actuators are."""
STREAMS = ("mocap/markers", "fingertips", "object_pose", "action", "action_filtered", "/joint_states")


class Wire:
    """Between two nodes. A fault lasts until it is taken away; what was delayed is lost then."""

    def __init__(self, lab: Lab, deliver: Callable[[Any], None]) -> None:
        self.lab, self.deliver = lab, deliver
        self.fault = ""
        self.last: Any = None
        self.late: list[tuple[int, Any]] = []

    def publish(self, message: Any) -> None:
        message = copy.deepcopy(message)
        if self.fault == "frozen":
            message = copy.deepcopy(self.last)
        elif self.fault == "delayed":
            self.late.append((self.lab.now + 300 * MS, message))
            return
        elif self.fault == "not finite":
            spoil(message)
        elif self.fault == "silent":
            return
        if not self.fault:
            self.last = copy.deepcopy(message)
        self.deliver(message)
        if self.fault == "duplicated":
            self.deliver(copy.deepcopy(message))

    def mend(self) -> None:
        self.fault = ""
        self.late.clear()

    def pass_late(self) -> None:
        while self.late and self.late[0][0] <= self.lab.now:
            self.deliver(self.late.pop(0)[1])


def spoil(message: Any) -> None:
    """Make a message's numbers NaN."""
    if isinstance(message, MocapMarkers):
        for marker in message.markers:
            marker.position.x = float("nan")
    elif isinstance(message, PoseStamped):
        message.pose.position.x = float("nan")
    elif isinstance(message, JointState):
        message.position = [float("nan")] * len(message.position)
    elif hasattr(message, "positions"):
        for point in message.positions:
            point.x = float("nan")
    else:
        message.action = [float("nan")] * len(message.action)


@cache
def marker_positions() -> list[list[float]]:
    """Of a hand at rest and the object on it."""
    scene = build()
    data = mujoco.MjData(scene.model)
    mujoco.mj_forward(scene.model, data)
    sites = np.concatenate([scene.fingertip_sites, scene.base_sites, scene.object_sites])
    return data.site_xpos[sites].tolist()


class Lab:
    """Hand and markers that stay where they are, and the nodes from the markers to the hand."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.sent: list[tuple[int, np.ndarray]] = []
        """Time and finger targets of every command."""
        self.wrist: list[tuple[int, np.ndarray]] = []
        self.markers = MocapMarkers(
            markers=[MocapMarker(id=id, condition=1.0) for part in usual_ids(5, 4, 6) for id in part]
        )
        for marker, where in zip(self.markers.markers, marker_positions(), strict=True):
            marker.position.x, marker.position.y, marker.position.z = where
        self.joint_states = JointState(name=[ros_joint_name(joint) for joint in JOINTS], position=[0.1] * len(JOINTS))

        self.tracker, self.policy, self.filter = FingertipTracker(), PolicyNode(), ActionFilter()
        self.driver = HandDriver()
        self.nodes = (self.tracker, self.policy, self.filter, self.driver)
        self.driver.monotonic_ns = lambda: self.now
        self.driver.hand.unreachable = str  # type: ignore[method-assign]  # as if the hand's controllers listened
        self.policy.get_clock = lambda: SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=self.now))  # type: ignore[assignment, method-assign, return-value]
        self.wires = {
            "mocap/markers": Wire(self, self.tracker.on_markers),
            "fingertips": Wire(self, self.policy.on_fingertips),
            "object_pose": Wire(self, self.policy.on_pose),
            "action": Wire(self, self.filter.on_action),
            "action_filtered": Wire(self, self.driver.on_action),
            "/joint_states": Wire(self, self._read),
        }
        self.tracker.fingertips_publisher = self.wires["fingertips"]
        self.tracker.pose_publisher = self.wires["object_pose"]
        self.policy.action_publisher = self.wires["action"]
        self.filter.publisher = self.wires["action_filtered"]
        self.driver.hand.publishers = {  # type: ignore[attr-defined]
            topic: SimpleNamespace(publish=partial(self._receive, topic))
            for topic in self.driver.hand.publishers  # type: ignore[attr-defined]
        }
        goal = PoseStamped()
        goal.pose.orientation.y = 1.0
        self.policy.on_goal(goal)
        self.status = TrialStatus(state=TrialStatus.RUNNING)
        self.wires["trial/status"] = Wire(self, self.policy.on_status)

    def _read(self, message: JointState) -> None:
        self.policy.on_joint_states(message)
        self.driver.hand._receive(message)  # type: ignore[attr-defined]

    def _receive(self, topic: str, data: bytes) -> None:
        (self.wrist if topic == WRIST else self.sent).append((self.now, decode(topic, data).targets))

    def run(self, ms: int) -> None:
        for _ in range(ms // 8):
            self.now += CYCLE
            for message, stream in ((self.joint_states, "/joint_states"), (self.markers, "mocap/markers")):
                messages.set_stamp(message.header.stamp, self.now)
                self.wires[stream].publish(message)
            if self.now % PERIOD_NS == 0:
                self.status.header.stamp = self.markers.header.stamp
                self.wires["trial/status"].publish(self.status)
            for wire in self.wires.values():
                wire.pass_late()
            self.policy.on_grace()
            self.driver.cycle()

    def follows(self) -> bool:
        """Whether actions changed the targets within the last control steps, as they do when all is well."""
        recent = [targets for time, targets in self.sent if time > self.now - 320 * MS]
        return len({targets.tobytes() for targets in recent}) > 2

    def still_after(self, time: int) -> int:
        """How long after a time the targets changed for the last time, ns."""
        changes = [b[0] for a, b in pairwise(self.sent) if not np.array_equal(a[1], b[1])]
        return max([change - time for change in changes if change > time], default=0)

    def held_after(self, time: int) -> int:
        """How long after a time the targets last went away from where the hand is, ns: since then it is held."""
        away = [b[0] for a, b in pairwise(self.sent) if (np.abs(b[1] - HERE) > np.abs(a[1] - HERE) + 1e-9).any()]
        return max([change - time for change in away if change > time], default=0)

    def fastest(self, since: int = 0) -> float:
        """rad/s of any target sent after a time."""
        pairs = [pair for sent in (self.sent, self.wrist) for pair in pairwise(sent) if pair[0][0] >= since]
        return float(max(np.abs(b[1] - a[1]).max() / (b[0] - a[0]) * 1e9 for a, b in pairs if b[0] > a[0]))


@pytest.fixture
def lab(start_ros: Callable[[list[str]], None], tmp_path: Path) -> Iterator[Lab]:
    """With the parameters of config/real.yaml, and an action that changes the targets in every control step."""
    policy = {"policy": str(ROOT / "models" / "block" / "policy.safetensors")}
    changes = {
        "policy": {"ros__parameters": policy},
        "hand_driver": {"ros__parameters": {"enable_at_start": True, "unguarded": "temperature"}},
    }
    (tmp_path / "changes.yaml").write_text(yaml.dump({"/dactyl": changes}))
    files = [str(ROOT / "config" / "real.yaml"), str(tmp_path / "changes.yaml")]
    arguments = ["-r", "__ns:=/dactyl", *(word for file in files for word in ("--params-file", file))]
    start_ros(["--ros-args", *arguments])
    lab = Lab()
    try:
        lab.run(800)
        assert lab.follows()
        yield lab
        assert lab.fastest() < RATE + 1e-6, "whatever the fault was"
    finally:
        for node in lab.nodes:
            node.destroy_node()


@pytest.mark.parametrize("fault", ["silent", "frozen", "delayed", "not finite"])
@pytest.mark.parametrize("stream", STREAMS)
def test_a_broken_stream_holds_the_hand_within_160_ms_until_it_is_mended(lab: Lab, stream: str, fault: str) -> None:
    """Protects the hand and what it touches, whenever in a control step it happens; and the run, which goes on."""
    for phase in (0, 40, 72):
        lab.run(phase)
        lab.wires[stream].fault = fault
        begun = lab.now
        lab.run(640)
        assert lab.held_after(begun) <= HOLDS_WITHIN
        assert lab.still_after(begun) <= THERE_WITHIN
        np.testing.assert_allclose(np.unique(lab.sent[-1][1].round(6)), [0.1, 0.2])  # where it is; pairs: their sum
        lab.wires[stream].mend()
        lab.run(560)
        assert lab.follows()
    assert lab.fastest() > 0.9 * RATE, "or the rate was not tried"


@pytest.mark.parametrize("fault", ["silent", "frozen", "delayed"])
def test_without_a_referee_the_hand_holds(lab: Lab, fault: str) -> None:
    """Protects a run whose trial node hangs: two more actions, then the hand is held until it is back."""
    lab.wires["trial/status"].fault = fault
    begun = lab.now
    lab.run(800)
    assert lab.held_after(begun) <= 320 * MS
    assert lab.policy.diagnose().message == "no new trial/status for more than 0.2 s"
    lab.wires["trial/status"].mend()
    lab.run(800)
    assert lab.follows()


def test_a_goal_that_is_none_holds_the_hand(lab: Lab) -> None:
    """Protects against a goal whose orientation is no rotation."""
    good, begun = lab.policy.readings["goal"], lab.now
    lab.policy.on_goal(PoseStamped(pose=Pose(orientation=Quaternion(w=float("nan")))))
    lab.run(800)
    assert lab.held_after(begun) <= HOLDS_WITHIN + PERIOD_NS
    assert good is not None
    lab.policy.on_goal(good)
    lab.run(800)
    assert lab.follows()


def test_a_policy_that_is_loaded_is_eased_in(lab: Lab) -> None:
    """Protects the hand from the leap to what another policy wants: the rate grows from nothing again, as in a ramp."""
    assert lab.fastest() > 0.6 * RATE
    lab.policy.on_load(str(ROOT / "models" / "block" / "policy.safetensors"))
    while lab.policy.trial is None:
        lab.run(8)
    begun = lab.now
    lab.run(400)
    assert 0.1 * RATE < lab.fastest(begun) < 0.45 * RATE, "within 0.4 of the ramp's 1 s"
    lab.run(720)
    assert lab.fastest(begun) > 0.9 * RATE
    assert lab.follows()


@pytest.mark.parametrize("stream", [*STREAMS, "trial/status"])
def test_a_duplicated_stream_changes_nothing(lab: Lab, stream: str) -> None:
    """Protects against acting twice on one message."""
    lab.wires[stream].fault = "duplicated"
    before = lab.policy.sequence
    lab.run(800)
    assert lab.follows()
    assert lab.policy.sequence - before == 10
    assert lab.driver.diagnose().values.get("lost actions") == 0
