"""Run a policy in the environment, step by step, and count its goals.

    python examples/02_evaluate_a_policy.py --policy models/block --seconds 60

`./dactyl evaluate` does this by the paper's protocol. Here every line is yours to change.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from dactyl.environment.environment import Environment
from dactyl.environment.randomization import select
from dactyl.learning import checkpoint
from dactyl.learning.evaluation import environment_config
from dactyl.learning.policy import Policy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", type=Path, help="a policy file, or a folder with one; the shipped one by default")
    parser.add_argument("--seconds", type=float, default=60.0, help="simulated")
    parser.add_argument("--randomizations", default="none", help="all, none, or -GROUP")
    arguments = parser.parse_args()

    policy = Policy.load(checkpoint.find_policy(arguments.policy))
    contract = policy.contract
    print(f"it turns the {contract.object} and sees:", ", ".join(name for name, _ in contract.observation))

    # the environment that this policy expects: its object, observations, smoothing and kind of actions
    config = environment_config(contract, select(arguments.randomizations))
    environment = Environment(config, num_envs=8, seed=0)
    generator = torch.Generator().manual_seed(0)
    observations, memory = environment.reset(), policy.initial_state(8)
    goals = drops = 0
    for _ in range(round(arguments.seconds / environment.control_period)):
        bins, memory = policy.step(observations["policy"], memory, generator=generator)
        step = environment.step(bins)
        memory = policy.reset(memory, step.terminated | step.truncated)  # a new episode remembers nothing
        observations = step.observations
        goals += int(step.info["reached"].sum())
        drops += int(step.info["dropped"].sum())
    minutes = 8 * arguments.seconds / 60
    print(f"{goals} goals and {drops} drops in {minutes:g} simulated minutes: {goals / minutes:.1f} goals a minute")


if __name__ == "__main__":
    main()
