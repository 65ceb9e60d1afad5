"""The scene: a robot, an object in its workspace, the laboratory around them; compiled, with an index by name.

World frame: z up, metres. Robot frame: the robot's own, where its mount is; positions of places and markers are in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import pi
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from dactyl import objects, registry
from dactyl.errors import DactylError
from dactyl.objects.object import Object
from dactyl.robot import parameters
from dactyl.robot import robot as robots
from dactyl.robot.parameters import ModelParameters
from dactyl.robot.robot import Robot, Torques
from dactyl.simulation import calibrated
from dactyl.simulation import engine as engines
from dactyl.simulation.engine import Engine
from dactyl.simulation.objects import add_object, mesh_name
from dactyl.simulation.postures import follow_postures
from dactyl.simulation.surroundings import add_surroundings, draw_less_floor
from dactyl.storage.presets import parse_fields

RANGE_TOLERANCE = 1e-6
"""rad that a model's joint limits may differ from the robot's data. Degrees taken for radians differ by far more."""


@dataclass(frozen=True)
class SceneConfig:
    """What can be chosen about the scene."""

    object: str = "block"
    """One of `objects.names()`."""
    locked_wrist: bool = False
    """Hold the joints of `Robot.locked` still: the wrist pitch joint (WRJ1) of section 6.1."""
    tilt: float | None = None
    """rad by which the robot is mounted, fingers raised; None: `Robot.tilt`."""
    gain_scale: float = 1.0
    """Factor on all proportional gains."""
    gravity_compensation: float | None = None
    """Share of the robot's own weight that its controllers carry, 0 to 1; None: `Robot.gravity_compensation`."""
    robot: str = registry.DEFAULTS["robots"]
    """One of `robot.names()`."""
    calibration: str = ""
    """File of `calibrate model` whose parameters the robot's model gets (appendix C.3); empty: it stays as it is."""
    control_period: float | None = None
    """s between two decisions of a policy, a whole number of physics steps; None: the robot's own."""
    engine: Engine = field(default_factory=Engine)
    """How MuJoCo solves; the default changes nothing."""

    @classmethod
    def from_config(cls, value: Any, where: str, default: Any) -> SceneConfig:
        """From a preset, whose `fingers_raised` is what `tilt` was called before there were other robots."""
        if isinstance(value, Mapping) and "fingers_raised" in value:
            value = {"tilt" if key == "fingers_raised" else key: item for key, item in value.items()}
        parsed: SceneConfig = parse_fields(cls, value, where, default)
        return parsed


@dataclass(frozen=True)
class RobotModel:
    """What a robot's `model` function builds: MjSpec edits that name joints, actuators and sites as the data does.

    Joints, and actuators that take what `Robot.action` says: `Robot.ros_name`; sites `marker_<fingertip>`,
    `marker_base_<i>`, and at the ends of each finger's capsules, see `Markers.link_radii`, `link_<fingertip>_<i>`.
    """

    spec: mujoco.MjSpec
    position: np.ndarray
    """(3,) the robot frame's origin in the world, m."""
    quaternion: np.ndarray
    """(4,) rotates robot-frame vectors into the world."""
    rest: np.ndarray
    """(3,) where an object rests in this posture, robot frame, m."""
    materials: tuple[str, ...] = ()
    """Names of the materials that the robot is seen in: their appearance is randomized."""
    visual_group: int = 0
    """Group of the geoms that are seen."""


