"""The same on a GPU: fast sequences, no waiting in the step loop, resume, bfloat16. Skipped without one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from dactyl.learning.config import Stage
from dactyl.learning.models.recurrent import Architecture, Network
from dactyl.learning.trainer import Trainer
from tests.learning import test_trainer
from tests.learning.algorithms import test_ppo
from tests.learning.models.test_recurrent import step_by_step
from tests.learning.toys import Memory, Toy

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def training(toy: Toy, architecture: Architecture, bf16: bool = False) -> test_ppo.Training:
    """As on the CPU, with everything on the GPU."""
    return test_ppo.Training(toy, architecture, collection=replace(test_ppo.COLLECTION, bf16=bf16))


def test_fast_sequences_equal_steps() -> None:
    torch.manual_seed(0)
    network = Network("policy", 5, 3, Architecture((64,), 32)).cuda()
    x, starts = {"policy": torch.randn(16, 50, 5, device="cuda")}, torch.rand(16, 50, device="cuda") < 0.1
    state = torch.randn(50, network.state_size, device="cuda")
    fast, slow = network.sequence(x, state, starts), step_by_step(network, x, state, starts)
    torch.testing.assert_close(fast, slow, rtol=1e-3, atol=1e-3)


def test_collecting_never_waits_for_the_gpu() -> None:
    collector = training(Memory(32, device="cuda"), test_ppo.LSTM).collector
    collector.collect()  # sets up what the first use sets up
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        collector.collect()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("bf16", [False, True])
def test_a_task_that_needs_memory(bf16: bool) -> None:
    t = training(Memory(64, device="cuda"), test_ppo.LSTM, bf16)
    for _ in range(40):
        figures = t.iterate()
    assert figures["reward"] * Memory.length > 0.9


def test_training_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    def memory(_: Any, seed: int) -> Toy:
        return Memory(16, device="cuda", seed=seed)

    stage = Stage(collection=replace(test_trainer.COLLECTION, bf16=True), ppo=test_trainer.PPO)
    config = replace(test_trainer.CONFIG, stages=(stage,), total_steps=256)
    Trainer(config, memory, test_trainer.CONTRACT, tmp_path).run()
    resumed = Trainer(replace(config, total_steps=512), memory, test_trainer.CONTRACT, tmp_path, tmp_path)
    assert resumed.steps == 256
    resumed.run()
    assert resumed.steps == 512
