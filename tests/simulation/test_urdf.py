"""A robot as URDF is the robot of the scene: read by another program, in any posture."""

from __future__ import annotations

import itertools
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation
from urdf_parser_py.urdf import Pose, Robot

from dactyl.maths import quaternion
from dactyl.robot import robot as robots
from dactyl.simulation.scene import Scene, SceneConfig, build
from dactyl.simulation.urdf import ROOT, Description

PLUGINS = Path(__file__).parents[1] / "plugins"


@pytest.fixture(scope="module", params=["shadow", "shadow, locked wrist", "tray"])
def scene(request: pytest.FixtureRequest) -> Scene:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "tray":
            patch.syspath_prepend(str(PLUGINS))
            from tray import ROBOT

            load = robots.load
            patch.setattr(robots, "load", lambda name: ROBOT if name == "tray" else load(name))
            return build(SceneConfig(robot="tray"))
        return build(SceneConfig(locked_wrist="locked" in request.param))


@pytest.fixture
def parsed(scene: Scene, tmp_path: Path) -> Robot:
    """The file as another program reads it."""
    Description(scene).write_meshes(tmp_path / "meshes")
    return Robot.from_xml_string(Description(scene).xml("meshes").encode())


def rigid(origin: Pose | None) -> np.ndarray:
    """(4, 4) of what URDF calls an origin."""
    matrix = np.eye(4)
    if origin is not None:
        matrix[:3, :3] = Rotation.from_euler("xyz", origin.rpy).as_matrix()
        matrix[:3, 3] = origin.xyz
    return matrix


def link_in_root(parsed: Robot, link: str, angles: dict[str, float]) -> np.ndarray:
    """(4, 4) by the file alone, joint by joint; a joint that mimics another follows that one."""
    matrix = np.eye(4)
    for name in parsed.get_chain(ROOT, link, links=False):
        joint = parsed.joint_map[name]
        matrix = matrix @ rigid(joint.origin)
        if joint.type == "revolute":
            angle = joint.mimic.multiplier * angles[joint.mimic.joint] if joint.mimic else angles[name]
            turn = np.eye(4)
            turn[:3, :3] = Rotation.from_rotvec(angle * np.array(joint.axis)).as_matrix()
            matrix = matrix @ turn
    return matrix


def random_posture(scene: Scene, mimics: dict[str, tuple[str, float]], random: np.random.Generator) -> dict[str, float]:
    limits = scene.robot.joint_limits
    names = [scene.robot.ros_name(joint) for joint in scene.robot.joints]
    angles = dict(zip(names, random.uniform(limits[:, 0], limits[:, 1]), strict=True))
    for name, (other, factor) in mimics.items():
        angles[name] = factor * angles[other]
    return angles


def moved(scene: Scene, angles: dict[str, float]) -> mujoco.MjData:
    data = mujoco.MjData(scene.model)
    for name, angle in angles.items():
        data.joint(name).qpos = angle
    mujoco.mj_kinematics(scene.model, data)
    return data


def in_robot_frame(scene: Scene, angles: dict[str, float]) -> np.ndarray:
    """(F, 3) m: the fingertips' markers where the simulation has them."""
    world = moved(scene, angles).site_xpos[scene.fingertip_sites]
    return quaternion.rotate_inverse(scene.hand_quaternion, world - scene.hand_position)


def test_fingertips_are_where_the_simulation_has_them(scene: Scene, parsed: Robot) -> None:
    """To 0.1 mm over random postures, by another program's reading of the file."""
    description, random = Description(scene), np.random.default_rng(0)
    links = {body: name for name, body in description.bodies.items()}
    for _ in range(25):
        angles = random_posture(scene, description.mimics, random)
        own = description.in_root(angles)
        for site, expected in zip(scene.fingertip_sites, in_robot_frame(scene, angles), strict=True):
            body = int(scene.model.site_bodyid[site])
            point = scene.model.site_pos[site] + description.offsets[body]
            matrix = link_in_root(parsed, links[body], angles)
            np.testing.assert_allclose(matrix[:3, :3] @ point + matrix[:3, 3], expected, atol=1e-4)
            pose = own[links[body]]
            np.testing.assert_allclose(pose.position + quaternion.rotate(pose.quaternion, point), expected, atol=1e-6)


