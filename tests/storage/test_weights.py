"""Weights with their contract: what does not fit is refused in one line that says why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from dactyl.errors import DactylError
from dactyl.storage import weights


@dataclass(frozen=True)
class Contract:
    """Of a network with so many inputs."""

    inputs: int
    object: str


class Thing:
    """What a file holds."""

    def __init__(self, contract: Contract) -> None:
        self.network = nn.Linear(contract.inputs, 1)


def parse(text: str) -> Contract:
    return Contract(**json.loads(text))


def load(path: Path, object: str | None = None) -> Thing:
    return weights.load(path, "thing", parse, Thing, {"object": object}, "cpu")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    tensors = {"weight": torch.ones(1, 3), "bias": torch.full((1,), 2.0)}
    weights.save(tmp_path / "thing.safetensors", '{"inputs": 3, "object": "block"}', tensors)
    return tmp_path / "thing.safetensors"


def test_a_network_is_filled_and_ready_to_run(path: Path) -> None:
    network = load(path, "block").network
    assert float(network(torch.ones(3))) == 5.0
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_a_digest_is_of_the_numbers_alone() -> None:
    """Protects what is said of a network: the same whatever the order, another with any other number, name or shape."""
    tensors = {"weight": torch.ones(1, 3), "count": torch.tensor(2)}
    found = weights.digest(tensors)
    assert found == weights.digest(dict(reversed(tensors.items())))
    others = (
        {**tensors, "count": torch.tensor(3)}, {**tensors, "weight": torch.ones(3, 1)},
        {"height": torch.ones(1, 3), "count": torch.tensor(2)},
    )  # fmt: skip
    assert len({found, *map(weights.digest, others)}) == 4


def test_what_the_contract_must_say_is_checked(path: Path) -> None:
    assert load(path).network
    with pytest.raises(DactylError, match=r"cannot use the thing .*: it was trained for the object block, not sphere"):
        load(path, "sphere")


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"weight": torch.ones(1, 3)}, "the tensor bias is missing"),
        ({"weight": torch.ones(1, 3), "bias": torch.ones(1), "c": torch.ones(1)}, "the tensor c does not belong"),
        ({"weight": torch.ones(1, 2), "bias": torch.ones(1)}, r"weight has shape \(1, 2\), its contract says \(1, 3\)"),
        ({"weight": torch.ones(1, 3), "bias": torch.tensor([torch.nan])}, "bias holds numbers that are not finite"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(path: Path, tensors: dict[str, torch.Tensor], message: str) -> None:
    weights.save(path, '{"inputs": 3, "object": "block"}', tensors)
    with pytest.raises(DactylError, match=message):
        load(path)


def test_other_files_are_refused(path: Path) -> None:
    with pytest.raises(DactylError, match="there is no such file"):
        load(path.with_name("none"))
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DactylError, match="not a whole safetensors file"):
        load(path)
