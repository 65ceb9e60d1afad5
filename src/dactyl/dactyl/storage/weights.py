"""What files of weights share: safetensors with a JSON contract in the metadata, checked before they are used."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize
from torch import Tensor, nn

from dactyl.errors import DactylError
from dactyl.storage.contract import METADATA_KEY
from dactyl.storage.files import write_atomically


class HasNetwork(Protocol):
    """A network with all that belongs to it."""

    @property
    def network(self) -> nn.Module: ...


C = TypeVar("C")
N = TypeVar("N", bound=HasNetwork)


def load(
    path: str | Path,
    what: str,
    parse: Callable[[str], C],
    make: Callable[[C], N],
    expected: Mapping[str, str | None],
    device: str | torch.device,
) -> N:
    """Make what a file holds, ready to be run: its network is on the device, in evaluation mode and without gradients.

    Args:
        path: of a .safetensors file.
        what: it holds, for messages.
        parse: makes a contract of its text; ValueError says what is wrong with it.
        make: makes the thing of the contract, with a network to be filled.
        expected: what the contract must say, by the names of its fields; None accepts anything.
        device: to compute on.

    Raises:
        DactylError: the file does not fit; says why.
    """
    try:
        text, tensors = read(Path(path))
        contract = parse(text)
        for name, wanted in expected.items():
            if wanted is not None and (found := getattr(contract, name)) != wanted:
                raise ValueError(f"it was trained for the {name} {found}, not {wanted}")
        made = make(contract)
        fill(made.network, tensors)
    except (ValueError, DactylError) as error:
        raise DactylError(f"cannot use the {what} {path}: {error}") from error
    made.network.to(device).eval().requires_grad_(False)
    return made


def save(path: Path, contract: str, tensors: Mapping[str, Tensor]) -> None:
    """Write a file of weights, whole or not at all."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomically(path, serialize(plain, {METADATA_KEY: contract}))


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of tensors with their names and shapes, whatever contract and order they are stored in."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def read(path: Path) -> tuple[str, dict[str, Tensor]]:
    """A file's contract, as text, and its tensors; ValueError says what is wrong with it."""
    if not path.is_file():
        raise ValueError("there is no such file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dict
    except SafetensorError as error:
        raise ValueError(f"it is not a whole safetensors file ({error})") from error
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    if METADATA_KEY not in metadata:
        raise ValueError("it is a safetensors file without a dactyl contract")
    return metadata[METADATA_KEY], tensors


def fill(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy tensors into the network; ValueError says which does not fit."""
    expected = network.state_dict()
    if missing := sorted(expected.keys() - tensors.keys()):
        raise ValueError(f"the tensor {missing[0]} is missing")
    if extra := sorted(tensors.keys() - expected.keys()):
        raise ValueError(f"the tensor {extra[0]} does not belong to its architecture")
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            shapes = f"{tuple(tensor.shape)}, its contract says {tuple(expected[name].shape)}"
            raise ValueError(f"the tensor {name} has shape {shapes}")
        if tensor.is_floating_point() != expected[name].is_floating_point() or not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"the tensor {name} holds numbers that are not finite")
    network.load_state_dict(dict(tensors))
