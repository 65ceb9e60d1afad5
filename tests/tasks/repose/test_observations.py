"""What is seen: sizes as in the paper, corners where a cube's are, the same numbers for numpy and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dactyl import objects
from dactyl.environment import task as tasks
from dactyl.maths import quaternion
from dactyl.robot import robot as robots
from dactyl.tasks.repose.keypoints import corners
from dactyl.tasks.repose.observations import OBSERVATIONS, POLICY_TERMS

TASK, ROBOT, CUBE = tasks.load("repose"), robots.load("trifinger"), objects.load("cube")
POSE_TERMS = ("joint_angles", "joint_velocities", "object_pose", "goal_pose", "smoothed_action")


def signals(batch: tuple[int, ...]) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    orientation, goal = (quaternion.uniform(random.normal(size=(*batch, 4))) for _ in range(2))
    return {
        "fingertips": random.normal(size=(*batch, 3, 3)),
        "object_position": random.normal(size=(*batch, 3)),
        "object_orientation": -orientation,
        "goal": np.concatenate([random.normal(size=(*batch, 3)), -goal], axis=-1),
        "object_velocity": random.normal(size=(*batch, 3)),
        "object_turn": random.normal(size=(*batch, 4)),
        **{name: random.normal(size=(*batch, 9)) for name in ("joint_angles", "joint_velocities", "smoothed_action")},
        "physics_factors": random.normal(size=(*batch, 43)),
        "effects": random.normal(size=(*batch, 47)),
    }


def test_the_policy_sees_75_numbers_with_keypoints_and_41_without() -> None:
    assert TASK.size(POLICY_TERMS, ROBOT) == 75
    assert TASK.size(POSE_TERMS, ROBOT) == 41


@pytest.mark.parametrize("batch", [(), (5,), (2, 3)], ids=str)
def test_every_term_has_the_size_it_says_and_needs_what_it_says(batch: tuple[int, ...]) -> None:
    seen = signals(batch)
    for name, term in OBSERVATIONS.items():
        values = term.function({signal: seen[signal] for signal in term.needs}, CUBE)
        assert values.shape == (*batch, *term.shape(ROBOT)), name
        theirs = term.function({signal: torch.as_tensor(seen[signal]) for signal in term.needs}, CUBE)
        np.testing.assert_allclose(theirs.numpy(), values, atol=1e-12)


def test_keypoints_are_the_corners_of_the_simulated_cube() -> None:
    position, turn = np.array([0.1, -0.2, 0.3]), quaternion.from_rotation_vector(np.array([0.0, 0.0, np.pi / 2]))
    points = corners(position, turn)
    assert points.shape == (8, 3)
    np.testing.assert_allclose(points.mean(0), position)
    np.testing.assert_allclose(np.abs(points - position), 0.0325, atol=1e-12)
    first = quaternion.rotate(turn, CUBE.keypoints) + position
    np.testing.assert_allclose(np.sort(points.round(9), axis=0), np.sort(first.round(9), axis=0))


def test_a_pose_and_its_opposite_quaternion_are_seen_alike() -> None:
    """Protects networks from two inputs for one pose."""
    seen = signals((4,))
    other = {**seen, "object_orientation": -seen["object_orientation"]}
    for terms in (POLICY_TERMS, POSE_TERMS):
        np.testing.assert_allclose(TASK.observe(seen, terms, CUBE), TASK.observe(other, terms, CUBE), atol=1e-12)


def test_nothing_is_told_of_an_objects_shape() -> None:
    """The paper's zero-shot transfer to a sphere and a cuboid: keypoints stay where a cube's would be."""
    seen = signals((2,))
    np.testing.assert_array_equal(
        TASK.observe(seen, POLICY_TERMS, CUBE), TASK.observe(seen, POLICY_TERMS, objects.load("sphere"))
    )


def test_symmetric_keypoints_are_the_same_for_cubes_that_look_the_same_and_ask_for_the_same_rotation() -> None:
    """Protects what lets a policy learn one of 24 cases alone."""
    seen = signals((50,))
    symmetries = CUBE.symmetries.like(seen["object_orientation"])
    object_term, goal_term = (OBSERVATIONS[f"symmetric_{name}_keypoints"].function for name in ("object", "goal"))
    first = object_term(seen, CUBE), goal_term(seen, CUBE)
    for symmetry in symmetries:
        goal = np.concatenate([seen["goal"][:, :3], quaternion.multiply(seen["goal"][:, 3:], symmetry)], axis=-1)
        same = {**seen, "object_orientation": quaternion.multiply(seen["object_orientation"], symmetry), "goal": goal}
        np.testing.assert_allclose(object_term(same, CUBE), first[0], atol=1e-9)
        np.testing.assert_allclose(goal_term(same, CUBE), first[1], atol=1e-9)
    there = {**seen, "goal": np.concatenate([seen["object_position"], seen["object_orientation"]], axis=-1)}
    np.testing.assert_allclose(goal_term(there, CUBE), object_term(there, CUBE), atol=1e-9)
    turned = {**there, "goal": np.concatenate([seen["object_position"], seen["goal"][:, 3:]], axis=-1)}
    plain = [OBSERVATIONS[f"{name}_keypoints"].function(turned, CUBE) for name in ("object", "goal")]
    symmetric = [term(turned, CUBE) for term in (object_term, goal_term)]
    off = [np.linalg.norm((a - b).reshape(-1, 8, 3), axis=-1) for a, b in (plain, symmetric)]
    np.testing.assert_allclose(np.sort(off[0]), np.sort(off[1]), atol=1e-9, err_msg="as far from their goals")
