"""The simulated hardware, without ROS."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import mujoco
import numpy as np
import pytest
import torch

from dactyl.environment import task as tasks
from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.environment import Environment
from dactyl.environment.laboratory import Laboratory
from dactyl.environment.randomization import select
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.robot import control
from dactyl.robot.control import ActionMeaning
from dactyl.robot.markers import MarkerLayout, MarkerTracker
from dactyl.robots.shadow.joints import ACTUATORS
from dactyl.robots.shadow.layout import BASE_MARKERS
from dactyl.simulation.scene import Scene, SceneConfig, build
from dactyl.tasks.reorient.rules import ReorientRules


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build()


def laboratory(scene: Scene, seed: int = 0, noise: float = 0.0, meaning: ActionMeaning | None = None) -> Laboratory:
    return Laboratory(scene, tasks.load("reorient"), seed, noise, meaning)


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
    tracker = MarkerTracker(MarkerLayout(ids[:5], ids[5:9], BASE_MARKERS, ids[9:], scene.object.markers))
    tracker.update(0.0, ((i, *where) for i, where in zip(ids, lab.markers().tolist(), strict=True)))
    assert tracker.object is not None
    in_world = quaternion.rotate(scene.hand_quaternion, tracker.object.position) + scene.hand_position
    np.testing.assert_allclose(in_world, lab.data.qpos[scene.object_position], atol=1e-6)
    orientation = quaternion.multiply(scene.hand_quaternion, tracker.object.quaternion)
    assert quaternion.difference_angle(orientation, lab.data.qpos[scene.object_orientation]) < 1e-6
    assert tracker.tracked.all()
    assert (tracker.fingertips[:4, 2] > 0.35).all()


def test_late_markers_are_those_of_an_earlier_step_and_change_nothing_else(scene: Scene) -> None:
    """Protects a hidden robot's tracking delay, and that measuring late is no other physics: equal to the last bit."""
    prompt = laboratory(scene)
    late = Laboratory(scene, tasks.load("reorient"), 0, 0.0, marker_delay=3 * scene.robot.timing.physics)
    seen = []
    for lab in (prompt, late):
        lab.place_object(trial=0)
        lab.targets[:] = 0.3
    for _ in range(10):
        for lab in (prompt, late):
            lab.step()
        seen.append(prompt.markers())
        if len(seen) > 3:
            np.testing.assert_array_equal(late.markers(), seen[-4])
    np.testing.assert_array_equal(prompt.data.qpos, late.data.qpos)
    late.step(4)
    prompt.step(4)
    np.testing.assert_array_equal(prompt.data.qpos, late.data.qpos)


def test_the_true_pose_is_what_exact_markers_say(scene: Scene) -> None:
    """Protects the farm's scores: truth and tracked pose are in one frame."""
    lab = laboratory(scene)
    lab.place_object(trial=0)
    ids = [*range(5), *range(10, 14), *range(20, 26)]
    tracker = MarkerTracker(MarkerLayout(ids[:5], ids[5:9], BASE_MARKERS, ids[9:], scene.object.markers))
    tracker.update(0.0, ((i, *where) for i, where in zip(ids, lab.markers().tolist(), strict=True)))
    position, orientation = lab.object_pose()
    assert tracker.object is not None
    np.testing.assert_allclose(position, tracker.object.position, atol=1e-6)
    assert quaternion.difference_angle(orientation, tracker.object.quaternion) < 1e-6


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


# ------------------------------------------------------------------------- the operator's random actions


class Script(np.random.Generator):
    """Draws given bins, and remembers the laboratory's whole state before each of them."""

    def __init__(self, lab: Laboratory, bins: Iterable[np.ndarray]) -> None:
        super().__init__(np.random.PCG64(0))
        self._lab, self._bins = lab, iter(bins)
        self.states: list[np.ndarray] = []

    def integers(self, *arguments: Any, **options: Any) -> Any:
        self.states.append(whole_state(self._lab))
        return next(self._bins)


