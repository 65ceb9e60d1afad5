"""Group `physics`: Table 1, sampled once per episode."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from dactyl.environment.randomization.random import Random, check_amount, check_range
from dactyl.errors import DactylError
from dactyl.simulation.model_fields import PhysicsFactors
from dactyl.simulation.scene import Scene

Range = tuple[float, float]
ROLLING: Range = (0.3, 3.0)
"""Loguniform factor on torsional and rolling friction of objects that roll."""


@dataclass(frozen=True)
class PhysicsRandomization:
    """Table 1. One factor for the object's three dimensions and one for all surfaces' friction; the rest one each.

    Not in the table: how much of its own weight the hand's controllers carry. Were it all, the factors on the links'
    masses and what is added to gravity would do nothing to the hand. Nor is how a sphere rolls, which the authors name
    as why theirs failed on the robot (section 6.2).
    """

    object_dimensions: Range = (0.95, 1.05)  # uniform factor
    masses: Range = (0.5, 1.5)  # uniform factor, object and each robot link
    robot_masses: Range | None = None  # uniform factor, each robot link, where it is another range than the object's
    friction: Range = (0.7, 1.3)  # uniform factor
    joint_damping: Range = (0.3, 3.0)  # loguniform factor, each joint
    actuator_gains: Range = (0.75, 1.5)  # loguniform factor, each actuator
    joint_limits: float = 0.15  # rad, std of what is added to each limit
    gravity: float = 0.4  # m/s², std of what is added to each coordinate
    gravity_compensation: Range = (0.0, 1.0)  # uniform; share of the hand's weight that its controllers carry

    def __post_init__(self) -> None:
        for name in ("object_dimensions", "masses", "friction", "joint_damping", "actuator_gains"):
            check_range(name, *getattr(self, name))
        if self.robot_masses is not None:
            check_range("robot_masses", *self.robot_masses)
        check_amount("joint_limits", self.joint_limits)
        check_amount("gravity", self.gravity)
        low, high = self.gravity_compensation
        if not 0.0 <= low <= high <= 1.0:
            raise DactylError(f"randomization gravity_compensation: impossible range [{low}, {high}]")

    def sample(self, scene: Scene, num_envs: int, random: Random) -> PhysicsFactors:
        """Factors for that many environments."""
        model, joints = scene.model, scene.model.njnt - 1
        factors = PhysicsFactors(
            object_size=random.uniform(*self.object_dimensions, num_envs),
            masses=random.uniform(*self.masses, num_envs, model.nbody),
            friction=random.uniform(*self.friction, num_envs),
            rolling=torch.ones(num_envs, device=random.device),
            damping=random.loguniform(*self.joint_damping, num_envs, joints),
            gains=random.loguniform(*self.actuator_gains, num_envs, model.nu),
            joint_limits=self.joint_limits * random.normal(num_envs, joints, 2),
            gravity=self.gravity * random.normal(num_envs, 3),
            gravity_compensation=random.uniform(*self.gravity_compensation, num_envs),
        )
        if scene.object.rolls:
            factors = factors._replace(rolling=random.loguniform(*ROLLING, num_envs))
        if self.robot_masses is not None:
            links = len(range(*scene.robot_bodies.indices(model.nbody)))
            factors.masses[:, scene.robot_bodies] = random.uniform(*self.robot_masses, num_envs, links)
        return factors
