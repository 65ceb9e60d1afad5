"""What RViz shows: hand, object, goal, fingertips and motion-capture markers as a MarkerArray in the hand frame."""

from __future__ import annotations

from collections.abc import Iterable

import mujoco
import numpy as np
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from dactyl.maths import quaternion
from dactyl.ros.messages import set_point, set_quaternion
from dactyl.simulation.rendering import GHOST_OFFSET
from dactyl.simulation.scene import Scene

FRAME = "hand"
_HAND_COLOUR = (0.66, 0.68, 0.71, 1.0)
_SEEN, _LOST, _MARKER = (0.18, 0.75, 0.47, 1.0), (0.92, 0.24, 0.24, 1.0), (0.95, 0.75, 0.1, 1.0)
_SIDES: tuple[tuple[float, float, float], ...] = (
    # of the object by the direction they face: +x -x +y -y +z -z
    (0.85, 0.2, 0.2), (0.95, 0.6, 0.1), (0.2, 0.65, 0.3), (0.95, 0.85, 0.2), (0.2, 0.4, 0.85), (0.55, 0.3, 0.7),
)  # fmt: skip


class Shapes:
    """RViz's markers, kept between updates so that a look only moves them."""

    def __init__(self, scene: Scene) -> None:
        self._scene, self._data = scene, mujoco.MjData(scene.model)
        self._hand = list(self._add_hand())
        triangles = object_triangles(scene)
        self._object = _triangles("object", triangles, 1.0)
        self._goal = _triangles("goal", triangles, 0.5)
        ghost = scene.robot.workspace.rest + quaternion.rotate_inverse(scene.hand_quaternion, GHOST_OFFSET)
        set_point(self._goal.pose.position, ghost)
        self._fingertips = _marker("fingertips", 0, Marker.SPHERE_LIST, (0.013, 0.013, 0.013))
        self._mocap = _marker("mocap", 0, Marker.SPHERE_LIST, (0.006, 0.006, 0.006), _MARKER)
        self._text = _marker("trial", 0, Marker.TEXT_VIEW_FACING, (0.0, 0.0, 0.018), (0.15, 0.15, 0.2, 1.0))
        set_point(self._text.pose.position, ghost + np.array([0.0, -0.06, 0.0]))
        self._known = list(self._hand)
        self.move_hand(np.zeros(len(scene.robot.joints)))

    def _add_hand(self) -> Iterable[Marker]:
        """One marker a visible mesh, read by RViz from the hand model's own files."""
        model = self._scene.model
        self._geoms: list[int] = []
        for geom in range(model.ngeom):
            mesh = int(model.geom_dataid[geom])
            if mesh < 0 or model.geom_group[geom] > 1 or model.geom_bodyid[geom] in (0, self._scene.object_body):
                continue
            marker = _marker("hand", geom, Marker.MESH_RESOURCE, model.mesh_scale[mesh].tolist(), _HAND_COLOUR)
            path = model.paths[model.mesh_pathadr[mesh] :].split(b"\0")[0].decode()
            marker.mesh_resource = f"file://{path}"
            self._geoms.append(geom)
            yield marker

    def move_hand(self, angles: np.ndarray) -> None:
        """Pose the hand's links: (J,) rad, the robot's order."""
        scene, model, data = self._scene, self._scene.model, self._data
        data.qpos[scene.joints] = angles
        mujoco.mj_kinematics(model, data)
        for marker, geom in zip(self._hand, self._geoms, strict=True):
            mesh = int(model.geom_dataid[geom])
            orientation = np.empty(4)
            mujoco.mju_mat2Quat(orientation, data.geom_xmat[geom])
            # the compiler moved the mesh to its own centre and axes; the file is as it was
            orientation = quaternion.multiply(orientation, quaternion.conjugate(model.mesh_quat[mesh]))
            position = data.geom_xpos[geom] - quaternion.rotate(orientation, model.mesh_pos[mesh])
            self._place(marker, position, orientation, scene)

    @staticmethod
    def _place(marker: Marker, position: np.ndarray, orientation: np.ndarray, scene: Scene) -> None:
        """A world pose into a marker, in the hand frame."""
        set_point(
            marker.pose.position, quaternion.rotate_inverse(scene.hand_quaternion, position - scene.hand_position)
        )
        set_quaternion(
            marker.pose.orientation, quaternion.multiply(quaternion.conjugate(scene.hand_quaternion), orientation)
        )

    def move_object(self, position: np.ndarray, orientation: np.ndarray) -> None:
        """(3,) m and (4,), hand frame."""
        set_point(self._object.pose.position, position)
        set_quaternion(self._object.pose.orientation, orientation)
        self._show(self._object)

    def turn_goal(self, orientation: np.ndarray) -> None:
        """(4,), hand frame."""
        set_quaternion(self._goal.pose.orientation, orientation)
        self._show(self._goal)

    def show_fingertips(self, positions: np.ndarray, tracked: np.ndarray) -> None:
        """Green where seen, red at the last place where not: (F, 3) m, robot frame, and (F,) bool."""
        if not 0 < len(positions) == len(tracked):
            return
        known = np.isfinite(positions).all(axis=-1)
        self._fingertips.points = [_point(position) for position in positions[known]]
        self._fingertips.colors = [_colour(_SEEN if seen else _LOST) for seen in tracked[known]]
        self._show(self._fingertips)

    def show_mocap(self, positions: np.ndarray) -> None:
        """The markers that motion capture sees now: (n, 3) m, hand frame."""
        self._mocap.points = [_point(position) for position in positions]
        self._show(self._mocap)

    def say(self, text: str) -> None:
        """A line above the hand."""
        self._text.text = text
        self._show(self._text)

    def _show(self, marker: Marker) -> None:
        if marker not in self._known:
            self._known.append(marker)

    def array(self, stamp_ns: int) -> MarkerArray:
        """All that is known so far."""
        for marker in self._known:
            marker.header.stamp.sec, marker.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
        return MarkerArray(markers=self._known)


