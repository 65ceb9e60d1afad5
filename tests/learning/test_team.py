"""Training in several processes: real ones, that meet through torch.distributed."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from dactyl.errors import DactylError
from dactyl.learning import checkpoint, train
from dactyl.learning.normalizer import RunningNormalizer
from dactyl.learning.team import ALONE, Team, run_team
from tests.learning.test_trainer import rows, same

PRESET = """
num_envs: 4
horizon: 4
total_steps: 64
policy: {dense: [8], lstm: 4}
value: {dense: [8], lstm: 0}
ppo: {sequence: 4, minibatch: 8, minibatches: 2}
environment: {start_steps: 2, nursery: 0.5, substeps: 5, scene: {object: sphere}}
"""


def everything(team: Team, samples: torch.Tensor) -> dict[str, Any]:
    """What a member finds with its part of the samples."""
    own = samples.chunk(team.size)[team.rank]
    normalizer = RunningNormalizer(samples.shape[-1])
    for part in own.chunk(2):
        normalizer.update(part, team)
    weight = torch.ones(samples.shape[-1], requires_grad=True)
    (own @ weight).square().mean().backward()
    team.average_gradients([weight])
    found = {
        "mean": normalizer.mean,
        "variance": normalizer.variance,
        "count": normalizer.count,
        "gradient": weight.grad,
        "any": (team.any(team.rank == 1), team.any(False)),
        "means": team.means({"rank": float(team.rank), "one": 1.0}),
    }
    return {**found, "all": team.gather({"rank": team.rank})}


def test_members_find_what_one_process_would_find_with_all_samples() -> None:
    samples = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 5.0, 0.1]) + 3.0
    both = run_team(2, everything, samples)
    alone = everything(ALONE, samples)
    for name in ("mean", "variance", "count", "gradient"):
        torch.testing.assert_close(both[name], alone[name], msg=name)
    assert both["any"] == (True, False)
    assert both["means"] == {"rank": 0.5, "one": 1.0}
    assert both["all"] == [{"rank": 0}, {"rank": 1}]


def leave(team: Team) -> None:
    if not team.leads:
        os._exit(3)
    team.mean(torch.ones(1))


def test_a_member_that_dies_ends_the_training_with_one_line() -> None:
    """Protects against a leader that waits for ever."""
    with pytest.raises(DactylError, match="another process of this training has ended"):
        run_team(2, leave)


@pytest.fixture
def preset(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(PRESET)
    return str(path)


def test_two_workers_go_on_exactly_where_two_workers_stopped(preset: str, tmp_path: Path) -> None:
    """Both members' worlds go through the checkpoint, and one log counts the steps of both."""
    one, two = tmp_path / "one", tmp_path / "two"
    train.train(preset, one, device="cpu", workers=2)
    half = tmp_path / "half.yaml"
    half.write_text(PRESET.replace("total_steps: 64", "total_steps: 32"))
    train.train(str(half), two, device="cpu", workers=2)
    assert train.train(preset, resume=two, device="cpu", workers=2)["steps"] == 64
    whole, parts = (checkpoint.load_training(checkpoint.resolve(out)) for out in (one, two))
    assert same(whole, parts)
    assert len(whole["collectors"]) == 2
    assert not same(*whole["collectors"])
    assert [row["steps"] for row in rows(one)] == [row["steps"] for row in rows(two)]
    with pytest.raises(DactylError, match="it has workers 2, the preset 1"):
        train.train(preset, resume=two, device="cpu")


def test_work_that_cannot_be_shared_is_refused(preset: str, tmp_path: Path) -> None:
    with pytest.raises(DactylError, match="4 worlds cannot be shared by 3 workers"):
        train.train(preset, tmp_path / "out", device="cpu", workers=3)
    Path(preset).write_text(PRESET.replace("minibatch: 8", "minibatch: 12"))
    with pytest.raises(DactylError, match="minibatch 12 cannot be shared by 2 processes"):
        train.train(preset, tmp_path / "out", device="cpu", workers=2)
