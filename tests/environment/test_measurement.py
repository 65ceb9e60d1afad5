"""Reading the simulator in the robot frame, and which markers something hides."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from dactyl import objects
from dactyl.environment.measurement import Measurement, Occlusion, RobotFrame
from dactyl.environment.randomization.observation_noise import Sensed
from dactyl.maths import quaternion
from dactyl.robot import robot as robots
from dactyl.robots.shadow.joints import FINGERS, JOINTS, ros_joint_name
from dactyl.robots.shadow.layout import DISTAL_LENGTHS, FINGERTIP_MARKERS, LINK_RADII, LINKS
from dactyl.simulation.backends.mujoco import BatchPhysics
from dactyl.simulation.model_fields import nominal_factors
from dactyl.simulation.physics import PhysicsState
from dactyl.simulation.scene import SceneConfig, build

# --------------------------------------------------------------------------------------------- the robot frame


@pytest.fixture(scope="module")
def measured() -> tuple[Measurement, list[mujoco.MjData]]:
    """Three random states of a tilted hand, read through the batch and prepared in plain MuJoCo."""
    scene = build(SceneConfig(tilt=0.3))
    generator = np.random.default_rng(0)
    lower, upper = scene.model.jnt_range[:24].T
    datas = []
    for _ in range(3):
        data = mujoco.MjData(scene.model)
        data.qpos[:24] = generator.uniform(lower, upper)
        data.qpos[24:27] += generator.normal(size=3) * 0.05
        data.qpos[27:] = quaternion.uniform(generator.normal(size=4))
        data.qvel[:] = generator.normal(size=30)
        mujoco.mj_forward(scene.model, data)
        datas.append(data)
    physics = BatchPhysics(scene, 3, threads=1)
    state = PhysicsState(
        *(torch.tensor(np.array([getattr(data, name) for data in datas])) for name in ("qpos", "qvel", "ctrl"))
    )
    physics.restore(torch.ones(3, dtype=torch.bool), state, nominal_factors(scene, 3, physics.device))
    return RobotFrame(physics).measure(), datas


def scipys(q: Tensor | np.ndarray) -> Rotation:
    return Rotation.from_quat(np.roll(np.asarray(q), -1))


def hand_frame(data: mujoco.MjData) -> tuple[Rotation, np.ndarray]:
    mount = data.body("robot0:hand mount")
    return Rotation.from_matrix(mount.xmat.reshape(3, 3)), mount.xpos


def test_positions_are_in_the_hand_frame(measured):
    measurement, datas = measured
    for world, data in enumerate(datas):
        rotation, origin = hand_frame(data)
        markers = [data.site(f"marker_{finger}").xpos for finger in FINGERS]
        expected = rotation.inv().apply(np.array(markers) - origin)
        np.testing.assert_allclose(measurement.sensed.fingertips[world], expected, atol=1e-6)
        expected = rotation.inv().apply(data.body("object").xpos - origin)
        np.testing.assert_allclose(measurement.sensed.object_position[world], expected, atol=1e-6)


def test_orientations_are_in_the_hand_frame(measured):
    measurement, datas = measured
    for world, data in enumerate(datas):
        rotation, _ = hand_frame(data)
        expected = (rotation.inv() * Rotation.from_matrix(data.body("object").xmat.reshape(3, 3))).as_matrix()
        ours = scipys(measurement.sensed.object_orientation[world])
        np.testing.assert_allclose(ours.as_matrix(), expected, atol=1e-6)
        for i, finger in enumerate(FINGERS):
            link = data.body(f"robot0:{finger.lower()}distal").xmat.reshape(3, 3)
            np.testing.assert_allclose(
                measurement.marker_rotations[world, i], rotation.inv().as_matrix() @ link, atol=1e-6
            )


def test_joints_are_in_shadows_order(measured):
    measurement, datas = measured
    for world, data in enumerate(datas):
        angles = [data.joint(ros_joint_name(joint)).qpos[0] for joint in JOINTS]
        velocities = [data.joint(ros_joint_name(joint)).qvel[0] for joint in JOINTS]
        np.testing.assert_allclose(measurement.joint_angles[world], angles, atol=1e-6)
        np.testing.assert_allclose(measurement.joint_velocities[world], velocities, atol=1e-6)


def test_velocities_are_the_poses_derivatives(measured):
    """Moving on at the measured velocities for one control step gives the pose MuJoCo integrates to."""
    measurement, datas = measured
    for world, data in enumerate(datas):
        model = data.model
        rotation, origin = hand_frame(data)
        qpos = data.qpos.copy()
        mujoco.mj_integratePos(model, qpos, data.qvel, 0.08)
        sensed = measurement.sensed
        moved = sensed.object_position[world] + 0.08 * measurement.object_velocity[world]
        np.testing.assert_allclose(moved, rotation.inv().apply(qpos[24:27] - origin), atol=1e-6)
        turned = quaternion.multiply(measurement.object_turn[world], sensed.object_orientation[world])
        expected = rotation.inv() * scipys(qpos[27:])
        ours = scipys(turned)
        assert (ours.inv() * expected).magnitude() < 1e-5


# --------------------------------------------------------------------------------------------------- occlusion

DISTANCE = 0.004
ENDS = (-0.07, -0.025, 0.0, 0.024)
"""m along a straight finger, from the origin of its distal link: where its links begin and end."""
HALF_SIZE = objects.load("block").half_size


def occluded(measurement: Measurement, kind: str, size: Tensor) -> Tensor:
    return Occlusion(robots.load("shadow"), objects.load(kind), DISTANCE).of(measurement, size)


def spread(**changes: Any) -> Measurement:
    """One environment: five upright distal links 10 cm apart on the x axis, the object a metre away."""
    markers = torch.tensor(FINGERTIP_MARKERS, dtype=torch.float32)
    bases = torch.tensor([[0.1 * i, 0.0, 0.0] for i in range(5)])
    parts = {
        "fingertips": (bases + markers)[None],
        "fingers": (bases[:, None] + torch.stack([torch.tensor([0.0, 0.0, z]) for z in ENDS]))[None],
        "object_position": torch.tensor([[0.0, 1.0, 0.0]]),
        "object_orientation": torch.tensor([[1.0, 0, 0, 0]]),
        "marker_rotations": torch.eye(3).expand(1, 5, 3, 3),
        **changes,
    }
    rotations, fingers = parts.pop("marker_rotations"), parts.pop("fingers")
    nothing = torch.zeros(1, 24)
    return Measurement(Sensed(**parts), fingers, rotations, nothing, nothing, torch.zeros(1, 3), torch.zeros(1, 4))


def hidden(measurement: Measurement, kind: str = "block", size: float = 1.0) -> list[str]:
    flags = occluded(measurement, kind, torch.tensor([size]))
    assert flags.shape == (1, 5)
    return [finger for finger, flag in zip(FINGERS, flags[0], strict=True) if flag]


def test_free_markers_are_seen():
    """A marker is close to its own link all the time: that must not hide it."""
    assert hidden(spread()) == []


@pytest.mark.parametrize("kind", ["block", "octagonal_prism", "sphere"])
def test_the_object_hides_markers(kind):
    """When its surface is nearer than the cuboid around the marker is large; a larger object sooner."""
    marker = spread().sensed.fingertips[0, 1]

    def with_gap(gap: float) -> Measurement:
        """The object right above the middle finger's marker."""
        return spread(object_position=(marker + torch.tensor([0.0, HALF_SIZE + gap, 0.0]))[None])

    assert hidden(with_gap(0.0039), kind) == ["MF"]
    assert hidden(with_gap(0.0041), kind) == []
    assert hidden(with_gap(0.0046), kind, size=1.05) == ["MF"]
    assert hidden(with_gap(0.0030), kind, size=0.95) == []
    assert hidden(with_gap(-0.02), kind) == ["MF"]  # inside


