"""What can be changed while nodes run: another policy, a paused or broken simulation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rclpy.parameter import Parameter

from dactyl.learning.models.recurrent import Architecture
from dactyl.learning.policy import Contract, Policy
from dactyl.nodes.policy import PolicyNode
from dactyl.nodes.sim import Sim
from dactyl.simulation.faults import FAULTS, Fault


def change(node: Any, name: str, value: Any) -> str:
    """Why it was refused; empty if it was not."""
    (result,) = node.set_parameters([Parameter(name, value=value)])
    assert result.successful != bool(result.reason)
    return result.reason


def save(folder: Path, name: str, seed: int, **contract: Any) -> str:
    torch.manual_seed(seed)
    path = folder / f"{name}.safetensors"
    Policy(Contract(architecture=Architecture(dense=(16,), lstm=8), **contract)).save(path)
    return str(path)


def test_another_policy_takes_over(make_node: Callable[..., Any], tmp_path: Path) -> None:
    """Protects a running trial: only a policy that filter and driver were set up for comes in, and begins anew."""
    first, second = save(tmp_path, "first", 0), save(tmp_path, "second", 1)
    node = make_node(PolicyNode, policy=first)
    before = node.policy
    assert "other.safetensors" in change(node, "load", str(tmp_path / "other.safetensors"))
    assert "smoothing" in change(node, "load", save(tmp_path, "smoother", 0, smoothing=0.9))
    assert node.policy is before
    node.trial = 3
    assert not change(node, "load", second)
    assert node.policy is not before
    assert node.trial is None
    assert change(node, "policy", second), "what the node was started with stays as it is"


def test_faults_are_those_of_the_sensors(make_node: Callable[..., Any]) -> None:
    """Protects tests of robustness: a hidden marker says that it was not seen, and everything can be mended."""
    sim = make_node(Sim, lockstep="true")

    def hidden() -> set[int]:
        sim._read_sensors()
        return {marker.id for marker in sim.markers.markers if marker.condition <= 0}

    assert "there is no fault 'fire'" in change(sim, "fault", "fire")
    assert not change(sim, "fault", Fault.OBJECT_HIDDEN.value)
    assert hidden() == {20, 21, 22, 23, 24, 25}
    assert not change(sim, "fault", Fault.FINGERTIP_HIDDEN.value)
    assert hidden() == {0}
    assert not change(sim, "fault", Fault.NONE.value)
    assert hidden() == set()
    sim.laboratory.place_object(0)
    assert not sim.laboratory.object_dropped()
    assert not change(sim, "fault", Fault.OBJECT_DROPPED.value)
    sim._drop_object_if_told()
    assert sim.laboratory.object_dropped()
    assert sim.fault is Fault.NONE
    assert np.isfinite(sim.laboratory.data.qpos).all()
    assert len(set(FAULTS)) == len(Fault)


def test_a_clock_that_is_not_its_own_cannot_be_stopped(make_node: Callable[..., Any]) -> None:
    """Protects lockstep runs, which end in no other way than they would have."""
    sim = make_node(Sim, lockstep="true")
    assert "cannot pause" in change(sim, "paused", True)
    assert "Type.BOOL" in change(sim, "paused", "yes")
