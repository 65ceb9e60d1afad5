"""Networks, PPO, checkpoints and evaluation: from an environment to a policy file."""
