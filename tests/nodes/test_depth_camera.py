"""The simulated depth cameras: pictures of the truth, for whoever looks, in which the object is found where it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState

from dactyl.errors import DactylError
from dactyl.maths import pinhole, quaternion
from dactyl.nodes import depth_camera
from dactyl.nodes.depth_camera import DepthCameraNode
from dactyl.robot.locating import locate
from dactyl.robot.placement import eye_place
from dactyl.robot.robot import Eye
from dactyl.ros import images, messages
from dactyl.simulation.scene import Scene, SceneConfig, build
from tests.simulation.scenes import scene_or_skip

STAMP_NS = 400_000_000


@pytest.fixture(scope="module")
def scene() -> Scene:
    """The usual hand, with a camera before it that looks at the place of the object, and one that looks away."""
    plain = build()
    rest = plain.robot.workspace.rest
    where = rest + np.array([0.05, -0.35, 0.1])
    front = Eye(where, rest, 40.0, 64, 48, 2.0)
    away = replace(front, looks_at=2 * where - rest)
    return replace(plain, robot=replace(plain.robot, eyes={"front": front, "away": away}, locator="front"))


class Rig:
    """A node whose eyes are looked through, and what the simulator tells it."""

    def __init__(self, node: DepthCameraNode, recorder: Callable[[], Any], looked_through: tuple[str, ...]) -> None:
        self.node, self.scene = node, node.scene
        self.outputs: dict[str, tuple[Any, ...]] = {}
        for name in node.outputs:
            self.outputs[name] = tuple(recorder() for _ in range(3))
            for publisher in self.outputs[name]:
                publisher.get_subscription_count = lambda name=name: int(name in looked_through)
        node.outputs = self.outputs  # type: ignore[assignment]

    def posture(self, stamp_ns: int = STAMP_NS, angle: float = 0.0) -> JointState:
        robot = self.scene.robot
        message = JointState(name=[robot.ros_name(joint) for joint in robot.joints])
        message.position = np.full(len(robot.joints), angle).tolist()
        messages.set_stamp(message.header.stamp, stamp_ns)
        return message

    def truth(self, stamp_ns: int = STAMP_NS, position: np.ndarray | None = None) -> PoseStamped:
        message = PoseStamped()
        messages.set_point(message.pose.position, self.scene.robot.workspace.rest if position is None else position)
        messages.set_stamp(message.header.stamp, stamp_ns)
        return message

    def sent(self, name: str) -> tuple[list[Any], ...]:
        return tuple(output.messages for output in self.outputs[name])


@pytest.fixture
def start(
    make_node: Callable[..., DepthCameraNode], recorder: Callable[[], Any], scene: Scene, monkeypatch: Any
) -> Callable[..., Rig]:
    monkeypatch.setattr(depth_camera, "build", lambda config: scene)
    return lambda *looked_through, **parameters: Rig(
        make_node(DepthCameraNode, **{"noise": 0.0, **parameters}), recorder, looked_through
    )


def test_a_moment_is_depth_mask_and_calibration_of_one_time(start: Callable[..., Rig]) -> None:
    rig = start("front")
    rig.node.on_moment(rig.posture(), rig.truth())
    (depth,), (mask,), (info,) = rig.sent("front")
    assert {messages.nanoseconds(each.header.stamp) for each in (depth, mask, info)} == {STAMP_NS}
    assert {each.header.frame_id for each in (depth, mask, info)} == {"front_optical"}
    assert (depth.encoding, mask.encoding) == ("32FC1", "mono8")
    assert (depth.height, depth.width) == (mask.height, mask.width) == (info.height, info.width) == (48, 64)


def test_the_object_is_found_where_it_is(start: Callable[..., Rig]) -> None:
    """Protects the chain from the truth to the locator: frames, pixels and depths all have to agree."""
    rig = start("front")
    for shift in ([0.0, 0.0, 0.0], [0.05, -0.05, 0.03]):
        position = rig.scene.robot.workspace.rest + np.array(shift)
        rig.node.on_moment(rig.posture(), rig.truth(STAMP_NS + round(1e9 * abs(shift[0])), position))
        depth, mask, info = (messages_[-1] for messages_ in rig.sent("front"))
        found = locate(images.to_depth(depth), images.to_mask(mask), np.reshape(info.k, (3, 3)), 6, 0.025)
        place = eye_place(rig.scene.robot.eyes["front"])
        in_robot = place.position + quaternion.rotate(place.orientation, found)
        assert np.linalg.norm(in_robot - position) < 0.02


def test_what_is_not_the_object_has_a_depth_too_and_what_is_out_of_reach_has_none(start: Callable[..., Rig]) -> None:
    rig = start("front", "away")
    rig.node.on_moment(rig.posture(), rig.truth())
    (depth,), (mask,), _ = rig.sent("front")
    seen, is_object = images.to_depth(depth), images.to_mask(mask)
    assert 20 < is_object.sum() < 2000
    assert np.isfinite(seen[is_object]).all()
    assert np.isfinite(seen[~is_object]).any(), "the hand or the floor"
    assert not images.to_mask(rig.sent("away")[1][0]).any()


def test_nothing_is_seen_for_nobody(start: Callable[..., Rig]) -> None:
    """Protects the processor: rays are cast for who asked for a picture."""
    rig = start("front")
    rig.node.on_moment(rig.posture(), rig.truth())
    assert rig.sent("away") == ([], [], [])
    assert set(rig.node.views) == {"front"}


def test_without_anybody_no_ray_is_cast(start: Callable[..., Rig]) -> None:
    rig = start()
    rig.node.on_moment(rig.posture(), rig.truth())
    assert (rig.node.pictures, rig.node.views) == (0, {})


def test_a_moment_told_again_is_sent_again(start: Callable[..., Rig]) -> None:
    """Protects lockstep, where the simulator sends again until it is answered: the same noise too."""
    rig = start("front", noise=0.01)
    for _ in range(2):
        rig.node.on_moment(rig.posture(), rig.truth())
    first, again = rig.sent("front")[0]
    assert first == again
    assert rig.node.pictures == 1


def test_noise_is_a_whole_pictures_and_each_pixels_besides(scene: Scene) -> None:
    view = depth_camera.View(scene, "front", scene.robot.eyes["front"])

    def look(seed: int, noise: float) -> np.ndarray:
        view.look(scene.model.qpos0, np.random.default_rng(seed), noise)
        return images.to_depth(view.depth)

    exact = look(0, 0.0)
    off = np.array([look(seed, 0.02) - exact for seed in range(40)])
    assert np.nanmean(off, (1, 2)).std() == pytest.approx(0.02, rel=0.4)
    np.testing.assert_allclose(np.nanstd(off, (1, 2)), 0.02, rtol=0.2)
    np.testing.assert_array_equal(look(7, 0.02) - exact, off[7], "it repeats with its seed")


def test_the_truth_waits_for_joint_states_of_its_time(start: Callable[..., Rig]) -> None:
    """Protects masks from a hand of another moment."""
    rig = start("front")
    rig.node.on_truth(rig.truth())
    rig.node.postures.append(rig.posture(STAMP_NS - 8_000_000))
    rig.node._look()
    assert rig.node.pictures == 0
    assert rig.node.truth is not None
    rig.node.postures.append(rig.posture())
    rig.node._look()
    assert (rig.node.pictures, rig.node.truth) == (1, None)


@pytest.mark.parametrize("broken", ["joints", "names", "position", "rotation"])
def test_a_state_that_is_not_known_gives_no_picture(start: Callable[..., Rig], broken: str) -> None:
    rig = start("front")
    posture, truth = rig.posture(), rig.truth()
    if broken == "joints":
        posture.position[3] = np.nan
    elif broken == "names":
        posture.name = posture.name[1:]
    elif broken == "position":
        truth.pose.position.x = np.nan
    else:
        truth.pose.orientation.w = 0.0
    rig.node.on_moment(posture, truth)
    assert rig.sent("front") == ([], [], [])
    assert rig.node.diagnose().values["missed, a state that is not finite"] == 1


def test_without_the_truth_the_diagnosis_says_so(start: Callable[..., Rig]) -> None:
    rig = start("front")
    assert "nothing comes on object_pose/truth" in rig.node.diagnose().message
    rig.node.on_truth(rig.truth())
    assert rig.node.diagnose().message == "running"


def test_a_robot_without_eyes_is_refused(make_node: Callable[..., DepthCameraNode]) -> None:
    with pytest.raises(DactylError, match="the robot shadow has no depth camera"):
        make_node(DepthCameraNode)


def test_the_third_view_of_a_humanoid_sees_what_lies_on_its_table() -> None:
    """With the robot's own data: the object is in the picture, and large enough to be located."""
    scene = scene_or_skip(SceneConfig(robot="gr1_right", object="table_cube"))
    eye = scene.robot.eyes[scene.robot.locator]
    view = depth_camera.View(scene, "front", eye)
    view.look(scene.model.qpos0, np.random.default_rng(0), 0.0)
    mask = images.to_mask(view.mask)
    assert mask.sum() > 30
    matrix = pinhole.camera_matrix(eye.fovy, eye.width, eye.height)
    found = locate(images.to_depth(view.depth), mask, matrix, 6, scene.object.half_size)
    place = eye_place(eye)
    in_robot = place.position + quaternion.rotate(place.orientation, found)
    in_world = scene.hand_position + quaternion.rotate(scene.hand_quaternion, in_robot)
    assert np.linalg.norm(in_world - scene.model.qpos0[scene.object_position]) < 0.03
