"""The scene: Shadow hand palm up, an object on it, markers, three cameras; MjSpec edits of gymnasium-robotics' hand.

The hand model is the open descendant of the one the paper used (section 2.2). It is edited here, never copied: joints
get Shadow's names, signs and ranges, so that nothing outside this file knows the model's own; one position actuator
drives each of the 20 actuators, coupled joints through the sum of their angles (appendix C.1).

World frame: z up, metres. Hand frame: the forearm mount, z along the fingers, -y out of the palm.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sin
from pathlib import Path

import mujoco
import numpy as np

from dactyl.errors import DactylError
from dactyl.robot.control import LOCKED_WRIST, PHYSICS_TIMESTEP
from dactyl.robots.shadow.joints import (
    ACTUATOR_LIMITS,
    ACTUATORS,
    COUPLED_FINGERS,
    FINGERS,
    JOINT_LIMITS,
    JOINTS,
    joints_of,
    ros_joint_name,
)
from dactyl.robots.shadow.layout import BASE_MARKERS, FINGERTIP_MARKERS, PALM_CENTER, WRIST_PITCH
from dactyl.simulation.objects import MESH_SCALES, OBJECT_MARKERS, OBJECTS, add_object, mesh_name

HAND_POSITION = np.array([0.0, 0.34, 0.36])
"""Mount of the hand in the world, m: puts the palm 0.4 m above the floor, near the vertical axis."""

CAMERAS: dict[str, tuple[float, float]] = {
    # azimuth about the palm from the fingers' direction, elevation; degrees. About 50 cm away (appendix B.3).
    "camera_0": (-65.0, 45.0),
    "camera_1": (0.0, 50.0),
    "camera_2": (65.0, 45.0),
}
CAMERA_DISTANCE = 0.5  # m
CAMERA_FOVY = 32.0  # degrees: a 4 mm lens on the acA640-750uc's 2.3 mm high sensor

_MODEL_JOINTS = {
    # the model numbers joints from 0; where its axis points the other way than Shadow's, the joint is flipped
    joint: (f"robot0:{joint[:2]}J{int(joint[3]) - 1}", joint in ("FFJ4", "MFJ4", "THJ2", "THJ1"))
    for joint in JOINTS
}
_COUPLING = {"J1": 0.00705, "J2": -0.00805}  # tendon lever arms of the model's coupled joints, m
_COUPLING_SLACK = 0.001  # m of tendon: the two joints share their sum to within about 8°

_GAIN = {"WRJ2": 5.0, "WRJ1": 5.0}  # N·m/rad of the model's proportional controllers
_FINGER_GAIN = 1.0
_FORCE_LIMIT = {
    "WRJ2": 4.785, "WRJ1": 2.175,
    **{f"{finger}{joint}": 0.9 for finger in COUPLED_FINGERS for joint in ("J4", "J3")}, "LFJ5": 0.9,
    **{f"{finger}J0": 0.7245 for finger in COUPLED_FINGERS},
    "THJ5": 2.3722, "THJ4": 1.45, "THJ3": 0.99, "THJ2": 0.99, "THJ1": 0.81,
}  # fmt: skip  # N·m


@dataclass(frozen=True)
class SceneConfig:
    """What can be chosen about the scene."""

    object: str = "block"
    """block, octagonal_prism or sphere."""
    locked_wrist: bool = False
    """Hold the wrist pitch joint (WRJ1) at `control.LOCKED_WRIST`, as in section 6.1."""
    fingers_raised: float = 0.1
    """Tilt of the palm, rad: fingertips above the wrist. Slightly raised, a palm-up hand at rest keeps its object."""
    gain_scale: float = 1.0
    """Factor on all proportional gains."""


@dataclass(frozen=True)
class Scene:
    """A compiled scene and where things are in it. qpos: 24 joints (hand.joints order), object position, quaternion."""

    config: SceneConfig
    model: mujoco.MjModel
    hand_position: np.ndarray
    """(3,) hand frame's origin in the world, m."""
    hand_quaternion: np.ndarray
    """(4,) rotates hand-frame vectors into the world."""
    object_body: int
    object_geom: int
    object_mesh_ids: np.ndarray
    """Ids of the object's mesh at each of its scales; empty unless the object is a mesh."""
    object_mesh_scales: np.ndarray
    """Those scales."""
    fingertip_sites: np.ndarray
    """(5,) site ids, hand.joints.FINGERS order."""
    base_sites: np.ndarray
    """(4,)"""
    object_sites: np.ndarray
    """(6,)"""

    @property
    def up(self) -> np.ndarray:
        """(3,) the world's vertical in the hand frame."""
        rotation = np.empty(9)
        mujoco.mju_quat2Mat(rotation, self.hand_quaternion)
        return rotation.reshape(3, 3)[2].copy()


def hand_quaternion(fingers_raised: float) -> np.ndarray:
    """Orientation of the hand frame in the world, palm up, fingers towards -y and raised by the angle in rad."""
    half = pi / 4 - fingers_raised / 2
    return np.array([0.0, 0.0, -sin(half), cos(half)])


