"""The arm for the simulator: two links on hinges, with torque motors that damp themselves."""

import mujoco
import numpy as np

from dactyl.robot.robot import Robot
from dactyl.simulation.scene import RobotModel, Scene

_LENGTH = 0.15  # m of each link
MASS = 0.2  # kg of each link


def build(robot: Robot, tilt: float, gain_scale: float, locked: bool) -> RobotModel:
    """See `simulation.scene.build`."""
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    base = spec.worldbody.add_body(name="base", pos=[0.0, 0.0, 0.5])
    for i, position in enumerate(robot.markers.base):
        base.add_site(name=f"marker_base_{i}", pos=position)
    link, offset = base, [0.0, 0.0, 0.0]
    for joint, (lower, upper) in zip(robot.joints, robot.joint_limits, strict=True):
        link = link.add_body(name=joint, pos=offset)
        link.add_joint(name=robot.ros_name(joint), axis=[0.0, 1.0, 0.0], range=[lower, upper], limited=True)
        link.add_geom(
            type=mujoco.mjtGeom.mjGEOM_CAPSULE,
            fromto=[0.0, 0.0, 0.0, 0.0, 0.0, -_LENGTH],
            size=[0.01, 0.0, 0.0],
            mass=MASS,
        )
        offset = [0.0, 0.0, -_LENGTH]
    tip = robot.fingertips[0]
    link.add_site(name=f"marker_{tip}", pos=robot.markers.fingertips[0])
    link.add_site(name=f"link_{tip}_0")
    link.add_site(name=f"link_{tip}_1", pos=offset)
    for actuator, damping in zip(robot.actuators, robot.action.damping, strict=True):
        motor = spec.add_actuator(name=robot.ros_name(actuator), target=robot.ros_name(actuator))
        motor.trntype = mujoco.mjtTrn.mjTRN_JOINT
        motor.gaintype, motor.biastype = mujoco.mjtGain.mjGAIN_FIXED, mujoco.mjtBias.mjBIAS_AFFINE
        motor.gainprm[0], motor.biasprm[2] = gain_scale, -damping
        motor.ctrllimited = motor.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        motor.ctrlrange = motor.forcerange = [-robot.action.limit, robot.action.limit]
    return RobotModel(spec, np.array([0.0, 0.0, 0.5]), np.array([1.0, 0.0, 0.0, 0.0]), robot.workspace.rest)


def states(scene: Scene, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Ten states in which the arm swings, each further out than the one before."""
    qpos, qvel = np.tile(scene.model.qpos0, (10, 1)), np.zeros((10, scene.model.nv))
    qpos[:, 0], qvel[:, 0] = np.linspace(0.5, 1.0, 10), 0.25
    return qpos, qvel
