"""The simulated TriFinger: the links of robot-properties-fingers' URDF, hung together through MjSpec.

Masses, inertias, places, ranges and what is seen are the package's. What touches are capsules that are fitted to its
meshes (`layout.CAPSULES`): they are faster than these and as good to grasp with. The package is read, never imported.

Friction cones are elliptic with a high `impratio`: between pyramidal ones a grasped cube creeps to the floor.
"""

from __future__ import annotations

import importlib.util
from math import atan2, cos, hypot, pi, sin, tan
from pathlib import Path

import mujoco
import numpy as np

from dactyl.errors import DactylError, MissingPackageError
from dactyl.maths import quaternion
from dactyl.robot.robot import Robot, Torques
from dactyl.robots.trifinger import layout
from dactyl.robots.trifinger.joints import ANGLES, HOME
from dactyl.simulation import urdf_file as urdf
from dactyl.simulation.scene import RobotModel
from dactyl.simulation.urdf import NOWHERE, Pose

PACKAGE = "robot_properties_fingers"
VERSION = "2.0.2"
INSTALL = f"pip install --no-deps robot-properties-fingers=={VERSION}"
"""Without its dependencies: they are for its Python code, which nothing here needs."""
IMPRATIO = 10.0
_LIMIT_TOLERANCE = 1e-9  # rad
_VISUAL_GROUP, _COLLISION_GROUP = 1, 3
_WALL_COLOUR = [0.93, 0.93, 0.93, 1.0]
_UP = np.array([0.0, 0.0, 1.0])


def package_folder() -> Path:
    """Where robot-properties-fingers is installed (found without importing it).

    Raises:
        MissingPackageError: it is not.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise MissingPackageError(f"the TriFinger's model is missing: {INSTALL}")
    return Path(found.origin).parent


def read_model() -> urdf.Model:
    """The robot as the package has it.

    Raises:
        DactylError: the package is not installed, or is another version's.
    """
    folder = package_folder()
    return urdf.read(folder / "urdf" / "pro" / "trifingerpro.urdf", folder, f"package://{PACKAGE}/")


def build(robot: Robot, tilt: float, gain_scale: float, locked: bool) -> RobotModel:
    """The platform without its cube, see `simulation.scene.build`.

    Args:
        robot: the TriFinger.
        tilt: rad by which the platform is turned about the vertical.
        gain_scale: factor on all torques.
        locked: there is nothing to lock.
    """
    model = read_model()
    check(robot, model)
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = IMPRATIO
    turn = quaternion.from_rotation_vector(tilt * _UP)
    base = spec.worldbody.add_body(name="base", quat=turn)
    _Links(spec, robot, model).hang(base, model.root, NOWHERE)
    _add_walls(base)
    _add_sites(spec, base, robot)
    _add_motors(spec, robot, gain_scale)
    return RobotModel(spec, np.zeros(3), turn, robot.workspace.rest, tuple(model.colours), _VISUAL_GROUP)


def check(robot: Robot, model: urdf.Model) -> None:
    """Refuse a file whose joints are not the robot's: another version's would be another robot.

    Raises:
        DactylError: names, order or limits differ.
    """
    hinges = {joint.name: joint.limits for joint in model.hinges()}
    expected = {name: tuple(limits) for name, limits in zip(robot.joints, robot.joint_limits.tolist(), strict=True)}
    same = hinges.keys() == expected.keys() and all(
        np.allclose(hinges[name], limits, rtol=0.0, atol=_LIMIT_TOLERANCE) for name, limits in expected.items()
    )
    if not same:
        raise DactylError(f"the installed robot-properties-fingers has another TriFinger: {INSTALL}")


class _Links:
    """Hangs the package's links together. Links without mass that are fixed become part of what they hang on."""

    def __init__(self, spec: mujoco.MjSpec, robot: Robot, model: urdf.Model) -> None:
        self._spec, self._model = spec, model
        self._home = dict(zip(robot.joints, HOME, strict=True))
        self._limits = dict(zip(robot.joints, robot.joint_limits, strict=True))
        self._meshes: dict[Path, str] = {}
        for name, colour in model.colours.items():
            spec.add_material(name=name, rgba=colour)

    def hang(self, body: mujoco.MjsBody, link: str, place: Pose) -> None:
        """Put a link's shapes and all that hangs on it on a body, where it is at a place."""
        for shape in self._model.links[link].shapes:
            self._show(body, shape, place.then(shape.place))
        for joint in self._model.joints:
            if joint.parent != link:
                continue
            child, there = self._model.links[joint.child], place.then(joint.origin)
            if joint.axis is None and child.mass == 0:
                self.hang(body, child.name, there)
            else:
                self.hang(self._add_body(body, child, joint, there), child.name, NOWHERE)

    def _add_body(self, parent: mujoco.MjsBody, link: urdf.Link, joint: urdf.Joint, place: Pose) -> mujoco.MjsBody:
        """A link of its own. It is built as it is at home, and its joint counts from there: so the model begins so."""
        turn = place.quaternion
        if joint.axis is not None:
            home = self._home[joint.name]
            turn = quaternion.multiply(turn, quaternion.from_rotation_vector(home * joint.axis))
        body = parent.add_body(name=link.name, pos=place.position, quat=turn)
        if joint.axis is not None:
            body.add_joint(name=joint.name, axis=joint.axis, range=self._limits[joint.name], limited=True, ref=home)
        moments, axes = np.linalg.eigh(link.inertia)
        axes[:, 0] *= np.linalg.det(axes)  # a rotation, no reflection
        body.mass, body.ipos, body.inertia = link.mass, link.centre, moments
        body.iquat = quaternion.from_matrix(axes)
        body.explicitinertial = True
        for start, end, radius in layout.CAPSULES[link.name.rpartition("_")[0]]:
            body.add_geom(
                type=mujoco.mjtGeom.mjGEOM_CAPSULE, fromto=[*start, *end], size=[radius, 0.0, 0.0],
                group=_COLLISION_GROUP,
            )  # fmt: skip
        return body

    def _show(self, body: mujoco.MjsBody, shape: urdf.Shape, place: Pose) -> None:
        look = {"contype": 0, "conaffinity": 0, "group": _VISUAL_GROUP, "mass": 0.0, "material": shape.material}
        if shape.mesh is None:
            radius, length = shape.cylinder
            kind, size = mujoco.mjtGeom.mjGEOM_CYLINDER, [radius, length / 2, 0.0]
            body.add_geom(type=kind, size=size, pos=place.position, quat=place.quaternion, **look)
            return
        if shape.mesh not in self._meshes:
            self._meshes[shape.mesh] = shape.mesh.stem
            self._spec.add_mesh(name=shape.mesh.stem, file=str(shape.mesh))
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_MESH, meshname=self._meshes[shape.mesh],
            pos=place.position, quat=place.quaternion, **look,
        )  # fmt: skip


