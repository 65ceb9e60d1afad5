"""States that say something new."""

from __future__ import annotations

import numpy as np

from dactyl.maths import quaternion
from dactyl.simulation.scene import build
from dactyl.vision.thinning import Thinning, falling, limit
from tests.vision.conftest import random_states

NOT_FRESH = np.zeros(4, bool)


def states() -> np.ndarray:
    return np.asarray(random_states(4).astype(float))


def test_only_what_differs_is_picked() -> None:
    """Protects from a set that is mostly a hand holding still: moved, turned or bent far enough, or begun anew."""
    thinning = Thinning(build(), apart=1.0)
    first = states()
    assert thinning.pick(first, np.ones(4, bool)).all()
    near = first.copy()
    near[:, 24] += 0.004
    assert not thinning.pick(near, NOT_FRESH).any()
    assert thinning.pick(near, np.array([True, False, False, False])).tolist() == [True, False, False, False]
    far = first.copy()
    far[1, 25] += 0.006
    turn = quaternion.from_rotation_vector(np.array([0.0, 0.16, 0.0]))
    far[2, 27:] = quaternion.multiply(far[2, 27:], turn)
    far[3, :24] += 0.11
    assert thinning.pick(far, NOT_FRESH).tolist() == [False, True, True, True]


def test_small_steps_add_up() -> None:
    """Protects slow motions: what counts is the last state that was kept, not the one before."""
    thinning = Thinning(build(), apart=1.0)
    moving = states()
    picked = []
    for _ in range(7):
        picked.append(bool(thinning.pick(moving, NOT_FRESH)[0]))
        moving = moving.copy()
        moving[:, 26] += 0.002
    assert picked == [True, False, False, True, False, False, True]


def test_nothing_is_thinned_out_unless_it_is_asked_for_and_nan_never_counts() -> None:
    thinning = Thinning(build(), apart=0.0)
    broken = states()
    broken[2, 5] = np.nan
    for _ in range(2):
        assert thinning.pick(broken, NOT_FRESH).tolist() == [True, True, False, True]


def test_falling_is_most_of_the_way_to_lost() -> None:
    """Protects both sides: objects in play are none, whatever the hand's tilt, and on a palm that the wrist lowers."""
    scene = build()
    rest, workspace = scene.robot.workspace.rest, scene.robot.workspace
    sunk, aside = rest - 0.8 * workspace.depth * scene.up, rest + np.array([0.8 * workspace.radius, 0.0, 0.0])
    raised = rest + 0.4 * workspace.depth * scene.up
    lowered = rest - 0.06 * scene.up  # see DROP_HEIGHT of the hand's layout
    places = np.stack([rest, raised, lowered, sunk, aside])
    assert falling(scene, places).tolist() == [False, False, False, True, True]


def test_falls_are_at_most_their_share() -> None:
    random = np.random.default_rng(0)
    mask = np.arange(100) < 40
    kept = limit(mask, 0.25, random)
    assert kept[~mask].all()
    assert kept[mask].sum() == 20
    assert limit(mask, 1.0, random).all()
    assert not limit(mask, 0.0, random)[mask].any()
    assert limit(np.zeros(5, bool), 0.1, random).all()
