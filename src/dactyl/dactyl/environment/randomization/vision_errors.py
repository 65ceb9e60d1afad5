"""The errors of a pose estimator, drawn in place of rendering: what a policy of vision learns to live with.

`vision errors` measures them along a policy's trajectories. An estimate is off by the sum of four parts: what depends
on where the object is and how it is turned, what stays for an episode, what fades from step to step, and now and then
an outlier. Positions in m, rotations as rotation vectors in rad from the true orientation, both in the robot frame.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf, log1p
from pathlib import Path
from typing import Any

import numpy as np
import torch
from array_api_compat import array_namespace
from torch import Tensor

from dactyl.environment.randomization.effect import Effect
from dactyl.environment.randomization.observation_noise import Sensed
from dactyl.environment.randomization.random import Random, check_amount, where
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.maths.quaternion import Array
from dactyl.robot.robot import Robot
from dactyl.storage import yaml_files
from dactyl.storage.presets import parse_fields
from dactyl.storage.shared import shared

FORMAT = "dactyl-vision-errors/1"
FEATURES = 13
"""Of a state, see `features`."""
_UNIT = 0.02  # m from the workspace's rest that count as one
_NONE = (0.0, 0.0, 0.0)

Three = tuple[float, float, float]
Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class VisionErrors:
    """Statistics of an estimator's errors; the defaults are no errors at all."""

    position_of_state: Rows = ()
    """(3, FEATURES) m: the mean error where the object is so; empty: none."""
    rotation_of_state: Rows = ()
    """(3, FEATURES) rad"""
    position_bias: Three = _NONE
    """m, standard deviation on each axis of what stays for an episode, as looks and cameras do."""
    rotation_bias: Three = _NONE
    """rad"""
    position_noise: Three = _NONE
    """m, standard deviation of what changes from step to step …"""
    rotation_noise: Three = _NONE
    """rad"""
    position_memory: float = 0.0
    """… and how much of it is the last step's: its correlation from one control step to the next."""
    rotation_memory: float = 0.0
    outlier_rate: float = 0.0
    """Outliers that begin in a second."""
    outlier_duration: float = 0.08
    """s that one lasts on average; at least a control step."""
    outlier_position: float = 0.0
    """m, standard deviation on each axis of what an outlier adds while it lasts."""
    outlier_rotation: float = 0.0
    """rad"""
    share: float = 1.0
    """Of the episodes; the others see the object by motion capture, so that a policy forgets neither."""

    @classmethod
    def from_config(cls, value: Any, where: str, default: Any) -> VisionErrors:
        """From a preset: a file of `vision errors`, or the numbers themselves."""
        if isinstance(value, str):
            return read(Path(value) if Path(value).exists() else shared(value))
        parsed: VisionErrors = parse_fields(cls, value, where, default)
        return parsed

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name.endswith("_of_state"):
                _check_rows(each.name, value)
                continue
            for number in value if isinstance(value, tuple) else (value,):
                most = 1.0 if each.name == "share" or each.name.endswith("_memory") else float("inf")
                check_amount(each.name, number, most)


def _check_rows(name: str, rows: Rows) -> None:
    values = [number for row in rows for number in row]
    if rows and [len(row) for row in rows] != [FEATURES] * 3:
        raise DactylError(f"randomization {name}: expected 3 rows of {FEATURES} numbers, or none")
    if not np.isfinite(values).all():
        raise DactylError(f"randomization {name}: a number is not finite")


def read(path: Path) -> VisionErrors:
    """A file of `vision errors`.

    Raises:
        DactylError: it cannot be read, or is none; names it.
    """
    values = yaml_files.load(path)
    if not isinstance(values, dict) or values.get("format") != FORMAT or not isinstance(values.get("errors"), dict):
        raise DactylError(f"{path} is no file of `vision errors`: its format is not {FORMAT}")
    try:
        parsed: VisionErrors = parse_fields(VisionErrors, values["errors"], "errors", None)
    except (DactylError, OverflowError) as error:  # a number of a thousand digits
        raise DactylError(f"{path}: {error}") from error
    return parsed


