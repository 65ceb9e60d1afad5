"""Pushes: one rule for numpy and torch, and in the laboratory a force only while the object is handled."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dactyl.environment import task as tasks
from dactyl.environment.laboratory import Laboratory
from dactyl.environment.pushes import PushConfig, Pushes, faded
from dactyl.simulation.scene import Scene, build

ALWAYS = PushConfig(acceleration=3.0, probability=1.0, decay=0.9)
NEVER = PushConfig(acceleration=3.0, probability=0.0, decay=0.9)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build()


def laboratory(scene: Scene, config: PushConfig | None) -> Laboratory:
    pushes = None if config is None else Pushes(config, seed=4)
    made = Laboratory(scene, tasks.load("reorient"), 0, 0.0, pushes=pushes)
    made.place_object(0)
    return made


def force(made: Laboratory) -> np.ndarray:
    """(3,) N on the object."""
    return made.data.xfrc_applied[made.scene.object_body, :3].copy()


def test_numpy_and_torch_fade_alike() -> None:
    """Protects the one rule that a policy was trained with and is then tried by."""
    old, new = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.full((2, 3), 9.0)
    found = faded(old, np.array([False, True]), new, 0.5)
    np.testing.assert_array_equal(found, [[0.5, 1.0, 1.5], [9.0, 9.0, 9.0]])
    tensors = faded(torch.tensor(old), torch.tensor([False, True]), torch.tensor(new), 0.5)
    np.testing.assert_array_equal(tensors.numpy(), found)


def test_pushes_have_their_size_and_repeat_with_their_seed() -> None:
    pushes, again = Pushes(ALWAYS, 0), Pushes(ALWAYS, 0)
    found = np.array([pushes.next() for _ in range(2000)])
    np.testing.assert_array_equal(found, [again.next() for _ in range(2000)])
    assert found.std() == pytest.approx(3.0, rel=0.05)
    assert not np.array_equal(found[0], Pushes(ALWAYS, 1).next())


def test_a_push_fades_until_the_next_one() -> None:
    pushes = Pushes(PushConfig(3.0, 0.2, 0.9), 0)
    found = np.array([pushes.next() for _ in range(500)])
    fades = np.isclose(found[1:], 0.9 * found[:-1], rtol=0.0, atol=1e-12).all(1)
    assert fades.mean() == pytest.approx(0.8, abs=0.06)


def test_a_handled_object_is_pushed_by_its_mass(scene: Scene) -> None:
    made = laboratory(scene, ALWAYS)
    made.push(handled=True)
    expected = scene.model.body_mass[scene.object_body] * Pushes(ALWAYS, 4).next()
    np.testing.assert_allclose(force(made), expected)


def test_nobody_pushes_what_is_not_handled(scene: Scene) -> None:
    """Protects the operator's placing of the object from what is left of the trial before."""
    made = laboratory(scene, ALWAYS)
    made.push(handled=True)
    made.push(handled=False)
    assert not force(made).any()
    made.push(handled=True)
    made.place_object(1)
    assert not force(made).any()


def test_what_is_left_of_a_push_ends_with_the_trial(scene: Scene) -> None:
    """Protects the next trial from a push that nobody began in it."""
    made = laboratory(scene, PushConfig(acceleration=3.0, probability=0.2, decay=1.0))
    while not force(made).any():
        made.push(handled=True)
    made.push(handled=False)
    made.push(handled=True)
    assert not force(made).any(), "with this seed none begins here"


@pytest.mark.parametrize("config", [None, NEVER])
def test_without_pushes_the_physics_is_what_it_was(scene: Scene, config: PushConfig | None) -> None:
    """Equal to the last bit."""
    plain, made = laboratory(scene, None), laboratory(scene, config)
    for _ in range(5):
        made.push(handled=True)
        for lab in (plain, made):
            lab.step(10)
    np.testing.assert_array_equal(plain.data.qpos, made.data.qpos)