def test_the_objects_orientation_counts():
    """A block stands out further along its diagonal than along its face's normal."""
    marker = spread().sensed.fingertips[0, 1]
    above = (marker + torch.tensor([0.0, 1.3 * HALF_SIZE, 0.0]))[None]
    turned = quaternion.from_rotation_vector(torch.tensor([[0.0, 0.0, np.pi / 4]]))
    assert hidden(spread(object_position=above)) == []
    assert hidden(spread(object_position=above, object_orientation=turned)) == ["MF"]


def with_finger_at(position: Tensor, along: Tensor) -> Measurement:
    """The first finger, straight, with the origin of its distal link at the position."""
    still = spread()
    fingertips, fingers = still.sensed.fingertips.clone(), still.fingers.clone()
    fingers[0, 0] = position + torch.tensor(ENDS)[:, None] * along
    fingertips[0, 0] = position + torch.tensor([0.0, 0.1, 0.0])
    return spread(fingertips=fingertips, fingers=fingers)


@pytest.mark.parametrize(("gap", "names"), [(0.0039, ["MF"]), (0.0041, [])])
@pytest.mark.parametrize("link", range(3), ids=LINKS)
def test_any_link_of_another_finger_hides_markers(link, gap, names):
    """Lying across the other's nail: every link counts, with the link's own thickness."""
    marker = spread().sensed.fingertips[0, 1]
    across = torch.tensor([1.0, 0.0, 0.0])
    beside = torch.tensor([0.0, float(LINK_RADII[0, link]) + gap, 0.0])
    begin, end = ENDS[link : link + 2]
    for share in (0.4, 0.5, 0.8):
        at = begin + share * (end - begin)
        assert hidden(with_finger_at(marker + beside - at * across, across)) == names, share