def test_joints_are_those_of_the_joint_states_with_their_limits(scene: Scene, parsed: Robot) -> None:
    names = [scene.robot.ros_name(joint) for joint in scene.robot.joints]
    moving = {name: joint for name, joint in parsed.joint_map.items() if joint.type != "fixed"}
    assert set(moving) == set(names)
    for name, limits in zip(names, scene.robot.joint_limits, strict=True):
        assert (moving[name].limit.lower, moving[name].limit.upper) == pytest.approx(tuple(limits))
        assert moving[name].limit.velocity > 0
    driven = scene.robot.actuation.any(axis=0)
    assert all(moving[name].limit.effort > 0 for name, drive in zip(names, driven, strict=True) if drive)
    assert parsed.get_root() == ROOT
    assert not parsed.check_valid()


def test_meshes_look_as_in_the_scene(scene: Scene, parsed: Robot, tmp_path: Path) -> None:
    """Protects the picture: every corner of every mesh where MuJoCo draws it, in a bent posture."""
    description, model = Description(scene), scene.model
    angles = random_posture(scene, description.mimics, np.random.default_rng(3))
    data = moved(scene, angles)
    for link, body in description.bodies.items():
        geoms = description._geoms(body)
        visuals = [visual for visual in parsed.link_map[link].visuals if hasattr(visual.geometry, "filename")]
        meshes = [geom for geom in geoms if model.geom_dataid[geom] >= 0]
        assert len(visuals) == len(meshes)
        for visual, geom in zip(visuals, meshes, strict=True):
            matrix = link_in_root(parsed, link, angles) @ rigid(visual.origin)
            drawn = trimesh.load(tmp_path / visual.geometry.filename).bounds
            corners = np.array(list(itertools.product(*drawn.T))) @ matrix[:3, :3].T + matrix[:3, 3]
            first, count = model.mesh_vertadr[model.geom_dataid[geom]], model.mesh_vertnum[model.geom_dataid[geom]]
            own = model.mesh_vert[first : first + count]
            expected = np.array(list(itertools.product(*np.stack([own.min(0), own.max(0)]).T)))
            expected = expected @ data.geom_xmat[geom].reshape(3, 3).T + data.geom_xpos[geom]
            expected = quaternion.rotate_inverse(scene.hand_quaternion, expected - scene.hand_position)
            np.testing.assert_allclose(corners, expected, atol=1e-4)


def test_coupled_joints_mimic_each_other() -> None:
    """Protects who moves the model by hand: the last two joints of a finger go together."""
    description = Description(build())
    assert set(description.mimics) == {f"rh_{finger}J1" for finger in ("FF", "MF", "RF", "LF")}
    assert description.mimics["rh_FFJ1"][0] == "rh_FFJ2"
    assert description.mimics["rh_FFJ1"][1] == pytest.approx(0.00805 / 0.00705)
    bent = description.in_root({"rh_FFJ2": 0.5})
    both = description.in_root({"rh_FFJ2": 0.5, "rh_FFJ1": 0.5 * 0.00805 / 0.00705})
    np.testing.assert_allclose(bent["rh_ffdistal"].position, both["rh_ffdistal"].position)


def test_meshes_are_found_on_another_machine_and_say_whose_they_are(tmp_path: Path) -> None:
    description = Description(build())
    description.write_meshes(tmp_path)
    tree = ElementTree.fromstring(description.xml("package://dactyl/meshes/shadow").partition("?>")[2])
    named = [mesh.attrib["filename"] for mesh in tree.iter("mesh")]
    assert len(named) == 23
    assert all((tmp_path / name.removeprefix("package://dactyl/meshes/shadow/")).is_file() for name in named)
    shape = trimesh.load(tmp_path / Path(named[0]).name)
    assert 0.01 < shape.extents.max() < 0.5, "metres"
    assert "license" in (tmp_path / "NOTICE.txt").read_text()


def test_cameras_look_at_the_object() -> None:
    """Protects the optical frames: z is where they look, and y is down."""
    scene = build()
    for pose in Description(scene).cameras().values():
        looks = quaternion.rotate(pose.quaternion, np.array([0.0, 0.0, 1.0]))
        towards = scene.robot.workspace.rest + scene.robot.cameras.aim - pose.position
        np.testing.assert_allclose(looks, towards / np.linalg.norm(towards), atol=1e-3)
        down = quaternion.rotate(pose.quaternion, np.array([0.0, 1.0, 0.0]))
        assert down @ scene.up < 0


def test_mujoco_reads_it_too(scene: Scene, tmp_path: Path) -> None:
    """As one more reader, strict about inertias."""
    description = Description(scene)
    description.write_meshes(tmp_path)
    (tmp_path / "robot.urdf").write_text(description.xml("."))
    model = mujoco.MjModel.from_xml_path(str(tmp_path / "robot.urdf"))
    assert model.njnt == len(scene.robot.joints)
