"""Where the parameters of a model are sought: each a number from 0 to 1 between bounds about the model's own value."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dactyl.calibration.model.windows import Group
from dactyl.errors import DactylError
from dactyl.robot.parameters import (
    ACTUATOR_PARAMETERS,
    COUPLING_PARAMETERS,
    JOINT_PARAMETERS,
    Key,
    ModelParameters,
    from_vector,
    keys,
)
from dactyl.robot.robot import Robot

FACTORS = {"damping": 4.0, "gain": 2.0, "force_limit": 2.0, "backlash_negative": 4.0, "backlash_positive": 4.0}
"""Sought between the model's value divided and multiplied by this, evenly in the logarithm."""
FRICTION = 0.1
"""Friction loss up to this share of the largest torque of the joint's actuator."""
STIFFNESS = 0.3
"""Stiffness up to this share of the gain of the joint's actuator."""
MARGIN = 0.05
"""rad"""
COUPLING = {"k": 0.25, "b": 0.15}
"""What a coupling's k, in units of itself, and its b, in rad, may be off either way."""
LIMIT, LIMIT_SHARE = 0.3, 0.25
"""rad that a limit may be off, but no more than this share of the joint's range."""
PARAMETERS = (*JOINT_PARAMETERS, *ACTUATOR_PARAMETERS, *COUPLING_PARAMETERS)
"""The kinds of them."""
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
        robot, first = self.robot, 0
        indices: list[int] = []
        for own, all_of_them, names in (
            (group.joints, robot.joints, JOINT_PARAMETERS),
            (group.actuators, robot.actuators, ACTUATOR_PARAMETERS),
            (group.couplings, robot.couplings, COUPLING_PARAMETERS),
        ):
            indices += [first + int(part) * len(names) + i for i in range(len(names)) for part in own]
            first += len(all_of_them) * len(names)
        return np.array([i for i in indices if self.sought[i]], dtype=int)


def space_of(robot: Robot, nominal: ModelParameters, kinds: Collection[str] = PARAMETERS) -> Space:
    """Where the parameters of a robot are sought, about its model's; of these kinds alone, such as `damping`.

    Raises:
        DactylError: there is no such kind, or the robot has none of them.
    """
    space = _whole(robot, nominal)
    if unknown := set(kinds) - set(PARAMETERS):
        raise DactylError(f"models have no parameter {min(unknown)}: choose from {', '.join(PARAMETERS)}")
    chosen = np.array([key.parameter in kinds for key in space.keys])
    if not (chosen & space.sought).any():
        raise DactylError(f"of the robot {robot.name} nothing is sought: it has no {', '.join(kinds) or 'parameters'}")
    lower, upper = (np.where(chosen, bound, space.nominal) for bound in (space.lower, space.upper))
    return replace(space, lower=lower, upper=upper)


def _whole(robot: Robot, nominal: ModelParameters) -> Space:
    lower, upper = nominal.copy(), nominal.copy()
    logarithmic = from_vector(robot, np.zeros(len(nominal.vector()), dtype=bool))
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
    for coupling in robot.couplings:  # nothing but its coupling holds it, and its limits follow
        moved = robot.joints.index(coupling.joint)
        for part in (lower, upper):
            for name in ("margin", "spring_reference", "lower", "upper"):
                part.joint(name)[moved] = nominal.joint(name)[moved]
    for name, room in (("k", COUPLING["k"] * np.abs(nominal.coupling("k"))), ("b", COUPLING["b"])):
        lower.coupling(name)[:], upper.coupling(name)[:] = nominal.coupling(name) - room, nominal.coupling(name) + room
    return Space(robot, nominal.vector(), lower.vector(), upper.vector(), logarithmic.vector())


def draw(space: Space, seed: int) -> np.ndarray:
    """(P,) parameters of a hidden robot, see `DRAWN`."""
    nominal = space.to_unit(space.nominal)
    low, high = np.maximum(nominal - 0.5 * DRAWN, 0.0), np.minimum(nominal + 0.5 * DRAWN, 1.0)
    unit = low + (high - low) * np.random.default_rng([seed, 0]).random(len(nominal))
    vector: np.ndarray = space.from_unit(unit)
    return vector
