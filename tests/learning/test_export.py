"""Exported policies compute what the policy computes, step after step, for any number of worlds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dactyl.errors import DactylError
from dactyl.learning import export
from dactyl.learning.models.recurrent import Architecture
from dactyl.learning.policy import Contract, Policy
from dactyl.storage.contract import METADATA_KEY

STEPS = 80


@pytest.fixture(params=[Architecture((32,), 16), Architecture((32, 16), 0)], ids=["lstm", "feed-forward"])
def policy(request: pytest.FixtureRequest) -> Policy:
    torch.manual_seed(0)
    policy = Policy(Contract(architecture=request.param, trained={"seed": 0}))
    policy.network.normalizer.update(torch.randn(100, 22) * 2.0 + 1.0)
    torch.nn.init.orthogonal_(policy.network.head.weight, 3.0)
    return policy


def expected(policy: Policy, observations: np.ndarray) -> list[np.ndarray]:
    state, logits = policy.initial_state(observations.shape[1]), []
    with torch.no_grad():
        for observation in torch.as_tensor(observations):
            output, state = policy.network.step({"policy": observation}, state)
            logits.append(output.unflatten(-1, (20, 11)).numpy())
    return logits


@pytest.mark.parametrize("worlds", [1, 3])
def test_torchscript(policy: Policy, tmp_path: Path, worlds: int) -> None:
    observations = np.random.default_rng(0).normal(size=(STEPS, worlds, 22)).astype(np.float32)
    export.export(policy, tmp_path / "policy.pt")
    extra = {METADATA_KEY: ""}
    module = torch.jit.load(tmp_path / "policy.pt", _extra_files=extra)
    assert json.loads(extra[METADATA_KEY]) == json.loads(json.dumps(export.contract(policy)))
    state = torch.zeros(worlds, json.loads(extra[METADATA_KEY])["inputs"]["state"][0])
    for observation, logits in zip(observations, expected(policy, observations), strict=True):
        output, state = module(torch.as_tensor(observation), state)
        np.testing.assert_allclose(output.detach().numpy(), logits, atol=1e-5)


@pytest.mark.parametrize("worlds", [1, 3])
def test_onnx(policy: Policy, tmp_path: Path, worlds: int) -> None:
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    observations = np.random.default_rng(0).normal(size=(STEPS, worlds, 22)).astype(np.float32)
    export.export(policy, tmp_path / "policy.onnx")
    session = runtime.InferenceSession(tmp_path / "policy.onnx", providers=["CPUExecutionProvider"])
    contract = json.loads(session.get_modelmeta().custom_metadata_map[METADATA_KEY])
    assert contract["actuators"] == list(policy.contract.actuators)
    state = np.zeros((worlds, contract["inputs"]["state"][0]), np.float32)
    for observation, logits in zip(observations, expected(policy, observations), strict=True):
        output, state = session.run(["logits", "next_state"], {"observation": observation, "state": state})
        np.testing.assert_allclose(output, logits, atol=1e-4)


def test_numbers_as_actions_are_exported_as_their_means(tmp_path: Path) -> None:
    """Protects robots that are not told bins."""
    torch.manual_seed(0)
    policy = Policy(Contract(bins=0, architecture=Architecture((8,), 0)))
    torch.nn.init.orthogonal_(policy.network.head.weight, 3.0)
    export.export(policy, tmp_path / "policy.pt")
    assert export.contract(policy)["outputs"] == {"mean": [20], "next_state": [0]}
    observation = torch.randn(3, 22)
    output, _ = torch.jit.load(tmp_path / "policy.pt")(observation, policy.initial_state(3))
    torch.testing.assert_close(output, policy.step(observation, policy.initial_state(3), deterministic=True)[0])
    assert output.abs().max() == 1.0


def test_policies_that_see_images_are_refused(tmp_path: Path) -> None:
    policy = Policy(Contract(architecture=Architecture((8,), 0, {"camera": (1, 8, 8)})))
    with pytest.raises(DactylError, match="sees images"):
        export.export(policy, tmp_path / "policy.onnx")


def test_other_endings_are_refused(policy: Policy, tmp_path: Path) -> None:
    with pytest.raises(DactylError, match=r"name it \.onnx"):
        export.export(policy, tmp_path / "policy.tflite")


def test_a_policy_file_to_share_is_half_as_large(policy: Policy, tmp_path: Path) -> None:
    policy.save(tmp_path / "whole.safetensors")
    shared = tmp_path / "a new folder" / "policy.safetensors"
    export.export(policy, shared)
    assert shared.stat().st_size < 0.75 * (tmp_path / "whole.safetensors").stat().st_size
    assert Policy.load(shared).contract == policy.contract


def test_a_folder_that_cannot_be_made_is_named(policy: Policy, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DactylError, match="cannot write"):
        export.export(policy, tmp_path / "file" / "policy.pt")
