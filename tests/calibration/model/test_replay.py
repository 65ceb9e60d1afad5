"""The true parameters replay what was recorded; another parameter shows in its own joint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dactyl.calibration.model import simulated
from dactyl.calibration.model.exercise import exercise_of
from dactyl.calibration.model.recording import Recording
from dactyl.calibration.model.replay import Replay, Robots, scene_of, slack_before
from dactyl.calibration.model.space import Space, draw, space_of
from dactyl.calibration.model.windows import cut, groups_of, layers, merge
from dactyl.robot import backlash
from dactyl.robot import robot as robots
from dactyl.robot.parameters import Key, ModelParameters, from_vector
from dactyl.robot.robot import Positions, Robot


def replay_of(recording: Recording, lanes: int = 64) -> Replay:
    scene = scene_of(recording.robot.name)
    groups = groups_of(exercise_of(recording.robot), scene)
    starts = cut(recording, groups, every=0.8)
    return Replay(Robots(scene, lanes, 1), [merge(recording, layer, starts) for layer in layers(groups, scene)], groups)


def test_the_true_parameters_replay_the_recording(recording: Recording, hidden: np.ndarray, space: Space) -> None:
    replay = replay_of(recording)
    nominal, truth = np.sqrt(replay.errors(np.stack([space.nominal, hidden])))
    assert (truth < np.radians(0.5)).all()
    assert truth.mean() < 0.4 * nominal.mean()


def test_candidates_do_not_disturb_each_other(recording: Recording, hidden: np.ndarray, space: Space) -> None:
    """Also with fewer robots than windows, and whatever was replayed before."""
    replay, few = replay_of(recording), replay_of(recording, lanes=7)
    both = replay.residuals(np.stack([space.nominal, hidden]))
    np.testing.assert_array_equal(replay.residuals(hidden[None])[0], both[1])
    np.testing.assert_array_equal(few.residuals(space.nominal[None])[0], both[0])


def test_only_layers_with_a_group_that_is_asked_for_are_simulated(recording: Recording, space: Space) -> None:
    replay = replay_of(recording)
    whole = replay.errors(space.nominal[None])
    steps = replay.robots.steps
    part = replay.errors(space.nominal[None], {1})
    assert replay.robots.steps - steps < 0.6 * steps
    assert part[0, 1] == whole[0, 1]
    assert np.isinf(part[0, 0])


def test_a_robot_whose_simulation_breaks_is_infinitely_wrong(recording: Recording, space: Space) -> None:
    broken = space.nominal.copy()
    broken[space.keys.index(Key("roll", "gain"))] = np.nan
    errors = replay_of(recording).errors(np.stack([broken, space.nominal]))
    assert np.isinf(errors[0, 0])
    assert np.isfinite(errors[1]).all()


def test_slack_is_followed_as_backlash_moves_it() -> None:
    before, delta = np.random.default_rng(0).normal(size=(3, 5, 2)), np.full((3, 2, 2), 1.5)
    slack = np.zeros((3, 2))
    for i in range(5):
        slack, _ = backlash.apply(slack, before[:, i] / 2.0, delta)
    np.testing.assert_allclose(slack_before(before, np.array([2.0, 2.0]), delta), slack)


@pytest.mark.parametrize("tendons", [True, False])
def test_only_tendons_lose_some_of_a_motion(tray: Robot, tendons: bool) -> None:
    """Protects the calibration of robots with motors at their joints, where training has no backlash either."""
    assert isinstance(tray.action, Positions)
    scene = scene_of("tray")
    scene = replace(scene, robot=replace(tray, action=replace(tray.action, tendons=tendons)))
    found, wanted = scene.parameters, 0.05
    alone = Robots(scene, 1, 1)
    one = ModelParameters(found.joints[None], found.actuators[None])
    alone.start(np.zeros((1, 2)), np.zeros((1, 2)), one, np.zeros((1, 2)))
    alone.control_step(np.full((1, tray.timing.substeps, 2), wanted))
    if tendons:
        assert (alone._targets[0] < 0.9 * wanted).all()
    else:
        np.testing.assert_allclose(alone._targets[0], wanted)


@pytest.mark.slow  # a recording of the whole hand
def test_fingers_replayed_side_by_side_are_as_they_were_alone() -> None:
    """The recording has contacts and one finger moving at a time; the replay has all fingers at once, without."""
    robot = robots.load("shadow")
    truth = draw(space_of(robot, scene_of("shadow").parameters), 1)
    recording = simulated.record(robot, from_vector(robot, truth), exercise_of(robot), 1, noise=1e-5)
    assert (np.degrees(np.sqrt(replay_of(recording, 256).errors(truth[None])[0])) < 0.5).all()
