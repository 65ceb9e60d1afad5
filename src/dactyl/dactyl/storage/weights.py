"""What files of weights share: safetensors with a JSON contract in the metadata, checked before they are used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

METADATA_KEY = "dactyl"


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
