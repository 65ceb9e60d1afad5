"""Write a reward term of your own: look at what it gives, then train with it.

    python examples/04_write_a_reward.py
    python examples/04_write_a_reward.py --minutes 2

A term is a function of a `Transition`: N environments after a control step. Its weight stands in the preset.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.environment import Environment
from dactyl.environment.task import Transition
from dactyl.learning.options import TrainOptions
from dactyl.learning.train import train
from dactyl.tasks.reorient.rewards import PAPER_REWARD, TERMS

PRESET = """
extends: first-hour
environment: {reward: {progress: 1.0, success: 5.0, drop: -8.0, joint_speed: -0.005}}
"""


def joint_speed(t: Transition) -> Tensor:
    """(N,) mean speed of the joints, rad/s: a hand that moves calmly has less of it."""
    speed: Tensor = t.signals["joint_velocities"].abs().mean(-1)
    return speed


TERMS["joint_speed"] = joint_speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=0.0, help="of training; 0: only look at it")
    arguments = parser.parse_args()

    for weight in (0.0, -0.005):
        environment = Environment(EnvironmentConfig(reward={**PAPER_REWARD, "joint_speed": weight}), num_envs=16)
        environment.reset()
        random = torch.Generator().manual_seed(0)
        shape = (16, environment.num_actuators)
        steps = [environment.step(torch.randint(environment.num_bins, shape, generator=random)) for _ in range(20)]
        print(f"weight {weight:6}: mean reward {torch.stack([step.reward for step in steps]).mean():.4f}")
    if arguments.minutes:
        preset = Path("calm.yaml")
        preset.write_text(PRESET)
        print("wrote", train(str(preset), TrainOptions(minutes=arguments.minutes))["checkpoint"])


if __name__ == "__main__":
    main()