def features(position: Array, orientation: Array, rest: Array) -> Array:
    """What errors may depend on, (..., FEATURES): 1, where the object is, in 2 cm from its place on the palm, and its
    rotation matrix, row by row.

    Args:
        position: (..., 3) m, robot frame.
        orientation: (..., 4)
        rest: (3,) m, `Workspace.rest`.
    """
    xp = array_namespace(position, orientation)
    matrix = quaternion.to_matrix(orientation)
    turned = xp.reshape(matrix, (*matrix.shape[:-2], 9))
    return xp.concat([xp.ones_like(position[..., :1]), (position - rest) / _UNIT, turned], axis=-1)


class Sight(Effect):
    """Poses of N objects as an estimator with such errors would see them."""

    def __init__(self, config: VisionErrors, num_envs: int, robot: Robot, random: Random) -> None:
        self._config, self._random, self._num_envs = config, random, num_envs
        self._period = robot.timing.control
        steps = config.outlier_duration / self._period
        self._ending = -log1p(-1.0 / steps) if steps > 1.0 else inf  # rate at which an outlier ends, per step
        self._rest = torch.as_tensor(robot.workspace.rest, dtype=torch.float32, device=random.device)
        self._maps = [
            torch.tensor(rows or [[0.0] * FEATURES] * 3, dtype=torch.float32, device=random.device)
            for rows in (config.position_of_state, config.rotation_of_state)
        ]
        self._deviations = {
            name: torch.tensor(getattr(config, name), dtype=torch.float32, device=random.device)
            for name in ("position_bias", "rotation_bias", "position_noise", "rotation_noise")
        }
        nothing = torch.zeros(num_envs, 3, device=random.device)
        self.on = torch.ones(num_envs, device=random.device, dtype=torch.bool)
        self.position_offset, self.rotation_offset = nothing, nothing
        self.position_error, self.rotation_error = nothing, nothing
        self.outlier_position, self.outlier_rotation = nothing, nothing
        self.outlier_left = torch.zeros(num_envs, device=random.device)
        """Control steps that an outlier still lasts."""

    def restart(self, mask: Tensor) -> None:
        """Draw what stays for an episode, and a first error."""
        config, nothing = self._config, torch.zeros_like(self.position_offset)
        self.redraw(
            mask,
            on=self._random.chance(config.share, self._num_envs),
            position_offset=self._spread("position_bias"),
            rotation_offset=self._spread("rotation_bias"),
            position_error=self._spread("position_noise"),
            rotation_error=self._spread("rotation_noise"),
            outlier_position=nothing,
            outlier_rotation=nothing,
            outlier_left=torch.zeros_like(self.outlier_left),
        )

    def see(self, truth: Sensed, otherwise: Sensed) -> Sensed:
        """One reading a control step.

        Args:
            truth: the exact values.
            otherwise: what is seen of fingertips, and of the object in episodes without vision.
        """
        position_map, rotation_map = self._maps
        known = features(truth.object_position, truth.object_orientation, self._rest)
        self._go_on()
        shift = known @ position_map.T + self.position_offset + self.position_error + self.outlier_position
        turn = known @ rotation_map.T + self.rotation_offset + self.rotation_error + self.outlier_rotation
        orientation = quaternion.multiply(quaternion.from_rotation_vector(turn), truth.object_orientation)
        return otherwise._replace(
            object_position=where(self.on, truth.object_position + shift, otherwise.object_position),
            object_orientation=where(self.on, orientation, otherwise.object_orientation),
        )

    def _go_on(self) -> None:
        """Let errors fade into new ones, and outliers begin and end."""
        config, random, n = self._config, self._random, self._num_envs
        for name in ("position", "rotation"):
            memory = getattr(config, f"{name}_memory")
            fresh = (1.0 - memory**2) ** 0.5 * self._spread(f"{name}_noise")
            setattr(self, f"{name}_error", memory * getattr(self, f"{name}_error") + fresh)
        begins = random.chance(config.outlier_rate * self._period, n)
        lasts = torch.ceil(random.exponential(n) / self._ending).clamp(min=1.0)
        self.outlier_left = torch.where(begins, lasts, (self.outlier_left - 1.0).clamp(min=0.0))
        over = self.outlier_left <= 0.0
        for name in ("position", "rotation"):
            drawn = getattr(config, f"outlier_{name}") * random.normal(n, 3)
            kept = where(begins, drawn, getattr(self, f"outlier_{name}"))
            setattr(self, f"outlier_{name}", where(over, torch.zeros_like(kept), kept))

    def _spread(self, name: str) -> Tensor:
        """Normal numbers (N, 3) of the deviations of that name."""
        return self._deviations[name] * self._random.normal(self._num_envs, 3)
