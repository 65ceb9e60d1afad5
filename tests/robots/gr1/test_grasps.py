"""The script that plays: one hand lifts what it can hold, two lift a carton; states are of the scene."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.environment import stickers
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.robots.gr1 import grasps
from dactyl.robots.gr1.grasps import SCRIPT, Phase, Script
from dactyl.robots.gr1.hands import LIFTED, RECORDED
from dactyl.robots.gr1.kinematics import Arm, level
from dactyl.robots.gr1.presses import PRESSES
from dactyl.simulation.contacts import ContactReader
from dactyl.simulation.scene import Scene, SceneConfig
from tests.simulation.scenes import scene_or_skip

HOLD = Phase(3.0, 0.0, 1.0, grasps.HEIGHT)


def test_a_level_hand_has_its_fingers_forwards_and_its_thumb_up() -> None:
    turn = level(0.0)
    np.testing.assert_allclose(quaternion.rotate(turn, np.array([0.0, 0.0, -1.0])), [1.0, 0.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(quaternion.rotate(turn, np.array([1.0, 0.0, 0.0])), [0.0, 0.0, 1.0], atol=1e-9)
    turned = quaternion.rotate(level(np.pi / 2), np.array([0.0, 0.0, -1.0]))
    np.testing.assert_allclose(turned, [0.0, 1.0, 0.0], atol=1e-9)


@pytest.mark.parametrize("side", ["left", "right"])
def test_an_arm_reaches_a_place_before_the_robot(both: Scene, side: str) -> None:
    """To a centimetre, level, and without leaving its limits."""
    arm, out = Arm(both, side), -0.15 if side == "right" else 0.15
    place = both.hand_position + np.array([0.42, out, 0.14])
    qpos, off = arm.reach(both.model.qpos0, place, level(0.0))
    assert off < 0.01
    np.testing.assert_allclose(arm.palm(qpos), place, atol=0.01)
    limits = both.robot.joint_limits
    assert (qpos[both.joints] >= limits[:, 0] - 1e-9).all()
    assert (qpos[both.joints] <= limits[:, 1] + 1e-9).all()


def test_a_place_out_of_reach_is_said_to_be(both: Scene) -> None:
    _, off = Arm(both, "right").reach(both.model.qpos0, both.hand_position + np.array([2.0, 0.0, 0.0]), level(0.0))
    assert off > 1.0


@pytest.mark.parametrize("kind", ["cylinder", "standing_block", "ball"])
def test_one_hand_lifts_and_most_scripts_do(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = scene_or_skip(SceneConfig(robot="gr1_right", object=kind))
    monkeypatch.setattr(grasps, "SCRIPTS", 6)
    qpos, qvel = grasps.states(scene, seed=0)
    per_script = round(sum(phase.seconds for phase in SCRIPT) / RECORDED)
    assert len(qpos) >= 3 * per_script
    assert qpos.shape == (len(qpos), scene.model.nq)
    assert qvel.shape == (len(qpos), scene.model.nv)
    assert np.isfinite(qpos).all()
    lifted = qpos[:, scene.object_position][:, 2] - scene.model.qpos0[scene.object_position][2]
    assert lifted.max() > LIFTED


@pytest.mark.slow
@pytest.mark.parametrize("mass", [0.03, 0.1])
@pytest.mark.parametrize("friction", [0.5, 1.5])
def test_a_grasp_holds_at_table_ivs_corners(mass: float, friction: float) -> None:
    """Three seconds in the air, and it slips by less than a centimetre."""
    import mujoco

    scene = scene_or_skip(SceneConfig(robot="gr1_right", object="cylinder"))
    scene.model.body_mass[scene.object_body] = mass
    scene.model.geom_friction[:, 0] = friction
    mujoco.mj_setConst(scene.model, mujoco.MjData(scene.model))
    random, held = np.random.default_rng(0), 0
    for _ in range(4):
        play = Script(scene).play(random, (*SCRIPT, HOLD))
        if play.lifted:
            last = play.heights[-round(HOLD.seconds / RECORDED) :]
            held += int(np.ptp(last) < 0.01)
    assert held >= 2


@pytest.mark.slow
def test_two_hands_lift_a_carton_straight_up(both: Scene) -> None:
    """Protects what is shown of the box lift: hands that catch on the carton carry it forwards, away from its goals."""
    random = np.random.default_rng(0)
    plays = [play for play in (Script(both).play(random) for _ in range(8)) if len(play.heights)]
    lifted = [play for play in plays if play.lifted]
    assert len(plays) >= 7
    assert len(lifted) >= 6
    places = [play.qpos[[0, -1]][:, both.object_position][:, :2] for play in lifted]
    assert np.median([np.linalg.norm(end - start) for start, end in places]) < 0.04


@pytest.mark.slow
@pytest.mark.parametrize("placement", list(PRESSES))
def test_two_hands_press_where_they_are_asked_to(both: Scene, placement: str) -> None:
    """Protects demonstrations of Figure 4: most of what touches the carton is within 3 cm of the hand's stickers."""
    random, script, reader = np.random.default_rng(0), Script(both, placement), ContactReader(both)
    lifted = [play for play in (script.play(random) for _ in range(8)) if play.lifted]
    assert len(lifted) >= 4
    away = []
    for play in lifted:
        points, fingers = reader.points(play.qpos[-1])
        for point, finger in zip(points, fingers, strict=True):
            hand = both.robot.fingertips[finger].partition("_")[0]
            wanted = stickers.place(placement, both.object, hand).like(point)
            away.append(float(stickers.distances(wanted, point[None])[0]))
    assert np.mean(np.array(away) < 0.03) > 0.5


def test_a_placement_is_refused_where_one_hand_holds(scene: Scene) -> None:
    with pytest.raises(DactylError, match="one hand holds the cylinder: no script presses at script_placement sides"):
        Script(scene, "sides")


def test_a_seed_gives_the_same_states_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grasps, "SCRIPTS", 2)
    one, two = (grasps.states(scene, 1)[0] for _ in range(2))
    np.testing.assert_array_equal(one, two)
