"""The robot for RViz: description, links, cameras and motion capture's frame."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
import yaml
from geometry_msgs.msg import TransformStamped
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from dactyl import topics
from dactyl.bringup.options import RealOptions, SimOptions
from dactyl.bringup.run import real_graph, sim_graph
from dactyl.maths import quaternion
from dactyl.ros import messages
from dactyl.ros.apart import node_apart
from dactyl.ros.polling import NotExecuted, subscribe, take
from dactyl.simulation.urdf import Pose
from dactyl_msgs.msg import MocapMarker, MocapMarkers


@pytest.fixture
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the place of the package's share folder."""
    from dactyl.nodes import robot_description

    monkeypatch.setattr(robot_description, "package_share", lambda package: tmp_path / package)
    return tmp_path / "dactyl"


def pose(message: TransformStamped) -> Pose:
    t = message.transform.translation
    return Pose(np.array([t.x, t.y, t.z]), messages.orientation(message.transform.rotation))


def states(node: Any, stamp_ns: int = 2_500_000_000) -> JointState:
    message = JointState(name=["ur5_elbow", *(node.robot.ros_name(joint) for joint in node.robot.joints)])
    message.position = [9.0, *np.linspace(0.0, 0.4, len(node.robot.joints))]
    messages.set_stamp(message.header.stamp, stamp_ns)
    return message


def test_the_description_is_latched_and_its_meshes_are_in_the_package(make_node: Any, share: Path) -> None:
    """Protects RViz that starts later, also on another machine with the package."""
    from dactyl.nodes.robot_description import RobotDescription

    node = make_node(RobotDescription)
    tap = subscribe(node, String, "robot_description", messages.LATCHED, NotExecuted(), raw=False)
    end, taken = time.monotonic() + 10.0, []
    while not taken and time.monotonic() < end:
        taken = take(tap)
        time.sleep(0.05)
    text = taken[0].message.data
    names = {part.partition('"')[0] for part in text.split('filename="')[1:]}
    assert len(names) > 10
    assert all((share / name.removeprefix("package://dactyl/")).is_file() for name in names)


