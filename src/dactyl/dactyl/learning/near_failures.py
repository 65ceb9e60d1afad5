"""Resets to near-failures: once failures are rare, most of a rollout shows nothing of how to avoid them.

Before every rollout some environments are set back to where another was shortly before it ended with a loss: same
physics, same goal, same memory; only the time for the goal begins anew. From there the policy tries again. The other
environments go on as always, and only they count in the log's goals, failures and rewards.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dactyl.errors import DactylError
from dactyl.learning.protocol import KIND, Resettable, Rows

SPACING = 8  # control steps between two moments that are remembered
MOMENTS = 8  # of each environment
LEAST = 8  # control steps from a moment to the failure: later there is nothing to be done
CAPACITY = 256  # failures to choose from, or as many as environments are set back where those are more


class NearFailures:
    """Remembers environments shortly before they failed, and sets others back to there."""

    def __init__(self, environment: Resettable, num_envs: int, share: float, generator: torch.Generator) -> None:
        """`share` of the environments, the first ones, are set back."""
        self.environment = environment
        self.count = round(share * num_envs)
        if not 0 < self.count < num_envs:
            raise DactylError(
                f"collection: near_failures {share:g} of {num_envs} environments sets {self.count} back: "
                "choose 1 or more, and not all"
            )
        self.capacity = max(CAPACITY, self.count)
        self.generator = generator
        self.age = torch.zeros(num_envs, dtype=torch.int64, device=generator.device)
        """Control steps since the episode began."""
        self.moments: deque[tuple[int, Rows]] = deque(maxlen=MOMENTS)
        self.failures: Rows = {}
        self.written = 0
        self.time = 0

    def remember(self, memory: Rows) -> None:
        """Before a control step; `memory` (N, …) is what the collector knows of each environment."""
        if self.time % SPACING == 0:
            self.moments.append(
                (self.time, self.environment.episode_rows() | {k: v.clone() for k, v in memory.items()})
            )
        self.time += 1

    def note(self, failed: Tensor, ended: Tensor) -> None:
        """After a control step: which episodes ended, and which of them with a loss, (N,) bool."""
        self.age += 1
        failed = failed.clone()
        failed[: self.count] = False  # a failure after going back is no new one
        indices = failed.nonzero().squeeze(-1)  # the one look at a control step that a GPU is waited for
        if len(indices):
            self._keep(indices)
        self.age.masked_fill_(ended, 0)

    def _keep(self, failed: Tensor) -> None:
        """Of each of these environments (k,) one moment of the episode that failed, where there is one."""
        before = self.time - torch.tensor([time for time, _ in self.moments], device=failed.device)
        possible = (before >= LEAST) & (before <= self.age[failed].unsqueeze(-1))
        known = possible.any(dim=-1)
        failed, possible = failed[known][-self.capacity :], possible[known][-self.capacity :]
        if not len(failed):
            return
        fractions = torch.rand(len(failed), generator=self.generator, device=failed.device)
        ranks = (fractions * possible.sum(-1)).long()
        chosen = (possible.cumsum(-1) > ranks.unsqueeze(-1)).int().argmax(-1)
        order = torch.arange(len(failed), device=failed.device)
        rows: Rows = {
            name: torch.stack([moment[name][failed] for _, moment in self.moments])[chosen, order]
            for name in self.moments[-1][1]
        }
        rows |= self.environment.full_time(rows)
        if not self.failures:
            self.failures = {name: values.new_zeros(self.capacity, *values.shape[1:]) for name, values in rows.items()}
        places = (self.written + order) % self.capacity
        for name, values in rows.items():
            self.failures[name][places] = values
        self.written += len(failed)

    def set_back(self, memory: Rows, observations: Mapping[str, Tensor]) -> None:
        """Set the first environments back; writes what they saw and knew then into `memory` and `observations`."""
        stored = min(self.written, self.capacity)
        if stored < self.count / 8:  # each failure at most some eight times at once
            return
        device = self.generator.device
        back = torch.arange(self.count, device=device)
        if KIND in self.failures:
            back, drawn = self._alike(back, self.failures[KIND][:stored])
        else:
            drawn = torch.randint(stored, (self.count,), generator=self.generator, device=device)
        rows = {name: values[drawn] for name, values in self.failures.items()}
        seen = self.environment.set_episode_rows(back, {k: v for k, v in rows.items() if k not in memory})
        for name, values in memory.items():
            values[back] = rows[name]
        for name, observed in observations.items():
            observed[back] = seen[name][back]

    def _alike(self, back: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor]:
        """Those of the environments to set back (k,) of whose kind one failed, and a failure of that kind for each.

        `kinds` are those of the failures.
        """
        own = self.environment.episode_rows()[KIND][back]
        alike = own.unsqueeze(-1) == kinds
        known = alike.any(dim=-1)
        drawn = torch.multinomial(alike[known].float(), 1, generator=self.generator).squeeze(-1)
        return back[known], drawn

    def state_dict(self) -> dict[str, Any]:
        """The moments are left out: after a restart the first failures are not remembered."""
        return {"failures": self.failures, "written": self.written, "age": self.age}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        device = self.generator.device
        self.failures = {name: values.to(device) for name, values in state["failures"].items()}
        self.written, self.age = state["written"], state["age"].to(device)
        self.capacity = len(next(iter(self.failures.values()), range(self.capacity)))
