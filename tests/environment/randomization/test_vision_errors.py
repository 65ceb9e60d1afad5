"""A pose estimator's errors, drawn."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.randomization import RandomizationConfig
from dactyl.environment.randomization.observation_noise import Sensed
from dactyl.environment.randomization.random import Random
from dactyl.environment.randomization.vision_errors import FEATURES, FORMAT, Sight, VisionErrors, features, read
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.robot import robot as robots
from dactyl.storage import presets
from tests.environment import small

ROBOT = robots.load("shadow")
ENVS, STEPS = 400, 300
MEASURED = VisionErrors(
    position_bias=(0.003, 0.001, 0.002), rotation_bias=(0.05, 0.02, 0.03), position_noise=(0.002, 0.004, 0.001),
    rotation_noise=(0.03, 0.03, 0.06), position_memory=0.9, rotation_memory=0.6,
)  # fmt: skip


def truth(seed: int = 7) -> Sensed:
    random = Random(seed, torch.device("cpu"))
    rest = torch.tensor(ROBOT.workspace.rest, dtype=torch.float32)
    orientation = quaternion.uniform(random.normal(ENVS, 4))
    return Sensed(random.normal(ENVS, 5, 3), rest + 0.02 * random.normal(ENVS, 3), orientation)


def sight(config: VisionErrors) -> Sight:
    made = Sight(config, ENVS, ROBOT, Random(0, torch.device("cpu")))
    made.restart(torch.ones(ENVS, dtype=torch.bool))
    return made


def errors(made: Sight) -> tuple[torch.Tensor, torch.Tensor]:
    """(STEPS, ENVS, 3) m and rad."""
    exact, otherwise = truth(), truth(seed=8)
    shifts, turns = [], []
    for _ in range(STEPS):
        seen = made.see(exact, otherwise)
        assert torch.equal(seen.fingertips, otherwise.fingertips)
        shifts.append(seen.object_position - exact.object_position)
        turn = quaternion.multiply(seen.object_orientation, quaternion.conjugate(exact.object_orientation))
        turns.append(quaternion.to_rotation_vector(turn))
    return torch.stack(shifts).double(), torch.stack(turns).double()


def test_bias_noise_and_memory_are_what_was_measured() -> None:
    """Protects the last stage of a policy: the deviations on each axis, and how fast they fade."""
    for found, name in zip(errors(sight(MEASURED)), ("position", "rotation"), strict=True):
        bias, noise = (torch.tensor(getattr(MEASURED, f"{name}_{part}")) for part in ("bias", "noise"))
        memory = getattr(MEASURED, f"{name}_memory")
        around = found - found.mean(0)
        total = (bias.double() ** 2 + noise.double() ** 2).sqrt()
        torch.testing.assert_close(found[-1].std(0), total, rtol=0.12, atol=0)
        torch.testing.assert_close(around.std((0, 1)), noise.double(), rtol=0.12, atol=0)
        correlation = (around[1:] * around[:-1]).sum() / around.square().sum()
        assert float(correlation) == pytest.approx(memory, abs=0.05)


def test_errors_of_a_state_are_the_same_whenever_it_comes() -> None:
    """Protects the systematic part: linear in place and orientation, without any chance."""
    rows = np.random.default_rng(0).normal(scale=0.001, size=(3, FEATURES))
    shifts, turns = errors(sight(VisionErrors(position_of_state=tuple(map(tuple, rows)))))
    exact = truth()
    known = features(exact.object_position, exact.object_orientation, torch.tensor(ROBOT.workspace.rest).float())
    assert known.shape == (ENVS, FEATURES)
    torch.testing.assert_close(shifts[5].float(), known @ torch.tensor(rows.T).float(), atol=1e-6, rtol=1e-3)
    assert turns.abs().max() < 1e-3


def test_outliers_come_last_and_go() -> None:
    """Protects rate, length and size; between them there is no error."""
    config = VisionErrors(outlier_rate=0.5, outlier_duration=0.4, outlier_position=0.05, outlier_rotation=0.5)
    shifts, turns = errors(sight(config))
    out = shifts.abs().amax(-1) > 1e-6
    assert torch.equal(out, turns.norm(dim=-1) > 1e-3)
    begun = (out[1:] & ((shifts[1:] - shifts[:-1]).abs().amax(-1) > 1e-6)).sum()
    assert float(begun) / (ENVS * (STEPS - 1) * 0.08) == pytest.approx(0.5, rel=0.1)
    assert float(out[20:].double().mean()) == pytest.approx(0.172, rel=0.08), "a new one ends the one before"
    assert float(shifts[out].std()) == pytest.approx(0.05, rel=0.1)


def test_some_episodes_see_by_motion_capture() -> None:
    """Protects what a policy of vision must not forget."""
    made = sight(replace(MEASURED, share=0.25))
    exact, otherwise = truth(), truth(seed=8)
    seen = made.see(exact, otherwise)
    by_mocap = (seen.object_position == otherwise.object_position).all(1)
    assert torch.equal(by_mocap, ~made.on)
    assert float(by_mocap.double().mean()) == pytest.approx(0.75, abs=0.07)


def test_only_new_episodes_are_redrawn() -> None:
    made = sight(MEASURED)
    before = made.state_dict()
    mask = torch.arange(ENVS) % 2 == 0
    made.restart(mask)
    assert torch.equal((made.position_offset != before["position_offset"]).any(1), mask)


def test_they_are_off_at_first_and_change_nothing_but_the_policy_s_view() -> None:
    """Protects every training from before, and the value network's truth."""
    assert RandomizationConfig().vision_errors is None
    plain = small.make(3, "all")
    config = replace(plain.config.randomization, vision_errors=MEASURED)
    env = type(plain)(EnvironmentConfig(start_steps=3, randomization=config), 3, seed=1, threads=1)
    observed = env.reset()
    assert observed["policy"].isfinite().all()
    step = env.step(small.hold(3))
    assert step.observations["policy"].isfinite().all()
    saved = env.state_dict()
    assert "sight.position_offset" in saved
    assert "sight.position_offset" not in plain.state_dict()
    env.step(small.hold(3))
    env.load_state_dict(saved)
    assert torch.equal(env.state_dict()["sight.position_error"], saved["sight.position_error"])


