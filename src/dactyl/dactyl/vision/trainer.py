"""Training the pose estimator (appendix D.2): batches from rendered chunks, Adam, checkpoints that go on exactly."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from math import cos, pi
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from dactyl.errors import DactylError
from dactyl.learning.progress import Progress, Style
from dactyl.learning.trainer import signals
from dactyl.ranges import check_options
from dactyl.simulation.scene import build
from dactyl.storage.locks import locked
from dactyl.storage.models import ESTIMATOR
from dactyl.storage.shared import shared
from dactyl.storage.state import load_state, save_state
from dactyl.vision import images, pose
from dactyl.vision.config import VisionConfig, read_preset
from dactyl.vision.estimator import Contract, Estimator
from dactyl.vision.initial import begin_with
from dactyl.vision.moments import VALIDATION, Moments, split
from dactyl.vision.networks import PoseNetwork, keypoints_found
from dactyl.vision.options import VisionTrainOptions
from dactyl.vision.render_queue import RenderQueue
from dactyl.vision.states import INDEX, States, load, object_poses

TRAINING = "training.pt"
LOG_EVERY = 100  # batches
_WEIGHTS_COUNT = 1e-3  # beside the squared error: it only trains what says how exactly points are found
DEFAULTS = VisionTrainOptions()


def train(preset: str, options: VisionTrainOptions = DEFAULTS) -> dict[str, Any]:
    """Train a preset until it is done, the time is up or a signal comes; returns what `VisionTrainer.run` does.

    Args:
        preset: name or path of a YAML file.
        options: see there.
    """
    config = read_preset(preset)
    if options.initial is not None:
        config = replace(config, initial=str(options.initial))
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        raise DactylError("device cuda: PyTorch finds no CUDA GPU here")
    if config.rendering.renderer == "raytracer" and device == "cpu":
        print("the ray tracer renders a few pictures a second on a CPU: this preset is for a GPU", file=sys.stderr)
    check_options(options)
    if options.threads:
        torch.set_num_threads(options.threads)
    name, resume = Path(preset).stem, options.resume
    out = resume or options.out or Path("runs") / f"vision-{name}"
    if resume is not None and not (resume / TRAINING).exists():
        raise DactylError(f"there is no training in {resume}")
    if resume is None and (out / TRAINING).exists():
        raise DactylError(f"{out} already holds a training: continue it with --resume {out}, or choose another --out")
    with locked(out):
        trainer = VisionTrainer(config, name, out, device, options.renderers, resume is not None)
        return trainer.run(options.minutes)


def _line(row: Mapping[str, float]) -> str:
    errors = f"  {row['rotation_deg']:.2f}°  {row['position_mm']:.2f} mm" if "rotation_deg" in row else ""
    return (
        f"{int(row['batch']):7d} batches  loss {row['loss']:.4f}  trains {row['train_images_per_s']:.0f} images/s, "
        f"renders {row['render_images_per_s']:.0f}, waited {row['waited_s']:.0f} s{errors}"
    )


STYLE = Style(
    group="vision",
    count="batch",
    line=_line,
    columns=(
        "batch", "loss", "learning_rate", "train_images_per_s", "render_images_per_s", "waited_s", "hours",
        "rotation_deg", "rotation_deg_median", "position_mm", "position_mm_median",
    ),
)  # fmt: skip


class VisionTrainer:
    """One training run."""

    def __init__(self, config: VisionConfig, name: str, out: Path, device: str, renderers: int, resume: bool) -> None:
        """Set everything up for the first batch, or as a checkpoint left it."""
        self.config, self.out, self.device = config, out, torch.device(device)
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DactylError(f"cannot write to {out}: {error.strerror}") from error
        states_folder = _found(config.states, INDEX)
        states = load(states_folder)
        torch.manual_seed(config.seed)
        mean, scale = _position_statistics(config, states)
        contract = Contract(
            architecture=config.architecture, crop=config.crop, position_mean=mean, position_scale=scale,
            object=states.recipe.object, symmetry=config.symmetry, robot=states.recipe.robot,
            trained={
                "preset": name, "seed": config.seed, "states": len(states.qpos), "policy": states.recipe.policy,
                "renderer": config.rendering.renderer, **_origin(config, states),
            },
        )  # fmt: skip
        self.estimator = Estimator(contract)
        if config.initial is not None and not resume:
            begin_with(self.estimator, _found(config.initial))
        self.network = self.estimator.network.to(self.device)
        self.group = self.estimator.group.to(self.device)
        optimizer = torch.optim.AdamW if config.decoupled_decay else torch.optim.Adam
        self.optimizer = optimizer(self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
        self.averaged: AveragedModel | None = None
        if config.average:
            averaging = get_ema_multi_avg_fn(config.average)
            self.averaged = AveragedModel(self.network, multi_avg_fn=averaging, use_buffers=True)
        shipped = self.network if self.averaged is None else cast(PoseNetwork, self.averaged.module)
        self.judged = Estimator(contract, shipped)
        """What is validated and shipped."""
        self.generator = torch.Generator(self.device)
        self.batch, self.seconds = 0, 0.0
        if resume:
            self._restore()
        self.queue = RenderQueue(config, states_folder, out / "images", renderers, device)
        self.chunks: dict[int, dict[str, Tensor]] = {}
        self.render_seconds = self.rendered = 0.0

    # ------------------------------------------------------------------------------------------------ the images

    def _window(self) -> range:
        """Numbers of the chunks that this batch is drawn from."""
        rendering = self.config.rendering
        newest = rendering.first - 1 + self.batch // self.config.batches_per_chunk
        return range(max(0, newest - rendering.kept + 1), newest + 1)

    def _tensors(self, moments: Moments) -> dict[str, Tensor]:
        contract = self.estimator.contract
        position = (moments.position - np.array(contract.position_mean)) / contract.position_scale
        return {
            "pictures": torch.from_numpy(moments.pictures).to(self.device),
            "position": torch.from_numpy(position).float().to(self.device),
            "orientation": torch.from_numpy(moments.orientation).float().to(self.device),
            "places": torch.from_numpy(moments.keypoints.places).float().to(self.device),
            "turned_towards": torch.from_numpy(moments.keypoints.turned_towards).to(self.device),
        }

    def _draw(self) -> dict[str, Tensor]:
        window = self._window()
        if window[-1] not in self.chunks:
            self.queue.require(window[0], window[-1])
            for number in [n for n in self.chunks if n < window[0]]:
                del self.chunks[number]
            for number in window:
                if number not in self.chunks:
                    moments = self.queue.take(number)
                    self.render_seconds, self.rendered = moments.seconds, float(len(moments.pictures))
                    self.chunks[number] = self._tensors(moments)
        random = np.random.default_rng([self.config.seed, 2, self.batch])
        picked = random.integers(window[0], window[-1] + 1, self.config.batch)
        rows = random.integers(self.config.rendering.chunk, size=self.config.batch)
        samples = [
            {name: tensor[row] for name, tensor in self.chunks[int(number)].items()}
            for number, row in zip(picked, rows, strict=True)
        ]
        return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}

    # ------------------------------------------------------------------------------------------------- the steps

    def learning_rate(self) -> float:
        """Of the next batch."""
        config = self.config
        if self.batch < config.warm_up:
            return self._scheduled() * (self.batch + 1) / config.warm_up
        return self._scheduled()

    def _scheduled(self) -> float:
        config = self.config
        if config.schedule == "halving":
            return config.learning_rate * 0.5 ** (self.batch // config.halve_every)
        return config.learning_rate * 0.5 * (1.0 + cos(pi * self.batch / config.batches))

    def step(self) -> float:
        """One batch; returns the loss.

        Raises:
            DactylError: the loss is not finite.
        """
        config = self.config
        sample = self._draw()
        self.generator.manual_seed(int(np.random.SeedSequence([config.seed, 3, self.batch]).generate_state(1)[0]))
        pictures = sample["pictures"]
        if config.pictures.active:
            disturbed = config.pictures.apply(pictures.flatten(0, 1), self.generator)
            pictures = disturbed.reshape(pictures.shape)
        normalized = images.normalize(pictures)
        inputs = config.images.apply(normalized.flatten(0, 1), self.generator).view_as(normalized)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        self.network.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.bf16):
            features = self.network.features(inputs)
            outputs = self.network.pose(features)
        rotation = config.architecture.rotation
        error = pose.loss(outputs, sample["position"], sample["orientation"], rotation, self.group)
        if config.keypoint_weight:
            error = error + config.keypoint_weight * self._hint(features, sample)
        self.optimizer.zero_grad()
        error.backward()
        self.optimizer.step()
        if self.averaged is not None:
            self.averaged.update_parameters(self.network)
        self.batch += 1
        value = float(error.detach())
        if not np.isfinite(value):
            raise DactylError(f"the loss is {value} after {self.batch} batches; lower learning_rate")
        return value

    def _hint(self, features: Tensor, sample: Mapping[str, Tensor]) -> Tensor:
        """How far off the towers find what they are told to find, and how little they know of that."""
        places = sample["places"]
        found = keypoints_found(features, places.shape[2])
        off = pose.keypoint_loss(found, places, sample["turned_towards"])
        if self.network.adjustment is None:
            return off
        weights = self.network.log_weights(features.detach())
        return off + _WEIGHTS_COUNT * pose.weight_loss(weights, found, places)

    @torch.no_grad()
    def validate(self, moments: Moments) -> dict[str, float]:
        """Errors on moments that training never sees: degrees and mm, mean and median."""
        self.judged.network.eval()
        parts = [self.judged.estimate(part) for part in np.array_split(moments.pictures, 16)]
        position = np.concatenate([part.position for part in parts])
        orientation = torch.from_numpy(np.concatenate([part.orientation for part in parts]))
        degrees = pose.rotation_error(orientation, torch.from_numpy(moments.orientation), self.group.cpu())
        millimetres = 1000.0 * np.linalg.norm(position - moments.position, axis=1)
        return {
            "rotation_deg": float(degrees.mean()), "rotation_deg_median": float(degrees.median()),
            "position_mm": float(millimetres.mean()), "position_mm_median": float(np.median(millimetres)),
        }  # fmt: skip

    def run(self, minutes: float) -> dict[str, Any]:
        """Train until the preset's batches, the minutes or a signal end it, and checkpoint.

        Returns:
            ended (done, time, SIGINT or SIGTERM), batches, hours, estimator (its file), waited_s, the rates
            render_images_per_s (of one process) and train_images_per_s, and the last validation.
        """
        window = self._window()
        self.queue.start(window[0], window[-1])
        progress = Progress(self.out, self.batch, STYLE)
        try:
            validation = self.queue.take(VALIDATION)
            self.chunks.clear()
            self._draw()
            ended, row = self._train(60.0 * minutes, validation, progress)
            self.save()
            row |= self.validate(validation)
        finally:
            self.queue.stop()
            progress.close()
        if self.batch >= self.config.batches:
            self.queue.clear()
        return {"ended": ended, "batches": self.batch, "estimator": str(self.out / ESTIMATOR), **row}

    def _train(self, seconds: float, validation: Moments, progress: Progress) -> tuple[str, dict[str, float]]:
        """The batches; how they ended, and the last row of figures."""
        config, meter = self.config, _Meter(self)
        began = saved = time.monotonic()
        row: dict[str, float] = {}
        with signals() as received:
            while self.batch < config.batches and not received and time.monotonic() - began < seconds:
                meter.losses.append(self.step())
                if self.batch % LOG_EVERY == 0 or self.batch == config.batches:
                    row = self._report(meter, validation, progress)
                if time.monotonic() - saved >= 60.0 * config.checkpoint_minutes:
                    saved = time.monotonic()
                    self.save()
        return (received[0] if received else "done" if self.batch >= config.batches else "time"), row

    def _report(self, meter: _Meter, validation: Moments, progress: Progress) -> dict[str, float]:
        """Write down what the last batches have given."""
        row, seconds_per_batch = meter.read()
        if self.batch % self.config.validate_every == 0 or self.batch == self.config.batches:
            row |= self.validate(validation)
        progress.add(row, (self.config.batches - self.batch) * seconds_per_batch)
        meter.restart()
        return row

    # --------------------------------------------------------------------------------------------------- stopping

    def save(self) -> None:
        """Write the estimator's file and all that training needs to go on, each whole or not at all."""
        state = {
            "batch": self.batch, "seconds": self.seconds, "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(), "contract": self.estimator.contract.to_json(),
            **({} if self.averaged is None else {"averaged": self.averaged.state_dict()}),
        }  # fmt: skip
        try:
            save_state(self.out / TRAINING, state)
            contract = self.estimator.contract
            trained = {**contract.trained, "batches": self.batch, "batch": self.config.batch}
            Estimator(replace(contract, trained=trained), self.judged.network).save(self.out / ESTIMATOR)
        except (OSError, RuntimeError) as error:
            raise DactylError(f"cannot write to {self.out}: {error}") from error

    def _restore(self) -> None:
        try:
            state = load_state(self.out / TRAINING, self.device)
            contract = Contract.from_json(state["contract"])
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.averaged is not None:
                self.averaged.load_state_dict(state["averaged"])
        except (RuntimeError, ValueError, KeyError) as error:
            raise DactylError(f"cannot read {self.out / TRAINING}: {' '.join(str(error).split())}") from error
        if asdict(contract) != asdict(Contract.from_json(self.estimator.contract.to_json())):
            raise DactylError(f"{self.out} holds a training of another preset, other states or another --initial")
        self.batch, self.seconds = state["batch"], state["seconds"]


