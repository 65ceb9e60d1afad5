"""Policies for others: ONNX and TorchScript files that carry the contract, and policy files half as large.

ONNX and TorchScript compute (observation (n, inputs), state (n, state size)) -> (logits (n, actuators, bins), new
state) in float32, normalization included; for a policy without bins (mean (n, actuators), new state), for a diffusion
policy (action (n, actuators), new state), always from the same noise. The state is zero when a trial starts; whoever
runs the file feeds the new state back, draws a bin for each actuator (or takes the likeliest) and does the rest that
the contract names.
"""

from __future__ import annotations

import io
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dactyl.errors import DactylError
from dactyl.learning.models.diffusion import DiffusionNetwork
from dactyl.learning.policy import Policy
from dactyl.storage.contract import METADATA_KEY
from dactyl.storage.files import write_atomically

INPUTS, NEXT_STATE = ("observation", "state"), "next_state"
FORMATS = {".onnx": "ONNX", ".pt": "TorchScript", ".safetensors": "a policy file"}


class Exported(nn.Module):
    """One step of a policy, its memory going in and out."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.network = policy.network
        if isinstance(self.network, DiffusionNetwork):
            self.network.everywhere = True  # a traced program has no branches
        self.actions = policy.actions

    def forward(self, observation: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        outputs, state = self.network.step({"policy": observation}, state)
        return self.actions.exported(outputs), state


def contract(policy: Policy) -> dict[str, Any]:
    """The policy's contract and the names and sizes of inputs and outputs."""
    state = policy.network.state_size
    shape = policy.actions.exported(torch.zeros(1, policy.actions.outputs)).shape[1:]
    return {
        **json.loads(policy.contract.to_json()),
        "inputs": {INPUTS[0]: [policy.contract.inputs], INPUTS[1]: [state]},
        "outputs": {policy.actions.exported_as: list(shape), NEXT_STATE: [state]},
    }


def export(policy: Policy, path: Path) -> None:
    """Write the policy, whole or not at all, with the contract under the key "dactyl".

    As ONNX (.onnx), TorchScript (.pt), or a policy file with matrices in float16 (.safetensors), as ours are shipped.

    Raises:
        DactylError: another ending, a policy that sees images, or a package that is needed is missing.
    """
    if path.suffix not in FORMATS:
        raise DactylError(f"cannot export to {path}: name it .onnx (ONNX), .pt (TorchScript) or .safetensors")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".safetensors":
            policy.save(path, torch.float16)
        else:
            write_atomically(path, _program(policy, path.suffix))
    except OSError as error:
        raise DactylError(f"cannot write {path}: {error.strerror}") from error


def _program(policy: Policy, suffix: str) -> bytes:
    if policy.network.encoders:
        raise DactylError("a policy that sees images cannot be exported")
    module = Exported(policy).eval()
    example = (torch.zeros(2, policy.contract.inputs), policy.initial_state(2))
    text = json.dumps(contract(policy))
    return _onnx(module, example, text) if suffix == ".onnx" else _torchscript(module, example, text)


def _torchscript(module: nn.Module, example: tuple[Tensor, Tensor], text: str) -> bytes:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(module, example), buffer, _extra_files={METADATA_KEY: text})
    return buffer.getvalue()


def _onnx(module: Exported, example: tuple[Tensor, Tensor], text: str) -> bytes:
    try:
        import onnx
        import onnxscript  # noqa: F401, torch's exporter needs it
    except ImportError as error:
        raise DactylError("exporting to ONNX needs the packages onnx and onnxscript") from error
    batch = torch.export.Dim("n")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # tells of packages that nothing here needs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            example,
            input_names=list(INPUTS),
            output_names=[module.actions.exported_as, NEXT_STATE],
            dynamic_shapes=({0: batch}, {0: batch}),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    onnx.helper.set_model_props(model, {METADATA_KEY: text})
    return model.SerializeToString()
