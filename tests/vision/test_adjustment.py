"""Solving for the pose from where points are seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dactyl.simulation.appearance import Appearance
from dactyl.simulation.appearance.cameras import CameraRanges
from dactyl.simulation.appearance.studio_scene import make_studio
from dactyl.simulation.scene import SceneConfig
from dactyl.vision import pose
from dactyl.vision.adjustment import Adjustment
from dactyl.vision.estimator import Contract, geometry_of
from dactyl.vision.keypoints import hints
from dactyl.vision.states import object_poses
from tests.vision.conftest import random_states

CROP = 0.9
EXACT = CameraRanges(0.0, 0.0, 0.0)
TURNED = CameraRanges(position=0.0, rotation=3.0, fovy=0.0)


def solve(
    cameras: CameraRanges, object: str = "block", *, landmarks: bool = True, rigid_steps: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Errors, degrees and millimetres, of poses from where points truly are in 64 moments' pictures."""
    studio = make_studio(SceneConfig(object), palettes=1)
    qpos, random = random_states(64).astype(float), np.random.default_rng(1)
    looks = [Appearance(cameras=cameras).sample(random) for _ in qpos]
    seen, poses = hints(studio, qpos, looks, CROP), object_poses(studio.scene, qpos)
    mean = tuple(float(value) for value in poses.position.mean(0))
    contract = Contract(object=object, crop=CROP, position_mean=mean, position_scale=0.02)
    geometry = geometry_of(contract)
    counted = torch.from_numpy(seen.turned_towards)
    if not landmarks:
        counted[:, :, len(geometry.points) :] = False
    log_weights = torch.where(counted, 12.0, -20.0)
    answer, _ = Adjustment(geometry, rigid_steps)(torch.from_numpy(seen.places).float(), log_weights)
    orientation = torch.from_numpy(poses.orientation).float()
    degrees = pose.rotation_error(pose.decode(answer[:, 3:])[0].float(), orientation, pose.symmetries("none").float())
    position = answer[:, :3].detach().numpy() * contract.position_scale + mean
    return degrees.detach().numpy(), 1000.0 * np.linalg.norm(position - poses.position, axis=1)


@pytest.mark.parametrize("object", ["block", "octagonal_prism"])
def test_exact_places_in_cameras_that_are_where_they_should_be_give_the_exact_pose(object: str) -> None:
    """Protects every sign and frame of the equations, for any object with corners."""
    degrees, millimetres = solve(EXACT, object)
    assert degrees.max() < 0.05
    assert millimetres.max() < 0.1


@pytest.mark.parametrize("object", ["block", "octagonal_prism"])
def test_rigid_steps_keep_an_exact_pose(object: str) -> None:
    """Protects the derivatives of the rigid steps: with a wrong sign they would leave what is exact."""
    degrees, millimetres = solve(EXACT, object, rigid_steps=2)
    assert degrees.max() < 0.05
    assert millimetres.max() < 0.1


def test_rigid_steps_answer_with_a_rotation_as_sure_as_the_linear_answer() -> None:
    """Protects the shape: from inexact places the linear answer is sheared, and its length says how sure it is."""
    geometry = geometry_of(Contract(crop=CROP))
    found = torch.rand(16, 3, geometry.count, 2) - 0.5
    log_weights = torch.full(found.shape[:3], 6.0)
    linear, rigid = (Adjustment(geometry, steps)(found, log_weights)[0][:, 3:].detach() for steps in (0, 2))
    torch.testing.assert_close(pose.decode(rigid)[1], pose.decode(linear)[1], atol=1e-4, rtol=1e-4)
    sizes = torch.linalg.svdvals(rigid.unflatten(1, (3, 3)))
    torch.testing.assert_close(sizes, sizes[:, :1].expand_as(sizes), atol=1e-4, rtol=1e-3)


def test_rigid_steps_find_how_a_camera_is_turned_too() -> None:
    """Protects the cameras' part of the steps, in cameras so far off that one linear step is not exact."""
    linear, rigid = solve(TURNED)[1], solve(TURNED, rigid_steps=2)[1]
    assert rigid.mean() < 1.1 * linear.mean()


def test_landmarks_tell_a_turned_camera_from_a_moved_object() -> None:
    """Protects the position: cameras turned by up to 3° shift it by a centimetre unless landmarks tell."""
    with_them, without = solve(TURNED)[1], solve(TURNED, landmarks=False)[1]
    assert with_them.mean() < 1.5
    assert without.mean() > 3.0 * with_them.mean()


def test_a_camera_elsewhere_is_where_it_is_said_to_be() -> None:
    """Protects calibrated cameras: centimetres off, the pose is exact once their places are told."""
    contract = Contract(crop=CROP, position_mean=(0.0, 0.0, 0.37), position_scale=0.02)
    geometry = geometry_of(contract)
    moved = geometry.cameras.copy()
    moved[:, :, 3] += [[0.02, -0.01, 0.03], [-0.02, 0.02, 0.0], [0.01, 0.02, -0.03]]
    seen = replace(geometry, cameras=moved)
    truth = torch.tensor([0.3, -0.2, 0.1])
    world = geometry.points + geometry.mean + contract.position_scale * truth.numpy()
    optical = np.concatenate([world, geometry.landmarks]) @ seen.cameras[:, :, :3].swapaxes(1, 2) + moved[:, None, :, 3]
    places = torch.from_numpy(optical[..., :2] / optical[..., 2:] / geometry.tangent).float()
    adjustment, exact = Adjustment(geometry), torch.full((1, *places.shape[:2]), 12.0)
    off = adjustment(places[None], exact)[0][0, :3] - truth
    adjustment.place(moved)
    told = adjustment(places[None], exact)[0][0, :3] - truth
    assert told.abs().max() < 0.02
    assert off.abs().max() > 5.0 * told.abs().max()


@pytest.mark.parametrize("rigid_steps", [0, 2])
def test_points_without_weight_do_not_count_and_nothing_seen_is_nowhere(rigid_steps: int) -> None:
    """Protects from points that a finger hides: their places are anything; with none left the answer is short."""
    adjustment = Adjustment(geometry_of(Contract(crop=CROP)), rigid_steps)
    count = len(adjustment.points) + len(adjustment.landmarks)
    found, log_weights = torch.rand(2, 3, count, 2), torch.full((2, 3, count), 8.0)
    log_weights[:, :, 3] = -20.0
    elsewhere = found.clone()
    elsewhere[:, :, 3] += 0.5
    torch.testing.assert_close(
        adjustment(found, log_weights)[0], adjustment(elsewhere, log_weights)[0], atol=0.05, rtol=0.05
    )
    nothing, cameras = adjustment(found, torch.full((2, 3, count), -20.0))
    assert pose.decode(nothing[:, 3:])[1].max() < 0.5
    assert cameras.abs().max() < 0.05


@pytest.mark.parametrize("rigid_steps", [0, 2])
def test_gradients_reach_places_and_weights(rigid_steps: int) -> None:
    """Protects training: the pose's error moves where points are found and how much they count."""
    adjustment = Adjustment(geometry_of(Contract(crop=CROP)), rigid_steps)
    count = len(adjustment.points) + len(adjustment.landmarks)
    found = (torch.rand(2, 3, count, 2) - 0.5).requires_grad_()
    log_weights = torch.full((2, 3, count), 6.0, requires_grad=True)
    adjustment(found, log_weights)[0].square().sum().backward()
    for tensor in (found, log_weights, adjustment.log_priors):
        assert tensor.grad is not None
        assert torch.isfinite(tensor.grad).all()
        assert tensor.grad.abs().max() > 0
