"""What a policy's file says about its use, read from its header without torch, which takes seconds to import."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from dactyl import registry
from dactyl.errors import DactylError

METADATA_KEY = "dactyl"
"""Of a safetensors file's metadata: its contract, as JSON."""


@dataclass(frozen=True)
class Use:
    """What whoever runs a policy has to know: filter, driver and simulator. See `learning.policy.Contract`."""

    robot: str
    task: str
    smoothing: float
    action_scale: float
    action_origin: str
    locked_wrist: bool
    object: str = ""
    """That it was trained with; empty: it does not say, and the task's first is meant."""
    images: tuple[str, ...] = ()
    """Of the robot's eyes, that it sees."""


def read_contract(policy: Path) -> Use:
    """The part of the contract in a policy file's header that is needed to run it.

    Raises:
        DactylError: there is no such file, or no contract in it.
    """
    try:
        with policy.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        contract = json.loads(header["__metadata__"][METADATA_KEY])
        return Use(
            robot=str(contract.get("robot", registry.DEFAULTS["robots"])),
            task=str(contract.get("task", registry.DEFAULTS["tasks"])),
            smoothing=float(contract["smoothing"]),
            action_scale=float(contract["action_scale"]),
            action_origin=str(contract.get("action_origin", "current")),
            locked_wrist=bool(contract.get("locked_wrist", False)),
            object=str(contract.get("object", "")),
            images=tuple(map(str, contract.get("architecture", {}).get("images", {}))),
        )
    except OSError as error:
        raise DactylError(f"cannot read the policy {policy}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, MemoryError, RecursionError) as error:
        raise DactylError(f"{policy} is not a policy file: it has no dactyl contract") from error
