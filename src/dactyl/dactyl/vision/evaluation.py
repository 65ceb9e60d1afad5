"""Errors of the pose estimator (Table 6): in degrees and mm, by axis, by how much is hidden, and the worst cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
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
from dactyl.vision import pose, reliability
from dactyl.vision.augmentation import PoseAugmentation
from dactyl.vision.certainty import Doubt
from dactyl.vision.emulated_camera import EmulatedCamera
from dactyl.vision.estimator import Estimate, Estimator, joined
from dactyl.vision.moments import halves, render_moments, split
from dactyl.vision.options import ErrorOptions, Poses
from dactyl.vision.parallel import make_renderers
from dactyl.vision.renderers import RendererOptions
from dactyl.vision.sources import SOURCES, renderer_of, sources_of
from dactyl.vision.spoiling import KINDS, spoil
from dactyl.vision.states import States, load

DEFAULTS = ErrorOptions()
EMULATED = "-emulated-camera"
"""After a dataset's name: its images as a made-up camera would have taken them."""
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
    doubt: Doubt | None = None
    """What the estimator stated of itself."""

    @property
    def millimetres(self) -> np.ndarray:
        return np.linalg.norm(self.offset, axis=1)


def evaluate(options: ErrorOptions = DEFAULTS) -> dict[str, dict[str, Any]]:
    """Judge an estimator; pictures of the worst cases go to the folder `out`. Returns a `summarize` for each source.

    Raises:
        DactylError: too few samples, no such states, estimator or test set, or the folder cannot be written.
    """
    check_options(options)
    if options.emulated_camera and not options.dataset:
        raise DactylError("emulated_camera: name a --dataset, whose images are whole; rendered ones are cut already")
    estimator = Estimator.load(estimator_for("block", options.estimator))
    renderers = options.on if options.on is not None else () if options.dataset else sources_of(estimator)
    recorded = {path.name: Dataset(path) for path in options.dataset}
    rendered = load(options.states) if renderers else None
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DactylError(f"cannot write to {options.out}: {error.strerror}") from error
    rows = {}
    camera = EmulatedCamera()
    emulated = {f"{name}{EMULATED}": dataset for name, dataset in recorded.items() if options.emulated_camera}
    for name in (*renderers, *recorded, *emulated):
        if name in emulated:
            shown = recorded_samples(estimator, emulated[name], camera, options.seed)
        elif rendered is None or name in recorded:
            shown = recorded_samples(estimator, recorded[name])
        else:
            shown = rendered_samples(
                estimator, rendered, options.samples, options.seed, name,
                device=options.device, poses=options.poses, renderers=options.renderers,
            )  # fmt: skip
        found = errors(estimator, shown)
        rows[name] = summarize(shown, found)
        if found.doubt is not None and len(found.degrees) > 1:
            rows[name]["spoiled"] = spoiled(estimator, shown, options.seed)
        if name in SOURCES:
            rows[name]["renderer"] = renderer_of(estimator, name)
        if name in emulated:
            rows[name]["camera"] = asdict(camera)
        draw_worst(shown, found, options.out / f"worst-{name}.png")
    return rows


def rendered_samples(
    estimator: Estimator, states: States, number: int, seed: int, renderer: str, *, device: str = "cpu",
    fitting: bool = False, poses: Poses = "augmented", renderers: int = 1,
) -> Samples:  # fmt: skip
    """States that training never saw, in poses and looks of Table 9, as one of SOURCES draws them.

    The states are the last ones collected, which training leaves out; poses are augmented as in training, or as they
    were played. Where the estimator has a certainty, that was fitted on the first half of them, which `fitting` gives,
    and not the second. `renderers` is the number of processes that draw.
    """
    contract = estimator.contract
    if states.recipe.object != contract.object:
        raise DactylError(f"the states are of the object {states.recipe.object}, the estimator's is {contract.object}")
    random = np.random.default_rng([seed, 9 if fitting else 4])  # other looks, too
    _, unseen = split(states)
    if fitting or contract.certainty is not None:
        unseen = halves(unseen)[0 if fitting else 1]
    options = RendererOptions(
        renderer_of(estimator, renderer), contract.architecture.image_size, contract.crop,
        seed=seed + (2 if fitting else 1), device=device, shadows=renderer != "training",
    )  # fmt: skip
    studio, drawn_by = make_renderers(states.recipe.scene, options, renderers)
    augmentation = PoseAugmentation() if poses == "augmented" else PoseAugmentation(turned=0.0, jittered=0.0)
    qpos = augmentation.apply(studio.scene, unseen[random.integers(len(unseen), size=number)], random)
    moments = render_moments(studio, drawn_by, contract.crop, qpos, Appearance(), random)
    drawn_by.close()
    seen = None if fitting else visible_shares(make_studio(states.recipe.scene, palettes=1), qpos)
    return Samples(moments.pictures, moments.position, moments.orientation, seen)


