"""Windows hold what was recorded; fingers are replayed side by side, what carries them is not."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.calibration.model.exercise import Exercise, exercise_of
from dactyl.calibration.model.recording import Recording
from dactyl.calibration.model.replay import scene_of
from dactyl.calibration.model.windows import cut, groups_of, layers, merge
from dactyl.errors import DactylError


def test_fingers_are_side_by_side_and_the_wrist_by_itself() -> None:
    scene = scene_of("shadow")
    found = layers(groups_of(exercise_of(scene.robot), scene), scene)
    assert [[group.name for group in layer] for layer in found] == [["WR"], ["FF", "MF", "RF", "LF", "TH"]]


@pytest.mark.usefixtures("tray")
def test_joints_of_one_link_are_not_side_by_side() -> None:
    scene = scene_of("tray")
    assert len(layers(groups_of(exercise_of(scene.robot), scene), scene)) == 2


@pytest.mark.usefixtures("tray")
def test_each_actuator_must_be_in_one_group() -> None:
    scene = scene_of("tray")
    with pytest.raises(DactylError, match="each actuator in one group"):
        groups_of(Exercise({"both": ("roll", "pitch"), "again": ("roll",)}), scene)


def test_a_window_starts_and_ends_at_measured_angles(recording: Recording) -> None:
    scene = scene_of("tray")
    groups = groups_of(exercise_of(recording.robot), scene)
    starts = cut(recording, groups, every=0.8)
    windows = merge(recording, [groups[1]], starts)
    first = starts["pitch"][0]
    np.testing.assert_array_equal(windows.qpos[0], recording.angles[first])
    np.testing.assert_array_equal(windows.after[0], recording.angles[first + 100])
    np.testing.assert_array_equal(windows.targets[0], recording.targets[first : first + 100])
    np.testing.assert_allclose(windows.before[0, -1], recording.targets[first - 10] - recording.angles[first - 10])
    assert windows.active.tolist() == [[False, True]] * len(windows.active)


def test_windows_avoid_gaps_and_what_other_groups_do(recording: Recording) -> None:
    groups = groups_of(exercise_of(recording.robot), scene_of("tray"))
    whole = cut(recording, groups, every=0.8)
    angles = recording.angles.copy()
    angles[whole["roll"][3] + 50] = np.nan
    holed = cut(Recording(recording.robot, recording.targets, angles), groups, every=0.8)
    assert whole["roll"][3] not in holed["roll"]
    for name, other in (("roll", 1), ("pitch", 0)):
        for start in whole[name]:
            assert np.ptp(recording.targets[start - 100 : start + 100, other]) < 1e-3


def test_a_group_that_never_moves_by_itself_is_named(recording: Recording) -> None:
    together = Recording(recording.robot, recording.targets[:, [0, 0]], recording.angles)
    groups = groups_of(exercise_of(recording.robot), scene_of("tray"))
    with pytest.raises(DactylError, match="no second in which roll moves and nothing else"):
        cut(together, groups, every=0.8)
