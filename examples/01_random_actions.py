"""Step the environment with random actions, and draw what became of it.

    python examples/01_random_actions.py --steps 50 --out random.png

Sixteen hands play side by side. `gymnasium.make_vec` gives the same environment behind Gymnasium's interface.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from PIL import Image

from dactyl.environment.environment import Environment
from dactyl.simulation.rendering import SceneRenderer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=50, help="control steps of 80 ms")
    parser.add_argument("--out", type=Path, default=Path("random.png"))
    arguments = parser.parse_args()

    environment = Environment(num_envs=16, seed=0)  # Shadow hand, block, the paper's randomizations
    observations = environment.reset()
    print("policy sees", tuple(observations["policy"].shape), "value network", tuple(observations["value"].shape))

    generator = torch.Generator().manual_seed(0)
    shape = (environment.num_envs, environment.num_actuators)
    dropped = 0
    for _ in range(arguments.steps):
        bins = torch.randint(environment.num_bins, shape, generator=generator)
        step = environment.step(bins)
        dropped += int(step.info["dropped"].sum())
    print(f"{arguments.steps} steps: {dropped} drops, mean reward of the last step {step.reward.mean():.3f}")

    with SceneRenderer(environment.scene, 640, 480, fine=True) as renderer:
        state = environment.physics.state.qpos[0].numpy(force=True)
        Image.fromarray(renderer.render(state, "camera_1")).save(arguments.out)
    print(arguments.out)


if __name__ == "__main__":
    main()