def recorded_samples(
    estimator: Estimator, dataset: Dataset, camera: EmulatedCamera | None = None, seed: int = 0
) -> Samples:
    """A recorded test set, as it is or as a made-up camera would have taken it; `seed` is of what that does."""
    if dataset.object != estimator.contract.object:
        raise DactylError(f"the test set shows the object {dataset.object}, not {estimator.contract.object}")
    names = tuple(camera.name for camera in dataset.cameras)
    if set(estimator.contract.cameras) - set(names):
        raise DactylError(f"the test set has the cameras {', '.join(names)}, not {estimator.contract.cameras}")
    order = [names.index(camera) for camera in estimator.contract.cameras]
    random = np.random.default_rng([seed, 10])
    pictures = np.stack([
        [estimator.cut(camera.take(sample.images[i], random) if camera else sample.images[i]) for i in order]
        for sample in dataset
    ])  # fmt: skip
    return Samples(pictures, dataset.positions, dataset.quaternions)


def errors(estimator: Estimator, samples: Samples) -> Errors:
    """Estimate every sample and compare."""
    return compare(joined([estimator.estimate(part) for part in batches(samples.pictures)]), samples, estimator.group)


def compare(estimate: Estimate, samples: Samples, group: torch.Tensor) -> Errors:
    """Errors of estimates of all samples; `group` of the object's symmetries, see `pose.symmetries`."""
    right = torch.from_numpy(np.array(samples.orientation))
    turn = pose.nearest_turn(torch.from_numpy(estimate.orientation), right, group).numpy()
    angle = np.degrees(quaternion.angle(turn))
    axis = turn[:, 1:] / np.maximum(np.linalg.norm(turn[:, 1:], axis=1, keepdims=True), 1e-12)
    offset = 1000.0 * (estimate.position - samples.position)
    return Errors(angle, offset, angle[:, None] * axis, estimate.confidence, estimate.doubt)


def spoiled(estimator: Estimator, samples: Samples, seed: int) -> dict[str, dict[str, float]]:
    """By kind of spoiled picture, and for "none", how far answers are off, how far the estimator states that they are,
    and in what share of the moments a camera disagrees and, if so, the right one."""
    random = np.random.default_rng([seed, 7])
    rows = {"none": _noticed(errors(estimator, samples), None)}
    for kind in KINDS:
        pictures, camera = spoil(samples.pictures, kind, random)
        rows[kind] = _noticed(errors(estimator, samples._replace(pictures=pictures)), camera)
    return rows


def _noticed(found: Errors, camera: np.ndarray | None) -> dict[str, float]:
    assert found.doubt is not None
    doubt = found.doubt
    row = {
        "rotation_deg": float(found.degrees.mean()), "stated_deg": float(doubt.degrees.mean()),
        "position_mm": float(found.millimetres.mean()), "stated_mm": float(doubt.millimetres.mean()),
    }  # fmt: skip
    if doubt.disagreement is not None:
        row["disagree"] = float((doubt.disagreement > 1.0).any(1).mean())
        if camera is not None:
            row["right_camera"] = float((doubt.disagreement.argmax(1) == camera).mean())
    return row


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
    if found.doubt is not None:
        figures["certainty"] = {
            "rotation_deg": reliability.summarize(found.doubt.degrees, found.degrees),
            "position_mm": reliability.summarize(found.doubt.millimetres, found.millimetres),
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
        lines += _certainty_as_text(row)
    return "\n".join(lines)


def _certainty_as_text(row: Mapping[str, Any]) -> list[str]:
    """Stated beside actual errors, from the surest answers to the least sure; and what spoiled pictures do."""
    lines = []
    for name, unit in (("rotation_deg", "°"), ("position_mm", " mm")):
        if found := row.get("certainty", {}).get(name):
            pairs = ", ".join(f"{part['stated']:.1f} {part['actual']:.1f}" for part in found["table"])
            lines.append(
                f"    stated and actual{unit}: {pairs}; area under sparsification {found['area']:.3f} "
                f"(no order: {found['random']:.3f})"
            )
    for kind, values in row.get("spoiled", {}).items():
        noticed = f", a camera disagrees in {values['disagree']:.1%}" if "disagree" in values else ""
        lines.append(
            f"    spoiled picture: {kind}: {values['rotation_deg']:.1f}° (stated {values['stated_deg']:.1f}), "
            f"{values['position_mm']:.1f} mm (stated {values['stated_mm']:.1f}){noticed}"
        )
    return lines


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


def batches(pictures: np.ndarray) -> Iterator[np.ndarray]:
    """Pictures (n, …) in parts that a network takes at once."""
    return (pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH))


def _distribution(values: np.ndarray) -> dict[str, float]:
    return {
        "mean": float(values.mean()), "std": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        **summary(values, (50, 95), digits=None),
    }  # fmt: skip


def _cell(values: Mapping[str, float], unit: str) -> str:
    return f"{values['mean']:.2f}{unit} ± {values['std']:.2f} (p50 {values['p50']:.2f}, p95 {values['p95']:.2f})"
