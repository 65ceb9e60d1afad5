"""The one interface behind which N copies of the scene are stepped, whatever simulator does it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from dactyl.simulation.model_fields import PhysicsFactors
from dactyl.simulation.scene import Scene


class PhysicsState(NamedTuple):
    """What an environment starts from. The precision is the backend's."""

    qpos: Tensor
    """(N, nq) joint angles, rad; object position, m, world frame; object quaternion. See `Scene`."""
    qvel: Tensor
    """(N, nv) joint velocities, rad/s; object velocity, m/s, world frame; angular velocity, rad/s, object frame."""
    targets: Tensor
    """(N, A) actuator targets, rad, or the torques of a robot that takes those, N·m."""


class Physics(Protocol):
    """N environments of one scene. Tensors live on `device`; those named here are live: they change with every step."""

    scene: Scene
    num_envs: int
    device: torch.device
    state: PhysicsState
    """Live. Write `targets` (and only those) to act."""
    site_positions: Tensor
    """(N, sites, 3) live, world frame, m, at the current state."""
    site_rotations: Tensor
    """(N, sites, 3, 3) live, site to world, at the current state."""
    object_force: Tensor
    """(N, 3) force on the object's centre, world frame, N; live: write to apply from the next step on."""

    def step(self, timesteps: Tensor) -> None:
        """Advance every environment by len(timesteps) physics steps of timesteps (substeps, N) seconds each."""

    def restore(self, mask: Tensor, state: PhysicsState, factors: PhysicsFactors) -> None:
        """Where mask (N,) is true, put environments into the state and give them the physics (rows for all N)."""

    def state_dict(self) -> dict[str, Tensor]:
        """All that a later step depends on, but for the factors."""

    def load_state_dict(self, tensors: dict[str, Tensor], factors: PhysicsFactors) -> None:
        """Go on exactly where `state_dict` was taken, with the factors that were in force."""

    def faults(self) -> dict[str, int]:
        """How often something went wrong since the start, by name (unstable, overflow); all should be 0."""
