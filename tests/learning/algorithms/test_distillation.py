"""Imitation: a student learns what a teacher does who sees more."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from dactyl.errors import DactylError
from dactyl.learning.algorithms.distillation import Distillation
from dactyl.learning.models.recurrent import Architecture, Network
from tests.learning.algorithms.test_ppo import FEED_FORWARD, LSTM, Training
from tests.learning.toys import Bandit, Memory, Toy


class Whispered(Memory):
    """The cue is always there for who sees what the value network sees."""

    def _observe(self) -> dict[str, torch.Tensor]:
        return {"policy": self.seen(), "value": Toy.seen(self)}


def teacher_of(toy: Toy) -> Network:
    """Its probabilities depend on the cue alone."""
    teacher = Network("policy", 3, 220, Architecture((), 0))
    with torch.no_grad():
        teacher.normalizer.update(toy.reset()["value"])
        teacher.head.weight.zero_()
        teacher.head.weight[:, 2] = torch.linspace(-1.0, 1.0, 220)
    return teacher


def test_a_memory_learns_to_imitate_a_teacher_who_sees_more() -> None:
    """Protects distillation: the student must remember the cue to have the teacher's probabilities."""
    divergences = {}
    for architecture in (LSTM, FEED_FORWARD):
        toy = Whispered(64)
        make = partial(Distillation, teacher=teacher_of(toy), weight=1.0)
        training = Training(toy, architecture, make=make)
        divergences[architecture] = [training.iterate()["imitation_kl"] for _ in range(40)]
    assert divergences[LSTM][-1] < 0.02 * divergences[LSTM][0]
    assert divergences[FEED_FORWARD][-1] > 0.2 * divergences[FEED_FORWARD][0]


def test_the_reward_counts_for_the_rest() -> None:
    """Protects the weight: a teacher who knows nothing of what pays does not keep the student from finding it."""
    rewards = {}
    for weight in (0.05, 1.0):
        toy = Bandit(64)
        training = Training(toy, FEED_FORWARD, make=partial(Distillation, teacher=teacher_of(toy), weight=weight))
        for _ in range(25):
            rewards[weight] = training.iterate()["reward"]
    assert rewards[0.05] > 0.5
    assert rewards[1.0] < 0.3


def test_a_weight_beyond_the_whole_is_refused() -> None:
    toy = Bandit(4)
    with pytest.raises(DactylError, match="between 0 and 1"):
        Training(toy, FEED_FORWARD, make=partial(Distillation, teacher=teacher_of(toy), weight=1.5))