def object_triangles(scene: Scene) -> np.ndarray:
    """The object's surface, (n, 3, 3) m in its own frame, corners anticlockwise from outside."""
    model, geom = scene.model, scene.object_geom
    kind, size = model.geom_type[geom], model.geom_size[geom]
    if kind == mujoco.mjtGeom.mjGEOM_MESH:
        mesh = int(model.geom_dataid[geom])
        first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
        vertices = quaternion.rotate(model.geom_quat[geom], model.mesh_vert[first : first + count].astype(float))
        first, count = model.mesh_faceadr[mesh], model.mesh_facenum[mesh]
        return np.asarray((vertices + model.geom_pos[geom])[model.mesh_face[first : first + count]])
    steps = 1 if kind == mujoco.mjtGeom.mjGEOM_BOX else 8
    faces = np.concatenate([_face(axis, sign, steps) for axis in range(3) for sign in (1.0, -1.0)])
    if kind == mujoco.mjtGeom.mjGEOM_BOX:
        return np.asarray(faces * size)
    return np.asarray(faces / np.linalg.norm(faces, axis=-1, keepdims=True) * size[0])


def _face(axis: int, sign: float, steps: int) -> np.ndarray:
    """A side of the cube [-1, 1]³ as 2 steps² triangles, (n, 3, 3)."""
    grid = np.linspace(-1.0, 1.0, steps + 1)
    triangles = []
    for i in range(steps):
        for j in range(steps):
            square = [(grid[i], grid[j]), (grid[i + 1], grid[j]), (grid[i + 1], grid[j + 1]), (grid[i], grid[j + 1])]
            corners = [np.insert(np.array([u, v] if sign > 0 else [v, u]), 0, sign) for u, v in square]
            corners = [np.roll(corner, axis) for corner in corners]
            triangles += [[corners[0], corners[1], corners[2]], [corners[0], corners[2], corners[3]]]
    return np.array(triangles)


def _triangles(namespace: str, triangles: np.ndarray, opacity: float) -> Marker:
    marker = _marker(namespace, 0, Marker.TRIANGLE_LIST, (1.0, 1.0, 1.0))
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    axes = np.abs(normals).argmax(axis=1)
    sides = 2 * axes + (normals[np.arange(len(axes)), axes] < 0)
    marker.points = [_point(corner) for triangle in triangles for corner in triangle]
    marker.colors = [_colour((*_SIDES[side], opacity)) for side in sides for _ in range(3)]
    marker.color.a = opacity
    return marker


def _marker(
    namespace: str, number: int, kind: int, scale: Iterable[float], colour: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
) -> Marker:
    marker = Marker(ns=namespace, id=number, type=kind, action=Marker.ADD, color=_colour(colour))
    marker.header.frame_id = FRAME
    marker.pose.orientation.w = 1.0
    marker.scale.x, marker.scale.y, marker.scale.z = (float(value) for value in scale)
    return marker


def _point(position: np.ndarray) -> Point:
    return Point(x=float(position[0]), y=float(position[1]), z=float(position[2]))


def _colour(rgba: tuple[float, ...]) -> ColorRGBA:
    r, g, b, a = rgba
    return ColorRGBA(r=r, g=g, b=b, a=a)
