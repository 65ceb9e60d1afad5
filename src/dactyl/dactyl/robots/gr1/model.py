"""The simulated GR1T2: the links of fourier-robot-descriptions' URDF, hung together through MjSpec, over a table.

Masses, inertias, places, ranges, torques and what is seen are the package's; it is read, never imported. Legs, waist
and head do not move. What touches are primitives that MuJoCo's compiler fits to the links' meshes: boxes for palms and
chest, capsules for forearms and fingers. A hand's parts do not touch each other, the two hands do.

Friction cones are elliptic with a high `impratio`: between pyramidal ones a grasped object slips.
"""

from __future__ import annotations

import importlib.util
from functools import partial
from pathlib import Path

import mujoco
import numpy as np

from dactyl.errors import DactylError, MissingPackageError
from dactyl.maths import quaternion
from dactyl.robot.robot import Coupling, Robot
from dactyl.robots.gr1 import joints, layout
from dactyl.robots.gr1.joints import FINGERS, FOURIER, INSPIRE, PREFIXES, Hand
from dactyl.robots.gr1.robots import BOTH, RIGHT
from dactyl.simulation import urdf_file
from dactyl.simulation.scene import RobotModel
from dactyl.simulation.urdf import NOWHERE, Pose

PACKAGE = "fourier_robot_descriptions"
VERSION = "0.2.7"
INSTALL = f"pip install --no-deps fourier-robot-descriptions=={VERSION}"
"""Without its dependencies: they are for its Python code, which nothing here needs."""
FILES = {"fourier": "gr1t2_fourier_hand_6dof.urdf", "inspire": "gr1t2_inspire_hand.urdf"}
IMPRATIO = 10.0
_LIMIT_TOLERANCE = 1e-9  # rad
_VISUAL_GROUP, _COLLISION_GROUP = 1, 3
_BODY, _HANDS = "gr1:body", "gr1:hands"
_COLOURS = {_BODY: [0.75, 0.75, 0.77, 1.0], _HANDS: [0.25, 0.26, 0.29, 1.0]}
_TABLE_COLOUR = [0.80, 0.72, 0.60, 1.0]
_UP = np.array([0.0, 0.0, 1.0])
_BOX, _CAPSULE = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CAPSULE
_ANYTHING, _LEFT, _RIGHT = 1, 2, 4
_TOUCHES = {"left": (_LEFT, _ANYTHING | _RIGHT), "right": (_RIGHT, _ANYTHING | _LEFT), "": (_ANYTHING, _ANYTHING)}
"""What the parts of a side are, and what they touch, in MuJoCo's masks: everything but themselves."""