def hand_model_path() -> Path:
    """The hand model inside the installed gymnasium-robotics (found without importing it)."""
    found = importlib.util.find_spec("gymnasium_robotics")
    if found is None or found.origin is None:
        raise DactylError("the Shadow hand model is missing: install gymnasium-robotics (its assets are used)")
    return Path(found.origin).parent / "envs" / "assets" / "hand" / "manipulate_block.xml"


def build(config: SceneConfig | None = None, edit: Callable[[mujoco.MjSpec], None] | None = None) -> Scene:
    """Compile the scene.

    Args:
        config: what can be chosen.
        edit: changes the specification before it is compiled, for how things look.

    Raises:
        DactylError: unknown object, values out of range, or the hand model's package is missing.
    """
    config = config or SceneConfig()
    if config.object not in OBJECTS:
        raise DactylError(f"unknown object {config.object!r}: choose one of {', '.join(OBJECTS)}")
    if not -pi / 2 < config.fingers_raised < pi / 2:
        raise DactylError(f"fingers_raised = {config.fingers_raised} rad is outside (-pi/2, pi/2)")
    if not config.gain_scale > 0:
        raise DactylError(f"gain_scale = {config.gain_scale} must be > 0")
    spec = mujoco.MjSpec.from_file(str(hand_model_path()))
    spec.modelname = "dactyl"
    spec.option.timestep = PHYSICS_TIMESTEP
    _strip(spec)
    _mount(spec, config)
    _name_joints(spec)
    _add_actuators(spec, config)
    _add_hand_markers(spec)
    _add_surroundings(spec, config)
    place = _lock_wrist(spec) if config.locked_wrist else PALM_CENTER
    add_object(spec, config.object, position=_world(config, place))
    if edit is not None:
        edit(spec)
    return _index(spec.compile(), config)


def _strip(spec: mujoco.MjSpec) -> None:
    """Remove what is replaced or not needed: object and floor, tendons, actuators, sensors, lights, sites."""
    for body in ("object", "target", "floor0"):
        spec.delete(spec.body(body))
    spec.delete(spec.geom("floor0"))
    for group in (spec.sensors, spec.actuators, spec.tendons, spec.lights, spec.sites):
        for element in list(group):
            spec.delete(element)
    for name in ("robot0:V_thbase", "robot0:V_thhub"):  # 1 mm placeholders, colliding with everything by oversight
        spec.geom(name).contype = spec.geom(name).conaffinity = 0


def _mount(spec: mujoco.MjSpec, config: SceneConfig) -> None:
    mount = spec.body("robot0:hand mount")
    mount.pos = HAND_POSITION
    mount.alt.type = mujoco.mjtOrientation.mjORIENTATION_QUAT  # the file's euler angles would win otherwise
    mount.quat = hand_quaternion(config.fingers_raised)
    for body in (mount, *mount.find_all("body")):
        # The real low-level controller carries the fingers' own weight; targets relative to the current angles would
        # let them creep down under a plain proportional controller.
        body.gravcomp = 1.0


def _name_joints(spec: mujoco.MjSpec) -> None:
    for joint, (lower, upper) in zip(JOINTS, JOINT_LIMITS, strict=True):
        model_name, flipped = _MODEL_JOINTS[joint]
        element = spec.joint(model_name)
        element.name = ros_joint_name(joint)
        element.axis = -np.asarray(element.axis) if flipped else element.axis
        element.range = [lower, upper]
        element.frictionloss = 0.0  # the file's 0.001 N·m is noise beside 0.9 N·m, and costs a constraint per joint


def _lock_wrist(spec: mujoco.MjSpec) -> np.ndarray:
    """Build the hand with its wrist bent as far as it is locked, and hold it there. Returns the palm's center then."""
    turn, place = np.empty(4), np.empty(3)
    mujoco.mju_axisAngle2Quat(turn, np.array([1.0, 0.0, 0.0]), LOCKED_WRIST)
    mujoco.mju_rotVecQuat(place, PALM_CENTER - WRIST_PITCH, turn)
    spec.body("robot0:palm").quat = turn
    spec.joint(ros_joint_name("WRJ1")).ref = LOCKED_WRIST
    lock = spec.add_equality(name="locked_wrist", type=mujoco.mjtEq.mjEQ_JOINT, name1=ros_joint_name("WRJ1"))
    lock.data[:5] = 0.0  # from the joint's reference
    return WRIST_PITCH + place