@pytest.mark.parametrize(("gap", "names"), [(0.0039, ["MF"]), (0.0041, [])])
def test_a_pointing_fingertip_hides_markers(gap, names):
    marker = spread().sensed.fingertips[0, 1]
    pointing = torch.tensor([0.0, -1.0, 0.0])
    tip = marker + torch.tensor([0.0, float(LINK_RADII[0, 2]) + gap, 0.0])
    assert hidden(with_finger_at(tip - ENDS[3] * pointing, pointing)) == names


def test_environments_do_not_hide_each_others_markers():
    a = spread()
    b = spread(object_position=a.sensed.fingertips[0, 4][None])
    both = Measurement(
        Sensed(*map(torch.cat, zip(a.sensed, b.sensed, strict=True))),
        *map(torch.cat, zip(a[1:], b[1:], strict=True)),
    )
    assert occluded(both, "block", torch.ones(2)).nonzero().tolist() == [[1, 4]]


def test_links_are_what_the_model_has(measured):
    """The capsules used here are those MuJoCo collides: their radii, and to 2 mm where they begin and end."""
    measurement, (data, *_) = measured
    model, (rotation, origin) = data.model, hand_frame(data)
    for finger, radii, points in zip(FINGERS, LINK_RADII, measurement.fingers[0].double().numpy(), strict=True):
        for link, radius, begin, end in zip(LINKS, radii, points[:-1], points[1:], strict=True):
            geom = model.geom(f"robot0:C_{finger.lower()}{link}")
            assert geom.type[0] == mujoco.mjtGeom.mjGEOM_CAPSULE
            np.testing.assert_allclose(geom.size[0], radius, atol=5e-4)
            axis = data.geom(geom.id).xmat.reshape(3, 3)[:, 2] * geom.size[1]
            ends = [rotation.inv().apply(data.geom(geom.id).xpos + side * axis - origin) for side in (-1, 1)]
            np.testing.assert_allclose([begin, end], ends, atol=2e-3)
    assert len(DISTAL_LENGTHS) == len(FINGERS)