def whole_state(lab: Laboratory) -> np.ndarray:
    state = np.empty(mujoco.mj_stateSize(lab.model, mujoco.mjtState.mjSTATE_INTEGRATION))
    mujoco.mj_getState(lab.model, lab.data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
    return state


MEANINGS = [
    ActionMeaning("current", 0.25, 0.5),
    ActionMeaning("middle", 0.25, 0.5),
    ActionMeaning("current", 1.0, 1.0),
]


@pytest.mark.parametrize("meaning", MEANINGS, ids=str)
def test_a_trial_starts_with_what_the_actions_mean_to_the_policy(
    meaning: ActionMeaning, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the same state the same bins move robot and object, to the bit, as in the environment of training.

    Bins of full actions alone, halved at most 24 times: that is exact in the environment's single precision, as in the
    laboratory's double.
    """
    environment = Environment(
        EnvironmentConfig(
            randomization=select("none"), rules=ReorientRules(timeout=80.0), start_steps=1, reset_pool=0.0,
            action_origin=meaning.origin, action_scale=meaning.scale, smoothing=meaning.smoothing,
        ),
        threads=1,
    )  # fmt: skip
    environment.reset()
    scene = environment.scene
    bins = 5 * np.random.default_rng(7).integers(3, size=(scene.object.start_steps, environment.num_actuators))
    lab = laboratory(scene, meaning=meaning)
    script = Script(lab, bins)
    monkeypatch.setattr(np.random, "default_rng", lambda seed: script)
    assert lab.place_object(0) == 1, "the script kept the object"
    states = [*script.states, whole_state(lab)]
    placed = {"physics.state": torch.from_numpy(states[0])[None]}
    environment.load_state_dict({**environment.state_dict(), **placed})
    positions = scene.robot.actuator_positions(environment.physics.state.qpos[0, scene.joints].numpy())
    still = control.holding(positions, scene.robot.actuator_limits, meaning.origin, meaning.scale)
    placed["smoothed"] = torch.tensor(still, dtype=torch.float32)[None]
    environment.load_state_dict({**environment.state_dict(), **placed})
    for step, action in enumerate(torch.from_numpy(bins[: len(bins) if meaning.smoothing == 1.0 else 24])):
        environment.step(action[None])
        now = environment.state_dict()["physics.state"][0].numpy()
        np.testing.assert_array_equal(now, states[step + 1], err_msg=f"after action {step}")
    assert np.abs(states[-1] - states[0])[1 : 1 + scene.joints.stop].max() > 0.1, "the script moved the hand"


def reaches(scene: Scene, meaning: ActionMeaning | None, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """How far the targets of a start are from what they are counted from, in half ranges, (steps, A)."""
    lab, robot = laboratory(scene, seed=2, meaning=meaning), scene.robot
    half = np.ptp(robot.actuator_limits, axis=1) / 2
    found, step = [], Laboratory.step

    def watched(self: Laboratory, steps: int = 1) -> None:
        origin = robot.actuator_positions(self.data.qpos[scene.joints])
        if meaning and meaning.origin == "middle":
            origin = robot.actuator_limits.mean(axis=1)
        inside = np.clip(origin, *robot.actuator_limits.T)  # a joint beyond its limit is called back
        found.append((self.targets - inside) / half)
        step(self, steps)

    monkeypatch.setattr(Laboratory, "step", watched)
    lab.place_object(0)
    return np.abs(found)


@pytest.mark.parametrize("origin", ["current", "middle"])
def test_a_start_reaches_as_far_as_the_policys_actions_do(
    scene: Scene, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects a policy of small actions from a hand that was flung about before its trial."""
    quarter = reaches(scene, ActionMeaning(origin, 0.25, 0.5), monkeypatch)
    assert 0.15 < quarter.max() <= 0.25 + 1e-6
    whole = reaches(scene, ActionMeaning(origin, 1.0, 0.5), monkeypatch)
    assert 0.6 < whole.max() <= 1.0 + 1e-6


def test_a_start_is_smoothed_as_the_policys_actions_are(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first targets reach as far as the weight of a new action; by default it is the robot's."""
    first = {
        smoothing: reaches(scene, ActionMeaning(smoothing=smoothing), monkeypatch)[0].max() for smoothing in (0.1, 0.8)
    }
    assert first[0.1] <= 0.1 + 1e-6
    assert 0.5 < first[0.8] <= 0.8 + 1e-6
    default, robots_own = (
        reaches(scene, meaning, monkeypatch)
        for meaning in (None, ActionMeaning(smoothing=scene.robot.action.smoothing))
    )
    np.testing.assert_array_equal(default, robots_own)
