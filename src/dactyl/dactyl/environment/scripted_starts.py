"""States in which a robot's script, or a person, plays with the object, for a share of the episodes to begin in.

Where reaching and grasping are far from a beginner's noise, an episode that begins in the middle of a grasp shows what
comes after it. The script is the robot's, see `Robot.scripted_starts`; what a person did is in a file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dactyl import registry
from dactyl.environment import start_states
from dactyl.environment.randomization.random import Random, where
from dactyl.errors import DactylError
from dactyl.simulation.physics import PhysicsState
from dactyl.simulation.scene import Scene


class ScriptedStarts:
    """K states to draw from."""

    def __init__(self, qpos: Tensor, qvel: Tensor) -> None:
        """`qpos` (K, nq) and `qvel` (K, nv), see `PhysicsState`."""
        self._qpos, self._qvel = qpos, qvel

    @classmethod
    def of(cls, scene: Scene, like: PhysicsState, seed: int, placement: str = "") -> ScriptedStarts:
        """Let the scene's robot play; on the device and of the type of a state. `placement`: see `EnvironmentConfig`.

        Raises:
            DactylError: its script makes no states, or such as are not this scene's, or not finite.
        """
        qpos, qvel = registry.resolve(scene.robot.scripted_starts)(scene, seed, *filter(None, (placement,)))
        what = f"the script of the robot {scene.robot.name}"
        if len(qpos) == 0:
            raise DactylError(f"{what} makes no states with the object {scene.object.name}")
        if qpos.shape != (len(qpos), scene.model.nq) or qvel.shape != (len(qpos), scene.model.nv):
            raise DactylError(f"{what} makes states of another scene: {qpos.shape} and {qvel.shape}")
        if not (np.isfinite(qpos).all() and np.isfinite(qvel).all()):
            raise DactylError(f"{what} makes states that are not finite")
        return cls._like(like, qpos, qvel)

    @classmethod
    def of_file(cls, path: Path, scene: Scene, like: PhysicsState) -> ScriptedStarts:
        """Those of a file, see `start_states`; on the device and of the type of a state.

        Raises:
            DactylError: it is not for this scene's robot and object.
        """
        return cls._like(like, *start_states.read(path, scene))

    @classmethod
    def _like(cls, like: PhysicsState, qpos: np.ndarray, qvel: np.ndarray) -> ScriptedStarts:
        return cls(
            torch.as_tensor(qpos, device=like.qpos.device, dtype=like.qpos.dtype),
            torch.as_tensor(qvel, device=like.qvel.device, dtype=like.qvel.dtype),
        )

    def mixed_in(self, state: PhysicsState, share: float, random: Random) -> PhysicsState:
        """The state with rows of the script's, drawn with replacement, in about this share of its M rows."""
        count = len(state.qpos)
        scripted, drawn = random.chance(share, count), random.integers(len(self._qpos), count)
        return state._replace(
            qpos=where(scripted, self._qpos[drawn], state.qpos), qvel=where(scripted, self._qvel[drawn], state.qvel)
        )