class _Meter:
    """Counts what happens between two rows of the table."""

    def __init__(self, trainer: VisionTrainer) -> None:
        self._trainer, self._waited_before = trainer, trainer.queue.waited
        self.losses: list[float] = []
        self.restart()

    def restart(self) -> None:
        self.losses.clear()
        self._last, self._waited = time.monotonic(), self._trainer.queue.waited

    def read(self) -> tuple[dict[str, float], float]:
        """The row, but for the validation, and the seconds that a batch took."""
        trainer, seconds = self._trainer, time.monotonic() - self._last
        trainer.seconds += seconds
        waited, number = trainer.queue.waited, len(self.losses)
        busy = seconds - (waited - self._waited)
        row = {
            "batch": trainer.batch, "loss": float(np.mean(self.losses)), "learning_rate": trainer.learning_rate(),
            "train_images_per_s": 3.0 * trainer.config.batch * number / busy,
            "render_images_per_s": 3.0 * trainer.rendered / max(trainer.render_seconds, 1e-9),
            "waited_s": waited - self._waited_before, "hours": trainer.seconds / 3600.0,
        }  # fmt: skip
        return row, seconds / number


def _found(path: str, file: str = "") -> Path:
    """A path from the current folder, or where it is not there, or has no such file, from the workspace."""
    here = Path(path)
    return here if (here / file).exists() else shared(path)


