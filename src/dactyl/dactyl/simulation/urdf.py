"""A robot as URDF, made of its compiled scene: for RViz, robot_state_publisher and other programs that know robots.

Its root is the frame `hand`, the robot's own, in which all of the graph's positions are. Joints have the names of
/joint_states. A link's frame is the body's at its last joint. Coupled joints, driven by one tendon, are mimic joints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import mujoco
import numpy as np

from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.simulation.scene import Scene
from dactyl.storage.files import write_atomically

ROOT = "hand"
FASTEST = 10.0
"""rad/s. URDF demands a limit for every joint and the model has none; nothing here is slower than this."""
NOTICE = """\
Meshes of the robot "{robot}", exported by dactyl from the compiled model that its simulation is built of.
The license of that model's own files holds for them: {files}.
"""


def mesh_url(robot: str) -> str:
    """Where RViz finds a robot's meshes: in the share folder of the package, see `Description.write_meshes`."""
    return f"package://dactyl/meshes/{robot}"


class Pose(NamedTuple):
    """A frame in another."""

    position: np.ndarray
    """(3,) m"""
    quaternion: np.ndarray
    """(4,)"""

    def then(self, other: Pose) -> Pose:
        """A frame that is given in this one, in this one's."""
        position = self.position + quaternion.rotate(self.quaternion, other.position)
        return Pose(position, quaternion.multiply(self.quaternion, other.quaternion))

    def inverse(self) -> Pose:
        turn = quaternion.conjugate(self.quaternion)
        return Pose(-quaternion.rotate(turn, self.position), turn)


NOWHERE = Pose(np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0]))


@dataclass(frozen=True)
class Joint:
    """How a link hangs on another."""

    name: str
    parent: str
    child: str
    origin: Pose
    """Of the child in the parent, at the angle 0."""
    axis: np.ndarray | None = None
    """(3,) in the child's frame; None: it is fixed."""
    id: int = -1
    """In the scene's model."""

    def pose(self, angle: float) -> Pose:
        """The child in the parent at an angle, rad."""
        if self.axis is None:
            return self.origin
        return self.origin.then(Pose(np.zeros(3), quaternion.from_rotation_vector(angle * self.axis)))


