"""Hand, object, goal and fingertips in 3D in the browser: the scene's own meshes, posed by MuJoCo's kinematics."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import PIL.Image
import trimesh
import viser
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from dactyl.maths import quaternion
from dactyl.simulation.rendering import GHOST_OFFSET
from dactyl.simulation.scene import Scene

_VISIBLE_GROUPS = 2  # of geoms: 0 and 1 are what is seen, the others what collides
FLOOR = 0.22
"""Where the grid is drawn, m: nearer than the scene's floor, so that the shadow helps to see where things are."""
_SEEN, _LOST = (45, 190, 120), (235, 60, 60)
_HAND_COLOUR = (162, 168, 178)
_PLAIN = (214, 140, 70)
_FACES: tuple[tuple[int, int, int, int, int], ...] = (
    # OpenGL's cube maps: for +x -x +y -y +z -z, axis and sign of the column, axis and sign of the row
    (0, 2, -1, 1, -1), (0, 2, 1, 1, -1), (1, 0, 1, 2, 1), (1, 0, 1, 2, -1), (2, 0, 1, 1, -1), (2, 0, -1, 1, -1),
)  # fmt: skip


class HandView:
    """What is in the 3D view. Poses are set in the hand frame and shown in the world, z up."""

    def __init__(self, server: viser.ViserServer, scene: Scene) -> None:
        self._server, self._scene, self._data = server, scene, mujoco.MjData(scene.model)
        self._shown: dict[int, np.ndarray] = {}
        """Pose of each body as it was last sent."""
        self._bodies = self._add_hand()
        api = server.scene
        self._object = api.add_mesh_trimesh("/object", object_mesh(scene))
        self._ghost_position = self.to_world(scene.robot.workspace.rest) + GHOST_OFFSET
        self.goal = api.add_transform_controls(
            "/goal", scale=0.09, disable_axes=True, disable_sliders=True, position=self._ghost_position
        )
        api.add_mesh_trimesh("/goal/object", object_mesh(scene, opacity=0.6), cast_shadow=False)
        self._goal_label = api.add_label("/goal/label", "goal", position=(0.0, 0.0, 0.055))
        self._fingertips = [
            api.add_icosphere(f"/fingertips/{finger}", 0.0065, _SEEN, subdivisions=2, visible=False)
            for finger in scene.robot.fingertips
        ]
        api.add_grid("/floor", 2.0, 2.0, cell_size=0.05, section_size=0.25, position=(0.0, 0.0, FLOOR),
                     cell_color=(214, 219, 226), section_color=(186, 193, 203), shadow_opacity=0.25)  # fmt: skip
        api.set_up_direction("+z")
        api.configure_environment_map(None)  # it would be fetched from the network
        api.add_light_ambient("/light", intensity=1.8)
        palm = self.to_world(scene.robot.workspace.rest)
        server.initial_camera.position = tuple(palm + np.array([0.27, -0.34, 0.27]))
        server.initial_camera.look_at = tuple(palm + np.array([0.0, 0.06, 0.03]))
        self.pose_hand(np.zeros(len(scene.robot.joints)))

    def _add_hand(self) -> dict[int, Any]:
        model, api = self._scene.model, self._server.scene
        bodies: dict[int, Any] = {}
        for geom in range(model.ngeom):
            body, mesh = int(model.geom_bodyid[geom]), int(model.geom_dataid[geom])
            if body in (0, self._scene.object_body) or mesh < 0 or model.geom_group[geom] >= _VISIBLE_GROUPS:
                continue
            if body not in bodies:
                bodies[body] = api.add_frame(f"/hand/{body}", show_axes=False)
            vertices, faces = _mesh(model, mesh)
            api.add_mesh_simple(
                f"/hand/{body}/{geom}", vertices, faces, color=_HAND_COLOUR,
                wxyz=model.geom_quat[geom], position=model.geom_pos[geom],
            )  # fmt: skip
        return bodies

    def to_world(self, position: np.ndarray) -> np.ndarray:
        """A hand-frame position in the world, (3,)."""
        return np.asarray(self._scene.hand_position + quaternion.rotate(self._scene.hand_quaternion, position))

    def pose_hand(self, angles: np.ndarray) -> None:
        """Move the fingers: (J,) rad, the robot's order."""
        self._data.qpos[self._scene.joints] = angles
        mujoco.mj_kinematics(self._scene.model, self._data)
        for body, frame in self._bodies.items():
            pose = np.concatenate([self._data.xpos[body], self._data.xquat[body]])
            if np.abs(pose - self._shown.get(body, 9.0)).max() < 2e-4:  # nobody would see it move
                continue
            self._shown[body] = pose
            frame.position, frame.wxyz = pose[:3], pose[3:]

    def pose_object(self, position: np.ndarray, orientation: np.ndarray) -> None:
        """Move the object: (3,) m and (4,) in the hand frame."""
        self._object.position = self.to_world(position)
        self._object.wxyz = quaternion.multiply(self._scene.hand_quaternion, orientation)

    def show_goal(self, orientation: np.ndarray) -> None:
        """Turn the goal's ghost: (4,) in the hand frame."""
        self.goal.wxyz = quaternion.multiply(self._scene.hand_quaternion, orientation)

    def goal_orientation(self) -> np.ndarray:
        """(4,) in the hand frame, of the ghost as it is turned now."""
        return np.asarray(quaternion.multiply(quaternion.conjugate(self._scene.hand_quaternion), self.goal.wxyz))

    def show_fingertips(self, positions: np.ndarray, tracked: np.ndarray) -> None:
        """Green where a fingertip is seen, red at its last place where not; (F, 3) m, robot frame, and (F,)."""
        if not len(positions) == len(tracked) == len(self._fingertips):
            return  # another robot's
        for sphere, position, seen in zip(self._fingertips, positions, tracked, strict=True):
            sphere.visible = known = bool(np.isfinite(position).all())
            if known:
                sphere.position = self.to_world(position)
                sphere.color = _SEEN if seen else _LOST


