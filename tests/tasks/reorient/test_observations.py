"""The networks' inputs: Table 2."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dactyl import objects
from dactyl.environment import task as tasks
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.robot import robot as robots

TASK, ROBOT, BLOCK = tasks.load("reorient"), robots.load("shadow"), objects.load("block")

TABLE_2 = {
    "fingertip_positions": 15,
    "object_position": 3,
    "object_orientation": 4,
    "target_orientation": 4,
    "relative_target_orientation": 4,
    "joint_angles": 24,
    "joint_velocities": 24,
    "object_velocity": 3,
    "object_angular_velocity": 4,
}


MORE = {"symmetric_orientation": 4, "smoothed_action": 20, "posture": 20, "physics_factors": 99, "effects": 106}


def test_terms_are_table_2s():
    """And five of our own, which nobody gets who does not ask for them."""
    assert {name: TASK.size((name,), ROBOT) for name in TASK.observations} == TABLE_2 | MORE
    assert tuple(TABLE_2) == TASK.value_terms
    # without the object's orientation, which the authors left out by accident (footnote 4)
    assert TASK.policy_terms == ("fingertip_positions", "object_position", "relative_target_orientation")
    assert TASK.size(TASK.policy_terms, ROBOT) == 22
    assert TASK.size(TASK.value_terms, ROBOT) == 85


def test_unknown_terms_are_refused():
    with pytest.raises(DactylError, match=r"'touch'.*choose from fingertip_positions"):
        TASK.size(["object_position", "touch"], ROBOT)


SIGNALS = {
    # shapes of what the terms look at
    "fingertips": (5, 3), "object_position": (3,), "object_orientation": (4,), "goal": (4,), "joint_angles": (24,),
    "joint_velocities": (24,), "object_velocity": (3,), "object_turn": (4,), "smoothed_action": (20,),
    "posture": (20,), "physics_factors": (99,), "effects": (106,),
}  # fmt: skip


def signals(array: Any) -> dict[str, Any]:
    """Two robots'; each signal has numbers of its own."""
    generator = np.random.default_rng(0)
    values = {name: generator.normal(size=(2, *shape)).astype(np.float32) for name, shape in SIGNALS.items()}
    for name in ("object_orientation", "goal"):
        values[name] = quaternion.normalize(values[name])
    return {name: array(value) for name, value in values.items()}


@pytest.fixture(params=[np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def array(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_terms_are_joined_in_the_order_asked_for(array):
    """Policy files store the order; a policy fed another one would still run, and do nonsense."""
    seen = signals(array)
    joined = np.asarray(TASK.observe(seen, ("object_velocity", "object_position"), BLOCK))
    np.testing.assert_array_equal(joined[:, :3], seen["object_velocity"])
    np.testing.assert_array_equal(joined[:, 3:], seen["object_position"])
    everything = np.asarray(TASK.observe(seen, tuple(TASK.observations), BLOCK))
    parts = np.split(everything, np.cumsum([*TABLE_2.values(), *MORE.values()])[:-1], axis=1)
    for name, part in zip(TASK.observations, parts, strict=True):
        np.testing.assert_array_equal(part, TASK.observe(seen, (name,), BLOCK), err_msg=name)


@pytest.mark.parametrize("name", TASK.observations)
def test_a_term_needs_what_it_says_and_no_more(name):
    """Protects the policy node, which gathers just these; and sizes, which networks are made by."""
    term = TASK.term(name)
    seen = {signal: value for signal, value in signals(np.asarray).items() if signal in term.needs}
    values = term.function(seen, BLOCK)
    assert values.shape == (2, *term.shape(ROBOT))
    assert values.dtype == np.float32
    for signal in term.needs:
        with pytest.raises(KeyError, match=signal):
            term.function({other: value for other, value in seen.items() if other != signal}, BLOCK)


def test_what_terms_show(array):
    seen = signals(array)

    def show(name: str) -> np.ndarray:
        return np.asarray(TASK.observe(seen, (name,), BLOCK))

    np.testing.assert_array_equal(show("fingertip_positions"), np.asarray(seen["fingertips"]).reshape(2, 15))
    np.testing.assert_array_equal(show("object_angular_velocity"), seen["object_turn"])
    for name in ("joint_angles", "joint_velocities", "smoothed_action", "posture", "physics_factors", "effects"):
        np.testing.assert_array_equal(show(name), seen[name])
    goal, orientation = np.asarray(seen["goal"]), np.asarray(seen["object_orientation"])
    arrived = quaternion.multiply(show("relative_target_orientation"), orientation)
    np.testing.assert_allclose(quaternion.canonical(arrived), quaternion.canonical(goal), atol=1e-6)
    np.testing.assert_allclose(show("symmetric_orientation"), BLOCK.reduce(orientation), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "signal"), [("object_orientation", "object_orientation"), ("target_orientation", "goal")]
)
def test_a_quaternion_and_its_negative_look_alike(array, name, signal):
    """They are the same orientation; a network must not have to learn that."""
    seen = signals(array)
    shown = TASK.observe(seen, (name,), BLOCK)
    assert (np.asarray(shown)[:, 0] >= 0).all()
    np.testing.assert_array_equal(TASK.observe({**seen, signal: -seen[signal]}, (name,), BLOCK), shown)
    np.testing.assert_allclose(quaternion.difference_angle(shown, seen[signal]), 0.0, atol=1e-3)
