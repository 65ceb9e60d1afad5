"""The simulators behind `physics.Physics`: C MuJoCo on CPU threads, MJWarp on a GPU."""

from __future__ import annotations

import importlib.util

import torch

from dactyl.errors import DactylError
from dactyl.simulation.physics import Physics
from dactyl.simulation.scene import Scene


def make_physics(scene: Scene, num_envs: int, device: str = "cpu", threads: int = 0) -> Physics:
    """C MuJoCo on CPU threads (0: all cores), MJWarp on a CUDA device or, for tests, on one CPU thread ("warp-cpu").

    Raises:
        DactylError: no such device, a number of environments below 1 or of threads below 0, or MJWarp is not installed.
    """
    if num_envs < 1:
        raise DactylError(f"{num_envs} worlds: at least 1 is needed")
    if threads < 0:
        raise DactylError(f"{threads} threads: at least 1 is needed, or 0 for one on each core")
    if device == "cpu":
        from dactyl.simulation.backends.mujoco import BatchPhysics

        return BatchPhysics(scene, num_envs, threads)
    if device != "warp-cpu":
        _check_cuda(device)
    if importlib.util.find_spec("mujoco_warp") is None:
        raise DactylError(f"device {device!r} needs mujoco-warp: pip install mujoco-warp")
    from dactyl.simulation.backends.warp import WarpPhysics

    return WarpPhysics(scene, num_envs, "cpu" if device == "warp-cpu" else device)


def _check_cuda(device: str) -> None:
    name, _, index = device.partition(":")
    if name != "cuda" or (device != name and not index.isdigit()):
        raise DactylError(f"unknown device {device!r}: choose cpu, cuda, cuda:N or warp-cpu")
    if not torch.cuda.is_available():
        raise DactylError(f"device {device!r}: no CUDA device is available to this PyTorch")
    if index and int(index) >= torch.cuda.device_count():
        raise DactylError(f"device {device!r}: there are only {torch.cuda.device_count()} CUDA devices")
