"""The one interface behind which N copies of the scene are stepped, whatever simulator does it."""

from __future__ import annotations

import importlib.util
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from dactyl.errors import DactylError
from dactyl.simulation.model_fields import PhysicsFactors
from dactyl.simulation.scene import Scene


class PhysicsState(NamedTuple):
    """What a world starts from. The precision is the backend's."""

    qpos: Tensor
    """(N, 31) 24 joint angles, rad; object position, m, world frame; object quaternion."""
    qvel: Tensor
    """(N, 30) joint velocities, rad/s; object velocity, m/s, world frame; angular velocity, rad/s, object frame."""
    targets: Tensor
    """(N, 20) actuator targets, rad."""


class Physics(Protocol):
    """N worlds of one scene. Tensors live on `device`; those named here are live: they change with every step."""

    scene: Scene
    num_worlds: int
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
        """Advance every world by len(timesteps) physics steps of timesteps (substeps, N) seconds each."""

    def restore(self, mask: Tensor, state: PhysicsState, factors: PhysicsFactors) -> None:
        """Where mask (N,) is true, put worlds into the state and give them the physics (rows for all N worlds)."""

    def state_dict(self) -> dict[str, Tensor]:
        """All that a later step depends on, but for the factors."""

    def load_state_dict(self, tensors: dict[str, Tensor], factors: PhysicsFactors) -> None:
        """Go on exactly where `state_dict` was taken, with the factors that were in force."""

    def faults(self) -> dict[str, int]:
        """How often something went wrong since the start, by name (unstable, overflow); all should be 0."""


def make_physics(scene: Scene, num_worlds: int, device: str = "cpu", threads: int = 0) -> Physics:
    """C MuJoCo on CPU threads (0: all cores), MJWarp on a CUDA device or, for tests, on one CPU thread ("warp-cpu").

    Raises:
        DactylError: no such device, a number of worlds below 1 or of threads below 0, or MJWarp is not installed.
    """
    if num_worlds < 1:
        raise DactylError(f"{num_worlds} worlds: at least 1 is needed")
    if threads < 0:
        raise DactylError(f"{threads} threads: at least 1 is needed, or 0 for one on each core")
    if device == "cpu":
        from dactyl.simulation.backends.mujoco import BatchPhysics

        return BatchPhysics(scene, num_worlds, threads)
    if device != "warp-cpu":
        _check_cuda(device)
    if importlib.util.find_spec("mujoco_warp") is None:
        raise DactylError(f"device {device!r} needs mujoco-warp: pip install mujoco-warp")
    from dactyl.simulation.backends.warp import WarpPhysics

    return WarpPhysics(scene, num_worlds, "cpu" if device == "warp-cpu" else device)


def _check_cuda(device: str) -> None:
    name, _, index = device.partition(":")
    if name != "cuda" or (device != name and not index.isdigit()):
        raise DactylError(f"unknown device {device!r}: choose cpu, cuda, cuda:N or warp-cpu")
    if not torch.cuda.is_available():
        raise DactylError(f"device {device!r}: no CUDA device is available to this PyTorch")
    if index and int(index) >= torch.cuda.device_count():
        raise DactylError(f"device {device!r}: there are only {torch.cuda.device_count()} CUDA devices")