def object_mesh(scene: Scene, opacity: float = 1.0) -> trimesh.Trimesh:
    """The object with the letters on its faces, in its own frame, m."""
    model, geom = scene.model, scene.object_geom
    size = model.geom_size[geom]
    if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_MESH:
        vertices, faces = _mesh(model, int(model.geom_dataid[geom]))
        shape = trimesh.Trimesh(vertices @ quaternion.to_matrix(model.geom_quat[geom]).T + model.geom_pos[geom], faces)
    elif model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_BOX:
        shape = trimesh.creation.box(2 * size)
    elif model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CYLINDER:
        shape = trimesh.creation.cylinder(radius=size[0], height=2 * size[1])
    else:
        shape = trimesh.creation.icosphere(subdivisions=4, radius=size[0])
    if model.geom_matid[geom] < 0:  # no letters
        plain = np.tile(np.array([*_PLAIN, round(255 * opacity)], np.uint8), (len(shape.faces), 1))
        shape.visual = trimesh.visual.ColorVisuals(shape, face_colors=plain)
        return shape
    # small triangles, each with vertices of its own, because each lies on one of the cube map's six pictures
    vertices, faces = trimesh.remesh.subdivide_to_size(shape.vertices, shape.faces, 0.01, max_iter=12)
    triangles = vertices[faces]
    pictures, coordinates = _texture(model, geom, triangles)
    material = PBRMaterial(
        baseColorTexture=pictures, metallicFactor=0.0, roughnessFactor=0.55,
        baseColorFactor=[255, 255, 255, round(255 * opacity)], alphaMode="OPAQUE" if opacity == 1.0 else "BLEND",
    )  # fmt: skip
    corners = np.arange(3 * len(triangles)).reshape(-1, 3)
    visual = TextureVisuals(uv=coordinates, material=material)
    return trimesh.Trimesh(triangles.reshape(-1, 3), corners, visual=visual, process=False)


def _texture(model: mujoco.MjModel, geom: int, triangles: np.ndarray) -> tuple[PIL.Image.Image, np.ndarray]:
    """The six pictures of a geom's cube map below each other, and where in them (T, 3, 3) triangles lie, (3T, 2)."""
    texture = int(model.mat_texid[model.geom_matid[geom], mujoco.mjtTextureRole.mjTEXROLE_RGB])
    width, start = int(model.tex_width[texture]), int(model.tex_adr[texture])
    pictures = model.tex_data[start : start + 6 * width * width * 3].reshape(6 * width, width, 3)
    middles = triangles.mean(axis=1)
    axis = np.abs(middles).argmax(axis=1)
    faces = 2 * axis + (middles[np.arange(len(middles)), axis] < 0)
    _, column_axis, column_sign, row_axis, row_sign = np.array(_FACES)[faces].T[..., None]
    each = np.arange(len(triangles))[:, None], np.arange(3)[None]
    depth = np.abs(triangles[(*each, axis[:, None])])
    column = (column_sign * triangles[(*each, column_axis)] / depth + 1) / 2
    row = (row_sign * triangles[(*each, row_axis)] / depth + 1) / 2
    inside = 0.5 / width  # half a pixel: no colour comes over from the neighbouring picture
    column, row = np.clip(column, inside, 1 - inside), np.clip(row, inside, 1 - inside)
    coordinates = np.stack([column, 1 - (faces[:, None] + row) / 6], axis=-1)
    return PIL.Image.fromarray(pictures), coordinates.reshape(-1, 2)


def _mesh(model: mujoco.MjModel, mesh: int) -> tuple[np.ndarray, np.ndarray]:
    vertex, face = model.mesh_vertadr[mesh], model.mesh_faceadr[mesh]
    vertices = model.mesh_vert[vertex : vertex + model.mesh_vertnum[mesh]]
    return vertices.astype(np.float32), model.mesh_face[face : face + model.mesh_facenum[mesh]].astype(np.uint32)
