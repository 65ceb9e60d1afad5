"""What the log says of a rollout."""

from __future__ import annotations

import torch
from torch import Tensor

from dactyl.learning.protocol import Step

SUCCESSES = "successes"  # in an environment's info


class Statistics:
    """Sums over control steps, kept on the device and read once per iteration."""

    def __init__(self, num_envs: int, device: torch.device, first: int = 0) -> None:
        """Of all environments from the `first` on."""
        self.first = first
        self.previous = torch.zeros(num_envs, dtype=torch.int64, device=device)
        """Goals reached in each episode before this control step."""
        self.clear()

    def clear(self) -> None:
        """Forget the sums."""
        self.sums: dict[str, Tensor] = {}
        self.steps = 0

    def add(self, step: Step) -> None:
        """Take in one control step."""
        self.steps += 1
        ended = step.terminated | step.truncated
        values = {"reward": step.reward, "episodes": ended, "terminated": step.terminated}
        if (successes := step.info.get(SUCCESSES)) is not None:
            values |= {"goals": successes - self.previous, "successes": successes * ended}
            self.previous = successes.masked_fill(ended, 0).long()
        values |= {f"env/{name}": value for name, value in step.info.items() if name != SUCCESSES}
        for name, value in values.items():
            mean = value[self.first :].float().mean()
            self.sums[name] = self.sums[name] + mean if name in self.sums else mean

    def means(self) -> dict[str, float]:
        """Means per control step of one environment since `clear`: reward, episodes (ended), terminated, env/…;

        where the environment counts goals also goals (reached) and successes (of the episodes that ended).
        """
        values = torch.stack(list(self.sums.values())) / self.steps
        return dict(zip(self.sums, values.tolist(), strict=True))
