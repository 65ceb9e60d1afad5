"""Environments that are solved in seconds and know the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor


class ToyStep(NamedTuple):
    observations: dict[str, Tensor]
    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    final_value_observations: Tensor
    info: dict[str, Tensor]


class Toy:
    """Episodes of `length` steps that end together with `ending`; subclasses say what is seen and what pays."""

    num_actuators = 20
    num_bins = 11
    control_period = 0.08
    length = 4
    ending = "terminated"

    def __init__(self, num_envs: int = 64, device: str = "cpu", seed: int = 0) -> None:
        self.num_envs = num_envs
        self.device = torch.device(device)
        self.observation_shapes: dict[str, tuple[int, ...]] = {"policy": (3,), "value": (3,)}
        self.generator = torch.Generator(device).manual_seed(seed)
        self.time = torch.zeros(num_envs, dtype=torch.int64, device=device)
        self.cue = torch.zeros(num_envs, dtype=torch.int64, device=device)
        self.successes = torch.zeros(num_envs, dtype=torch.int64, device=device)

    def reset(self) -> dict[str, Tensor]:
        self._restart(torch.ones(self.num_envs, dtype=torch.bool, device=self.device))
        return self._observe()

    def _restart(self, mask: Tensor) -> None:
        cue = torch.randint(2, (self.num_envs,), generator=self.generator, device=self.device)
        self.cue = torch.where(mask, cue, self.cue)
        self.time = self.time.masked_fill(mask, 0)
        self.successes = self.successes.masked_fill(mask, 0)

    def _observe(self) -> dict[str, Tensor]:
        shown = self.seen()
        return {"policy": shown, "value": shown.clone()}

    def step(self, actions: Tensor, cut: Tensor | None = None) -> ToyStep:
        reward = self.pays(actions)
        self.time = self.time + 1
        self.successes = self.successes + (reward > 0)
        ended = self.time >= self.length
        cut = torch.zeros_like(ended) if cut is None else cut & ~ended
        final, successes = self._observe()["value"], self.successes
        self._restart(ended | cut)
        terminated, truncated = (ended, cut) if self.ending == "terminated" else (cut & False, ended | cut)
        duration = torch.full_like(reward, self.control_period)
        info = {"time": self.time, "successes": successes, "duration": duration}
        return ToyStep(self._observe(), reward, terminated, truncated, final, info)

    def seen(self) -> Tensor:
        return torch.stack([torch.ones_like(self.time), self.time, self.cue], -1).float()

    def pays(self, actions: Tensor) -> Tensor:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        tensors = {name: getattr(self, name) for name in ("time", "cue", "successes")}
        return {**tensors, "generator": self.generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name in ("time", "cue", "successes"):
            setattr(self, name, state[name].to(self.device))
        self.generator.set_state(state["generator"].cpu())


class Bandit(Toy):
    """Actuator 0 pays 1 for bin 7; the others do not matter."""

    length = 1

    def pays(self, actions: Tensor) -> Tensor:
        return (actions[:, 0] == 7).float()


class Memory(Toy):
    """The cue, 0 or 1, is shown in the first step only; in the last, actuator 0 repeats it by a bin < 5 or >= 5."""

    def seen(self) -> Tensor:
        shown = torch.where(self.time == 0, 2 * self.cue - 1, 0)
        return torch.stack([torch.ones_like(self.time), self.time, shown], -1).float()

    def pays(self, actions: Tensor) -> Tensor:
        right = (actions[:, 0] >= 5).long() == self.cue
        return torch.where(self.time == self.length - 1, right.float() * 2.0 - 1.0, 0.0)


class Steady(Toy):
    """Pays 1 in every step whatever is done; nothing seen tells the steps of an episode apart."""

    def seen(self) -> Tensor:
        return torch.ones(self.num_envs, 3, device=self.device)

    def pays(self, actions: Tensor) -> Tensor:
        return torch.ones(self.num_envs, device=self.device)


class SteadyCut(Steady):
    """The same, but its episodes are cut, not over."""

    ending = "truncated"


class Target(Toy):
    """A number for each actuator; the cue's sign times 0.6 pays most for actuator 0."""

    num_actuators = 2
    num_bins = 0
    length = 1

    def pays(self, actions: Tensor) -> Tensor:
        assert actions.abs().max() <= 1.0, "numbers are clipped before they act"
        return -(actions[:, 0] - 0.6 * (2 * self.cue - 1)).abs()


class Picture(Toy):
    """Which half of a picture is bright says which way actuator 0 must go; the vector does not tell."""

    length = 1
    shape = (1, 8, 12)

    def __init__(self, num_envs: int = 64, device: str = "cpu", seed: int = 0) -> None:
        super().__init__(num_envs, device, seed)
        self.observation_shapes["camera"] = self.shape

    def seen(self) -> Tensor:
        return torch.ones(self.num_envs, 3, device=self.device)

    def _observe(self) -> dict[str, Tensor]:
        picture = torch.zeros(self.num_envs, *self.shape, device=self.device)
        left = (self.cue == 0).float()[:, None, None, None]
        picture[..., :6] = left
        picture[..., 6:] = 1.0 - left
        return {**super()._observe(), "camera": picture}

    def pays(self, actions: Tensor) -> Tensor:
        return ((actions[:, 0] >= 5).long() == self.cue).float()
