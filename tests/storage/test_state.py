"""A training's state comes back as it was, and a file that could run code does not."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from dactyl.storage.state import load_state, save_state


def test_tensors_and_plain_values_come_back(tmp_path: Path) -> None:
    save_state(tmp_path / "state.pt", {"weights": torch.arange(3.0), "steps": 7, "names": ["a"]})
    state = load_state(tmp_path / "state.pt")
    assert torch.equal(state["weights"], torch.arange(3.0))
    assert (state["steps"], state["names"]) == (7, ["a"])


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps({"path": Path("/")}, protocol=2)])
def test_what_is_no_state_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    """Protects from pickles, which run what they are told to."""
    path = tmp_path / "state.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"\w") as caught:
        load_state(path)
    assert "\n" not in str(caught.value)
