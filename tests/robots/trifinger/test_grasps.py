"""The script that grasps: within the torque limit, high enough, long enough, and only of boxes."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.robots.trifinger import grasps
from dactyl.robots.trifinger.grasps import SCRIPT, Phase, Script
from dactyl.simulation.scene import Scene, SceneConfig
from tests.simulation.scenes import scene_or_skip

HOLD = Phase(10.0, 0.0, 1.0, grasps.HEIGHT)


@pytest.mark.slow
def test_three_fingers_lift_the_cube_above_nine_centimetres_and_hold_it_for_ten_seconds(scene: Scene) -> None:
    """The cube's centre, from 3.25 cm on the table, stays above 9 cm; every torque within 0.36 N·m."""
    random = np.random.default_rng(0)
    script = Script(scene)
    for _ in range(5):
        play = script.play(random, (*SCRIPT, HOLD))
        held = play.heights[-round(10.0 / grasps.RECORDED) :]
        assert held.min() > 0.09
        assert np.ptp(held) < 0.01
        assert np.abs(play.torques).max() <= 0.36


def test_most_scripts_lift_and_their_states_are_of_the_scene(scene: Scene) -> None:
    qpos, qvel = grasps.states(scene, seed=0)
    assert qpos.shape == (len(qpos), scene.model.nq)
    assert qvel.shape == (len(qpos), scene.model.nv)
    per_script = round(sum(phase.seconds for phase in (grasps.APPROACH, *SCRIPT)) / grasps.RECORDED)
    assert len(qpos) >= 0.7 * grasps.SCRIPTS * per_script
    assert np.isfinite(qpos).all()
    assert qpos[:, scene.object_position][:, 2].max() > 0.09
    assert np.abs(qvel).max() < 20.0
    limits = scene.robot.joint_limits
    assert (qpos[:, :9] > limits[:, 0] - 0.05).all()
    assert (qpos[:, :9] < limits[:, 1] + 0.05).all()


def test_a_seed_gives_the_same_states_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grasps, "SCRIPTS", 2)
    one, two, other = (grasps.states(scene, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert one.shape != other.shape or not np.array_equal(one, other)


def test_the_script_knows_boxes_only() -> None:
    sphere = scene_or_skip(SceneConfig(robot="trifinger", object="sphere"))
    qpos, qvel = grasps.states(sphere, seed=0)
    assert (len(qpos), len(qvel)) == (0, 0)


def test_fingers_take_faces_two_of_which_are_opposite_with_the_shortest_ways() -> None:
    faces = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    tips = np.array([[0.1, 0.01, 0.0], [-0.1, 0.0, 0.0], [0.0, -0.1, 0.0]])
    normals, grips = grasps._choose(faces, np.zeros(3), tips, 0.07)
    np.testing.assert_array_equal(normals, faces[[0, 2, 3]])
    np.testing.assert_array_equal(grips, [1.0, 1.0, 0.5])
