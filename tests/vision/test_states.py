"""States from a policy: collected, stored, checked, augmented."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dactyl.errors import DactylError
from dactyl.learning.models.recurrent import Architecture
from dactyl.learning.policy import Contract, Policy
from dactyl.maths import quaternion
from dactyl.simulation.scene import build
from dactyl.vision import states
from dactyl.vision.augmentation import PoseAugmentation
from tests.vision.conftest import random_states


@pytest.fixture(scope="module")
def policy() -> Policy:
    torch.manual_seed(0)
    return Policy(Contract(architecture=Architecture(dense=(8,), lstm=0)))


RECIPE = states.Recipe("random", "block", False, 0.1, seed=3, worlds=2, records=3, interval=1)


@pytest.mark.slow
def test_an_interrupted_collection_goes_on_as_if_it_had_not_been(policy: Policy, tmp_path: Path) -> None:
    """Protects resuming: shards depend on the seed and their number alone."""
    reported: list[int] = []
    assert states.collect(policy, RECIPE, 12, tmp_path / "once", reported.append, threads=1) == 12
    assert reported == [6, 12]
    for number in (1, 7):
        states.collect(policy, RECIPE, number, tmp_path / "twice", reported.append, threads=1)
    once, twice = (states.load(tmp_path / name).qpos for name in ("once", "twice"))
    np.testing.assert_array_equal(once, twice)
    assert len(np.unique(once, axis=0)) == 12
    other = dataclasses.replace(RECIPE, seed=4)
    with pytest.raises(DactylError, match="holds states with seed 3, not 4: choose another folder"):
        states.collect(policy, other, 12, tmp_path / "once", reported.append)


@pytest.mark.slow
def test_a_set_says_whose_states_it_holds_and_how_many_are_left(policy: Policy, tmp_path: Path) -> None:
    """Protects from figures of states whose policy or world nobody knows any more."""
    recipe = dataclasses.replace(
        states.recipe_for(policy, "mine", seed=3, randomizations="none", apart=1e6, share=1.0),
        worlds=2, records=3, interval=1,
    )  # fmt: skip
    number = states.collect(policy, recipe, 3, tmp_path, lambda number: None, threads=1)
    index = json.loads((tmp_path / states.INDEX).read_text())
    assert index["sizes"] == [2, 2], "of each shard's two episodes only the first moment"
    assert number == len(states.load(tmp_path).qpos) == 4
    assert index["recipe"]["policy_weights"] == recipe.policy_weights
    assert len(recipe.policy_weights) == 64
    assert index["recipe"]["world"] == states.WORLD
    torch.manual_seed(1)
    other = Policy(policy.contract)
    assert states.recipe_for(other, "mine", 3).policy_weights != recipe.policy_weights
    changed = dataclasses.replace(recipe, policy_weights="0" * 64)
    with pytest.raises(DactylError, match="holds states with policy_weights"):
        states.collect(policy, changed, 3, tmp_path, lambda number: None)


def test_sets_from_before_are_read_and_counted_whole(states_folder: Path) -> None:
    """Protects collected states: nothing said then which world they are of, nor that any were left out."""
    recipe, sizes = states._read(states_folder)
    assert (recipe.world, recipe.policy_weights, recipe.apart, recipe.falling) == (0, "", 0.0, 1.0)
    assert sizes == {"states-000000.npz": 64}


def test_damaged_states_are_refused(states_folder: Path) -> None:
    """Protects training from garbage; names the file."""
    assert len(states.load(states_folder).qpos) == 64
    shard = states_folder / "states-000000.npz"
    qpos = random_states(8)
    qpos[3, 3] = np.nan
    np.savez(shard, qpos=qpos)
    with pytest.raises(DactylError, match=r"states-000000.npz does not hold states"):
        states.load(states_folder)
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(DactylError, match=r"cannot read the states .*states-000000.npz"):
        states.load(states_folder)
    index = json.loads((states_folder / states.INDEX).read_text())
    (states_folder / states.INDEX).write_text(json.dumps({**index, "format": "other"}))
    with pytest.raises(DactylError, match="its format is not dactyl-states/1"):
        states.load(states_folder)
    with pytest.raises(DactylError, match="there are no states in"):
        states.load(states_folder / "nowhere")


def test_states_of_before_there_were_other_robots_are_read(states_folder: Path) -> None:
    """Protects collected states: the tilt was called after the fingers."""
    index = json.loads((states_folder / states.INDEX).read_text())
    recipe = index["recipe"]
    recipe["fingers_raised"] = recipe.pop("tilt")
    del recipe["robot"]
    (states_folder / states.INDEX).write_text(json.dumps(index))
    scene = states.load(states_folder).recipe.scene
    assert (scene.tilt, scene.robot) == (0.1, "shadow")


def test_poses_are_in_the_hand_frame() -> None:
    """Protects what the network learns: the pose that motion capture gives for the same state."""
    scene = build()
    qpos = random_states(4)
    poses = states.object_poses(scene, qpos)
    assert np.abs(poses.position - scene.robot.workspace.rest).max() < 0.05
    back = quaternion.multiply(scene.hand_quaternion, poses.orientation)
    assert quaternion.difference_angle(back, qpos[:, 27:].astype(float)).max() < 1e-6


def test_poses_are_augmented_as_the_paper_says() -> None:
    """Protects appendix D.2: 20 % stay, 40 % are turned by 90° about an axis, 40 % are jittered."""
    qpos = random_states(4000).astype(float)
    augmented = PoseAugmentation().apply(build(), qpos, np.random.default_rng(0))
    np.testing.assert_array_equal(augmented[:, :24], qpos[:, :24])
    angle = np.degrees(quaternion.difference_angle(augmented[:, 27:], qpos[:, 27:]))
    moved = np.linalg.norm(augmented[:, 24:27] - qpos[:, 24:27], axis=1)
    jittered = moved > 0.0
    same = (angle < 0.01) & ~jittered
    turned = ~jittered & ~same
    for share, expected in ((same, 0.2), (turned, 0.4), (jittered, 0.4)):
        assert abs(share.mean() - expected) < 0.03
    assert (np.abs((angle[turned] + 45.0) % 90.0 - 45.0) < 0.01).all()
    turns = quaternion.multiply(quaternion.conjugate(qpos[turned, 27:]), augmented[turned, 27:])
    assert (np.sort(np.abs(turns[:, 1:]), axis=1)[:, :2] < 1e-6).all(), "about the object's own axes"
    assert abs(moved[jittered].mean() - 0.01 * np.sqrt(8 / np.pi)) < 0.001
    np.testing.assert_allclose(np.linalg.norm(augmented[:, 27:], axis=1), 1.0, atol=1e-6)
