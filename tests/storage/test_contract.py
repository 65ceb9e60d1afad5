"""The contract in a policy file's header, read without torch."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from dactyl.errors import DactylError
from dactyl.storage import models
from dactyl.storage.contract import METADATA_KEY, Use, read_contract

USE = Use("shadow", "reorient", smoothing=0.3, action_scale=1.0, action_origin="middle", locked_wrist=True)


def file(path: Path, contract: dict[str, Any]) -> Path:
    path.write_bytes(save({"x": torch.zeros(1)}, {METADATA_KEY: json.dumps(contract)}))
    return path


def test_a_contract_is_read(tmp_path: Path) -> None:
    other = dataclasses.replace(USE, robot="another", task="lift", object="pot")
    assert read_contract(file(tmp_path / "p.safetensors", dataclasses.asdict(other))) == other


def test_a_file_of_before_there_were_other_robots_is_shadows(tmp_path: Path) -> None:
    """Protects every policy that was trained before files named their robot and task."""
    path = file(tmp_path / "p.safetensors", {"smoothing": 0.5, "action_scale": 0.25})
    assert read_contract(path) == Use("shadow", "reorient", 0.5, 0.25, "current", False)


def test_the_images_that_it_sees_are_read(tmp_path: Path) -> None:
    contract = dataclasses.asdict(USE) | {"architecture": {"lstm": 0, "images": {"depth": [1, 72, 96]}}}
    assert read_contract(file(tmp_path / "p.safetensors", contract)).images == ("depth",)


@pytest.mark.parametrize("contract", ["[]", "3", "[" * 5000, '"text"'])
def test_a_contract_that_is_no_mapping_is_one_error(contract: str, tmp_path: Path) -> None:
    """Protects whoever takes files from others."""
    text = json.dumps({"__metadata__": {METADATA_KEY: contract}}).encode()
    (tmp_path / "p").write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(DactylError, match="not a policy file"):
        read_contract(tmp_path / "p")


def test_the_shipped_policies_have_one() -> None:
    robots = {
        path.parent.name: read_contract(path).robot for path in models.find("block").parent.glob(f"*/{models.POLICY}")
    }
    others = {
        "gr1-box-lift": "gr1",
        "gr1-right-grasp-and-reach": "gr1_right",
        "cube-teacher": "trifinger",
        "trifinger-repose": "trifinger",
    }
    assert robots == {name: others.get(name, "shadow") for name in robots}
    assert set(others) < set(robots)


@pytest.mark.parametrize("content", [b"", b"\x05\0\0\0\0\0\0\0", b"\xff" * 64, json.dumps({"a": 1}).encode()])
def test_what_is_no_policy_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p.safetensors").write_bytes(content)
    with pytest.raises(DactylError, match="is not a policy file"):
        read_contract(tmp_path / "p.safetensors")
    with pytest.raises(DactylError, match=r"cannot read the policy .*No such file"):
        read_contract(tmp_path / "none.safetensors")


def test_it_needs_no_torch() -> None:
    """Protects `sim` and `real` from waiting seconds for torch before they start anything."""
    code = "import sys, dactyl.storage.contract, dactyl.storage.models; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
