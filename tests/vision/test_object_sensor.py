"""The estimator as the eyes of the batched environment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.environment import Environment
from dactyl.errors import DactylError
from dactyl.simulation.appearance import Appearance
from dactyl.simulation.scene import SceneConfig
from dactyl.vision.estimator import Contract, Estimator
from dactyl.vision.object_sensor import VisionSensor, sensor_factory
from dactyl.vision.parallel import RendererPool
from dactyl.vision.renderers import RendererOptions
from tests.vision.conftest import TINY, random_states


def estimator() -> Estimator:
    torch.manual_seed(0)
    made = Estimator(Contract(architecture=TINY, position_mean=(0.0, -0.05, 0.35)))
    made.network.eval()
    return made


def test_every_world_is_seen_in_a_look_of_its_own() -> None:
    """Protects the evaluation: one estimate for each world, the same for the same state, in the environment's types."""
    sensor = VisionSensor(estimator(), SceneConfig(), num_envs=3, seed=0, renderer="opengl")
    qpos = torch.from_numpy(np.tile(random_states(1), (3, 1)))
    position, orientation = sensor(qpos)
    assert position.shape == (3, 3)
    assert orientation.shape == (3, 4)
    assert position.dtype == orientation.dtype == torch.float32
    assert len(torch.unique(position, dim=0)) == 3, "looks differ"
    torch.testing.assert_close(sensor(qpos)[0], position)
    assert sensor.pictures_per_s > 0.0
    sensor.close()


def test_an_evaluation_is_by_the_held_out_renderer() -> None:
    """Protects the claim beside the paper's: its figure by sight was on pictures never trained on."""
    sensor = VisionSensor(estimator(), SceneConfig(), 1, 0, "training")
    assert sensor.about["renderer"] == "opengl"
    assert sensor.about["renderer_was_trained_on"]
    assert len(sensor.about["estimator"]) == 64
    sensor.close()
    torch.manual_seed(0)
    traced = Estimator(Contract(architecture=TINY, trained={"renderer": "raytracer"}))
    traced.network.eval()
    other = VisionSensor(traced, SceneConfig(), 1, 0, "held-out")
    assert other.about["renderer"] == "opengl"
    assert not other.about["renderer_was_trained_on"]
    other.close()
    both = Estimator(Contract(architecture=TINY, trained={"renderer": "opengl", "also_rendered_by": "raytracer"}))
    with pytest.raises(DactylError, match="there is no renderer that is held-out"):
        VisionSensor(both, SceneConfig(), 1, 0, "held-out")


@pytest.mark.slow
def test_worlds_rendered_side_by_side_look_the_same() -> None:
    """Protects repeatability: more processes are faster and nothing else."""
    qpos = torch.from_numpy(random_states(5).astype(float))
    seen = []
    for processes in (1, 2):
        sensor = VisionSensor(estimator(), SceneConfig(), 5, 0, "opengl", processes=processes)
        sensor.watched = torch.tensor([True, True, False, True, True])
        seen.append(sensor(qpos)[0])
        sensor.watched = torch.tensor([False, True, False, False, False])
        seen.append(sensor(qpos)[0])
        sensor.close()
    assert torch.equal(seen[0], seen[2])
    assert torch.equal(seen[1], seen[3])


def test_a_rendering_process_that_ends_is_told() -> None:
    """Protects from waiting for ever."""
    options = RendererOptions("opengl", 16, 0.7)
    pool = RendererPool(SceneConfig(), options, 1)
    pool._workers[0].terminate()
    pool._workers[0].join()
    with pytest.raises(DactylError, match="a rendering process has ended"):
        pool.render(np.zeros((1, 31)), [Appearance().sample(np.random.default_rng(0))])
    pool.close()


def test_the_policy_sees_what_the_eyes_see_and_nothing_else_changes() -> None:
    """Protects evaluate --pose vision: fingertips, trials and rewards still go by the truth."""
    seen = torch.tensor([[0.01, -0.02, 0.3], [0.04, -0.05, 0.36]])
    config = EnvironmentConfig(start_steps=1)
    with_eyes, without = (Environment(config, 2, seed=1, threads=1) for _ in range(2))
    with_eyes.object_sensor = lambda qpos: (seen, torch.tensor([1.0, 0.0, 0.0, 0.0]).repeat(len(qpos), 1))
    ours, theirs = with_eyes.reset(), without.reset()
    task, robot = with_eyes.task, with_eyes.robot
    sizes = [task.size((term,), robot) for term in config.policy_terms]

    def by_term(policy: torch.Tensor) -> dict[str, torch.Tensor]:
        return dict(zip(config.policy_terms, policy.split(sizes, -1), strict=True))

    for step in range(2):
        found, expected = by_term(ours["policy"]), by_term(theirs["policy"])
        torch.testing.assert_close(found["object_position"], seen)
        assert (found["relative_target_orientation"] != expected["relative_target_orientation"]).any()
        torch.testing.assert_close(found["fingertip_positions"], expected["fingertip_positions"])
        torch.testing.assert_close(ours["value"], theirs["value"])
        bins = torch.full((2, 20), step)
        after = with_eyes.step(bins), without.step(bins)
        torch.testing.assert_close(after[0].reward, after[1].reward)
        ours, theirs = (outcome.observations for outcome in after)


def test_another_object_s_estimator_is_refused(tmp_path: Path) -> None:
    """Protects from evaluating with eyes for something else."""
    path = tmp_path / "estimator.safetensors"
    estimator().save(path)
    with pytest.raises(DactylError, match="trained for the object block, not sphere"):
        sensor_factory(path, "opengl", 0)(SceneConfig(object="sphere"), 1)
    with pytest.raises(DactylError, match="no pose estimator for the object sphere is shipped"):
        sensor_factory(None, "opengl", 0)(SceneConfig(object="sphere"), 1)
