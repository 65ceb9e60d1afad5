"""The pool of initial states: a ring on the device."""

from __future__ import annotations

import torch

from dactyl.environment.randomization.random import Random
from dactyl.environment.starts import StartPool
from dactyl.simulation.model_fields import PhysicsFactors
from dactyl.simulation.physics import PhysicsState

WORLDS = 4


def rows(*values: float) -> tuple[PhysicsState, PhysicsFactors]:
    """One world's state and physics for each value, filled with it."""
    v = torch.tensor(values)
    n = len(v)
    state = PhysicsState(*(v[:, None].double().expand(n, size) for size in (31, 30, 20)))
    shapes = [(), (28,), (), (), (24,), (20,), (24, 2), (3,), ()]
    return state, PhysicsFactors(*(v.reshape(n, *[1] * len(shape)).expand(n, *shape) for shape in shapes))


def stored(pool: StartPool) -> list[float]:
    state, factors = pool.take(torch.arange(len(pool)))
    for field in (*state, *factors):  # a state and its physics must never be torn apart
        assert (field.reshape(len(pool), -1) == state.qpos[:, :1]).all()
    return state.qpos[:, 0].tolist()


def add(pool: StartPool, keep: list[bool], *values: float) -> None:
    pool.add(torch.tensor(keep), *rows(*values))


def test_keeps_survivors_only():
    pool = StartPool(WORLDS, *rows(0, 0, 0, 0))
    assert len(pool) == 0
    add(pool, [True, False, True, False], 1, 2, 3, 4)
    assert stored(pool) == [1, 3]
    add(pool, [False] * 4, 5, 6, 7, 8)
    assert stored(pool) == [1, 3]


def test_the_oldest_make_room():
    """A ring: never longer than its capacity, and always the newest states."""
    pool = StartPool(WORLDS, *rows(0, 0, 0, 0))
    add(pool, [True, True, True, False], 1, 2, 3, 4)
    add(pool, [False, True, True, True], 5, 6, 7, 8)
    assert len(pool) == WORLDS
    assert stored(pool) == [7, 8, 3, 6]
    add(pool, [True, True, True, True], 11, 12, 13, 14)
    assert sorted(stored(pool)) == [11, 12, 13, 14]


def test_draws_all_states_alike():
    pool = StartPool(WORLDS, *rows(0, 0, 0, 0))
    add(pool, [True] * 4, 1, 2, 3, 4)
    state, factors = pool.draw(4000, Random(0, torch.device("cpu")))
    assert (state.qpos[:, 0] == factors.friction).all()
    counts = torch.bincount(factors.friction.long(), minlength=5)
    assert counts[0] == 0
    assert ((counts[1:] - 1000).abs() < 120).all()  # four standard deviations


def test_saved_and_loaded():
    pool, other = (StartPool(WORLDS, *rows(0, 0, 0, 0)) for _ in range(2))
    add(pool, [True, True, True, False], 1, 2, 3, 4)
    other.load_state_dict(pool.state_dict())
    for p in (pool, other):
        add(p, [True, True, False, False], 5, 6, 7, 8)
    assert stored(other) == stored(pool) == [6, 2, 3, 5]