def test_a_measured_file_is_read_by_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "errors.yaml"
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(MEASURED).items()}
    path.write_text(yaml.safe_dump({"format": FORMAT, "measured": {}, "errors": values}))
    assert read(path) == MEASURED
    config = presets.parse(EnvironmentConfig, {"randomization": {"vision_errors": str(path)}})
    assert config.randomization.vision_errors == MEASURED
    assert config.randomization.physics is not None
    inline = presets.parse(EnvironmentConfig, {"randomization": {"vision_errors": {"outlier_rate": 0.2}}})
    assert inline.randomization.vision_errors == VisionErrors(outlier_rate=0.2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format": "other"}, "is no file of `vision errors`"),
        ({"format": FORMAT, "errors": {"noise": 1.0}}, "unknown key errors.noise"),
        ({"format": FORMAT, "errors": {"position_memory": 1.5}}, "position_memory: 1.5 must be"),
        ({"format": FORMAT, "errors": {"outlier_rate": float("nan")}}, "errors.outlier_rate|outlier_rate: nan"),
        ({"format": FORMAT, "errors": {"position_of_state": [[1.0]]}}, "expected 3 rows of 13 numbers"),
    ],
)
def test_wrong_files_are_refused(tmp_path: Path, values: dict[str, object], message: str) -> None:
    path = tmp_path / "errors.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(DactylError, match=message):
        read(path)


def test_every_field_is_checked() -> None:
    """Protects from a negative deviation in any of them."""
    for each in fields(VisionErrors):
        if not each.name.endswith("_of_state"):
            value = getattr(VisionErrors(), each.name)
            wrong = (-1.0,) * 3 if isinstance(value, tuple) else -1.0
            with pytest.raises(DactylError, match=each.name):
                VisionErrors(**{each.name: wrong})
