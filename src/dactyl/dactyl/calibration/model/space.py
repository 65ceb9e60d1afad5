"""Where the parameters of a model are sought: each a number from 0 to 1 between bounds about the model's own value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dactyl.calibration.model.windows import Group
from dactyl.robot.parameters import ACTUATOR_PARAMETERS, JOINT_PARAMETERS, Key, ModelParameters, keys
from dactyl.robot.robot import Robot

FACTORS = {"damping": 4.0, "gain": 2.0, "force_limit": 2.0, "backlash_negative": 4.0, "backlash_positive": 4.0}
"""Sought between the model's value divided and multiplied by this, evenly in the logarithm."""
FRICTION = 0.1
"""Friction loss up to this share of the largest torque of the joint's actuator."""
STIFFNESS = 0.3
"""Stiffness up to this share of the gain of the joint's actuator."""
MARGIN = 0.05
"""rad"""
LIMIT, LIMIT_SHARE = 0.3, 0.25
"""rad that a limit may be off, but no more than this share of the joint's range."""
DRAWN = 0.5
"""A hidden robot's parameters are drawn from the middle part, so wide, of where they are sought; those that cannot be
below their nominal 0, from the lower part."""


@dataclass(frozen=True, eq=False)
class Space:
    """Bounds of all parameters, in the order of `robot.parameters.keys`. (P,) each; what is not sought has none."""

    robot: Robot
    nominal: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    logarithmic: np.ndarray
    """bool"""

    @property
    def sought(self) -> np.ndarray:
        """(P,) bool: there is room between the bounds."""
        return self.upper > self.lower

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        return keys(self.robot)

    def to_unit(self, vector: np.ndarray) -> np.ndarray:
        """Parameters (…, P) as numbers from 0 to 1."""
        low, high = self._ends
        span = np.where(self.sought, high - low, 1.0)
        return np.where(self.sought, (self._curved(vector) - low) / span, 0.0)

    def from_unit(self, unit: np.ndarray) -> np.ndarray:
        """The parameters (…, P) that numbers from 0 to 1 mean; those that are not sought as they are."""
        low, high = self._ends
        values = low + np.clip(unit, 0.0, 1.0) * (high - low)
        values = np.where(self.logarithmic, np.exp(values), values)
        return np.where(self.sought, values, self.nominal)

    @property
    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        return self._curved(self.lower), self._curved(self.upper)

    def _curved(self, vector: np.ndarray) -> np.ndarray:
        return np.where(self.logarithmic, np.log(np.where(self.logarithmic, vector, 1.0)), vector)

    def of(self, group: Group) -> np.ndarray:
        """Indices of the parameters of a group that are sought."""
        joints, count = len(self.robot.joints), len(JOINT_PARAMETERS)
        first = joints * count
        indices = [int(j) * count + i for i in range(count) for j in group.joints]
        indices += [
            first + int(a) * len(ACTUATOR_PARAMETERS) + i
            for i in range(len(ACTUATOR_PARAMETERS))
            for a in group.actuators
        ]
        return np.array([i for i in indices if self.sought[i]], dtype=int)


def space_of(robot: Robot, nominal: ModelParameters) -> Space:
    """Where the parameters of a robot are sought, about its model's."""
    lower, upper = (ModelParameters(nominal.joints.copy(), nominal.actuators.copy()) for _ in range(2))
    logarithmic = ModelParameters(np.zeros(nominal.joints.shape, bool), np.zeros(nominal.actuators.shape, bool))
    for name, factor in FACTORS.items():
        if name.startswith("backlash") and not robot.action.tendons:
            continue
        kind = "joint" if name in JOINT_PARAMETERS else "actuator"
        low, high, curved = (getattr(part, kind)(name) for part in (lower, upper, logarithmic))
        low[:], high[:], curved[:] = low / factor, high * factor, low > 0.0
    drives = robot.actuation.T != 0
    gain, force = nominal.actuator("gain"), nominal.actuator("force_limit")
    force = np.where(force > 0.0, force, 0.5 * gain * np.ptp(robot.actuator_limits, axis=1))  # 0: there is no limit
    for name, share, torque in (("friction_loss", FRICTION, force), ("stiffness", STIFFNESS, gain)):
        strongest = np.max(np.where(drives, torque, 0.0), axis=1, initial=0.0)
        lower.joint(name)[:] = 0.0
        upper.joint(name)[:] = np.maximum(nominal.joint(name), share * strongest)
    lower.joint("margin")[:], upper.joint("margin")[:] = 0.0, np.maximum(nominal.joint("margin"), MARGIN)
    lowest, highest = nominal.joint("lower"), nominal.joint("upper")
    off = np.minimum(LIMIT, LIMIT_SHARE * (highest - lowest))
    lower.joint("spring_reference")[:] = np.minimum(lowest, nominal.joint("spring_reference"))
    upper.joint("spring_reference")[:] = np.maximum(highest, nominal.joint("spring_reference"))
    for name in ("lower", "upper"):
        lower.joint(name)[:], upper.joint(name)[:] = nominal.joint(name) - off, nominal.joint(name) + off
    return Space(robot, nominal.vector(), lower.vector(), upper.vector(), logarithmic.vector())


def draw(space: Space, seed: int) -> np.ndarray:
    """(P,) parameters of a hidden robot, see `DRAWN`."""
    nominal = space.to_unit(space.nominal)
    low, high = np.maximum(nominal - 0.5 * DRAWN, 0.0), np.minimum(nominal + 0.5 * DRAWN, 1.0)
    unit = low + (high - low) * np.random.default_rng([seed, 0]).random(len(nominal))
    vector: np.ndarray = space.from_unit(unit)
    return vector
