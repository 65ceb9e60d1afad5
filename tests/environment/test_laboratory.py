"""The simulated hardware, without ROS."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.environment.laboratory import Laboratory
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.robot.markers import MarkerLayout, MarkerTracker
from dactyl.robots.shadow.joints import ACTUATORS
from dactyl.robots.shadow.layout import BASE_MARKERS
from dactyl.simulation.objects import OBJECT_MARKERS
from dactyl.simulation.scene import Scene, SceneConfig, build


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build()


def laboratory(scene: Scene, seed: int = 0, noise: float = 0.0) -> Laboratory:
    return Laboratory(scene, seed, noise)


def test_the_object_is_on_the_hand_only_once_it_was_placed(scene: Scene) -> None:
    """Protects the trial node from starting a trial that nobody prepared."""
    lab = laboratory(scene)
    assert lab.object_dropped()
    lab.place_object(trial=0)
    assert not lab.object_dropped()


def test_placing_is_repeatable_and_different_for_each_trial(scene: Scene) -> None:
    """Protects repeatable runs, and trials from being all alike."""

    def placed(seed: int, trial: int, times: int = 1) -> np.ndarray:
        lab = laboratory(scene, seed)
        for _ in range(times):
            lab.place_object(trial)
        return lab.data.qpos.copy()

    start = placed(0, 3)
    np.testing.assert_array_equal(start, placed(0, 3))
    for other in (placed(0, 4), placed(1, 3), placed(0, 3, times=2)):
        assert np.abs(start - other).max() > 0.01


def test_an_object_that_always_falls_is_an_error(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects against an operator who tries for ever."""
    monkeypatch.setattr(Laboratory, "object_dropped", lambda self: True)
    with pytest.raises(DactylError, match="fell off the hand"):
        laboratory(scene).place_object(0)


def test_targets_are_held_and_reached(scene: Scene) -> None:
    """Protects the meaning of a target: proportional control to an absolute angle, until another one comes."""
    lab = laboratory(scene)
    finger = ACTUATORS.index("FFJ3")
    lab.targets[finger] = 0.5
    lab.step(250)
    angles, velocities, _ = lab.joint_states()
    assert angles[scene.model.joint("rh_FFJ3").qposadr[0]] == pytest.approx(0.5, abs=0.02)
    assert np.abs(velocities).max() < 0.05


def test_unstable_physics_is_an_error_and_not_a_silent_reset(scene: Scene) -> None:
    """Protects results from MuJoCo's habit of resetting a simulation that exploded."""
    lab = laboratory(scene)
    lab.data.qvel[:] = 1e12
    with pytest.raises(DactylError, match="unstable"):
        lab.step()


def test_markers_are_where_the_tracker_expects_them(scene: Scene) -> None:
    """Protects the chain simulator, motion capture, tracker: frames, ids and positions all have to agree."""
    lab = laboratory(scene)
    lab.place_object(trial=0)
    ids = [*range(5), *range(10, 14), *range(20, 26)]
    tracker = MarkerTracker(MarkerLayout(ids[:5], ids[5:9], BASE_MARKERS, ids[9:], OBJECT_MARKERS))
    tracker.update(0.0, ((i, *where) for i, where in zip(ids, lab.markers().tolist(), strict=True)))
    assert tracker.object is not None
    in_world = quaternion.rotate(scene.hand_quaternion, tracker.object.position) + scene.hand_position
    np.testing.assert_allclose(in_world, lab.data.qpos[24:27], atol=1e-6)
    orientation = quaternion.multiply(scene.hand_quaternion, tracker.object.quaternion)
    assert quaternion.difference_angle(orientation, lab.data.qpos[27:31]) < 1e-6
    assert tracker.tracked.all()
    assert (tracker.fingertips[:4, 2] > 0.35).all()


def test_marker_noise_has_its_size_and_comes_from_the_seed(scene: Scene) -> None:
    """Protects repeatable runs with noise."""
    first, second = laboratory(scene, 5, noise=1e-3), laboratory(scene, 5, noise=1e-3)
    exact = laboratory(scene).markers()
    errors = np.array([first.markers() - exact for _ in range(100)])
    assert errors.std() == pytest.approx(1e-3, rel=0.1)
    np.testing.assert_array_equal(errors[0], second.markers() - exact)


def test_a_sphere_can_be_placed() -> None:
    """Protects trials with the sphere, which a hundred random actions would always lose."""
    lab = laboratory(build(SceneConfig(object="sphere")))
    lab.place_object(0)
    assert not lab.object_dropped()
