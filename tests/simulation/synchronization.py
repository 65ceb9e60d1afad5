"""Finds what would make the host wait for a GPU, without having one: watches torch's operations on the CPU."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

READS_DATA = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "equal", "is_nonzero", "bincount")
COPIES_FROM_HOST = ("as_tensor", "tensor", "from_numpy", "asarray", "frombuffer")


class _Watch(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().removeprefix("aten::").partition(".")[0]
        if name in READS_DATA:
            raise AssertionError(f"{func.name()} makes the host wait for the device")
        if name in ("index", "index_put", "index_put_") and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        ):
            raise AssertionError(f"{func.name()} with a mask makes the host wait for the device")
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def forbidden(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails at any operation that reads a tensor's values, or makes a tensor from the host's numbers."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a tensor made from the host's numbers makes the host wait for the device")

    with monkeypatch.context() as patch, _Watch():
        for name in COPIES_FROM_HOST:
            patch.setattr(torch, name, refuse)
        patch.setattr("array_api_compat.torch.asarray", refuse)
        yield
