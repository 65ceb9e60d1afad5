"""What the simulation's tests share."""

from __future__ import annotations

import torch

from dactyl.robot import control
from dactyl.robot import robot as robots
from dactyl.simulation.model_fields import PhysicsFactors, nominal_factors
from dactyl.simulation.physics import Physics, PhysicsState
from dactyl.simulation.scene import Scene

CPU = torch.device("cpu")
ROBOT = robots.load("shadow")


def home(scene: Scene, num_envs: int) -> PhysicsState:
    """The object level on the open hand, held; double precision."""
    qpos = torch.as_tensor(scene.model.qpos0).repeat(num_envs, 1)
    return PhysicsState(
        qpos,
        torch.zeros(num_envs, scene.model.nv, dtype=torch.float64),
        scene.robot.actuator_positions(qpos[:, scene.joints]),
    )


def everywhere(physics: Physics) -> torch.Tensor:
    return torch.ones(physics.num_envs, dtype=torch.bool)


def timesteps(physics: Physics) -> torch.Tensor:
    """One control step's, nominal."""
    timing = physics.scene.robot.timing
    return physics.state.qpos.new_full((timing.substeps, physics.num_envs), timing.physics)


def varied(scene: Scene, num_envs: int) -> PhysicsFactors:
    """Different physics in every world, about as much as the task varies it."""
    generator = torch.Generator().manual_seed(1)
    nominal = nominal_factors(scene, num_envs, CPU)

    def factor(like: torch.Tensor) -> torch.Tensor:
        return 0.7 + 0.6 * torch.rand(like.shape, generator=generator)

    return PhysicsFactors(
        object_size=0.95 + 0.1 * torch.rand(num_envs, generator=generator),
        masses=factor(nominal.masses),
        friction=factor(nominal.friction),
        rolling=nominal.rolling,
        damping=factor(nominal.damping),
        gains=factor(nominal.gains),
        joint_limits=0.1 * torch.randn(nominal.joint_limits.shape, generator=generator),
        gravity=0.4 * torch.randn(nominal.gravity.shape, generator=generator),
        gravity_compensation=torch.rand(num_envs, generator=generator),
    )


class RandomPlay:
    """The same random smoothed actions, relative to given joint angles, whatever is simulated."""

    def __init__(self, num_envs: int, seed: int = 0) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._action = torch.zeros(num_envs, len(ROBOT.actuators), dtype=torch.float64)
        self._limits = torch.as_tensor(ROBOT.actuator_limits)

    def targets(self, joint_angles: torch.Tensor) -> torch.Tensor:
        """Actuator targets (N, 20) for the next control step."""
        bins = torch.randint(ROBOT.action.bins, self._action.shape, generator=self._generator)
        action = control.as_action(bins, ROBOT.action.bins).double()
        self._action = control.smooth(self._action, action, ROBOT.action.smoothing)
        return control.target(ROBOT.actuator_positions(joint_angles.double()), self._action, self._limits)
