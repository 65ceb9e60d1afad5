"""Randomized appearance: every unit in its range of Table 9, and renderers that show the same."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dactyl import objects
from dactyl.maths import quaternion
from dactyl.simulation.appearance import Appearance, Look, model_fields
from dactyl.simulation.appearance.cameras import CameraRanges
from dactyl.simulation.appearance.lights import MAX_LIGHTS, LightRanges
from dactyl.simulation.appearance.materials import MaterialRanges, ObjectColourRanges
from dactyl.simulation.appearance.opengl import OpenGLRenderer
from dactyl.simulation.appearance.studio import Studio
from dactyl.simulation.appearance.studio_scene import _texture, make_studio
from dactyl.simulation.appearance.visibility import visible_shares
from dactyl.simulation.appearance.wrapping import axes
from dactyl.simulation.scene import SceneConfig, build

DRAWS = 500


@pytest.fixture(scope="module")
def studio() -> Studio:
    return make_studio(palettes=8)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def reaches(values: np.ndarray, low: float, high: float) -> bool:
    """Whether many draws keep to a range and fill it."""
    slack = 0.02 * (high - low)
    return bool(low <= values.min() < low + slack and high - slack < values.max() <= high)


def test_cameras_move_turn_and_zoom_as_table_9_says(random: np.random.Generator) -> None:
    """Protects the ranges: ± 1.5 mm, 0–3° about a random axis, ± 1°; three cameras."""
    drawn = [CameraRanges().sample(random) for _ in range(DRAWS)]
    assert drawn[0].positions.shape == (3, 3)
    assert reaches(np.stack([look.positions for look in drawn]), -0.0015, 0.0015)
    angles = np.degrees(quaternion.angle(np.stack([look.rotations for look in drawn])))
    assert reaches(angles, 0.0, 3.0)
    axes = np.concatenate([look.rotations[:, 1:] for look in drawn])
    assert np.abs(axes.mean(0)).max() < 0.002, "no axis is preferred"
    assert reaches(np.stack([look.fovy for look in drawn]), -1.0, 1.0)


def test_lights_come_from_above_in_table_9_s_numbers(random: np.random.Generator) -> None:
    """Protects the ranges: 4–6 lights, upper half sphere, relative intensities 1–5, a random total."""
    drawn = [LightRanges().sample(random) for _ in range(DRAWS)]
    assert {len(lights.intensities) for lights in drawn} == {4, 5, 6}
    directions = np.concatenate([lights.directions for lights in drawn])
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1.0)
    assert directions[:, 2].min() >= 0.0
    assert abs(directions[:, 2].mean() - 0.5) < 0.02, "uniform on the half sphere"
    assert np.abs(directions[:, :2].mean(0)).max() < 0.03
    ratios = [lights.intensities.max() / lights.intensities.min() for lights in drawn]
    assert 4.5 < max(ratios) <= 5.0
    assert reaches(np.array([lights.intensities.sum() for lights in drawn]), 0.0, 1.2)


def test_materials_keep_to_table_9(random: np.random.Generator) -> None:
    """Protects the ranges of the robot's and the object's surfaces; the robot's colour is anything."""
    drawn = [MaterialRanges().sample(random) for _ in range(DRAWS)]
    assert reaches(np.stack([look.robot_rgb for look in drawn]), 0.0, 1.0)
    for name, metallic, glossiness in (("robot", (0.05, 0.25), (0.0, 1.0)), ("object", (0.05, 0.15), (0.05, 0.15))):
        surfaces = [getattr(look, name) for look in drawn]
        assert reaches(np.array([surface.metallic for surface in surfaces]), *metallic)
        assert reaches(np.array([surface.glossiness for surface in surfaces]), *glossiness)
        assert all(0.0 <= surface.specular <= 1.0 and 0.0 <= surface.shininess <= 1.0 for surface in surfaces)


