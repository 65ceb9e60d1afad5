"""The simulated Shadow hand: gymnasium-robotics' model, edited through MjSpec.

It is the open descendant of the model the paper used (section 2.2). It is edited here, never copied: joints get
Shadow's names, signs and ranges, so that nothing outside this file knows the model's own; one position actuator drives
each of the 20 actuators, coupled joints through the sum of their angles (appendix C.1).

Hand frame: the forearm mount, z along the fingers, -y out of the palm, which is up.
"""

from __future__ import annotations

import importlib.util
from math import cos, pi, sin
from pathlib import Path

import mujoco
import numpy as np

from dactyl.errors import DactylError
from dactyl.robot.robot import Robot
from dactyl.robots.shadow.joints import COUPLED_FINGERS, JOINTS, joints_of
from dactyl.robots.shadow.layout import DISTAL_LENGTHS, LINKS, LOCKED_WRIST, WRIST_PITCH
from dactyl.simulation.scene import RobotModel

HAND_POSITION = np.array([0.0, 0.34, 0.36])
"""Mount of the hand in the world, m: puts the palm 0.4 m above the floor, near the vertical axis."""

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
_MATERIAL = "robot0:MatViz"
_VISUAL_GROUP = 1


def model_path() -> Path:
    """The hand model inside the installed gymnasium-robotics (found without importing it).

    Raises:
        DactylError: it is not installed.
    """
    found = importlib.util.find_spec("gymnasium_robotics")
    if found is None or found.origin is None:
        raise DactylError("the Shadow hand model is missing: install gymnasium-robotics (its assets are used)")
    return Path(found.origin).parent / "envs" / "assets" / "hand" / "manipulate_block.xml"


def hand_quaternion(fingers_raised: float) -> np.ndarray:
    """Orientation of the hand frame in the world, palm up, fingers towards -y and raised by the angle in rad."""
    half = pi / 4 - fingers_raised / 2
    return np.array([0.0, 0.0, -sin(half), cos(half)])


def build(robot: Robot, tilt: float, gain_scale: float, locked: bool) -> RobotModel:
    """The hand alone, see `simulation.scene.build`.

    Args:
        robot: the Shadow hand.
        tilt: rad, fingertips above the wrist. Slightly raised, a palm-up hand at rest keeps its object.
        gain_scale: factor on all proportional gains.
        locked: hold WRJ1 at `layout.LOCKED_WRIST`.
    """
    spec = mujoco.MjSpec.from_file(str(model_path()))
    _strip(spec)
    _mount(spec, tilt)
    _name_joints(spec, robot)
    _add_actuators(spec, robot, gain_scale)
    _add_markers(spec, robot)
    spec.delete(spec.textures[0])  # the file's sky
    spec.material(_MATERIAL).rgba = [0.66, 0.68, 0.71, 1.0]  # grey aluminium, to stand out from the white
    rest = _lock_wrist(spec, robot) if locked else robot.workspace.rest
    return RobotModel(spec, HAND_POSITION, hand_quaternion(tilt), rest, (_MATERIAL,), _VISUAL_GROUP)


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


def _mount(spec: mujoco.MjSpec, tilt: float) -> None:
    mount = spec.body("robot0:hand mount")
    mount.pos = HAND_POSITION
    mount.alt.type = mujoco.mjtOrientation.mjORIENTATION_QUAT  # the file's euler angles would win otherwise
    mount.quat = hand_quaternion(tilt)


def _name_joints(spec: mujoco.MjSpec, robot: Robot) -> None:
    for joint, (lower, upper) in zip(robot.joints, robot.joint_limits, strict=True):
        model_name, flipped = _MODEL_JOINTS[joint]
        element = spec.joint(model_name)
        element.name = robot.ros_name(joint)
        element.axis = -np.asarray(element.axis) if flipped else element.axis
        element.range = [lower, upper]
        element.frictionloss = 0.0  # the file's 0.001 N·m is noise beside 0.9 N·m, and costs a constraint per joint


def _lock_wrist(spec: mujoco.MjSpec, robot: Robot) -> np.ndarray:
    """Build the hand with its wrist bent as far as it is locked, and hold it there. Returns the palm's center then."""
    turn, place = np.empty(4), np.empty(3)
    mujoco.mju_axisAngle2Quat(turn, np.array([1.0, 0.0, 0.0]), LOCKED_WRIST)
    mujoco.mju_rotVecQuat(place, robot.workspace.rest - WRIST_PITCH, turn)
    spec.body("robot0:palm").quat = turn
    joint = robot.ros_name("WRJ1")
    spec.joint(joint).ref = LOCKED_WRIST
    lock = spec.add_equality(name="locked_wrist", type=mujoco.mjtEq.mjEQ_JOINT, name1=joint)
    lock.data[:5] = 0.0  # from the joint's reference
    return WRIST_PITCH + place


def _add_actuators(spec: mujoco.MjSpec, robot: Robot, gain_scale: float) -> None:
    for actuator, limits in zip(robot.actuators, robot.actuator_limits, strict=True):
        joints, name = joints_of(actuator), robot.ros_name(actuator)
        element = spec.add_actuator(name=name, target=name)
        gain = gain_scale * _GAIN.get(actuator, _FINGER_GAIN)
        if len(joints) == 1:
            element.trntype = mujoco.mjtTrn.mjTRN_JOINT
        else:
            gain /= 2  # the sum's error is twice each joint's
            element.trntype = mujoco.mjtTrn.mjTRN_TENDON
            total = spec.add_tendon(name=name)
            coupling = spec.add_tendon(
                name=f"{name}_coupling",
                limited=mujoco.mjtLimited.mjLIMITED_TRUE,
                range=[-_COUPLING_SLACK, _COUPLING_SLACK],
            )
            for joint in joints:
                total.wrap_joint(robot.ros_name(joint), 1.0)
                coupling.wrap_joint(robot.ros_name(joint), _COUPLING[joint[2:]])
        element.set_to_position(kp=gain)
        element.ctrllimited = element.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        element.ctrlrange = limits
        element.forcerange = [-_FORCE_LIMIT[actuator], _FORCE_LIMIT[actuator]]


def _add_markers(spec: mujoco.MjSpec, robot: Robot) -> None:
    look = {"size": [0.003, 0.003, 0.003], "rgba": [1.0, 0.1, 0.1, 1.0], "group": 3}
    for finger, position, length in zip(robot.fingertips, robot.markers.fingertips, DISTAL_LENGTHS, strict=True):
        for i, link in enumerate(LINKS):
            body = spec.body(f"robot0:{finger.lower()}{link}")
            body.add_site(name=f"link_{finger}_{i}", group=4)
        body.add_site(name=f"link_{finger}_{len(LINKS)}", pos=[0.0, 0.0, length], group=4)
        body.add_site(name=f"marker_{finger}", pos=position, **look)
    for i, position in enumerate(robot.markers.base):
        spec.body("robot0:hand mount").add_site(name=f"marker_base_{i}", pos=position, **look)
