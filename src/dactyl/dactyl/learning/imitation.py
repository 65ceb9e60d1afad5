"""Trains a diffusion policy on demonstrations: AdamW, and averaged weights that act (Lin et al., appendix D)."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dactyl.errors import DactylError
from dactyl.learning import demonstrations
from dactyl.learning.demonstrations import ORIGIN, Demonstrations
from dactyl.learning.models.diffusion import DiffusionArchitecture, DiffusionNetwork
from dactyl.learning.policy import Contract, Policy
from dactyl.learning.trainer import signals
from dactyl.status_line import StatusLine
from dactyl.storage import presets
from dactyl.storage.presets import parse
from dactyl.storage.shared import shared


@dataclass(frozen=True)
class ImitationConfig:
    """The defaults are the paper's, where it says any."""

    policy: DiffusionArchitecture = field(default_factory=DiffusionArchitecture)
    sees: tuple[str, ...] = ()
    """Observations of the demonstrations that it sees; all where none is named. Images are named in `policy`."""
    batches: int = 20_000
    batch: int = 128
    noises: int = 1
    """Of each row of a batch: with more of them, fewer rows and so fewer images make as much to learn from."""
    learning_rate: float = 1e-4
    warm_up: int = 0
    """Batches in which the rate rises to that."""
    cosine: bool = False
    """Whether it then falls to nothing by the last batch, along a cosine: so a few thousand batches may begin at ten
    times the paper's rate, see docs/experiments.md."""
    weight_decay: float = 1e-5
    average_power: float = 0.75
    """The average keeps 1 - (1 + batches)^-power of itself at every batch (Chi et al.) ..."""
    average_most: float = 0.9999
    """... and no more than this."""
    held_out: float = 0.05
    """Share of the episodes that nothing is learned from; the loss on them is reported."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.batches >= 1 and self.batch >= 1 and self.noises >= 1):
            raise DactylError(f"batches {self.batches}, batch {self.batch} and noises {self.noises} must be at least 1")
        if not (self.learning_rate > 0 and self.weight_decay >= 0 and self.average_power > 0):
            raise DactylError("learning_rate and average_power must be above 0, weight_decay at least 0")
        if not 0 <= self.warm_up < self.batches:
            raise DactylError(f"warm_up {self.warm_up} must be at least 0 and below batches {self.batches}")
        if not (0 < self.average_most < 1 and 0 <= self.held_out < 1):
            raise DactylError("average_most must lie between 0 and 1, and held_out be at least 0 and below 1")

    def rate(self, batch: int) -> float:
        """Share of the learning rate in a batch, counted from 0."""
        if batch < self.warm_up:
            return (batch + 1) / self.warm_up
        done = (batch - self.warm_up) / (self.batches - self.warm_up)
        return 0.5 * (1.0 + math.cos(math.pi * done)) if self.cosine else 1.0


def read_preset(name: str) -> ImitationConfig:
    """A preset of config/imitation, or the path of a .yaml file.

    Raises:
        DactylError: there is none, or it is wrong.
    """
    values = presets.read(name, (shared("config", "imitation"),), "imitation")
    config: ImitationConfig = parse(ImitationConfig, values)
    return config


class Average:
    """An exponential average of a network's weights, which begins as the weights themselves."""

    def __init__(self, network: DiffusionNetwork, power: float, most: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self._power, self._most, self._batches = power, most, 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the weights after another batch."""
        keeps = min(1.0 - (1.0 + self._batches) ** -self._power, self._most)
        self._batches += 1
        for mine, theirs in zip(self.network.parameters(), network.parameters(), strict=True):
            mine.lerp_(theirs, 1.0 - keeps)


class Windows:
    """What the network sees and what followed, for each row that demonstrations have."""

    def __init__(self, found: Demonstrations, architecture: DiffusionArchitecture) -> None:
        self._found, self._observed, self._horizon = found, architecture.observed, architecture.horizon
        self._images = tuple(architecture.images)
        first = torch.cat([torch.ones(1, dtype=torch.bool), found.episode.diff() > 0])
        places = torch.arange(len(found))
        self._start = torch.where(first, places, 0).cummax(0).values
        last = torch.cat([first[1:], torch.ones(1, dtype=torch.bool)])
        self._end = torch.where(last, places, len(found)).flip(0).cummin(0).values.flip(0)

    def of(self, rows: Tensor) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Vectors (n, observed · inputs), images and actions (n, horizon, A) of rows (n,).

        Before an episode's first row it saw the first, and after its last action it does the last again.
        """
        past = torch.arange(1 - self._observed, 1)
        seen = torch.maximum(rows[:, None] + past, self._start[rows, None])
        ahead = torch.minimum(rows[:, None] + torch.arange(self._horizon), self._end[rows, None])
        images = {name: self._found.images[name][rows].float() for name in self._images}
        return self._found.observation[seen].flatten(1), images, self._found.action[ahead]


def split(episode: Tensor, share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rows to learn from, and those of a share of the episodes to hold out; the first is never empty."""
    names = episode.unique()
    count = min(round(share * len(names)), len(names) - 1)
    held = names[torch.randperm(len(names), generator=generator)[:count]]
    out = torch.isin(episode, held)
    return (~out).nonzero().squeeze(-1), out.nonzero().squeeze(-1)


def contract(found: Demonstrations, architecture: DiffusionArchitecture, trained: dict[str, Any]) -> Contract:
    """What the generalist expects of whoever runs it: it acts in postures.

    Raises:
        DactylError: the demonstrations do not have the images that it shall see.
    """
    about = found.about
    for name, shape in architecture.images.items():
        images = found.images.get(name)
        if images is None or tuple(images.shape[1:]) != shape:
            raise DactylError(f"policy.images: the demonstrations have no images {name} of shape {shape}")
    made = Contract(
        observation=about.observation,
        architecture=architecture,
        actuators=about.actuators,
        control_period=about.control_period,
        action_origin=ORIGIN,
        smoothing=1.0,
        robot=about.robot,
        task=about.task,
        object=about.objects[0],
        others=about.objects[1:],
        trained=trained,
    )
    try:
        made.check()
    except ValueError as error:
        raise DactylError(f"cannot learn from these demonstrations: {error}") from error
    return made


def train(
    files: list[Path], out: Path, config: ImitationConfig, minutes: float = float("inf"), device: str = "cpu"
) -> dict[str, Any]:
    """Train and write a policy file, whose weights are the averaged ones. A signal ends it early, with what there is.

    Returns:
        ended (done, time or a signal), batches, loss (of the last hundred), held_out_loss (None where nothing is held
        out), episodes, rows, policy (its file).

    Raises:
        DactylError: the demonstrations cannot be used, or the loss is not finite any more.
    """
    found = demonstrations.only(demonstrations.load(files), config.sees)
    torch.manual_seed(config.seed)
    generator = torch.Generator().manual_seed(config.seed)
    trained = {"demonstrations": [str(file) for file in files], "kept_episodes": found.about.kept, "seed": config.seed}
    policy = Policy(contract(found, config.policy, trained))
    learner = _Learner(policy, found, config, generator, device)
    ended = "done"
    with signals() as received, StatusLine("imitating") as line:
        began = time.monotonic()
        for number in range(config.batches):
            if received or time.monotonic() - began >= 60.0 * minutes:
                ended = received[0] if received else "time"
                break
            learner.improve()
            line.show(f"batch {number + 1} of {config.batches}, loss {learner.loss:.4f}")
    if learner.batches == 0:
        raise DactylError(f"{ended} came before the first batch: nothing was learned")
    outcome = {
        "ended": ended,
        "batches": learner.batches,
        "loss": learner.loss,
        "held_out_loss": learner.held_out_loss(),
        "episodes": found.about.kept,
        "rows": len(found),
        "policy": str(out),
    }
    contracted = {**trained, "batches": learner.batches, "held_out_loss": outcome["held_out_loss"]}
    Policy(contract(found, config.policy, contracted), learner.average.network).save(out)
    return outcome


class _Learner:
    """A network that learns, its average, and how well they do."""

    def __init__(
        self, policy: Policy, found: Demonstrations, config: ImitationConfig, generator: torch.Generator, device: str
    ) -> None:
        assert isinstance(policy.network, DiffusionNetwork)
        self._device, self._config, self._generator = torch.device(device), config, generator
        self._chance = torch.Generator(self._device).manual_seed(config.seed)
        self._windows = Windows(found, config.policy)
        self._rows, self._held = split(found.episode, config.held_out, generator)
        policy.network.normalizer.update(found.observation[self._rows])
        policy.network.span(found.action[self._rows])
        self._network = policy.network.to(self._device)
        self.average = Average(self._network, config.average_power, config.average_most)
        self._optimizer = torch.optim.AdamW(
            self._network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimizer, config.rate)
        self.batches, self._losses = 0, list[float]()

    @property
    def loss(self) -> float:
        """Mean over the last hundred batches; NaN before the first."""
        last = self._losses[-100:]
        return sum(last) / len(last) if last else float("nan")

    def improve(self) -> None:
        """One batch."""
        drawn = torch.randint(len(self._rows), (self._config.batch,), generator=self._generator)
        loss = self._loss(self._network, self._rows[drawn], self._chance)
        value = float(loss.detach())
        if not torch.isfinite(loss.detach()):
            raise DactylError(f"training stopped after {self.batches} batches: the loss is not finite")
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        self._schedule.step()
        self.average.update(self._network)
        self.batches += 1
        self._losses.append(value)

    @torch.no_grad()
    def held_out_loss(self) -> float | None:
        """Of the averaged network on about 2,000 rows that it did not learn from; None where there are none."""
        if len(self._held) == 0:
            return None
        rows = self._held[:: max(1, len(self._held) // 2000)]
        chance = torch.Generator(self._device).manual_seed(self._config.seed)
        return float(self._loss(self.average.network, rows, chance))

    def _loss(self, network: DiffusionNetwork, rows: Tensor, chance: torch.Generator) -> Tensor:
        vectors, images, actions = self._windows.of(rows)
        on = {name: seen.to(self._device) for name, seen in images.items()}
        return network.loss(vectors.to(self._device), on, actions.to(self._device), chance, self._config.noises)


def as_text(outcome: dict[str, Any]) -> str:
    """The outcome for people."""
    how = "done" if outcome["ended"] == "done" else f"stopped by {outcome['ended']}"
    held = outcome["held_out_loss"]
    return (
        f"{how} after {outcome['batches']:,} batches of {outcome['rows']:,} rows of {outcome['episodes']} episodes: "
        f"loss {outcome['loss']:.4f}, held out {'nothing' if held is None else f'{held:.4f}'}; "
        f"policy {outcome['policy']}"
    )
