"""Poses as the network's outputs, the loss between the two, and errors in degrees and millimetres."""

from __future__ import annotations

import torch
from torch import Tensor

from dactyl import objects
from dactyl.errors import DactylError
from dactyl.maths import quaternion

NO_SYMMETRY = "none"
"""Six different faces: every orientation looks different, as on the objects that are textured here."""


def symmetries(name: str) -> Tensor:
    """(G, 4) rotations in the object frame after which an object looks the same.

    Args:
        name: NO_SYMMETRY, or an object whose like faces look alike.

    Raises:
        DactylError: there is no such object, or it looks the same after infinitely many.
    """
    if name == NO_SYMMETRY:
        return torch.tensor([[1.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    shape = objects.load(name)
    if not shape.generators:
        raise DactylError(f"the object {name} has no finite number of symmetries")
    return shape.symmetries.like(torch.zeros(1, dtype=torch.float64))


def encode(orientation: Tensor, rotation: str) -> Tensor:
    """Orientations (..., 4) as the network gives them: (..., 4) or (..., 9), the latter row by row."""
    return orientation if rotation == "quaternion" else quaternion.to_matrix(orientation).flatten(-2)


def decode(encoded: Tensor) -> tuple[Tensor, Tensor]:
    """Network outputs for the orientation, (n, 4) or (n, 9), as orientations and how sure the network is.

    Trained on squared errors a network answers the mean of what it holds possible, which is shorter than any rotation
    the less it knows. So the answer's length, 1 for a rotation, is its confidence.

    Returns:
        (n, 4) unit, w >= 0; (n,) about 0…1.
    """
    encoded = encoded.double()
    if encoded.shape[-1] == 4:
        confidence = encoded.norm(dim=-1)
        return quaternion.canonical(encoded / confidence.clamp(min=1e-9).unsqueeze(-1)), confidence
    rotation, confidence = nearest_rotation(encoded.unflatten(-1, (3, 3)))
    return quaternion.from_matrix(rotation), confidence


def nearest_rotation(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Of matrices (n, 3, 3) the nearest rotations (n, 3, 3), and how long these make them (n,): 1 for a rotation."""
    u, s, vh = torch.linalg.svd(matrix)
    handed = torch.linalg.det(u @ vh).sign()
    signs = torch.stack([torch.ones_like(handed), torch.ones_like(handed), handed], -1)
    return u * signs.unsqueeze(-2) @ vh, (s * signs).mean(-1)


def loss(predicted: Tensor, position: Tensor, orientation: Tensor, rotation: str, group: Tensor) -> Tensor:
    """Mean squared error of the normalized prediction (section 5.2).

    Of all right answers, which are those of the object's symmetries and for quaternions both signs, the nearest counts.

    Args:
        predicted: (n, 3 + 4) or (n, 3 + 9).
        position: (n, 3) normalized.
        orientation: (n, 4)
        rotation: quaternion or matrix.
        group: see `symmetries`.
    """
    right = encode(quaternion.multiply(*torch.broadcast_tensors(orientation.unsqueeze(1), group)), rotation)
    if rotation == "quaternion":
        right = torch.cat([right, -right], 1)
    answer = predicted[:, 3:].unsqueeze(1)
    rotation_error = ((answer - right) ** 2).sum(-1).min(1).values
    position_error = ((predicted[:, :3] - position) ** 2).sum(-1)
    return ((position_error + rotation_error) / predicted.shape[1]).mean()


def keypoint_loss(found: Tensor, places: Tensor, counted: Tensor) -> Tensor:
    """Mean squared distance, in half pictures, between where points are found and where they are.

    Args:
        found: (n, cameras, P, 2), see `networks.keypoints_found`.
        places: (n, cameras, P, 2), see `keypoints.Keypoints`.
        counted: (n, cameras, P) bool.
    """
    squares = ((found - places.clamp(-1.0, 1.0)) ** 2).sum(-1)
    return (squares * counted).sum() / counted.sum().clamp(min=1)


def weight_loss(log_weights: Tensor, found: Tensor, places: Tensor) -> Tensor:
    """How little weights say of how far off points are found: Gaussian negative log-likelihood, without its constant.

    Args:
        log_weights: (n, cameras, P), see `Adjustment.forward`.
        found: (n, cameras, P, 2); it is not moved by this loss.
        places: (n, cameras, P, 2)
    """
    squares = ((found.detach() - places) ** 2).sum(-1)
    return (0.5 * log_weights.exp() * squares - log_weights).mean()


def nearest_turn(found: Tensor, right: Tensor, group: Tensor) -> Tensor:
    """The turn (n, 4), w >= 0, from the nearest right orientation that looks the same to the one found, each (n, 4)."""
    equivalent = quaternion.multiply(*torch.broadcast_tensors(right.unsqueeze(1), group.to(right)))
    turns = quaternion.multiply(*torch.broadcast_tensors(found.unsqueeze(1), quaternion.conjugate(equivalent)))
    nearest = quaternion.angle(turns).argmin(1)
    chosen: Tensor = quaternion.canonical(turns[torch.arange(len(turns)), nearest])
    return chosen


def rotation_error(predicted: Tensor, right: Tensor, group: Tensor) -> Tensor:
    """Degrees between orientations (n, 4), to the nearest that looks the same."""
    equivalent = quaternion.multiply(*torch.broadcast_tensors(right.unsqueeze(1), group.to(right)))
    angles = quaternion.difference_angle(*torch.broadcast_tensors(predicted.unsqueeze(1), equivalent))
    return torch.rad2deg(angles.min(1).values)
