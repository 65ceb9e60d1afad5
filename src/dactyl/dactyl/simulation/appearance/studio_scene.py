"""The scene compiled to be looked at: lights to place, the object in many palettes, meshes no finer than pixels."""

from __future__ import annotations

import cv2
import mujoco
import numpy as np

from dactyl.objects.object import Object
from dactyl.simulation.appearance.lights import MAX_LIGHTS
from dactyl.simulation.appearance.materials import ObjectColourRanges
from dactyl.simulation.appearance.studio import MaterialIds, Studio
from dactyl.simulation.appearance.wrapping import wrap
from dactyl.simulation.coarsening import coarsen
from dactyl.simulation.objects import MATERIAL
from dactyl.simulation.scene import SceneConfig, build

PALETTES = 64
_FACE = 64  # pixels of a face of the object's texture; more than any camera sees of it
_OBJECT_TEXTURE = "texture:object"
_WRAPPING = "wrapping"
_HIDDEN = 4  # group of geoms that are not drawn


def make_studio(
    config: SceneConfig | None = None,
    *,
    colours: ObjectColourRanges | None = None,
    palettes: int = PALETTES,
    seed: int = 0,
    mesh_grid: float = 0.0,
    wrapped: bool = False,
) -> Studio:
    """Compile a scene for rendering.

    Args:
        config: which hand and object.
        colours: of the object's faces.
        palettes: how many draws of them there are to choose from.
        seed: of those draws.
        mesh_grid: m; the robot's vertices are merged on such a grid, so that rendering small pictures on a CPU takes a
            third of the time. 0 leaves the meshes as they are.
        wrapped: give the object's texture as a picture wrapped around it instead of as a cube map, for renderers that
            know no cube maps.
    """
    plain_scene = build(config)
    plain = plain_scene.model
    ranges, random = colours or ObjectColourRanges(), np.random.default_rng(seed)
    texture = _texture(plain)

    def edit(spec: mujoco.MjSpec) -> None:
        spec.visual.headlight.active = 0
        for light in list(spec.lights):
            spec.delete(light)
        for i in range(MAX_LIGHTS):
            spec.worldbody.add_light(name=f"light_{i}", type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, castshadow=False)
        original = spec.material(MATERIAL)
        for i in range(palettes):
            name = f"palette_{i}"
            kind = mujoco.mjtTexture.mjTEXTURE_2D if wrapped else mujoco.mjtTexture.mjTEXTURE_CUBE
            flat = mujoco.mjtBuiltin.mjBUILTIN_FLAT
            spec.add_texture(name=name, type=kind, builtin=flat, width=_FACE, height=6 * _FACE)
            material = spec.add_material(name=name, rgba=original.rgba, texuniform=original.texuniform)
            material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
        if wrapped:
            _wrap(spec, plain_scene.object)
        if mesh_grid:
            coarsen(spec, plain, mesh_grid)

    scene = build(config, edit)
    model = scene.model
    for i in range(palettes):  # an array goes into the specification only number by number
        start = model.tex_adr[model.texture(f"palette_{i}").id]
        model.tex_data[start : start + texture.size] = ranges.recolour(texture, random).ravel()
    ids = MaterialIds(
        robot=np.array([model.material(name).id for name in scene.materials]),
        background=model.material("floor").id,
        palettes=np.array([model.material(f"palette_{i}").id for i in range(palettes)]),
    )
    seen = model.geom(_WRAPPING).id if wrapped else scene.object_geom
    return Studio(scene, ids, seen, model.body_pos[scene.object_body].copy())


def _texture(model: mujoco.MjModel) -> np.ndarray:
    """The object's cube texture as the hand model has it, made smaller: (6 side, side, 3) RGB."""
    i = model.texture(_OBJECT_TEXTURE).id
    width, height, start = model.tex_width[i], model.tex_height[i], model.tex_adr[i]
    faces = model.tex_data[start : start + 3 * width * height].reshape(6, width, width, 3)
    return np.concatenate([cv2.resize(face, (_FACE, _FACE), interpolation=cv2.INTER_AREA) for face in faces])


def _wrap(spec: mujoco.MjSpec, shape: Object) -> None:
    """Hide the object behind a mesh of the same shape whose faces take their part of the texture as OpenGL does."""
    vertices, coordinates, triangles = wrap(shape, inset=0.5 / _FACE)  # half a pixel
    faces = triangles.ravel()
    spec.add_mesh(
        name=_WRAPPING, uservert=vertices.ravel(), userface=faces, usertexcoord=coordinates.ravel(),
        userfacetexcoord=faces,
    )  # fmt: skip
    spec.body("object").add_geom(
        name=_WRAPPING, type=mujoco.mjtGeom.mjGEOM_MESH, meshname=_WRAPPING, contype=0, conaffinity=0, density=0.0,
        material="palette_0",
    )  # fmt: skip
    spec.geom("object").group = _HIDDEN
