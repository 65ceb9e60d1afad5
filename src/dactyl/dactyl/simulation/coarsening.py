"""Scenes to look at, with meshes no finer than pixels. Without a GPU most of a picture's time goes into triangles."""

from __future__ import annotations

import mujoco
import numpy as np

from dactyl.simulation.scene import Scene, build

_COARSE = 200
"""Triangles of a mesh that stays as it is."""
_SOLID = 8
"""Triangles that a mesh must keep, to remain one."""


def coarse(scene: Scene, grid: float) -> Scene:
    """The scene with coarser meshes of the robot. Its states are the scene's own; its physics is not.

    Args:
        scene: as it is simulated.
        grid: see `coarsen`; 0 gives the scene itself.
    """
    return build(scene.config, lambda spec: coarsen(spec, scene.model, grid)) if grid else scene


def coarsen(spec: mujoco.MjSpec, compiled: mujoco.MjModel, grid: float) -> None:
    """Merge the vertices of the robot's meshes that share a cell of the grid. What shows the object keeps its shape.

    Args:
        spec: not compiled yet.
        compiled: the same, with its meshes read.
        grid: edge of a cell, m.
    """
    present = {compiled.mesh(i).name for i in range(compiled.nmesh)}
    for mesh in spec.meshes:
        if mesh.name not in present or mesh.name.startswith("object"):
            continue
        i = compiled.mesh(mesh.name).id
        vertices = _rows(compiled.mesh_vert, compiled.mesh_vertadr[i], compiled.mesh_vertnum[i])
        faces = _rows(compiled.mesh_face, compiled.mesh_faceadr[i], compiled.mesh_facenum[i])
        if len(faces) < _COARSE:
            continue
        rotation = np.empty(9)
        mujoco.mju_quat2Mat(rotation, compiled.mesh_quat[i])
        vertices = vertices @ rotation.reshape(3, 3).T + compiled.mesh_pos[i]  # it was moved to its inertial frame
        _, cell = np.unique(np.floor(vertices / grid).astype(int), axis=0, return_inverse=True)
        cell = cell.ravel()
        count = np.bincount(cell)
        merged = np.stack([np.bincount(cell, axis) / count for axis in vertices.T], axis=1)
        faces = cell[faces]
        distinct = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
        if distinct.sum() < _SOLID:
            continue
        mesh.file, mesh.scale, mesh.refpos, mesh.refquat = "", [1.0] * 3, [0.0] * 3, [1.0, 0.0, 0.0, 0.0]
        mesh.uservert, mesh.userface = merged.ravel(), faces[distinct].ravel()


def _rows(array: np.ndarray, start: int, number: int) -> np.ndarray:
    return array[start : start + number]
