"""A teacher that acts for stretches: who acts when, what is kept of it, and where it is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dactyl.environment.config import EnvironmentConfig
from dactyl.errors import DactylError
from dactyl.learning.collector import CollectionConfig, Collector
from dactyl.learning.config import Stage, parse_training
from dactyl.learning.leading import STRETCH
from dactyl.learning.models.recurrent import Architecture, Network
from dactyl.learning.policy import Contract, Policy
from dactyl.learning.trainer import Trainer
from tests.learning import test_trainer
from tests.learning.test_collector import ACTIONS, LSTM, Loss, actor_critic
from tests.learning.toys import Memory, Toy

WORLDS, STEPS = 64, 48
CERTAIN = 3
"""The bin that the teacher always chooses."""


class Insistent(Network):
    """A teacher with a memory that is sure of one bin, and a little less so the more it remembers."""

    def _outputs(self, features: Tensor) -> Tensor:
        return 0.01 * super()._outputs(features) + self.bins

    @property
    def bins(self) -> Tensor:
        return (100.0 * torch.nn.functional.one_hot(torch.full((20,), CERTAIN), 11)).flatten()


def teacher() -> Insistent:
    torch.manual_seed(1)
    return Insistent("value", 3, 220, Architecture((4,), 4))


def collector(toy: Toy, led: float = 0.5, seed: int = 0, near_failures: float = 0.0) -> Collector:
    config = CollectionConfig(STEPS, 8, led=led, near_failures=near_failures)
    generator = torch.Generator().manual_seed(seed)
    return Collector(toy, actor_critic(LSTM), config, generator, teacher() if led else None)


def led(actions: Tensor) -> Tensor:
    """(T, N), where the teacher's action was done: all twenty by chance are one in 11^20."""
    return (actions == CERTAIN).all(-1)


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_it_acts_for_its_share_of_the_time_in_stretches(share: float) -> None:
    acted = led(collector(Memory(256), share).collect().actions)
    assert acted.float().mean() == pytest.approx(share, abs=0.05)
    changes = (acted[1:] != acted[:-1]).float().mean()
    assert changes == pytest.approx(2.0 * share * (1.0 - share) / STRETCH, rel=0.2)


def test_what_is_kept_is_the_policys_own_opinion() -> None:
    """Protects learning: probabilities and memory are the policy's, whoever acted."""
    c = collector(Memory(WORLDS))
    rollout = c.collect()
    assert led(rollout.actions).any()
    part = slice(8, 16)
    seen = {name: values[part] for name, values in rollout.observations.items()}
    outputs = c.networks.policy.sequence(seen, rollout.policy_states[1], rollout.starts[part])
    torch.testing.assert_close(ACTIONS.log_prob(outputs, rollout.actions[part]), rollout.log_probs[part])


def test_its_memory_goes_on_while_the_policy_acts_and_starts_afresh_with_each_episode() -> None:
    c = collector(Memory(WORLDS))
    leading = c.leading
    assert leading is not None
    rollout = c.collect()
    state = leading.teacher.initial_state(WORLDS)
    for seen, starts in zip(rollout.observations["value"], rollout.starts, strict=True):
        _, state = leading.teacher.step({"value": seen}, state.masked_fill(starts.unsqueeze(-1), 0.0))
    torch.testing.assert_close(leading.state, state.masked_fill(c.starts.unsqueeze(-1), 0.0))


def test_it_goes_back_to_failures_with_its_memory() -> None:
    c = collector(Loss(16), near_failures=0.25)
    for _ in range(2):
        c.collect()
    assert c.near_failures is not None
    assert c.near_failures.failures["teacher_state"].any()


def test_a_training_goes_on_with_who_led() -> None:
    """Protects `--resume`: exactly the same actions."""
    a, b = (collector(Memory(8), seed=seed) for seed in (0, 5))
    a.collect()
    b.load_state_dict(a.state_dict())
    assert torch.equal(a.collect().actions, b.collect().actions)


def test_nobody_leads_by_default() -> None:
    c = collector(Memory(4), led=0.0)
    assert c.leading is None
    assert "leading" not in c.state_dict()


def test_a_training_lets_its_teacher_lead_but_not_on_a_clusters_workers(tmp_path: Path) -> None:
    path, pair = tmp_path / "teacher.safetensors", (("object_position", 3),)
    Policy(Contract(observation=pair, architecture=Architecture((8,), 0))).save(path)
    collection = replace(test_trainer.COLLECTION, led=0.5)
    environment = EnvironmentConfig(value_terms=("object_position",))
    stages = (Stage(environment, collection, test_trainer.PPO, imitation=1.0),)
    config = replace(test_trainer.CONFIG, stages=stages, teacher=str(path))
    training = Trainer(config, test_trainer.memory, test_trainer.CONTRACT, tmp_path / "out")
    assert training.run()["steps"] == config.total_steps
    elsewhere = lambda *arguments: Collector(*arguments)  # noqa: E731
    with pytest.raises(DactylError, match="does not lead on a cluster's rollout workers"):
        Trainer(config, test_trainer.memory, test_trainer.CONTRACT, tmp_path / "other", collect_with=elsewhere)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"collection": {"led": 1.0}, "imitation": 1.0, "teacher": "x"}, "led must be at least 0 and less than 1"),
        ({"collection": {"led": 0.5}, "imitation": 0.5, "teacher": "x"}, "led is for stages that only imitate"),
        ({"collection": {"led": 0.5}}, "led is for stages that only imitate"),
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(DactylError, match=message):
        parse_training(values)


def test_nobody_to_lead_is_refused() -> None:
    with pytest.raises(DactylError, match="led needs a teacher"):
        Collector(Memory(4), actor_critic(LSTM), CollectionConfig(8, 8, led=0.5), torch.Generator())
