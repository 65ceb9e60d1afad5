"""Every experiment by its name, in the paper's order, then other papers'. Listing names imports none of them."""

from __future__ import annotations

from importlib import import_module

from dactyl.errors import WrongArgumentError, choose_from
from dactyl.reproduction.experiment import Experiment

NAMES = (
    "table-3",
    "table-3-vision",
    "table-3-held-out",
    "table-4",
    "table-4-graph",
    "table-5",
    "memory-probe",
    "table-6",
    "figure-10",
    "figure-10-ray",
    "node-lost",
    "grasps",
    "control-period",
    "memory-or-not",
    "keypoints",
    "randomizations",
    "shapes",
    "autotune",
    "starts",
    "groups",
    "depth-and-position",
    "stickers",
    "pushes",
)
"""Each is `EXPERIMENT` in the file of its name, with `_` for every `-`."""


def load(name: str) -> Experiment:
    """An experiment by its name.

    Raises:
        WrongArgumentError: there is none of that name.
    """
    if name not in NAMES:
        raise WrongArgumentError(f"there is no experiment {name!r}: {choose_from(name, NAMES)}")
    found: Experiment = import_module(f"dactyl.reproduction.experiments.{name.replace('-', '_')}").EXPERIMENT
    return found


def everything() -> tuple[Experiment, ...]:
    """All of them."""
    return tuple(map(load, NAMES))