def package_folder() -> Path:
    """Where fourier-robot-descriptions is installed (found without importing it).

    Raises:
        MissingPackageError: it is not.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise MissingPackageError(f"the GR1's model is missing: {INSTALL}")
    return Path(found.origin).parent


def read_model(hand: Hand) -> urdf_file.Model:
    """The robot with these hands as the package has it.

    Raises:
        DactylError: the package is not installed, or is another version's.
    """
    folder = package_folder() / "assets"
    return urdf_file.read(folder / "urdf" / FILES[hand.name], folder, "../")


def build(hand: Hand, sides: tuple[str, ...], robot: Robot, tilt: float, gain_scale: float, locked: bool) -> RobotModel:
    """Robot and table without the object, see `simulation.scene.build`.

    Args:
        hand: both hands' kind.
        sides: whose arm and hand move.
        robot: made of the same.
        tilt: rad by which robot and table are turned about the vertical.
        gain_scale: factor on all P gains.
        locked: there is nothing to lock.
    """
    model = read_model(hand)
    check(hand, sides, model)
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    spec.compiler.fusestatic = False  # bodies are counted before they are compiled
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = IMPRATIO
    for name, colour in _COLOURS.items():
        spec.add_material(name=name, rgba=colour)
    place, turn = np.array([0.0, 0.0, layout.HIP_HEIGHT]), quaternion.from_rotation_vector(tilt * _UP)
    base = spec.worldbody.add_body(name="base", pos=place, quat=turn)
    _add_table(base)
    _Links(spec, hand, sides, model).hang(base, model.root, NOWHERE)
    _add_sites(spec, base, hand, robot, sides)
    _couple(spec, hand, sides)
    _add_motors(spec, robot, {joint.name: joint.effort for joint in model.joints}, gain_scale)
    return RobotModel(spec, place, turn, robot.workspace.rest, tuple(_COLOURS), _VISUAL_GROUP)


fourier_both = partial(build, FOURIER, BOTH)
inspire_both = partial(build, INSPIRE, BOTH)
fourier_right = partial(build, FOURIER, RIGHT)


def check(hand: Hand, sides: tuple[str, ...], model: urdf_file.Model) -> None:
    """Refuse a file whose joints are not the robot's: another version's would be another robot.

    Raises:
        DactylError: names, limits or couplings differ.
    """
    hinges = {joint.name: joint for joint in model.hinges()}
    coupled = {found.joint: found for found in joints.couplings(hand, sides)}
    for name, limits in joints.limits(hand, sides).items():
        found = hinges.get(name)
        same = found is not None and (
            _same_coupling(found, coupled[name])
            if name in coupled
            else found.mimic is None and np.allclose(found.limits, limits, rtol=0.0, atol=_LIMIT_TOLERANCE)
        )
        if not same:
            raise DactylError(f"the installed {PACKAGE} has another GR1, whose {name} differs: {INSTALL}")


def _same_coupling(joint: urdf_file.Joint, coupling: Coupling) -> bool:
    """Whether the same joint moves it. How far, k and b, is data that a calibration may have improved."""
    return joint.mimic is not None and joint.mimic.joint == coupling.moved_by


class _Links:
    """Hangs the package's links together. Links without mass that are fixed become part of what they hang on."""

    def __init__(self, spec: mujoco.MjSpec, hand: Hand, sides: tuple[str, ...], model: urdf_file.Model) -> None:
        self._spec, self._model, self._sides = spec, model, sides
        self._limits = joints.limits(hand, sides)
        self._home = joints.home(hand, sides)
        self._coupled = {coupling.joint for coupling in joints.couplings(hand, sides)}
        self._meshes: dict[Path, str] = {}

    def hang(self, body: mujoco.MjsBody, link: str, place: Pose) -> None:
        """Put a link's shapes and all that hangs on it on a body, where it is at a place."""
        for shape in self._model.links[link].shapes:
            self._show(body, link, shape, place.then(shape.place))
        for joint in self._model.joints:
            if joint.parent != link:
                continue
            child, there = self._model.links[joint.child], place.then(joint.origin)
            if joint.name not in self._limits and child.mass == 0:
                self.hang(body, child.name, there)
            else:
                self.hang(self._add_body(body, child, joint, there), child.name, NOWHERE)

    def _add_body(
        self, parent: mujoco.MjsBody, link: urdf_file.Link, joint: urdf_file.Joint, place: Pose
    ) -> mujoco.MjsBody:
        """A link of its own. It is built as it is at home, and its joint counts from there: so the model begins so."""
        turn, moves = place.quaternion, joint.name in self._limits
        if moves:
            assert joint.axis is not None
            turn = quaternion.multiply(turn, quaternion.from_rotation_vector(self._home[joint.name] * joint.axis))
        body = parent.add_body(name=link.name, pos=place.position, quat=turn)
        if moves:
            body.add_joint(
                name=joint.name, axis=joint.axis, range=self._limits[joint.name], limited=True,
                ref=self._home[joint.name], damping=self._damping(joint.name), armature=_armature(joint.name),
            )  # fmt: skip
        moments, axes = np.linalg.eigh(link.inertia)
        axes[:, 0] *= np.linalg.det(axes)  # a rotation, no reflection
        body.mass, body.ipos, body.inertia = link.mass, link.centre, moments
        body.iquat = quaternion.from_matrix(axes)
        body.explicitinertial = True
        return body

    def _damping(self, joint: str) -> float:
        if joint in self._coupled:
            return layout.DAMPING["coupled"]
        part = next((part for part in ("shoulder", "elbow", "wrist") if part in joint), "motor")
        return layout.DAMPING[part]

    def _show(self, body: mujoco.MjsBody, link: str, shape: urdf_file.Shape, place: Pose) -> None:
        """What is seen of a link, and the primitive that is felt of it."""
        if shape.mesh is None:
            raise DactylError(f"the installed {PACKAGE} has a shape without mesh on {link}: {INSTALL}")
        if shape.mesh not in self._meshes:
            self._meshes[shape.mesh] = f"{shape.mesh.parent.name}_{shape.mesh.stem}"
            self._spec.add_mesh(name=self._meshes[shape.mesh], file=str(shape.mesh))
        where = {"meshname": self._meshes[shape.mesh], "pos": place.position, "quat": place.quaternion, "mass": 0.0}
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_MESH, contype=0, conaffinity=0, group=_VISUAL_GROUP,
            material=_HANDS if _of_hand(link) else _BODY, **where,
        )  # fmt: skip
        kind, side = felt_as(link), side_of(link)
        if kind is not None:
            contype, conaffinity = _TOUCHES[side if side in self._sides else ""]
            body.add_geom(type=kind, contype=contype, conaffinity=conaffinity, group=_COLLISION_GROUP, **where)


