"""Train on dactyl's environment with somebody else's learner: PPO of Stable-Baselines3.

    ./dactyl shell
    pip install stable-baselines3
    python examples/third_party_learner.py --minutes 5

Stable-Baselines3 has a vector interface of its own, older than Gymnasium's; the class below translates. It is no
match for dactyl's recurrent policy with its asymmetric critic, but learns within minutes not to drop the block.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import gymnasium
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv, VecMonitor

import dactyl.environment.gym


class FromGymnasium(VecEnv):
    """A Gymnasium vector environment with same-step resets, as Stable-Baselines3 wants it."""

    def __init__(self, envs: gymnasium.vector.VectorEnv, seed: int) -> None:
        self._envs, self._first_seed = envs, seed
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> np.ndarray:
        observations, _ = self._envs.reset(seed=self._first_seed)
        return observations

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        observations, rewards, terminated, truncated, info = self._envs.step(self._actions)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for world in np.flatnonzero(terminated | truncated):
            infos[world] = {
                "terminal_observation": info["final_obs"][world],
                "TimeLimit.truncated": bool(truncated[world] and not terminated[world]),
                "successes": int(info["final_info"]["successes"][world]),
            }
        return observations, rewards, terminated | truncated, infos

    def close(self) -> None:
        self._envs.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self._envs, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs


class Progress(BaseCallback):
    """Prints a line an update and stops when the time is up."""

    def __init__(self, minutes: float) -> None:
        super().__init__()
        self._end = time.monotonic() + 60 * minutes
        self._successes: list[int] = []

    def _on_step(self) -> bool:
        self._successes += [info["successes"] for info in self.locals["infos"] if "successes" in info]
        return time.monotonic() < self._end

    def _on_rollout_end(self) -> None:
        if episodes := self.model.ep_info_buffer:
            mean = np.mean([episode["r"] for episode in episodes])
            print(f"{self.num_timesteps:>9} steps  return {mean:7.2f}  goals {np.mean(self._successes[-100:]):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--num-envs", type=int, default=64)
    parser.add_argument("--randomizations", default="all")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # tensors this small are not worth a second one
    envs = gymnasium.make_vec(
        dactyl.environment.gym.ID, num_envs=arguments.num_envs, randomizations=arguments.randomizations
    )
    learner = PPO(
        "MlpPolicy",
        VecMonitor(FromGymnasium(envs, arguments.seed)),
        n_steps=32,
        batch_size=512,
        n_epochs=4,
        learning_rate=3e-4,
        gamma=0.998,  # Table 10
        gae_lambda=0.95,  # Table 10
        policy_kwargs={"net_arch": [256, 256]},
        seed=arguments.seed,
        device="cpu",
    )
    learner.learn(1_000_000_000, callback=Progress(arguments.minutes))


if __name__ == "__main__":
    main()
