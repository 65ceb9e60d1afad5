"""What the policy sees through the robot's own depth cameras, which hang a little askew in every episode."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dactyl.environment.randomization.effect import Effect
from dactyl.environment.randomization.observation_noise import ObservationNoise
from dactyl.environment.randomization.random import Random
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.robot.placement import eye_place
from dactyl.simulation.depth import DepthCamera, directions
from dactyl.simulation.scene import Scene


class Eyes(Effect):
    """The images of N environments."""

    def __init__(
        self, scene: Scene, names: tuple[str, ...], num_envs: int, random: Random, noise: ObservationNoise | None,
        threads: int,
    ) -> None:  # fmt: skip
        """
        Args:
            scene: whose robot has the eyes.
            names: of the images.
            num_envs: N.
            random: draws by how much the cameras are askew.
            noise: says how much that may be; None: not at all.
            threads: on the CPU, 0 for all cores.

        Raises:
            DactylError: the robot has no such eye, or the environments are not on a CPU.
        """
        if random.device.type != "cpu":
            raise DactylError("depth images are made on the CPU: leave them out on a GPU")
        known = scene.robot.eyes
        for name in names:
            if name not in known:
                raise DactylError(f"the robot {scene.robot.name} has no eye {name!r}: {', '.join(known) or 'none'}")
        self._scene, self._random, self._noise = scene, random, noise
        self._eyes = {name: known[name] for name in names}
        self._cameras = {name: DepthCamera(scene, eye, num_envs, threads) for name, eye in self._eyes.items()}
        self.shift = torch.zeros(num_envs, 3)
        self.turn = torch.zeros(num_envs, 3)
        self.wider = torch.zeros(num_envs)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of each group of images."""
        return {name: eye.shape for name, eye in self._eyes.items()}

    def restart(self, mask: Tensor) -> None:
        """Hang the cameras anew for new episodes."""
        noise, count = self._noise, len(self.wider)
        if noise is None or not (noise.depth_position or noise.depth_rotation or noise.depth_view):
            return
        uniform = self._random.uniform
        self.redraw(
            mask,
            shift=(noise.depth_position or 0.0) * uniform(-1.0, 1.0, count, 3),
            turn=(noise.depth_rotation or 0.0) * uniform(-1.0, 1.0, count, 3),
            wider=(noise.depth_view or 0.0) * uniform(-1.0, 1.0, count),
        )

    def look(self, qpos: Tensor, object_size: Tensor) -> dict[str, Tensor]:
        """Images (N, 1, height, width) float32, m, by name, of states (N, nq); see `DepthCamera.images`."""
        scene, count = self._scene, len(qpos)
        found = {}
        for name, eye in self._eyes.items():
            askew = quaternion.from_rotation_vector(self.turn.double().numpy())
            there = eye_place(eye)
            turn = quaternion.multiply(scene.hand_quaternion, quaternion.multiply(there.orientation, askew))
            place = there.position + self.shift.double().numpy()
            origins = scene.hand_position + quaternion.rotate(scene.hand_quaternion, place)
            rays = np.stack([directions(eye, float(self.wider[i])) for i in range(count)])
            rays = quaternion.rotate(turn[:, None], rays)
            images = self._cameras[name].images(qpos.double().numpy(), object_size.double().numpy(), origins, rays)
            found[name] = torch.from_numpy(images)
        return found