def _origin(config: VisionConfig, states: States) -> dict[str, Any]:
    """What else an estimator's file says of its training, where there is something to say."""
    recipe = states.recipe
    known = {
        "also_rendered_by": config.rendering.also, "policy_weights": recipe.policy_weights,
        "policy_steps": recipe.policy_steps, "world": recipe.world, "average": config.average,
        "initial": config.initial or "",
    }  # fmt: skip
    return {name: value for name, value in known.items() if value}


def _position_statistics(config: VisionConfig, states: States) -> tuple[tuple[float, float, float], float]:
    """Mean and scale of the object's position over augmented training states, m."""
    random = np.random.default_rng([config.seed, 0])
    training, _ = split(states)
    scene = build(states.recipe.scene)
    qpos = config.poses.apply(scene, training[random.integers(len(training), size=20_000)], random)
    position = object_poses(scene, qpos).position
    x, y, z = (round(float(value), 4) for value in position.mean(0))
    return (x, y, z), round(float(position.std(0).mean()), 4)


def as_text(outcome: dict[str, Any]) -> str:
    """The outcome of a training for people."""
    how = "done" if outcome["ended"] == "done" else f"stopped by {outcome['ended']}"
    return (
        f"{how} after {outcome['batches']} batches: {outcome['rotation_deg']:.2f}° and {outcome['position_mm']:.2f} mm "
        f"on pictures not trained on; {outcome['estimator']}"
    )
