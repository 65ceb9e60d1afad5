"""The tray for the simulator: a plate with a rim on two hinges."""

import mujoco
import numpy as np

from dactyl.robot.robot import Robot
from dactyl.simulation.scene import RobotModel

_HALF, _RIM = 0.10, 0.01  # m


def build(robot: Robot, tilt: float, gain_scale: float, locked: bool) -> RobotModel:
    """See `simulation.scene.build`."""
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    base = spec.worldbody.add_body(name="base", pos=[0.0, 0.0, 0.4])
    for i, position in enumerate(robot.markers.base):
        base.add_site(name=f"marker_base_{i}", pos=position)
    plate = base.add_body(name="plate")
    for joint, axis, (lower, upper) in zip(robot.joints, np.eye(3), robot.joint_limits, strict=False):
        plate.add_joint(
            name=robot.ros_name(joint), axis=axis, range=[lower, upper], limited=True, damping=0.3, armature=0.01
        )
    plate.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=[_HALF, _HALF, 0.005], mass=0.5, friction=[0.2, 0.005, 1e-4])
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        size = [_RIM / 2 if x else _HALF, _RIM / 2 if y else _HALF, _RIM]
        plate.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=size, pos=[x * _HALF, y * _HALF, _RIM], mass=0.02)
    for tip, side in zip(robot.fingertips, (-1.0, 1.0), strict=True):
        corner = plate.add_body(name=tip, pos=[side * _HALF, -_HALF, 0.02])
        offset = robot.markers.fingertips[robot.fingertips.index(tip)]
        corner.add_site(name=f"marker_{tip}", pos=offset)
        for i in range(2):
            corner.add_site(name=f"link_{tip}_{i}", pos=[0.0, 0.0, 0.01 * i])
    for actuator, limits in zip(robot.actuators, robot.actuator_limits, strict=True):
        element = spec.add_actuator(name=robot.ros_name(actuator), target=robot.ros_name(actuator))
        element.trntype = mujoco.mjtTrn.mjTRN_JOINT
        element.set_to_position(kp=20.0 * gain_scale)
        element.ctrllimited = mujoco.mjtLimited.mjLIMITED_TRUE
        element.ctrlrange = limits
    return RobotModel(spec, np.array([0.0, 0.0, 0.4]), np.array([1.0, 0.0, 0.0, 0.0]), robot.workspace.rest)
