"""Whether a policy may be run."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dactyl.farm import check
from dactyl.farm.check import refusal
from dactyl.learning.policy import Contract, Policy
from tests.farm.made_up import JOB


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.safetensors"
    Policy(Contract(trained={"untrained": True})).save(path)
    return path


def looking(code: str) -> list[str]:
    """A process in the place of the one that looks."""
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    "content", [b"", b"short", b"\xff" * 64, b"PK\x03\x04" * 100, b"\x08" + b"\0" * 7 + b'{"a":1} ']
)
def test_what_is_no_policy_costs_no_process(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "policy"
    path.write_bytes(content)
    assert "not a policy file" in refusal(path, JOB, looking("raise SystemExit(0)"))


def test_the_process_that_looks_decides(policy: Path) -> None:
    assert refusal(policy, JOB, looking("raise SystemExit(0)")) == ""
    said = refusal(policy, JOB, looking("import sys; print('cannot use', sys.argv[1]); raise SystemExit(3)"))
    assert said == "cannot use that was sent", "a client is not told where the farm keeps things"
    assert "cannot be loaded" in refusal(policy, JOB, looking("import os; os.kill(os.getpid(), 9)"))
    assert "within 0.2 s" in refusal(policy, JOB, looking("import time; time.sleep(60)"), within=0.2)


@pytest.mark.slow
def test_a_policy_is_looked_at_with_the_job(policy: Path) -> None:
    assert refusal(policy, JOB) == ""
    assert "trained for the object block, not sphere" in refusal(policy, replace(JOB, object="sphere"))
    whole = policy.read_bytes()
    policy.write_bytes(whole[:-100])
    assert "not a whole safetensors file" in refusal(policy, JOB)


@pytest.mark.slow
def test_a_network_of_any_size_is_refused(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the farm's memory from a file of a few bytes that promises the largest network of all."""
    whole = policy.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    contract = json.loads(header["__metadata__"]["dactyl"])
    contract["architecture"]["lstm"] = 10**6
    header["__metadata__"]["dactyl"] = json.dumps(contract)
    text = json.dumps(header).encode()
    policy.write_bytes(len(text).to_bytes(8, "little") + text + whole[8 + length :])
    assert refusal(policy, JOB) != ""
    assert check.MEMORY_BYTES <= 4 * 2**30