def test_a_package_that_nobody_may_write_leaves_the_meshes_on_this_machine(
    make_node: Any, share: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects installations below /opt: RViz here shows the robot all the same."""
    from dactyl.nodes.robot_description import RobotDescription

    share.write_text("a file where the folder would be")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    node = make_node(RobotDescription)
    assert node.meshes.startswith(f"file://{tmp_path}/")
    assert (Path(node.meshes.removeprefix("file://")) / "NOTICE.txt").is_file()


def test_links_are_where_the_joint_states_put_them_with_their_stamp(make_node: Any, share: Path) -> None:
    """Protects the picture in RViz: simulated time, the scene's kinematics, another robot's joints left out."""
    from dactyl.nodes.robot_description import RobotDescription

    node = make_node(RobotDescription)
    message = states(node)
    transforms = node.links(message)
    assert {(each.header.stamp.sec, each.header.stamp.nanosec) for each in transforms} == {(2, 500_000_000)}
    found = {"hand": Pose(np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0]))}
    for each in transforms:
        found[each.child_frame_id] = found[each.header.frame_id].then(pose(each))
    scene = node.description._scene
    data = mujoco.MjData(scene.model)
    data.qpos[scene.joints] = message.position[1:]
    mujoco.mj_kinematics(scene.model, data)
    for link, body in node.description.bodies.items():
        expected = quaternion.rotate_inverse(scene.hand_quaternion, data.xpos[body] - scene.hand_position)
        np.testing.assert_allclose(found[link].position, expected, atol=1e-6)
    assert node.links(message) == [], "a stamp is used once"


@pytest.mark.parametrize("fault", ["nan", "lacking"])
def test_joint_states_that_are_none_move_nothing(make_node: Any, share: Path, fault: str) -> None:
    from dactyl.nodes.robot_description import RobotDescription

    node = make_node(RobotDescription)
    message = states(node)
    if fault == "nan":
        message.position[3] = float("nan")
    else:
        message.name[3] = "other"
    assert node.links(message) == []
    assert "no joint states" in node.diagnose().message or "tf2_msgs" in node.diagnose().message


def test_joint_states_that_end_are_said(make_node: Any, share: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects who looks at RViz from a robot that stands still because nobody says any more where it is."""
    from dactyl.nodes import robot_description

    now = 10.0
    node = make_node(robot_description.RobotDescription)
    monkeypatch.setattr(robot_description, "TFMessage", object)  # as where tf2_msgs is installed
    node.monotonic = lambda: now
    assert node.diagnose().message == "no joint states"
    node.links(states(node))
    assert node.diagnose().message == "running"
    now = 13.0
    assert node.links(states(node)) == [], "the same stamp again is nothing new"
    assert node.diagnose().message == "no new joint states for 3 s"
    node.links(states(node, 2_600_000_000))
    assert node.diagnose().message == "running"


def test_frames_are_published_for_whoever_listens(make_node: Any, share: Path) -> None:
    """Protects RViz and tf2 through the running node: links at the joint states' stamp, cameras also to who is late."""
    kind = pytest.importorskip("tf2_msgs.msg", reason="tf2_msgs is no wheel: only a ROS installation has it").TFMessage
    from dactyl.nodes.robot_description import RobotDescription

    node = make_node(RobotDescription, simulated_cameras=True)
    with node_apart("rviz") as rviz:
        moving: list[Any] = []
        fixed: list[Any] = []
        rviz.create_subscription(kind, topics.TF, moving.append, messages.RELIABLE)
        rviz.create_subscription(kind, topics.TF_STATIC, fixed.append, messages.LATCHED)
        hand = rviz.create_publisher(JointState, topics.JOINT_STATES, messages.SENSOR)
        own, other = (SingleThreadedExecutor(context=each.context) for each in (node, rviz))
        own.add_node(node)
        other.add_node(rviz)
        end, stamp_ns = time.monotonic() + 15.0, 2_500_000_000
        while (not moving or not fixed) and time.monotonic() < end:
            stamp_ns += 8_000_000
            hand.publish(states(node, stamp_ns))
            own.spin_once(timeout_sec=0.02)
            other.spin_once(timeout_sec=0.02)
        for executor in (own, other):
            executor.shutdown()
    links = {each.child_frame_id: each for each in moving[-1].transforms}
    assert set(links) == set(node.description.bodies) - {"hand"}
    assert {messages.nanoseconds(each.header.stamp) % 8_000_000 for each in links.values()} == {4_000_000}
    assert {each.child_frame_id for each in fixed[-1].transforms} == {f"camera_{i}_optical" for i in range(3)}


def test_cameras_and_mocap_are_static(make_node: Any, share: Path, tmp_path: Path) -> None:
    """Protects what is seen beside the robot; a calibrated camera is where its file says."""
    from dactyl.nodes.robot_description import RobotDescription

    place = {"position": [0.1, -0.5, 0.3], "quaternion": [1.0, 0.0, 0.0, 0.0]}
    (tmp_path / "camera_1.yaml").write_text(yaml.safe_dump({"pose_in_hand": place}))
    node = make_node(RobotDescription, simulated_cameras=True, calibration=str(tmp_path))
    known = {each.child_frame_id: pose(each) for each in node.static_transforms()}
    assert set(known) == {"camera_0_optical", "camera_1_optical", "camera_2_optical"}
    np.testing.assert_allclose(known["camera_1_optical"].position, place["position"])
    assert 0.3 < np.linalg.norm(known["camera_0_optical"].position - node.robot.workspace.rest) < 2.0

    turn = quaternion.from_rotation_vector(np.array([0.0, 0.0, 0.5]))
    message = MocapMarkers()
    for number, position in node.base.positions.items():
        marker = MocapMarker(id=number, condition=5.0)
        messages.set_point(marker.position, quaternion.rotate(turn, position) + np.array([1.0, 2.0, 3.0]))
        message.markers.append(marker)
    node.mocap = node.mocap_frame(message)
    (mocap,) = (pose(each) for each in node.static_transforms() if each.child_frame_id == "mocap")
    seen = message.markers[0].position
    back = mocap.position + quaternion.rotate(mocap.quaternion, np.array([seen.x, seen.y, seen.z]))
    np.testing.assert_allclose(back, node.base.positions[message.markers[0].id], atol=1e-5)
    message.markers = message.markers[:2]
    assert node.mocap_frame(message) is None


def test_the_graph_has_it_beside_the_markers() -> None:
    """Protects --rviz: with a real hand, markers and cameras are where the configuration says."""
    simulated = sim_graph(SimOptions(rviz=True)).node("robot_description")
    assert simulated.parameters["simulated_cameras"] is True
    laboratory = real_graph(RealOptions(rviz=True))
    real = laboratory.node("robot_description").parameters
    assert "simulated_cameras" not in real
    assert real["base_ids"] == laboratory.parameters(laboratory.node("fingertip_tracker"))["base_ids"]