@dataclass(frozen=True)
class Scene:
    """A compiled scene and where things are in it.

    qpos: joint angles in `Robot.joints` order, object position, object quaternion. qvel: joint velocities, object
    velocity (world frame), object angular velocity (object frame).
    """

    config: SceneConfig
    robot: Robot
    object: Object
    model: mujoco.MjModel
    hand_position: np.ndarray
    """(3,) the robot frame's origin in the world, m."""
    hand_quaternion: np.ndarray
    """(4,) rotates robot-frame vectors into the world."""
    object_body: int
    object_geom: int
    object_mesh_ids: np.ndarray
    """Ids of the object's mesh at each of its scales; empty unless the object is a mesh."""
    fingertip_sites: np.ndarray
    """(F,) site ids, `Robot.fingertips` order."""
    link_sites: np.ndarray
    """(F, L + 1) where each finger's capsules begin and end, from its root outwards."""
    base_sites: np.ndarray
    """(B,)"""
    object_sites: np.ndarray
    """(M,)"""
    robot_bodies: slice
    """The robot's among the bodies."""
    gravity_compensation: float
    """Share of its weight that the robot's controllers carry."""
    backlash_rates: np.ndarray
    """(A, 2) slack rates for negative and positive motions, see `robot.backlash`."""
    materials: tuple[str, ...]
    """See `RobotModel`."""
    visual_group: int
    parameters: ModelParameters
    """Of the robot's model, calibrated where a calibration was named."""

    @cached_property
    def joints(self) -> slice:
        """The robot's joints in qpos and qvel."""
        return slice(0, len(self.robot.joints))

    @cached_property
    def object_position(self) -> slice:
        """In qpos; the object's velocity in qvel is there too."""
        return slice(self.joints.stop, self.joints.stop + 3)

    @cached_property
    def object_orientation(self) -> slice:
        """In qpos."""
        return slice(self.object_position.stop, self.object_position.stop + 4)

    @cached_property
    def object_turn(self) -> slice:
        """The object's angular velocity in qvel."""
        return slice(self.object_position.stop, self.object_position.stop + 3)

    @cached_property
    def up(self) -> np.ndarray:
        """(3,) the world's vertical in the robot frame."""
        rotation = np.empty(9)
        mujoco.mju_quat2Mat(rotation, self.hand_quaternion)
        return rotation.reshape(3, 3)[2].copy()


def robot_of(config: SceneConfig) -> Robot:
    """The robot that a configuration names, in the rhythm that it asks for.

    Raises:
        DactylError: there is no such robot, or the period is no whole number of its physics steps.
    """
    robot = robots.load(config.robot)
    return robot if config.control_period is None else robot.deciding_every(config.control_period)


def build(
    config: SceneConfig | None = None,
    edit: Callable[[mujoco.MjSpec], None] | None = None,
    *,
    postures: bool = False,
) -> Scene:
    """Compile the scene.

    Args:
        config: what can be chosen.
        edit: changes the specification before it is compiled, for how things look.
        postures: let actuators that take torques follow postures instead, see `torque.towards`; others do anyway.

    Raises:
        DactylError: unknown robot or object, values out of range, or the robot's model is missing.
    """
    config = config or SceneConfig()
    robot, shape = robot_of(config), objects.load(config.object)
    tilt = robot.tilt if config.tilt is None else config.tilt
    if not -pi / 2 < tilt < pi / 2:
        raise DactylError(f"tilt = {tilt} rad is outside (-pi/2, pi/2)")
    if not config.gain_scale > 0:
        raise DactylError(f"gain_scale = {config.gain_scale} must be > 0")
    compensation = robot.gravity_compensation if config.gravity_compensation is None else config.gravity_compensation
    if not 0.0 <= compensation <= 1.0:
        raise DactylError(f"gravity_compensation = {compensation} is outside [0, 1]")
    if config.locked_wrist and not robot.locked:
        raise DactylError(f"the robot {robot.name} has no joint that can be locked")
    built: RobotModel = registry.resolve(robot.model)(robot, tilt, config.gain_scale, config.locked_wrist)
    spec = built.spec
    spec.modelname = "dactyl"
    spec.option.timestep = robot.timing.physics
    robot_bodies = slice(1, len(spec.bodies))
    for body in spec.bodies[robot_bodies]:
        body.gravcomp = 1.0  # compiled so that every environment may have its own
    rest, aim = robot.workspace.rest, robot.cameras.aim
    add_surroundings(spec, robot.cameras, _world(built, rest), _world(built, rest + aim))
    add_object(spec, shape, _world(built, built.rest) + np.array([0.0, 0.0, shape.stands]))
    if edit is not None:
        edit(spec)
    model = spec.compile()
    model.body_gravcomp[robot_bodies] = compensation
    draw_less_floor(model)
    engines.apply(model, config.engine)
    scene = _index(model, config, shape, built, robot_bodies)
    if postures and isinstance(robot.action, Torques):
        follow_postures(model, robot, robot.action)
    return scene


