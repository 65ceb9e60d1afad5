"""Errors of the pose estimator (Table 6): in degrees and mm, by axis, by how much is hidden, and the worst cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch

from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.maths.summary import summary
from dactyl.ranges import check_options
from dactyl.recording.test_sets.dataset import Dataset
from dactyl.simulation.appearance import Appearance
from dactyl.simulation.appearance.studio_scene import make_studio
from dactyl.simulation.appearance.visibility import visible_shares
from dactyl.storage import pictures as files
from dactyl.storage.models import estimator_for
from dactyl.vision.augmentation import PoseAugmentation
from dactyl.vision.estimator import Estimate, Estimator
from dactyl.vision.moments import render_moments, split
from dactyl.vision.options import ErrorOptions
from dactyl.vision.renderers import RENDERERS, RendererOptions, make_renderer
from dactyl.vision.states import States, load

SOURCES = ("training", "held-out")
"""The renderer that an estimator was trained on, and the other one, with shadows where it can draw them."""
DEFAULTS = ErrorOptions()
_HIDDEN_BELOW = (0.5, 0.8)  # shares of the object seen, mean of the cameras, that part the occlusion breakdown
_BATCH = 32
_WORST = 6


class Samples(NamedTuple):
    """What an estimator is judged on."""

    pictures: np.ndarray
    """(n, 3, size, size, 3) uint8 RGB, as the network takes them"""
    position: np.ndarray
    """(n, 3) m, robot frame"""
    orientation: np.ndarray
    """(n, 4)"""
    seen: np.ndarray | None = None
    """(n, 3) share of the object that each camera sees, where it is known."""


@dataclass(frozen=True)
class Errors:
    """Of every sample."""

    degrees: np.ndarray
    """(n,)"""
    offset: np.ndarray
    """(n, 3) mm, estimated minus true, robot frame"""
    turn: np.ndarray
    """(n, 3) degrees, rotation vector from the true to the estimated orientation, robot frame; the nearest that looks
    the same counts"""
    confidence: np.ndarray
    """(n,)"""

    @property
    def millimetres(self) -> np.ndarray:
        return np.linalg.norm(self.offset, axis=1)


def evaluate(options: ErrorOptions = DEFAULTS) -> dict[str, dict[str, Any]]:
    """Judge an estimator; pictures of the worst cases go to the folder `out`. Returns a `summarize` for each source.

    Raises:
        DactylError: too few samples, no such states, estimator or test set, or the folder cannot be written.
    """
    check_options(options)
    renderers = options.on if options.on is not None else () if options.dataset else SOURCES
    estimator = Estimator.load(estimator_for("block", options.estimator))
    recorded = {path.name: Dataset(path) for path in options.dataset}
    rendered = load(options.states) if renderers else None
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DactylError(f"cannot write to {options.out}: {error.strerror}") from error
    rows = {}
    for name in (*renderers, *recorded):
        if rendered is None or name in recorded:
            shown = recorded_samples(estimator, recorded[name])
        else:
            shown = rendered_samples(estimator, rendered, options.samples, options.seed, name, device=options.device)
        found = errors(estimator, shown)
        rows[name] = summarize(shown, found)
        if name in SOURCES:
            rows[name]["renderer"] = renderer_of(estimator, name)
        draw_worst(shown, found, options.out / f"worst-{name}.png")
    return rows


def rendered_samples(
    estimator: Estimator, states: States, number: int, seed: int, renderer: str, *, device: str = "cpu"
) -> Samples:
    """States that training never saw, in poses and looks of Table 9, as one of SOURCES draws them.

    The states are the last ones collected, which training leaves out; poses are augmented as in training.
    """
    contract = estimator.contract
    if states.recipe.object != contract.object:
        raise DactylError(f"the states are of the object {states.recipe.object}, the estimator's is {contract.object}")
    random = np.random.default_rng([seed, 4])
    _, unseen = split(states)
    options = RendererOptions(
        renderer_of(estimator, renderer), contract.architecture.image_size, contract.crop,
        seed=seed + 1, device=device, shadows=renderer == "held-out",
    )  # fmt: skip
    studio, drawn_by = make_renderer(states.recipe.scene, options)
    qpos = PoseAugmentation().apply(studio.scene, unseen[random.integers(len(unseen), size=number)], random)
    moments = render_moments(studio, drawn_by, contract.crop, qpos, Appearance(), random)
    drawn_by.close()
    seen = visible_shares(make_studio(states.recipe.scene, palettes=1), qpos)
    return Samples(moments.pictures, moments.position, moments.orientation, seen)


def renderer_of(estimator: Estimator, source: str) -> str:
    """The renderer that one of SOURCES is for an estimator: which one it was trained on its file says."""
    trained_on = estimator.contract.renderer
    if trained_on not in RENDERERS:
        raise DactylError(f"the estimator was trained on pictures of {trained_on!r}, which is no renderer here")
    (other,) = set(RENDERERS) - {trained_on}
    return trained_on if source == "training" else other


def recorded_samples(estimator: Estimator, dataset: Dataset) -> Samples:
    """A recorded test set."""
    if dataset.object != estimator.contract.object:
        raise DactylError(f"the test set shows the object {dataset.object}, not {estimator.contract.object}")
    names = tuple(camera.name for camera in dataset.cameras)
    if set(estimator.contract.cameras) - set(names):
        raise DactylError(f"the test set has the cameras {', '.join(names)}, not {estimator.contract.cameras}")
    order = [names.index(camera) for camera in estimator.contract.cameras]
    pictures = np.stack([[estimator.cut(sample.images[i]) for i in order] for sample in dataset])
    return Samples(pictures, dataset.positions, dataset.quaternions)


def errors(estimator: Estimator, samples: Samples) -> Errors:
    """Estimate every sample and compare."""
    parts = [estimator.estimate(part) for part in _batches(samples.pictures)]
    estimate = Estimate(*(np.concatenate(values) for values in zip(*parts, strict=True)))
    right = torch.from_numpy(np.array(samples.orientation))
    found = torch.from_numpy(estimate.orientation)
    equivalent = quaternion.multiply(*torch.broadcast_tensors(right.unsqueeze(1), estimator.group.to(right)))
    turns = quaternion.multiply(*torch.broadcast_tensors(found.unsqueeze(1), quaternion.conjugate(equivalent)))
    nearest = quaternion.angle(turns).argmin(1)
    turn = quaternion.canonical(turns[torch.arange(len(turns)), nearest]).numpy()
    angle = np.degrees(quaternion.angle(turn))
    axis = turn[:, 1:] / np.maximum(np.linalg.norm(turn[:, 1:], axis=1, keepdims=True), 1e-12)
    offset = 1000.0 * (estimate.position - samples.position)
    return Errors(angle, offset, angle[:, None] * axis, estimate.confidence)


def summarize(samples: Samples, found: Errors) -> dict[str, Any]:
    """The figures of a `--json` file for one row of Table 6."""
    figures: dict[str, Any] = {
        "samples": len(found.degrees),
        "rotation_deg": _distribution(found.degrees),
        "position_mm": _distribution(found.millimetres),
        "confidence": _distribution(found.confidence),
        "by_axis": {
            axis: {
                "position_mm": {"mean": float(offset.mean()), "mean_absolute": float(np.abs(offset).mean())},
                "rotation_deg": {"mean": float(turn.mean()), "mean_absolute": float(np.abs(turn).mean())},
            }
            for axis, offset, turn in zip("xyz", found.offset.T, found.turn.T, strict=True)
        },
    }
    if samples.seen is not None:
        seen = samples.seen.mean(1)
        low, high = _HIDDEN_BELOW
        groups = {
            f"below {low:.0%}": seen < low, f"{low:.0%} to {high:.0%}": (seen >= low) & (seen < high),
            f"{high:.0%} and more": seen >= high,
        }  # fmt: skip
        figures["by_share_seen"] = {
            name: {
                "samples": int(mask.sum()),
                "rotation_deg": _distribution(found.degrees[mask]),
                "position_mm": _distribution(found.millimetres[mask]),
            }
            for name, mask in groups.items()
            if mask.any()
        }
    return figures


def as_text(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Table 6 for people."""
    lines = [f"{'test set':<24}{'samples':>8}  {'rotation error':<36}{'position error':<36}"]
    for name, row in rows.items():
        cells = (_cell(row["rotation_deg"], "°"), _cell(row["position_mm"], " mm"))
        title = f"{name}, {row['renderer']}" if "renderer" in row else name
        lines.append(f"{title:<24}{row['samples']:>8}  {cells[0]:<36}{cells[1]:<36}")
        for axis, values in row["by_axis"].items():
            turn, offset = values["rotation_deg"], values["position_mm"]
            absolute = f"{turn['mean_absolute']:.2f}°, {offset['mean_absolute']:.2f} mm"
            lines.append(f"    {axis}: {absolute} (bias {offset['mean']:+.2f} mm)")
        for share, values in row.get("by_share_seen", {}).items():
            cells = (_cell(values["rotation_deg"], "°"), _cell(values["position_mm"], " mm"))
            lines.append(f"    {'seen ' + share:<20}{values['samples']:>8}  {cells[0]:<36}{cells[1]:<36}")
    return "\n".join(lines)


