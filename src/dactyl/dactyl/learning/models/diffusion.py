"""A diffusion policy's network (Chi et al. 2023; Lin et al., appendix D): what is seen becomes a chunk of actions.

It has a memory like the recurrent networks', one tensor with a row for each environment, zeros when an episode starts:
what was seen before, and the actions of its chunk that are still to be played. So it acts in every control step, and
thinks in every `played`-th.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor, nn

from dactyl.errors import DactylError
from dactyl.learning.models import denoising
from dactyl.learning.models.residual import FEATURES, ResNet18
from dactyl.learning.normalizer import RunningNormalizer

KIND = "diffusion"
NARROWEST = 0.01
"""Half of the least range by which an action is measured, see `DiffusionNetwork.span`."""


@dataclass(frozen=True)
class DiffusionArchitecture:
    """Sizes of a network; what the paper gives is the default. It gives no horizon: at 5 Hz, 8 actions are 1.6 s."""

    kind: str = KIND
    """Tells it from other architectures in a policy's file."""
    dense: tuple[int, ...] = (512, 512, 512)
    """Widths of the ELU layers through which the vector goes."""
    features: int = 64
    """What they end in."""
    channels: tuple[int, ...] = (64, 128, 256)
    """Of the U-Net; Chi et al. have (256, 512, 1024), for which a CPU is too slow at 5 Hz."""
    horizon: int = 8
    """Actions in a chunk, a multiple of 2 ** (len(channels) - 1)."""
    observed: int = 2
    """Control steps whose vector it sees, the present one among them."""
    played: int = 4
    """Actions of a chunk that are played before the next one is made."""
    steps: int = 100
    """Of noise, in training."""
    denoising: int = 10
    """Steps back from noise, when it acts."""
    images: dict[str, tuple[int, int, int]] = field(default_factory=dict, hash=False)
    """Groups of images that it sees beside its vector: (channels, height, width) by name; each by a ResNet-18."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dense", tuple(self.dense))
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "images", {name: tuple(shape) for name, shape in self.images.items()})
        numbers = (self.features, self.horizon, self.observed, self.played, self.steps, self.denoising)
        if not all(isinstance(size, int) and size > 0 for size in (*numbers, *self.dense, *self.channels)):
            raise DactylError("a diffusion policy's sizes must be whole numbers of at least 1")
        if self.kind != KIND:
            raise DactylError(f"an architecture of the kind {self.kind!r} is unknown")
        if not self.channels or any(width % 8 for width in self.channels):
            raise DactylError(f"channels of the U-Net must be multiples of 8, not {list(self.channels)}")
        if self.horizon % 2 ** (len(self.channels) - 1):
            raise DactylError(f"horizon {self.horizon} is no multiple of {2 ** (len(self.channels) - 1)}")
        if self.played > self.horizon or self.denoising > self.steps:
            raise DactylError("a diffusion policy plays no more than its horizon, and denoises in no more steps")


class DiffusionNetwork(nn.Module):
    """Maps what is seen to actions in [-1, 1], by way of noise."""

    group = "policy"
    lstm = None

    def __init__(self, inputs: int, actions: int, architecture: DiffusionArchitecture) -> None:
        """For a vector of so many inputs, and so many numbers in an action."""
        super().__init__()
        self.architecture, self.inputs, self.outputs = architecture, inputs, actions
        self.everywhere = False
        """Whether chunks are made for all environments in every step, needed or not: where a program is traced."""
        self.normalizer = RunningNormalizer(inputs)
        layers: list[nn.Module] = []
        for a, b in pairwise((inputs, *architecture.dense)):
            layers += [nn.Linear(a, b), nn.ELU()]
        self.dense = nn.Sequential(*layers, nn.Linear((inputs, *architecture.dense)[-1], architecture.features))
        self.encoders = nn.ModuleDict({name: ResNet18(shape[0]) for name, shape in architecture.images.items()})
        features = architecture.observed * architecture.features + FEATURES * len(self.encoders)
        self.denoiser = denoising.Denoiser(actions, features, architecture.channels)
        chunk = torch.randn(architecture.horizon, actions, generator=torch.Generator().manual_seed(0))
        self.action_middle: Tensor
        self.action_half: Tensor
        self.register_buffer("action_middle", torch.zeros(actions))
        self.register_buffer("action_half", torch.ones(actions))
        self.usual: Tensor
        self.register_buffer("usual", chunk)
        self.kept: Tensor
        self.register_buffer("kept", denoising.kept(architecture.steps), persistent=False)
        self._seen = (architecture.observed - 1) * inputs
        self.state_size = self._seen + architecture.played * actions + 2

    def span(self, actions: Tensor) -> None:
        """Measure actions (R, actions) in [-1, 1] by the range that these have: noise is as large as each range then.

        An arm that moves over a tenth of its range would drown in noise as large as all of it.
        """
        low, high = actions.amin(0), actions.amax(0)
        self.action_middle.copy_((low + high) / 2.0)
        self.action_half.copy_(((high - low) / 2.0).clamp(min=NARROWEST))

    def initial_state(self, n: int) -> Tensor:
        """Memory of n environments at the start of an episode, (n, state_size)."""
        return torch.zeros(n, self.state_size, device=self.usual.device)

    def noise(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """What n chunks are made from, (n, horizon, actions)."""
        shape = (n, *self.usual.shape)
        return torch.empty(shape, device=self.usual.device).normal_(generator=generator)

    def step(self, x: Mapping[str, Tensor], state: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One control step.

        Args:
            x: groups (n, *shape) by name.
            state: (n, state_size).
            noise: see `noise`; None: always the same, so that the same is done in the same situation.

        Returns:
            Actions (n, actions) in [-1, 1], and the new state.
        """
        past, chunk, left, begun = self._parts(state)
        now = x[self.group]
        before = now.repeat(1, self.architecture.observed - 1)
        past = torch.where(begun > 0.5, past, before)
        vectors = torch.cat([past, now], -1)
        empty = left < 0.5
        chunk = torch.where(empty.unsqueeze(-1), self._fresh(vectors, x, empty, chunk, noise), chunk)
        left = torch.where(empty, float(self.architecture.played), left) - 1.0
        rest = torch.cat([chunk[:, 1:], torch.zeros_like(chunk[:, :1])], 1)
        kept = vectors[:, self.inputs :]
        return chunk[:, 0], torch.cat([kept, rest.flatten(1), left, torch.ones_like(begun)], -1)

    def _parts(self, state: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Past vectors, actions still to be played (n, played, actions), how many (n, 1), whether it has begun."""
        past, chunk = state[:, : self._seen], state[:, self._seen : -2]
        return past, chunk.unflatten(-1, (self.architecture.played, self.outputs)), state[:, -2:-1], state[:, -1:]

    def _fresh(
        self, vectors: Tensor, x: Mapping[str, Tensor], empty: Tensor, chunk: Tensor, noise: Tensor | None
    ) -> Tensor:
        """New chunks (n, played, actions) where they are needed; elsewhere anything."""
        if noise is None:
            noise = self.usual.expand(vectors.shape[0], -1, -1)
        images = {name: x[name] for name in self.encoders}
        if self.everywhere:
            return self.plan(self.features(vectors, images), noise)[:, : self.architecture.played]
        rows = empty.squeeze(-1).nonzero().squeeze(-1)
        if len(rows) == 0:
            return chunk
        features = self.features(vectors[rows], {name: seen[rows] for name, seen in images.items()})
        fresh = chunk.clone()
        fresh[rows] = self.plan(features, noise[rows])[:, : self.architecture.played]
        return fresh

    def features(self, vectors: Tensor, images: Mapping[str, Tensor]) -> Tensor:
        """Vectors (n, observed · inputs), the oldest first, and the present images -> features (n, F)."""
        each = self.normalizer(vectors.unflatten(-1, (self.architecture.observed, self.inputs)))
        seen = [self.dense(each).flatten(1)]
        seen += [encoder(images[name]) for name, encoder in self.encoders.items()]
        return torch.cat(seen, -1)

    def plan(self, features: Tensor, noise: Tensor) -> Tensor:
        """Chunks (n, horizon, actions) from noise, in few steps (DDIM)."""
        architecture, x = self.architecture, noise
        for level, lower in denoising.steps_back(architecture.steps, architecture.denoising):
            found = self.denoiser(x, torch.full_like(x[:, 0, 0], level), features)
            share, less = (self.kept[i].to(x.dtype) for i in (level, lower))
            clean = ((x - (1.0 - share).sqrt() * found) / share.sqrt()).clamp(-1.0, 1.0)
            x = less.sqrt() * clean + (1.0 - less).sqrt() * found
        return (self.action_middle + self.action_half * x.clamp(-1.0, 1.0)).clamp(-1.0, 1.0)

    def loss(
        self,
        vectors: Tensor,
        images: Mapping[str, Tensor],
        actions: Tensor,
        generator: torch.Generator | None = None,
        noises: int = 1,
    ) -> Tensor:
        """Squared error of the noise that is found in noisy actions.

        Args:
            vectors: (n, observed · inputs), the oldest first.
            images: groups (n, *shape) of the present step.
            actions: (n, horizon, actions) that followed, in [-1, 1].
            generator: draws noise and steps.
            noises: so many times for each of the n, whose images are looked at once.
        """
        features = self.features(vectors, images).repeat_interleave(noises, 0)
        actions = ((actions - self.action_middle) / self.action_half).repeat_interleave(noises, 0)
        noise = torch.empty_like(actions).normal_(generator=generator)
        shape, most = (len(actions),), self.architecture.steps
        step = torch.randint(1, most + 1, shape, device=actions.device, generator=generator)
        noisy = denoising.noised(actions, noise, step, self.kept)
        return nn.functional.mse_loss(self.denoiser(noisy, step, features), noise)