def side_of(link: str) -> str:
    """`left`, `right`, or empty for the middle."""
    return next((s for s, prefix in PREFIXES.items() if link.startswith((f"{s}_", f"{prefix}_"))), "")


def _of_hand(link: str) -> bool:
    return link.startswith(tuple(f"{prefix}_" for prefix in PREFIXES.values()))


def felt_as(link: str) -> mujoco.mjtGeom | None:
    """The primitive that a link is felt as; None: nothing touches it."""
    name = link.partition("_")[2]
    if link == "torso_link" or (_of_hand(link) and name == "hand_base_link"):
        return _BOX
    if name == "hand_yaw_link":  # the forearm
        return _CAPSULE
    inside = ("thumb_proximal_yaw_link", "thumb_proximal_base")  # the palm
    return _CAPSULE if _of_hand(link) and name not in inside else None


def _armature(joint: str) -> float:
    if "wrist" in joint:
        return layout.ARMATURE["wrist"]
    return layout.ARMATURE["hand" if _of_hand(joint) else "arm"]


def _add_table(base: mujoco.MjsBody) -> None:
    half = layout.TABLE_HALF
    base.add_geom(
        name="table", type=_BOX, size=half, pos=[*layout.TABLE_CENTRE, layout.TABLE_HEIGHT - half[2]],
        contype=_ANYTHING, conaffinity=_ANYTHING, group=0, mass=0.0, rgba=_TABLE_COLOUR,
    )  # fmt: skip


def _add_sites(spec: mujoco.MjSpec, base: mujoco.MjsBody, hand: Hand, robot: Robot, sides: tuple[str, ...]) -> None:
    look = {"size": [0.003, 0.003, 0.003], "rgba": [1.0, 0.1, 0.1, 1.0], "group": _COLLISION_GROUP}
    places = iter(robot.markers.fingertips)
    for side in sides:
        for finger in FINGERS:
            name, tip = f"{side}_{finger}", next(places)
            first, second = (spec.body(f"{PREFIXES[side]}_{link}") for link in hand.links[finger])
            first.add_site(name=f"link_{name}_0", group=4)
            second.add_site(name=f"link_{name}_1", group=4)
            second.add_site(name=f"link_{name}_2", pos=tip, group=4)
            second.add_site(name=f"marker_{name}", pos=tip, **look)
    for i, position in enumerate(robot.markers.base):
        base.add_site(name=f"marker_base_{i}", pos=position, **look)


def _couple(spec: mujoco.MjSpec, hand: Hand, sides: tuple[str, ...]) -> None:
    """q_u = k · q_a + b, said as MuJoCo says it: from where both joints are at home."""
    home = joints.home(hand, sides)
    for coupling in joints.couplings(hand, sides):
        equality = spec.add_equality(
            name=coupling.joint, type=mujoco.mjtEq.mjEQ_JOINT, name1=coupling.joint, name2=coupling.moved_by
        )
        equality.data[:5] = 0.0
        equality.data[0] = coupling.k * home[coupling.moved_by] + coupling.b - home[coupling.joint]
        equality.data[1] = coupling.k


def _add_motors(spec: mujoco.MjSpec, robot: Robot, efforts: dict[str, float], gain_scale: float) -> None:
    for joint, limits in zip(robot.actuators, robot.actuator_limits, strict=True):
        motor = spec.add_actuator(name=joint, target=joint)
        motor.trntype = mujoco.mjtTrn.mjTRN_JOINT
        motor.set_to_position(kp=gain_scale * layout.STIFFNESS["hand" if _of_hand(joint) else "arm"])
        motor.ctrllimited = motor.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        motor.ctrlrange = limits
        most = layout.HAND_TORQUE if _of_hand(joint) else efforts[joint]
        motor.forcerange = [-most, most]
