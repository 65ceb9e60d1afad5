"""A teacher of postures, said in relative actions: the same postures."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.environment import Environment
from dactyl.environment.randomization import select
from dactyl.errors import DactylError
from dactyl.learning import train
from dactyl.learning.algorithms.relative_teacher import POSTURE, RelativeTeacher, told
from dactyl.learning.models.recurrent import Architecture
from dactyl.learning.options import TrainOptions
from dactyl.learning.policy import Contract, Policy
from dactyl.robot import control
from dactyl.robot import robot as robots

ROBOT = robots.load("shadow")
BINS, ACTUATORS = ROBOT.action.bins, len(ROBOT.actuators)
LIMITS = torch.as_tensor(ROBOT.actuator_limits).float()
RANGES = torch.as_tensor(ROBOT.joint_limits).float()
SEES = (("object_position", 3), ("smoothed_action", ACTUATORS))
SEEN = (("object_position", 3), (POSTURE, ACTUATORS), ("joint_angles", 24))


def contract(**changes: object) -> Contract:
    values = {"observation": SEES, "architecture": Architecture((8,), 4), "action_origin": "middle"}
    return Contract(**{**values, **changes})  # type: ignore[arg-type]


def teacher(seen: tuple[tuple[str, int], ...] = SEEN, **changes: object) -> RelativeTeacher:
    torch.manual_seed(0)
    made = contract(**changes)
    return RelativeTeacher(Policy(made).trainable, made, ROBOT, contract(action_origin="current"), seen)


def certain(bins: torch.Tensor) -> torch.Tensor:
    """Logits (..., A · bins) of somebody who always chooses these bins (..., A)."""
    return (100.0 * torch.nn.functional.one_hot(bins, BINS)).flatten(-2)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_its_actions_lead_to_the_teachers_postures(scale: float) -> None:
    """Where they are in reach, and on average, as actions come in steps."""
    generator = torch.Generator().manual_seed(0)
    half = 0.5 * (LIMITS[:, 1] - LIMITS[:, 0])
    angles = 0.1 * torch.randn(50, 24, generator=generator) + RANGES.mean(-1)
    positions = ROBOT.actuator_positions(angles)
    theirs = (control.action_for(positions, positions, LIMITS, "middle") / scale).clamp(-1.0, 1.0)
    bins = ((theirs + 1.0) * (BINS - 1) / 2).round().long()
    bins = (bins + torch.randint(-1, 2, bins.shape, generator=generator)).clamp(0, BINS - 1)
    said = teacher(action_scale=scale).translated(certain(bins), angles, torch.zeros_like(angles))
    probabilities = said.unflatten(-1, (ACTUATORS, BINS)).softmax(-1)
    assert torch.allclose(probabilities.sum(-1), torch.tensor(1.0))
    action = (probabilities * control.as_action(torch.arange(BINS), BINS)).sum(-1)
    wanted = control.target(positions, control.as_action(bins, BINS), LIMITS, "middle", scale)
    meant = control.target(positions, action, LIMITS)
    inside = (action.abs() < 0.95) & (positions > LIMITS[:, 0]) & (positions < LIMITS[:, 1])
    assert inside.float().mean() > 0.5
    assert ((meant - wanted).abs() / half)[inside].max() < 1e-3


def test_the_policys_moving_average_is_undone() -> None:
    """Protects a hand that moves from targets that run ahead of it: then it drops the block six times as often."""
    generator, made = torch.Generator().manual_seed(0), teacher()
    bins = torch.full((1, ACTUATORS), BINS // 2)
    bins[:, ::2] += 1
    angles = RANGES.mean(-1) + 0.02 * torch.randn(12, 1, 24, generator=generator).cumsum(0)
    wanted = meant = ROBOT.actuator_positions(angles[0])
    action = torch.zeros(1, ACTUATORS)
    for i, now in enumerate(angles):
        said = made.translated(certain(bins), now, now - angles[max(i - 1, 0)])
        probabilities = said.unflatten(-1, (ACTUATORS, BINS)).softmax(-1)
        chosen = (probabilities * control.as_action(torch.arange(BINS), BINS)).sum(-1)
        action = control.smooth(action, chosen)
        meant = control.target(ROBOT.actuator_positions(now), action, LIMITS)
        wanted = control.smooth(wanted, control.target(wanted, control.as_action(bins, BINS), LIMITS, "middle"))
    torch.testing.assert_close(meant, wanted, atol=1e-4, rtol=0.0)


def test_what_is_out_of_reach_is_the_last_bin() -> None:
    """A posture at the other end of the range, said from this end."""
    angles = RANGES[None, :, 0]
    said = teacher().translated(certain(torch.full((1, ACTUATORS), BINS - 1)), angles, torch.zeros_like(angles))
    assert (said.unflatten(-1, (ACTUATORS, BINS)).argmax(-1) == BINS - 1).all()


def test_it_is_shown_the_posture_in_place_of_its_own_action() -> None:
    """Protects from the policy's smoothed action, which means something else."""
    made, network = teacher(action_scale=0.5), Policy(contract()).trainable
    seen = torch.rand(4, 3, made.inputs)
    starts = torch.zeros(4, 3, dtype=torch.bool)
    theirs = torch.cat([seen[..., :3], seen[..., 3 : 3 + ACTUATORS] / 0.5], -1)
    made._network = network
    outputs = made.sequence({made.group: seen}, made.initial_state(3), starts)
    expected = network.sequence({made.group: theirs}, network.initial_state(3), starts)
    angles = seen[..., 23:47]
    moved = angles - torch.cat([angles[:1], angles[:-1]])
    torch.testing.assert_close(outputs, made.translated(expected, angles, moved))
    first, state = made.step({made.group: seen[0]}, made.initial_state(3))
    second, _ = made.step({made.group: seen[1]}, state)
    torch.testing.assert_close(torch.stack([first, second]), outputs[:2])
    assert told(made._contract) == ("object_position", POSTURE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"action_origin": "current"}, "only postures in bins"),
        ({"seen": SEEN[1:]}, "must begin with what the teacher sees: object_position, posture"),
        ({"seen": SEEN[:-1]}, "environment.value_terms need joint_angles"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(DactylError, match=message):
        teacher(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("origin", ["middle", "current"])
def test_the_posture_is_where_the_actuators_are_told_to_go(origin: str) -> None:
    """With actions that are postures it is their moving average, as the teacher had it."""
    config = EnvironmentConfig(
        action_origin=origin, randomization=select("none"), value_terms=("posture", "smoothed_action"), start_steps=1
    )
    environment = Environment(config, 2, seed=0, threads=1)
    environment.reset()
    for _ in range(3):
        seen = environment.step(environment.random_actions(2)).observations["value"]
    posture, own = seen.split(ACTUATORS, -1)
    assert posture.abs().max() <= 1.0
    assert torch.allclose(posture, own, atol=1e-5) == (origin == "middle")


def test_a_policy_of_the_papers_interface_imitates_one_of_postures(tmp_path: Path) -> None:
    """The whole road in a few steps: a teacher's file, a preset, a training."""
    path = tmp_path / "policy.safetensors"
    Policy(contract()).save(path)
    preset = tmp_path / "relative.yaml"
    preset.write_text(f"""
num_envs: 4
total_steps: 64
teacher: {path}
imitation: 1.0
policy: {{dense: [8], lstm: 4}}
value: {{dense: [8], lstm: 0}}
collection: {{horizon: 8, sequence: 4}}
ppo: {{minibatch: 8, minibatches: 2}}
environment:
  action_origin: current
  start_steps: 1
  policy_terms: [fingertip_positions, object_position, relative_target_orientation]
  value_terms: [object_position, posture, joint_angles, smoothed_action]
""")
    outcome = train.train(str(preset), TrainOptions(out=tmp_path / "out", device="cpu", threads=1))
    assert outcome["steps"] == 64