def test_faces_keep_their_colour_but_for_table_9_s_shift(random: np.random.Generator) -> None:
    """Protects what tells the faces apart: hue ± 1 %, saturation and value ± 15 %, each face by itself; white stays."""
    texture = np.zeros((6 * 4, 4, 3), np.uint8)
    texture[:] = (60, 120, 180)
    texture[::4, 0] = 255
    before = cv2.cvtColor((texture[1:2, 1:2] / 255.0).astype(np.float32), cv2.COLOR_RGB2HSV)[0, 0]
    shifts = []
    for _ in range(100):
        changed = ObjectColourRanges().recolour(texture, random)
        assert np.ptp(changed[::4, 0].astype(int), axis=-1).max() == 0, "letters stay white or grey"
        faces = changed[1::4, 1:2].astype(np.float32) / 255.0
        shifts.append(cv2.cvtColor(faces, cv2.COLOR_RGB2HSV)[:, 0] - before)
    hue, saturation, value = np.moveaxis(np.stack(shifts), -1, 0)
    assert np.abs(hue).max() <= 360 * 0.01 + 1.0, "8 bits round it"
    for shift in (saturation, value):
        assert 0.13 < np.abs(shift).max() < 0.16
    assert np.std(value, axis=1).mean() > 0.05, "faces differ from each other"


def test_a_look_fits_the_model_and_leaves_it_alone(studio: Studio, random: np.random.Generator) -> None:
    """Protects both renderers: the fields are the model's own, and drawing one look leaves no trace in the next."""
    model, appearance = studio.scene.model, Appearance()
    before = {name: getattr(model, name).copy() for name in ("cam_pos", "mat_rgba", "light_dir", "geom_matid")}
    fields = model_fields(studio, appearance.sample(random), crop=0.7)
    for name, values in fields.items():
        assert values.shape == getattr(model, name).shape, name
        assert np.isfinite(values).all()
    assert len(fields["light_pos"]) == MAX_LIGHTS
    assert fields["geom_matid"][studio.object_geom] in studio.names.palettes
    narrowed = np.degrees(2 * np.arctan(0.7 * np.tan(np.radians(studio.scene.robot.cameras.fovy) / 2)))
    assert np.abs(fields["cam_fovy"] - narrowed).max() < 1.0
    with OpenGLRenderer(studio, 32, 0.7) as renderer:
        renderer.render(model.qpos0[None], [appearance.sample(random)])
    for name, values in before.items():
        np.testing.assert_array_equal(getattr(model, name), values, err_msg=name)


def test_every_part_of_a_look_changes_the_pictures(studio: Studio) -> None:
    """Protects from a randomization that is drawn but never shown; the same look gives the same pictures."""
    qpos = studio.scene.model.qpos0[None]
    one, other = (Appearance().sample(np.random.default_rng(seed)) for seed in (1, 2))
    with OpenGLRenderer(studio, 48, 0.7) as renderer:
        pictures = renderer.render(qpos, [one])
        np.testing.assert_array_equal(renderer.render(qpos, [one]), pictures)
        for part in Look._fields:
            changed = renderer.render(qpos, [one._replace(**{part: getattr(other, part)})])
            assert (changed != pictures).any(-1).mean() > 0.02, part
    assert pictures.shape == (1, 3, 48, 48, 3)
    assert len({picture.tobytes() for picture in pictures[0]}) == 3, "three cameras, three views"


@pytest.mark.parametrize("name", ["block", "octagonal_prism", "sphere"])
def test_a_wrapped_object_looks_like_the_cube_map(random: np.random.Generator, name: str) -> None:
    """Protects the held-out renderer: every letter is where and as OpenGL shows it."""
    looks = [Appearance().sample(random) for _ in range(4)]
    scene = SceneConfig(object=name)
    qpos = np.tile(make_studio(scene, palettes=1).scene.model.qpos0, (4, 1))
    qpos[:, 27:31] = quaternion.uniform(random.normal(size=(4, 4)))
    shown = []
    for wrapped in (False, True):
        with OpenGLRenderer(make_studio(scene, palettes=1, wrapped=wrapped), 96, 0.5) as renderer:
            shown.append(renderer.render(qpos, looks).astype(int))
    difference = np.abs(shown[0] - shown[1]).max(-1)
    assert (difference > 40).mean() < 0.005