class Description:
    """A robot's links and joints."""

    def __init__(self, scene: Scene) -> None:
        self._scene, self._model = scene, scene.model
        self.bodies: dict[str, int] = {}
        """The body that each link with a shape is."""
        self.offsets: dict[int, np.ndarray] = {}
        """(3,) by body: its own frame's origin in its link's, m."""
        self.joints = list(self._walk())
        self.mimics = dict(self._couplings())
        """By joint: another, and the factor on its angle."""

    def _link(self, body: int) -> str:
        name = self._model.body(body).name.partition(":")[2] or self._model.body(body).name or f"link_{body}"
        return self._scene.robot.ros_name(name.replace(" ", "_"))

    def _walk(self) -> Iterable[Joint]:
        """Every joint, parents first; a body with several joints is several links, the last with its shape."""
        model = self._model
        robot_frame = Pose(self._scene.hand_position, self._scene.hand_quaternion)
        for body in range(self._scene.robot_bodies.start, self._scene.robot_bodies.stop):
            above = int(model.body_parentid[body])
            place = Pose(model.body_pos[body].copy(), model.body_quat[body].copy())
            if above == 0:
                parent, place = ROOT, robot_frame.inverse().then(place)
            else:
                parent, place = self._link(above), Pose(self.offsets[above], NOWHERE.quaternion).then(place)
            name, offset = self._link(body), np.zeros(3)
            first, count = int(model.body_jntadr[body]), int(model.body_jntnum[body])
            for number, joint in enumerate(range(first, first + count)):
                child = name if number == count - 1 else f"{name}_{number}"
                yield self._hinge(joint, parent, child, place, offset)
                parent, place, offset = child, NOWHERE, -model.jnt_pos[joint]
            if count == 0:
                yield Joint(f"{name}_fixed", parent, name, place)
            self.bodies[name], self.offsets[body] = body, offset

    def _hinge(self, joint: int, parent: str, child: str, place: Pose, offset: np.ndarray) -> Joint:
        model, name = self._model, self._model.joint(joint).name
        if model.jnt_type[joint] != mujoco.mjtJoint.mjJNT_HINGE:
            raise DactylError(f"the robot {self._scene.robot.name} cannot be a URDF: its joint {name} is no hinge")
        axis, reference = model.jnt_axis[joint].copy(), float(model.qpos0[model.jnt_qposadr[joint]])
        back = quaternion.from_rotation_vector(-reference * axis)
        return Joint(name, parent, child, place.then(Pose(offset + model.jnt_pos[joint], back)), axis, joint)

    def _couplings(self) -> Iterable[tuple[str, tuple[str, float]]]:
        """Joints that a limited tendon over two of them lets move together only."""
        model = self._model
        for tendon in range(model.ntendon):
            first, count = int(model.tendon_adr[tendon]), int(model.tendon_num[tendon])
            kinds = model.wrap_type[first : first + count]
            if count == 2 and model.tendon_limited[tendon] and (kinds == mujoco.mjtWrap.mjWRAP_JOINT).all():
                (one, other), (a, b) = model.wrap_objid[first : first + 2], model.wrap_prm[first : first + 2]
                yield model.joint(int(one)).name, (model.joint(int(other)).name, float(-b / a))

    def transforms(self, angles: Mapping[str, float]) -> list[tuple[str, str, Pose]]:
        """(parent, child, pose) of every link; joints that `angles` lacks follow those they mimic, or are at 0."""
        return [(joint.parent, joint.child, joint.pose(self._angle(joint.name, angles))) for joint in self.joints]

    def _angle(self, name: str, angles: Mapping[str, float]) -> float:
        if name not in angles and name in self.mimics:
            other, factor = self.mimics[name]
            return factor * angles.get(other, 0.0)
        return angles.get(name, 0.0)

    def in_root(self, angles: Mapping[str, float]) -> dict[str, Pose]:
        """Every link in the robot frame."""
        found = {ROOT: NOWHERE}
        for parent, child, pose in self.transforms(angles):
            found[child] = found[parent].then(pose)
        return found

    # ---------------------------------------------------------------------------------------------------- XML

    def xml(self, meshes: str) -> str:
        """The URDF; a mesh is at `meshes`/NAME.stl, for example package://dactyl/meshes/shadow/palm.stl."""
        root = Element("robot", name=self._scene.robot.name)
        SubElement(root, "link", name=ROOT)
        for joint in self.joints:
            link = SubElement(root, "link", name=joint.child)
            if joint.child in self.bodies:
                self._add_body(link, self.bodies[joint.child], meshes)
            else:
                _add_inertia(link, 1e-6, NOWHERE, np.full(3, 1e-9))  # between two joints of one body
        for joint in self.joints:
            self._add_joint(root, joint)
        ElementTree.indent(root)
        return '<?xml version="1.0"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"

    def _add_joint(self, root: Element, joint: Joint) -> None:
        element = SubElement(root, "joint", name=joint.name, type="fixed" if joint.axis is None else "revolute")
        _add_origin(element, joint.origin)
        SubElement(element, "parent", link=joint.parent)
        SubElement(element, "child", link=joint.child)
        if joint.axis is None:
            return
        SubElement(element, "axis", xyz=_numbers(joint.axis))
        lower, upper = (_number(value) for value in self._model.jnt_range[joint.id])
        effort = _number(self._effort(joint.id))
        SubElement(element, "limit", lower=lower, upper=upper, effort=effort, velocity=_number(FASTEST))
        if joint.name in self.mimics:
            other, factor = self.mimics[joint.name]
            SubElement(element, "mimic", joint=other, multiplier=_number(factor), offset="0")

    def _effort(self, joint: int) -> float:
        """The largest torque of the actuator that moves the joint, alone or with another, N·m."""
        robot, model = self._scene.robot, self._model
        name = model.joint(joint).name
        index = [robot.ros_name(each) for each in robot.joints].index(name)
        moving = np.flatnonzero(robot.actuation[:, index])
        most = np.where(
            model.actuator_forcelimited,
            np.abs(model.actuator_forcerange).max(-1),
            model.actuator_gainprm[:, 0] * np.ptp(model.actuator_ctrlrange, axis=-1),
        )
        return float(most[moving].max(initial=0.0))

    def _add_body(self, link: Element, body: int, meshes: str) -> None:
        model = self._model
        own = Pose(self.offsets[body], NOWHERE.quaternion)
        centre = own.then(Pose(model.body_ipos[body], model.body_iquat[body]))
        _add_inertia(link, float(model.body_mass[body]), centre, model.body_inertia[body])
        for geom in self._geoms(body):
            place = own.then(Pose(model.geom_pos[geom], model.geom_quat[geom]))
            for shape, at in self._shapes(geom, place, meshes):
                visual = SubElement(link, "visual")
                _add_origin(visual, at)
                SubElement(visual, "geometry").append(shape)
                material = int(model.geom_matid[geom])
                colour = model.mat_rgba[material] if material >= 0 else model.geom_rgba[geom]
                element = SubElement(visual, "material", name=f"{link.get('name')}_{geom}")
                SubElement(element, "color", rgba=_numbers(colour))

    def _geoms(self, body: int) -> list[int]:
        seen = self._model.geom_group == self._scene.visual_group
        return np.flatnonzero((self._model.geom_bodyid == body) & seen).tolist()

    def _shapes(self, geom: int, place: Pose, meshes: str) -> Iterable[tuple[Element, Pose]]:
        model, kinds = self._model, mujoco.mjtGeom
        kind, size = model.geom_type[geom], model.geom_size[geom]
        if kind == kinds.mjGEOM_MESH:
            yield Element("mesh", filename=f"{meshes}/{self._mesh_name(geom)}.stl"), place
        elif kind == kinds.mjGEOM_BOX:
            yield Element("box", size=_numbers(2.0 * size)), place
        elif kind == kinds.mjGEOM_SPHERE:
            yield Element("sphere", radius=_number(size[0])), place
        elif kind in (kinds.mjGEOM_CYLINDER, kinds.mjGEOM_CAPSULE):
            yield Element("cylinder", radius=_number(size[0]), length=_number(2.0 * size[1])), place
            for end in (-size[1], size[1]) if kind == kinds.mjGEOM_CAPSULE else ():
                yield (
                    Element("sphere", radius=_number(size[0])),
                    place.then(Pose(np.array([0.0, 0.0, end]), NOWHERE.quaternion)),
                )

    # ------------------------------------------------------------------------------------------------- meshes

    def _mesh_name(self, geom: int) -> str:
        name = str(self._model.mesh(int(self._model.geom_dataid[geom])).name)
        return (name.partition(":")[2] or name).replace(" ", "_")

    def write_meshes(self, folder: Path) -> None:
        """Write the visible meshes as STL, as the compiled model has them, in metres, and whose they are.

        Raises:
            OSError: the folder cannot be written.
        """
        model = self._model
        folder.mkdir(parents=True, exist_ok=True)
        files = set()
        for geom in (geom for body in self.bodies.values() for geom in self._geoms(body)):
            if model.geom_type[geom] != mujoco.mjtGeom.mjGEOM_MESH:
                continue
            mesh = int(model.geom_dataid[geom])
            first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
            vertices = model.mesh_vert[first : first + count]
            first, count = model.mesh_faceadr[mesh], model.mesh_facenum[mesh]
            write_atomically(
                folder / f"{self._mesh_name(geom)}.stl", _stl(vertices[model.mesh_face[first : first + count]])
            )
            files.add(Path(model.paths[model.mesh_pathadr[mesh] :].split(b"\0")[0].decode()).name)
        if files:
            notice = NOTICE.format(robot=self._scene.robot.name, files=", ".join(sorted(files)))
            write_atomically(folder / "NOTICE.txt", notice)

    def cameras(self) -> dict[str, Pose]:
        """The cameras as they are in simulation, in the robot frame; z is where they look, y down."""
        model = self._model
        to_robot = Pose(self._scene.hand_position, self._scene.hand_quaternion).inverse()
        about_x = Pose(np.zeros(3), np.array([0.0, 1.0, 0.0, 0.0]))
        return {
            model.camera(i).name: to_robot.then(Pose(model.cam_pos[i], model.cam_quat[i])).then(about_x)
            for i in range(model.ncam)
        }