def _calibrate(model: mujoco.MjModel, config: SceneConfig, robot: Robot) -> ModelParameters:
    """Give the model the calibrated parameters, if there are any; what it has then. `gain_scale` scales those too."""
    found = calibrated.parameters_of(model, robot)
    if config.calibration:
        changes = parameters.read(Path(config.calibration), robot)
        scaled = {key: config.gain_scale * v if key.parameter == "gain" else v for key, v in changes.items()}
        found = parameters.lay_over(robot, found, scaled)
        calibrated.apply(model, robot, found)
    return found


def _world(built: RobotModel, position: np.ndarray) -> np.ndarray:
    """A robot-frame position in the world."""
    rotated = np.empty(3)
    mujoco.mju_rotVecQuat(rotated, position, built.quaternion)
    return built.position + rotated


def _index(model: mujoco.MjModel, config: SceneConfig, shape: Object, built: RobotModel, robot_bodies: slice) -> Scene:
    robot = robot_of(config)
    names = tuple(model.joint(i).name for i in range(model.njnt))
    if names != (*(robot.ros_name(joint) for joint in robot.joints), "object"):
        raise DactylError(f"the model of the robot {robot.name} has other joints than expected: {', '.join(names)}")
    actuators = tuple(model.actuator(i).name for i in range(model.nu))
    if actuators != tuple(robot.ros_name(actuator) for actuator in robot.actuators):
        raise DactylError(f"the model of the robot {robot.name} has other actuators: {', '.join(actuators)}")

    equalities = tuple(model.equality(i).name for i in range(model.neq))
    if robot.couplings and equalities != tuple(robot.ros_name(coupling.joint) for coupling in robot.couplings):
        raise DactylError(f"the model of the robot {robot.name} couples other joints: {', '.join(equalities)}")

    if not np.allclose(model.jnt_range[: len(robot.joints)], robot.joint_limits, rtol=0.0, atol=RANGE_TOLERANCE):
        raise DactylError(f"the model of the robot {robot.name} has other joint limits than its data: rad are meant")

    def sites(pattern: str, keys: tuple[str, ...]) -> np.ndarray:
        return np.array([model.site(pattern.format(key)).id for key in keys])

    found = _calibrate(model, config, robot)
    return Scene(
        config=config,
        robot=robot,
        object=shape,
        model=model,
        hand_position=built.position,
        hand_quaternion=built.quaternion,
        object_body=model.body("object").id,
        object_geom=model.geom("object").id,
        object_mesh_ids=np.array([model.mesh(mesh_name(scale)).id for scale in shape.mesh_scales], dtype=np.int32),
        fingertip_sites=sites("marker_{}", robot.fingertips),
        link_sites=np.array(
            [
                sites(f"link_{finger}_{{}}", tuple(str(i) for i in range(robot.markers.link_radii.shape[1] + 1)))
                for finger in robot.fingertips
            ]
        ),
        base_sites=sites("marker_base_{}", tuple(str(i) for i in range(len(robot.markers.base)))),
        object_sites=sites("marker_object_{}", tuple(str(i) for i in range(len(shape.markers)))),
        robot_bodies=robot_bodies,
        gravity_compensation=float(model.body_gravcomp[robot_bodies][0]),
        parameters=found,
        backlash_rates=found.backlash,
        materials=built.materials,
        visual_group=built.visual_group,
    )