def draw_worst(samples: Samples, found: Errors, path: Path) -> None:
    """A picture of the samples with the largest rotation errors, each with its three images and errors."""
    worst = np.argsort(-found.degrees)[:_WORST]
    rows = []
    for i in worst:
        strip = cv2.resize(
            np.concatenate(list(samples.pictures[i]), 1), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST
        )
        caption = np.full((24, strip.shape[1], 3), 255, np.uint8)
        text = f"{found.degrees[i]:.1f} deg  {found.millimetres[i]:.1f} mm  confidence {found.confidence[i]:.2f}"
        if samples.seen is not None:
            text += "  seen " + " ".join(f"{share:.0%}" for share in samples.seen[i])
        cv2.putText(caption, text, (4, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
        rows += [caption, strip]
    files.write(path, np.concatenate(rows))


def _batches(pictures: np.ndarray) -> Iterator[np.ndarray]:
    return (pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH))


def _distribution(values: np.ndarray) -> dict[str, float]:
    return {
        "mean": float(values.mean()), "std": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        **summary(values, (50, 95), digits=None),
    }  # fmt: skip


def _cell(values: Mapping[str, float], unit: str) -> str:
    return f"{values['mean']:.2f}{unit} ± {values['std']:.2f} (p50 {values['p50']:.2f}, p95 {values['p95']:.2f})"
