"""Poses as numbers, losses, errors."""

from __future__ import annotations

from math import log, pi

import pytest
import torch

from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.vision import pose


@pytest.fixture
def turns() -> torch.Tensor:
    """Random orientations, with half turns among them."""
    normals = torch.randn(200, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    normals[:50, 0] = 0.0
    normals[0] = torch.tensor([0.0, 1.0, 0.0, 0.0])
    normals[1] = torch.tensor([1.0, 0.0, 0.0, 0.0])
    return quaternion.uniform(normals)


@pytest.mark.parametrize("rotation", ["quaternion", "matrix"])
def test_what_is_encoded_is_decoded(turns: torch.Tensor, rotation: str) -> None:
    """Protects both representations at every angle; a whole rotation is fully confident."""
    found, confidence = pose.decode(pose.encode(turns, rotation))
    assert quaternion.difference_angle(found, turns).max() < 1e-6
    torch.testing.assert_close(confidence, torch.ones_like(confidence))


@pytest.mark.parametrize("rotation", ["quaternion", "matrix"])
def test_confidence_falls_where_the_network_hesitates(turns: torch.Tensor, rotation: str) -> None:
    """Protects the node's threshold: the mean of different rotations is shorter than a rotation."""
    encoded = pose.encode(turns, rotation)
    undecided = encoded.mean(0, keepdim=True)
    assert pose.decode(undecided)[1] < 0.4
    _, confidence = pose.decode(0.5 * encoded)
    torch.testing.assert_close(confidence, torch.full_like(confidence, 0.5))
    assert torch.isfinite(pose.decode(torch.zeros_like(encoded[:1]))[0]).all()


def test_a_mirrored_matrix_gives_a_rotation() -> None:
    """Protects from reflections: the nearest rotation is proper."""
    found, confidence = pose.decode(torch.diag(torch.tensor([1.0, 1.0, -0.9])).reshape(1, 9))
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(1, dtype=torch.float64))
    assert confidence < 0.5


@pytest.mark.parametrize("rotation", ["quaternion", "matrix"])
def test_both_signs_of_a_quaternion_are_right(turns: torch.Tensor, rotation: str) -> None:
    """Protects training from punishing a right answer."""
    position = torch.zeros(len(turns), 3, dtype=torch.float64)
    group = pose.symmetries("none")
    right = torch.cat([position, pose.encode(turns, rotation)], 1)
    for orientation in (turns, -turns):
        assert pose.loss(right, position, orientation, rotation, group) < 1e-12
    wrong = right.clone()
    wrong[:, 0] += 1.0
    outputs = right.shape[1]
    torch.testing.assert_close(
        pose.loss(wrong, position, turns, rotation, group), torch.tensor(1.0 / outputs, dtype=torch.float64)
    )


def test_orientations_that_look_the_same_count_as_the_same(turns: torch.Tensor) -> None:
    """Protects objects with alike sides: neither loss nor error asks what no image shows."""
    group = pose.symmetries("octagonal_prism")
    assert len(group) == 16
    for turn in group:
        same = quaternion.multiply(turns, turn.expand_as(turns))
        assert pose.rotation_error(same, turns, group).max() < 1e-4
        outputs = torch.cat([torch.zeros(len(turns), 3), pose.encode(same, "matrix")], 1)
        assert pose.loss(outputs, torch.zeros(len(turns), 3), turns, "matrix", group) < 1e-12
    tilted = quaternion.from_rotation_vector(torch.tensor([pi / 2, 0.0, 0.0], dtype=torch.float64)).expand_as(turns)
    assert pose.rotation_error(quaternion.multiply(turns, tilted), turns, group).min() > 80.0
    with pytest.raises(DactylError, match="unknown object 'pyramid'"):
        pose.symmetries("pyramid")


def test_errors_are_in_degrees(turns: torch.Tensor) -> None:
    """Protects Table 6's figures."""
    turn = quaternion.from_rotation_vector(torch.tensor([0.0, 0.3, 0.0], dtype=torch.float64)).expand_as(turns)
    error = pose.rotation_error(quaternion.multiply(turn, turns), turns, pose.symmetries("none"))
    torch.testing.assert_close(error, torch.full_like(error, 0.3 * 180 / pi))


def test_only_sides_turned_towards_a_camera_count_as_keypoints() -> None:
    """Protects the hint: what a camera cannot see is not asked for."""
    found = torch.zeros(2, 3, 7, 2)
    places = torch.full((2, 3, 7, 2), 0.5)
    counted = torch.zeros(2, 3, 7, dtype=torch.bool)
    counted[0, 0, 0] = True
    assert pose.keypoint_loss(found, places, counted) == 0.5
    places[0, 0, 0] = 0.0
    assert pose.keypoint_loss(found, places, counted) == 0.0


def test_weights_say_most_where_they_are_true() -> None:
    """Protects how points are weighed: the loss is smallest at one by the variance of each coordinate."""
    found = 0.1 * torch.randn(400, 3, 7, 2, generator=torch.Generator().manual_seed(0))
    log_weights = torch.linspace(2.0, 7.0, 51)
    losses = [pose.weight_loss(value.expand(400, 3, 7), found, torch.zeros_like(found)) for value in log_weights]
    best = log_weights[int(torch.stack(losses).argmin())]
    assert best == pytest.approx(-2.0 * log(0.1), abs=0.15)