def _add_actuators(spec: mujoco.MjSpec, config: SceneConfig) -> None:
    for actuator, limits in zip(ACTUATORS, ACTUATOR_LIMITS, strict=True):
        joints = joints_of(actuator)
        element = spec.add_actuator(name=ros_joint_name(actuator), target=ros_joint_name(actuator))
        gain = config.gain_scale * _GAIN.get(actuator, _FINGER_GAIN)
        if len(joints) == 1:
            element.trntype = mujoco.mjtTrn.mjTRN_JOINT
        else:
            gain /= 2  # the sum's error is twice each joint's
            element.trntype = mujoco.mjtTrn.mjTRN_TENDON
            total = spec.add_tendon(name=ros_joint_name(actuator))
            coupling = spec.add_tendon(
                name=f"{ros_joint_name(actuator)}_coupling",
                limited=mujoco.mjtLimited.mjLIMITED_TRUE,
                range=[-_COUPLING_SLACK, _COUPLING_SLACK],
            )
            for joint in joints:
                total.wrap_joint(ros_joint_name(joint), 1.0)
                coupling.wrap_joint(ros_joint_name(joint), _COUPLING[joint[2:]])
        element.set_to_position(kp=gain)
        element.ctrllimited = element.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        element.ctrlrange = limits
        element.forcerange = [-_FORCE_LIMIT[actuator], _FORCE_LIMIT[actuator]]


def _add_hand_markers(spec: mujoco.MjSpec) -> None:
    look = {"size": [0.003, 0.003, 0.003], "rgba": [1.0, 0.1, 0.1, 1.0], "group": 3}
    for finger, position in zip(FINGERS, FINGERTIP_MARKERS, strict=True):
        distal = spec.body(f"robot0:{finger.lower()}distal")
        distal.add_site(name=f"marker_{finger}", pos=position, **look)
    for i, position in enumerate(BASE_MARKERS):
        spec.body("robot0:hand mount").add_site(name=f"marker_base_{i}", pos=position, **look)


def _add_surroundings(spec: mujoco.MjSpec, config: SceneConfig) -> None:
    """White background as in the lab, a floor that catches dropped objects, lights, the three cameras."""
    spec.delete(spec.textures[0])  # the file's sky
    white = [1.0, 1.0, 1.0]
    spec.add_texture(
        name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
        rgb1=white, rgb2=white, width=8, height=48,
    )  # fmt: skip
    spec.add_material(name="floor", rgba=[1.0, 1.0, 1.0, 1.0], emission=0.55, specular=0.0)
    spec.material("robot0:MatViz").rgba = [0.66, 0.68, 0.71, 1.0]  # grey aluminium, to stand out from the white
    spec.worldbody.add_geom(
        name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0.0, 0.0, 1.0], material="floor",
        contype=1, conaffinity=0,
    )  # fmt: skip
    spec.visual.headlight.ambient[:] = 0.35
    spec.visual.headlight.diffuse[:] = 0.2
    spec.visual.headlight.specular[:] = 0.1
    spec.visual.quality.shadowsize = 1024
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1920, 1080
    palm = _world(config, PALM_CENTER)
    for i, (x, y) in enumerate(((-0.6, -0.4), (0.6, -0.4), (0.0, 0.8))):
        offset = np.array([x, y, 1.0])
        spec.worldbody.add_light(
            name=f"light_{i}", pos=palm + offset, dir=-offset / np.linalg.norm(offset),
            diffuse=[0.28] * 3, specular=[0.15] * 3, castshadow=i == 0,
        )  # fmt: skip
    for name, (azimuth, elevation) in CAMERAS.items():
        a, e = np.radians([azimuth, elevation])
        away = np.array([sin(a) * cos(e), -cos(a) * cos(e), sin(e)])
        right = np.cross([0.0, 0.0, 1.0], away)
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(away, right), away], axis=1)
        quaternion = np.empty(4)
        mujoco.mju_mat2Quat(quaternion, rotation.ravel())
        spec.worldbody.add_camera(
            name=name, pos=palm + CAMERA_DISTANCE * away, quat=quaternion, fovy=CAMERA_FOVY, resolution=[640, 480]
        )


def _world(config: SceneConfig, position: np.ndarray) -> np.ndarray:
    """A hand-frame position in the world."""
    rotated = np.empty(3)
    mujoco.mju_rotVecQuat(rotated, position, hand_quaternion(config.fingers_raised))
    return HAND_POSITION + rotated


def _index(model: mujoco.MjModel, config: SceneConfig) -> Scene:
    names = tuple(model.joint(i).name for i in range(model.njnt))
    if names != (*(ros_joint_name(joint) for joint in JOINTS), "object"):
        raise DactylError(f"the installed hand model has other joints than expected: {', '.join(names)}")

    def sites(pattern: str, keys: tuple[str, ...]) -> np.ndarray:
        return np.array([model.site(pattern.format(key)).id for key in keys])

    is_mesh = model.geom("object").type[0] == mujoco.mjtGeom.mjGEOM_MESH
    scales = MESH_SCALES if is_mesh else ()
    return Scene(
        config=config,
        model=model,
        hand_position=HAND_POSITION,
        hand_quaternion=hand_quaternion(config.fingers_raised),
        object_body=model.body("object").id,
        object_geom=model.geom("object").id,
        object_mesh_ids=np.array([model.mesh(mesh_name(scale)).id for scale in scales], dtype=np.int32),
        object_mesh_scales=np.array(scales),
        fingertip_sites=sites("marker_{}", FINGERS),
        base_sites=sites("marker_base_{}", tuple(str(i) for i in range(len(BASE_MARKERS)))),
        object_sites=sites("marker_object_{}", tuple(str(i) for i in range(len(OBJECT_MARKERS)))),
    )
