"""Pictures of the scene with MuJoCo's OpenGL renderer (EGL without a display)."""

from __future__ import annotations

import os

import mujoco
import numpy as np

from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.simulation.scene import Scene

GHOST_OFFSET = np.array([0.0, -0.02, 0.13])
"""Where the goal is drawn, from the object's place on the palm, world frame, m."""
_MARKER_GROUP = 3
_SEEN_THROUGH = 0.35  # opacity of a goal that is where the object shall be


class SceneRenderer:
    """Renders one scene at one size. An OpenGL context belongs to a thread: make, use and close it in the same one."""

    def __init__(self, scene: Scene, width: int = 640, height: int = 480, *, fine: bool = False) -> None:
        """Open a context. `fine` adds shadows and antialiasing, for people; four times slower on a software renderer.

        Raises:
            DactylError: no OpenGL is to be had.
        """
        self._model, self._data = scene.model, mujoco.MjData(scene.model)
        self._object = scene.object_geom
        geoms = range(scene.model.ngeom)
        self._paint = [g for g in geoms if scene.model.geom_bodyid[g] == scene.object_body and g != scene.object_geom]
        """Geoms of the object besides its own: its painted faces."""
        self._ghost_position = scene.model.body_pos[scene.object_body] + GHOST_OFFSET
        self._options = mujoco.MjvOption()
        self._model.vis.quality.offsamples = 4 if fine else 0
        try:
            self._renderer = mujoco.Renderer(self._model, height, width)
        except (mujoco.FatalError, RuntimeError, ImportError, AttributeError) as error:
            backend = os.environ.get("MUJOCO_GL", "unset")
            raise DactylError(f"cannot render: no OpenGL context with MUJOCO_GL={backend} ({error})") from error
        self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = fine

    def render(
        self,
        qpos: np.ndarray,
        camera: str | mujoco.MjvCamera,
        goal: np.ndarray | None = None,
        markers: bool = False,
        cameras: bool = False,
        place: np.ndarray | None = None,
    ) -> np.ndarray:
        """One picture.

        Args:
            qpos: (nq,) state, see `Scene`.
            camera: one of the scene's, or a free one.
            goal: (4,) orientation in the world; drawn as a copy of the object that floats beside the hand.
            markers: draw the motion-capture markers.
            cameras: draw the cameras.
            place: (3,) of the goal in the world, m: the copy is there then, and can be seen through.

        Returns:
            (height, width, 3) uint8 RGB.
        """
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)
        self._options.sitegroup[_MARKER_GROUP] = markers
        self._options.flags[mujoco.mjtVisFlag.mjVIS_CAMERA] = cameras
        self._renderer.update_scene(self._data, camera, self._options)
        if goal is not None:
            self._add_ghost(goal, place)
        return self._renderer.render()

    def _add_ghost(self, goal: np.ndarray, place: np.ndarray | None) -> None:
        drawn = self._renderer.scene
        shown = next(geom for geom in drawn.geoms[: drawn.ngeom] if geom.objid == self._object)
        rotation = quaternion.to_matrix(goal).ravel()
        ghost = drawn.geoms[drawn.ngeom]
        position = self._ghost_position if place is None else place
        mujoco.mjv_initGeom(ghost, shown.type, shown.size, position, rotation, shown.rgba)
        ghost.dataid, ghost.matid = shown.dataid, shown.matid
        if place is not None:
            ghost.rgba[3], ghost.transparent = _SEEN_THROUGH, 1
        drawn.ngeom += 1
        for face in self._paint:
            offset, size = self._model.geom_pos[face], self._model.geom_size[face]
            plate, rgba = drawn.geoms[drawn.ngeom], self._model.geom_rgba[face]
            kind, centre = int(self._model.geom_type[face]), position + quaternion.rotate(goal, offset)
            mujoco.mjv_initGeom(plate, kind, size, centre, rotation, rgba)
            if place is not None:
                plate.rgba[3], plate.transparent = _SEEN_THROUGH, 1
            drawn.ngeom += 1

    def close(self) -> None:
        self._renderer.close()

    def __enter__(self) -> SceneRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
