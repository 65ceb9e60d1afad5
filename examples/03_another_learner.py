"""Train on the environment with somebody else's learner: PPO of Stable-Baselines3.

    pip install stable-baselines3
    python examples/03_another_learner.py --steps 1000000

The class below translates to Stable-Baselines3's own vector interface. This is no match for dactyl's recurrent policy,
but learns within minutes not to drop the block.
"""

from __future__ import annotations

import argparse
from typing import Any

import gymnasium
import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecMonitor
from stable_baselines3.common.vec_env.base_vec_env import VecEnv

import dactyl.environment.gym


class FromGymnasium(VecEnv):
    """A Gymnasium vector environment with same-step resets, as Stable-Baselines3 wants it."""

    def __init__(self, envs: gymnasium.vector.VectorEnv) -> None:
        self._envs = envs
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> np.ndarray:
        return self._envs.reset(seed=0)[0]

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        observations, rewards, terminated, truncated, info = self._envs.step(self._actions)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(terminated | truncated):
            infos[i] = {"terminal_observation": info["final_obs"][i], "TimeLimit.truncated": bool(truncated[i])}
        return observations, rewards, terminated | truncated, infos

    close = set_attr = env_method = None  # of no use here

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self._envs, attr_name, None)] * self.num_envs

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1_000_000)
    envs = VecMonitor(FromGymnasium(gymnasium.make_vec(dactyl.environment.gym.ID, num_envs=64)))
    PPO("MlpPolicy", envs, n_steps=32, batch_size=512, device="cpu", verbose=1).learn(parser.parse_args().steps)