def _add_walls(base: mujoco.MjsBody) -> None:
    """The arena's wall: rings of flat sides whose inner faces touch the circles of `layout.WALL`."""
    half = layout.WALL_THICKNESS / 2
    for (lower, bottom), (upper, top) in zip(layout.WALL, layout.WALL[1:], strict=False):
        lean, length = atan2(upper - lower, top - bottom), hypot(upper - lower, top - bottom)
        width = max(lower, upper) * tan(pi / layout.WALL_SIDES)
        radius, height = (lower + upper) / 2 + half * cos(lean), (bottom + top) / 2 - half * sin(lean)
        for side in layout.sides():
            around = quaternion.from_rotation_vector(side * _UP)
            leaning = quaternion.from_rotation_vector(np.array([0.0, lean, 0.0]))
            base.add_geom(
                type=mujoco.mjtGeom.mjGEOM_BOX, size=[half, width, length / 2],
                pos=[radius * cos(side), radius * sin(side), height], quat=quaternion.multiply(around, leaning),
                contype=1, conaffinity=0, group=_VISUAL_GROUP, mass=0.0, rgba=_WALL_COLOUR,
            )  # fmt: skip


def _add_sites(spec: mujoco.MjSpec, base: mujoco.MjsBody, robot: Robot) -> None:
    look = {"size": [0.003, 0.003, 0.003], "rgba": [1.0, 0.1, 0.1, 1.0], "group": _COLLISION_GROUP}
    for finger, angle, position in zip(robot.fingertips, ANGLES, robot.markers.fingertips, strict=True):
        for i, link in enumerate(layout.LINKS):
            spec.body(f"{link}_{angle}").add_site(name=f"link_{finger}_{i}", group=4)
        spec.body(f"{layout.LINKS[-1]}_{angle}").add_site(name=f"marker_{finger}", pos=position, **look)
    for i, position in enumerate(robot.markers.base):
        base.add_site(name=f"marker_base_{i}", pos=position, **look)


def _add_motors(spec: mujoco.MjSpec, robot: Robot, gain_scale: float) -> None:
    """Torque motors with the safety law of `torque.applied`: an affine actuator that is bounded is exactly that."""
    action = robot.action
    assert isinstance(action, Torques)
    for joint, damping in zip(robot.actuators, action.damping, strict=True):
        motor = spec.add_actuator(name=joint, target=joint)
        motor.trntype = mujoco.mjtTrn.mjTRN_JOINT
        motor.gaintype, motor.biastype = mujoco.mjtGain.mjGAIN_FIXED, mujoco.mjtBias.mjBIAS_AFFINE
        motor.gainprm[0], motor.biasprm[2] = gain_scale, -damping
        motor.ctrllimited = motor.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        motor.ctrlrange = motor.forcerange = [-action.limit, action.limit]