@pytest.mark.parametrize("name", ["block", "octagonal_prism"])
def test_no_symmetry_of_the_shape_leaves_the_colours_where_they_are(name: str) -> None:
    """Protects `symmetry: none`: the cube of six colours is laid onto the prism too, so that each of its 16
    orientations looks different; letters are not even needed."""
    shape = objects.load(name)
    assert len(shape.faces)
    texture = _texture(build(SceneConfig(object=name)).model).reshape(6, -1, 3)
    corner = texture[:, :40].astype(float).mean(1)  # above the letters: the face's own colour
    points = quaternion.rotate(quaternion.uniform(np.random.default_rng(0).normal(size=(2000, 4))), np.eye(3)[0])
    outwards = np.stack([axes(face)[2] for face in range(6)])

    def colours(directions: np.ndarray) -> np.ndarray:
        return np.asarray(corner[(directions @ outwards.T).argmax(1)])

    assert len(shape.symmetries.like(points)) in (16, 24)
    for turn in shape.symmetries.like(points):
        if quaternion.angle(turn) < 1e-6:
            continue
        turned = quaternion.rotate(np.tile(turn, (len(points), 1)), points)
        assert (np.abs(colours(points) - colours(turned)).max(1) > 40.0).mean() > 0.2


def test_coarser_meshes_look_the_same(random: np.random.Generator) -> None:
    """Protects training pictures: merging vertices saves time, not shape."""
    looks = [Appearance().sample(random) for _ in range(3)]
    shown = []
    for grid in (0.0, 0.006):
        studio = make_studio(palettes=1, mesh_grid=grid)
        with OpenGLRenderer(studio, 96, 0.7) as renderer:
            shown.append(renderer.render(np.tile(studio.scene.model.qpos0, (3, 1)), looks).astype(float))
    assert studio.scene.model.nmeshface < 0.4 * make_studio(palettes=1).scene.model.nmeshface
    assert np.abs(shown[0] - shown[1]).mean() < 6.0


def test_what_the_hand_hides_is_measured(studio: Studio) -> None:
    """Protects the occlusion breakdown: all is seen far above the hand, nothing from below the floor."""
    qpos = np.tile(studio.scene.model.qpos0, (3, 1))
    qpos[1, 26] += 0.06
    qpos[2, 26] = -3.0
    resting, lifted, gone = visible_shares(studio, qpos)
    assert (lifted >= resting).all()
    assert lifted.min() > 0.95
    assert gone.max() == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["block", "octagonal_prism"])
def test_the_ray_tracer_agrees_with_opengl(random: np.random.Generator, name: str) -> None:
    """Protects the sim-to-sim comparison: same geometry, colours and lights, another renderer."""
    raytracer = pytest.importorskip("dactyl.simulation.appearance.raytracer", reason="needs mujoco-warp")
    studio = make_studio(SceneConfig(object=name), palettes=4, wrapped=True)
    looks = [Appearance().sample(random) for _ in range(3)]
    qpos = np.tile(studio.scene.model.qpos0, (3, 1))
    qpos[:, 27:31] = quaternion.uniform(random.normal(size=(3, 4)))
    with OpenGLRenderer(studio, 64, 0.7) as renderer:
        expected = renderer.render(qpos, looks).astype(float)
    traced = raytracer.RayTracer(studio, 64, 0.7).render(qpos, looks).astype(float)
    assert np.abs(traced - expected).mean() < 8.0
    shadowed = raytracer.RayTracer(studio, 64, 0.7, shadows=True).render(qpos, looks).astype(float)
    assert (shadowed <= traced + 1.0).mean() > 0.99
    assert (shadowed < traced - 5.0).any()
