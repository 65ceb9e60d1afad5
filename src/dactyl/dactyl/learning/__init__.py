"""Networks, PPO, checkpoints and evaluation: from an environment to a policy file."""

import os

# PyTorch's idle threads spin by default, and take the cores from the physics that runs in turn with them (twice as slow
# on a busy machine). OpenMP reads this when PyTorch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
