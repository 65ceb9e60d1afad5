"""How an estimator is wrong along trajectories."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dactyl.environment.randomization.observation_noise import Sensed
from dactyl.environment.randomization.random import Random
from dactyl.environment.randomization.vision_errors import FEATURES, Sight, VisionErrors, read
from dactyl.errors import DactylError
from dactyl.learning.models.recurrent import Architecture
from dactyl.learning.policy import Contract as PolicyContract
from dactyl.learning.policy import Policy
from dactyl.maths import quaternion
from dactyl.robot import robot as robots
from dactyl.vision import error_statistics
from dactyl.vision.error_statistics import Trajectories, statistics
from dactyl.vision.estimator import Contract, Estimator
from dactyl.vision.options import TrajectoryOptions
from tests.vision.conftest import TINY

ROBOT = robots.load("shadow")
REST = ROBOT.workspace.rest
STEPS, ENVS = 400, 80
TRUE = VisionErrors(
    position_bias=(0.003, 0.001, 0.002), rotation_bias=(0.05, 0.02, 0.03), position_noise=(0.002, 0.003, 0.001),
    rotation_noise=(0.03, 0.03, 0.05), position_memory=0.9, rotation_memory=0.6,
)  # fmt: skip


def drawn(config: VisionErrors) -> Trajectories:
    """What a recorder would have seen of an estimator that has exactly these errors."""
    random = Random(3, torch.device("cpu"))
    sight = Sight(config, ENVS, ROBOT, random)
    sight.restart(torch.ones(ENVS, dtype=torch.bool))
    rows = []
    for _ in range(STEPS):
        position = torch.tensor(REST, dtype=torch.float32) + 0.02 * random.normal(ENVS, 3)
        orientation = quaternion.uniform(random.normal(ENVS, 4))
        truth = Sensed(torch.zeros(ENVS, 5, 3), position, orientation)
        seen = sight.see(truth, truth)
        turn = quaternion.multiply(seen.object_orientation, quaternion.conjugate(orientation))
        offset = seen.object_position - position
        rows.append([position, orientation, offset, quaternion.to_rotation_vector(turn), torch.zeros(ENVS).bool()])
    return Trajectories(*(torch.stack(column).double().numpy() for column in zip(*rows, strict=True)))


def found(config: VisionErrors) -> tuple[VisionErrors, dict[str, dict[str, float]]]:
    seen = drawn(config)
    return statistics(seen._replace(fresh=seen.fresh.astype(bool)), ROBOT.timing.control, REST)


def test_what_is_measured_is_what_was_drawn() -> None:
    """Protects the loop: the environment draws again what `vision errors` measures."""
    measured, explained = found(TRUE)
    for name in ("position", "rotation"):
        for part, tolerance in (("bias", 0.3), ("noise", 0.1)):
            wanted, got = getattr(TRUE, f"{name}_{part}"), getattr(measured, f"{name}_{part}")
            np.testing.assert_allclose(got, wanted, rtol=tolerance)
        memory = getattr(TRUE, f"{name}_memory")
        assert getattr(measured, f"{name}_memory") == pytest.approx(memory, abs=0.05)
        shares = explained[name]
        assert shares["of_state"] < 0.2
        assert shares["bias"] + shares["noise"] == pytest.approx(1.0, abs=0.25)
    assert measured.outlier_rate < 0.01


def test_errors_of_the_state_are_told_from_chance() -> None:
    """Protects the systematic part, and that it is not counted twice."""
    rows = np.random.default_rng(0).normal(scale=0.002, size=(3, FEATURES))
    rows[:, 0] = 0.0
    config = replace(TRUE, position_of_state=tuple(map(tuple, rows)), position_bias=(0.0,) * 3)
    measured, explained = found(config)
    known = error_statistics.features(*drawn(config)[:2], REST)
    wanted, got = known @ rows.T, known @ np.array(measured.position_of_state).T
    assert np.sqrt(np.mean((got - wanted) ** 2)) < 0.2 * np.sqrt(np.mean(wanted**2))
    np.testing.assert_allclose(measured.position_noise, TRUE.position_noise, rtol=0.12)
    assert explained["position"]["of_state"] > 0.3


def test_what_stays_in_a_world_is_not_put_down_to_its_states() -> None:
    """Protects the systematic part from looks: few worlds, each with an error and with states of its own."""
    random = np.random.default_rng(0)
    position = REST + 0.02 * random.normal(size=(1, 6, 3)) + 0.002 * random.normal(size=(200, 6, 3))
    orientation = quaternion.uniform(random.normal(size=(1, 6, 4)) + 0.05 * random.normal(size=(200, 6, 4)))
    bias = 0.004 * random.normal(size=(6, 3))
    offset = bias + 0.0002 * random.normal(size=(200, 6, 3))
    turn, fresh = 0.01 * random.normal(size=(200, 6, 3)), np.zeros((200, 6), bool)
    measured, explained = statistics(Trajectories(position, orientation, offset, turn, fresh), 0.08, REST)
    np.testing.assert_allclose(measured.position_bias, bias.std(0, ddof=1), rtol=0.1)
    assert explained["position"]["bias"] > 0.4


def test_outliers_are_counted_apart() -> None:
    """Protects noise and memory from a few errors that are far larger."""
    config = replace(TRUE, outlier_rate=0.1, outlier_duration=0.3, outlier_position=0.2, outlier_rotation=1.5)
    measured, explained = found(config)
    assert measured.outlier_rate == pytest.approx(0.1, rel=0.3)
    assert measured.outlier_duration == pytest.approx(0.3, rel=0.2)
    assert measured.outlier_position == pytest.approx(0.2, rel=0.3)
    np.testing.assert_allclose(measured.position_noise, TRUE.position_noise, rtol=0.15)
    assert measured.position_memory == pytest.approx(0.9, abs=0.07)
    assert 0.01 < explained["outliers"]["share"] < 0.08


def test_noise_is_not_taken_for_what_stays() -> None:
    """Protects policies from biases that are none: noise with memory does not average out in a short trial."""
    config = replace(TRUE, position_bias=(0.0,) * 3, position_noise=(0.004,) * 3)
    measured, _ = found(config)
    assert max(measured.position_bias) < 0.0007, "the means alone would say 0.0009"


def test_memory_does_not_reach_over_the_end_of_an_episode() -> None:
    random = np.random.default_rng(0)
    around = np.repeat(random.normal(size=(100, 4, 3)), 2, axis=0)  # each error twice
    fresh = np.arange(200)[:, None].repeat(4, 1) % 2 == 0
    none = np.zeros((200, 4), bool)
    assert error_statistics._memory(around, none, fresh) == pytest.approx(0.999)
    assert error_statistics._memory(around, none, ~fresh) < 0.1


def test_too_few_errors_are_refused() -> None:
    seen = drawn(TRUE)
    short = Trajectories(*(values[:2, :3] for values in seen))
    with pytest.raises(DactylError, match="errors are too few for statistics"):
        statistics(short._replace(fresh=short.fresh.astype(bool)), 0.08, REST)


@pytest.mark.slow
@pytest.mark.parametrize("pose", ["state", "vision"])
def test_a_policy_is_watched_and_its_errors_are_written(tmp_path: Path, pose: str) -> None:
    """Protects the command from end to end: the file is one that a preset takes."""
    torch.manual_seed(0)
    estimator, policy = tmp_path / "estimator.safetensors", tmp_path / "policy.safetensors"
    Estimator(Contract(architecture=TINY, position_mean=(0.0, -0.05, 0.35))).save(estimator)
    Policy(PolicyContract(architecture=Architecture(dense=(8,), lstm=0))).save(policy)
    told: list[tuple[int, int]] = []
    outcome = error_statistics.measure(
        TrajectoryOptions(
            out=tmp_path / "errors.yaml", estimator=estimator, policy=policy, pose=pose, renderer="opengl",  # type: ignore[arg-type]
            worlds=3, seconds=1.6, threads=1,
        ),
        lambda done, steps: told.append((done, steps)),
    )  # fmt: skip
    assert told[-1] == (20, 20)
    errors = read(tmp_path / "errors.yaml")
    assert errors.rotation_noise != (0.0, 0.0, 0.0)
    assert outcome["renderer"] == "opengl"
    assert "position, on each axis" in error_statistics.as_text(outcome)
    with pytest.raises(DactylError, match="there is no folder"):
        error_statistics.measure(TrajectoryOptions(out=tmp_path / "nowhere" / "errors.yaml"))
