"""A calibrated model in the graph with a simulated robot: the sim node has its parameters, the filter its backlash."""

from __future__ import annotations

from pathlib import Path

from dactyl.bringup.graph import Value
from dactyl.robot import parameters
from dactyl.robot import robot as robots


def calibration_of(file: str) -> dict[str, Value]:
    """For the sim node: the model calibration, if there is one."""
    return {"calibration": str(Path(file).absolute())} if file else {}


def backlash_of(robot: str, file: str) -> dict[str, Value]:
    """For the filter, which has a simulated robot's backlash: that of a model calibration.

    Raises:
        DactylError: the file cannot be read.
    """
    if not file:
        return {}
    loaded = robots.load(robot)
    return {"backlash_deltas": parameters.backlash_rates(loaded, parameters.read(Path(file), loaded)).ravel().tolist()}
