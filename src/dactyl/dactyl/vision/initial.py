"""Beginning a training with another estimator's network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from dactyl.errors import DactylError
from dactyl.storage.models import estimator_for
from dactyl.vision.estimator import Estimator


def begin_with(estimator: Estimator, path: Path) -> None:
    """Fill an estimator's network with another's numbers.

    Where each has another idea of what position is zero and what is one, the last layer is changed so that the answers
    in metres are the same. The other may be of another object: its towers have learned edges and colours all the same.
    With the head "adjustment" answers are solved for, so they need no change; what says how exactly points are found
    begins anew where an object has another number of them. Its rigid steps may be more or fewer.

    Args:
        estimator: to fill.
        path: of the other's file, or a folder with it.

    Raises:
        DactylError: it cannot be read, or its network or robot is another one.
    """
    other = Estimator.load(estimator_for(estimator.contract.object, path))
    ours, theirs = estimator.contract, other.contract
    same_steps = replace(theirs.architecture, rigid_steps=ours.architecture.rigid_steps)
    if ours.architecture != same_steps or ours.robot != theirs.robot:
        name = "robot" if ours.architecture == same_steps else "architecture"
        raise DactylError(f"cannot begin with {path}: its {name} is {getattr(theirs, name)}")
    network, numbers = estimator.network, estimator.network.state_dict()
    kept = {name: new for name, new in other.network.state_dict().items() if new.shape == numbers[name].shape}
    network.load_state_dict({**numbers, **kept})
    if network.adjustment is not None:
        return
    scale = theirs.position_scale / ours.position_scale
    shift = torch.tensor(theirs.position_mean, dtype=torch.float64) - torch.tensor(ours.position_mean).double()
    head = network.head
    with torch.no_grad():
        head.weight[:3] *= scale
        head.bias[:3] = (scale * head.bias[:3].double() + shift.to(head.bias.device) / ours.position_scale).float()
