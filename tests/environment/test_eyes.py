"""The robot's eyes in the environment: groups of images, askew in every episode, and refused where there are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.eyes import Eyes
from dactyl.environment.randomization import ObservationNoise
from dactyl.environment.randomization.random import Random
from dactyl.errors import DactylError
from dactyl.robot.robot import Eye
from dactyl.simulation.scene import Scene, build

EYE = Eye(np.array([0.0, -0.4, 0.6]), np.array([0.0, -0.4, 0.3]), 40.0, 24, 18, 2.0)
ASKEW = ObservationNoise(depth_position=0.005, depth_rotation=0.05, depth_view=0.05)


@pytest.fixture(scope="module")
def scene() -> Scene:
    plain = build()
    rest = plain.robot.workspace.rest
    eye = replace(EYE, position=rest + np.array([0.02, -0.3, 0.0]), looks_at=rest)
    return replace(plain, robot=replace(plain.robot, eyes={"depth": eye}))


def made(scene: Scene, noise: ObservationNoise | None = None) -> Eyes:
    found = Eyes(scene, ("depth",), 3, Random(0, torch.device("cpu")), noise, threads=1)
    found.restart(torch.ones(3, dtype=torch.bool))
    return found


def look(found: Eyes, scene: Scene) -> torch.Tensor:
    qpos = torch.as_tensor(scene.model.qpos0).repeat(3, 1)
    return found.look(qpos, torch.ones(3))["depth"]


def test_the_object_is_in_the_middle_and_as_far_as_it_is(scene: Scene) -> None:
    images = look(made(scene), scene)
    assert images.shape == (3, 1, 18, 24)
    assert images.dtype == torch.float32
    assert 0.25 < float(images[0, 0, 9, 12]) < 0.30
    assert torch.equal(images[0], images[1])


def test_cameras_hang_askew_anew_in_every_episode(scene: Scene) -> None:
    found = made(scene, ASKEW)
    assert found.shift.abs().max() <= 0.005
    assert found.turn.abs().max() <= 0.05
    before, images = found.turn.clone(), look(found, scene)
    assert not torch.equal(images[0], images[1])
    found.restart(torch.tensor([True, False, False]))
    assert not torch.equal(found.turn[0], before[0])
    assert torch.equal(found.turn[1:], before[1:])


def test_nothing_is_drawn_where_nothing_is_askew(scene: Scene) -> None:
    random = Random(0, torch.device("cpu"))
    before = random.generator.get_state()
    Eyes(scene, ("depth",), 2, random, ObservationNoise(), threads=1).restart(torch.ones(2, dtype=torch.bool))
    assert torch.equal(before, random.generator.get_state())


def test_eyes_that_a_robot_has_not_are_refused(scene: Scene) -> None:
    with pytest.raises(DactylError, match="the robot shadow has no eye 'infrared': depth"):
        Eyes(scene, ("infrared",), 1, Random(0, torch.device("cpu")), None, 1)
    with pytest.raises(DactylError, match="the robot shadow has no eye 'depth': none"):
        EnvironmentConfig(images=("depth",))
