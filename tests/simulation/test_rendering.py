"""Pictures of the scene: what cameras see is what the state says."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.simulation.rendering import SceneRenderer
from dactyl.simulation.scene import Scene, SceneConfig, build


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build()


def _share(picture: np.ndarray, colour: np.ndarray) -> float:
    return float((np.abs(picture.astype(int) - colour).max(-1) < 60).mean())


def test_every_camera_sees_the_object_on_a_white_background(scene: Scene) -> None:
    gone = scene.model.qpos0.copy()
    gone[24:27] = [0.0, 0.0, -5.0]
    with SceneRenderer(scene, 160, 120) as renderer:
        for camera in scene.robot.cameras.places:
            with_object = renderer.render(scene.model.qpos0, camera)
            without = renderer.render(gone, camera)
            assert with_object.shape == (120, 160, 3)
            assert with_object.dtype == np.uint8
            assert (with_object != without).any(-1).mean() > 0.01
            assert (without > 240).all(-1).mean() > 0.3


def test_the_goal_is_drawn_only_when_asked_and_turns_with_its_orientation(scene: Scene) -> None:
    with SceneRenderer(scene, 160, 120) as renderer:
        plain, upright, turned = (
            renderer.render(scene.model.qpos0, "camera_1", goal=goal)
            for goal in (None, np.array([1.0, 0, 0, 0]), np.array([0.5, 0.5, 0.5, 0.5]))
        )
    assert (plain != upright).any()
    assert (upright != turned).any()


def test_a_goal_that_has_a_place_is_drawn_there(scene: Scene) -> None:
    """Protects films of tasks whose goals are poses from a goal that floats somewhere else."""
    goal, beside = np.array([1.0, 0, 0, 0]), scene.model.qpos0[24:27] + np.array([0.0, 0.0, 0.1])
    with SceneRenderer(scene, 160, 120) as renderer:
        plain, usual, placed = (
            renderer.render(scene.model.qpos0, "camera_1", goal=shown, place=place)
            for shown, place in ((None, None), (goal, None), (goal, beside))
        )
    assert (placed != plain).any()
    assert (placed != usual).any()


def test_a_goals_faces_turn_with_it() -> None:
    """Protects films of the cube: which face is which shows on the goal too."""
    scene = build(SceneConfig(object="cube"))
    beside = scene.model.qpos0[24:27] + np.array([0.0, 0.0, 0.1])
    with SceneRenderer(scene, 160, 120) as renderer:
        upright, over = (
            renderer.render(scene.model.qpos0, "camera_1", goal=goal, place=beside).astype(int)
            for goal in (np.array([1.0, 0, 0, 0]), np.array([0.0, 1.0, 0, 0]))
        )
    assert (upright != over).any(-1).mean() > 0.002


def test_markers_are_hidden_from_cameras_unless_asked_for(scene: Scene) -> None:
    with SceneRenderer(scene, 160, 120) as renderer:
        hidden, shown = (renderer.render(scene.model.qpos0, "camera_1", markers=on) for on in (False, True))
    red = np.array([255, 26, 26])
    assert _share(shown, red) > _share(hidden, red)