def _stl(triangles: np.ndarray) -> bytes:
    """A binary STL of triangles (n, 3, 3)."""
    kind = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    facets = np.zeros(len(triangles), kind)
    facets["corners"] = triangles
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    facets["normal"] = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    return b"\0" * 80 + np.uint32(len(facets)).tobytes() + facets.tobytes()


def _add_inertia(link: Element, mass: float, centre: Pose, moments: np.ndarray) -> None:
    if mass <= 0.0:
        return
    inertial = SubElement(link, "inertial")
    _add_origin(inertial, centre)
    SubElement(inertial, "mass", value=_number(mass))
    ixx, iyy, izz = (_number(value) for value in moments)
    SubElement(inertial, "inertia", ixx=ixx, iyy=iyy, izz=izz, ixy="0", ixz="0", iyz="0")


def _add_origin(element: Element, pose: Pose) -> None:
    SubElement(element, "origin", xyz=_numbers(pose.position), rpy=_numbers(_roll_pitch_yaw(pose.quaternion)))


def _roll_pitch_yaw(turn: np.ndarray) -> np.ndarray:
    """(3,) rad about the fixed axes x, y, z of a quaternion (4,)."""
    m = quaternion.to_matrix(np.asarray(turn, dtype=float))
    pitch = np.arctan2(-m[2, 0], np.hypot(m[0, 0], m[1, 0]))
    if np.hypot(m[0, 0], m[1, 0]) < 1e-9:  # straight up or down: all about one axis
        return np.array([np.arctan2(-m[1, 2], m[1, 1]), pitch, 0.0])
    return np.array([np.arctan2(m[2, 1], m[2, 2]), pitch, np.arctan2(m[1, 0], m[0, 0])])


def _number(value: float) -> str:
    return f"{float(value):.9g}"


def _numbers(values: np.ndarray) -> str:
    return " ".join(map(_number, values))
