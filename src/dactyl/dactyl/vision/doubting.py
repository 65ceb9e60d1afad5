"""Fitting an estimator's certainty, on states that it was not trained on; see `certainty`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from dactyl import results
from dactyl.errors import DactylError
from dactyl.ranges import check_options
from dactyl.storage.models import estimator_for
from dactyl.vision import agreement, certainty, evaluation
from dactyl.vision.certainty import Certainty
from dactyl.vision.estimator import Estimate, Estimator, joined
from dactyl.vision.evaluation import Samples
from dactyl.vision.options import CertaintyOptions
from dactyl.vision.pose import NO_SYMMETRY
from dactyl.vision.spoiling import KINDS, spoil
from dactyl.vision.states import load

DEFAULTS = CertaintyOptions()
QUANTILE = 0.995
"""Share of good pictures below the limit of each of the two residuals: one in a hundred is at most above either."""
EXPLAINED = 0.5
"""Share of where sides are found that cameras must explain, or the towers were not trained to find them."""
_SPOILED_WEIGHT = 0.01  # of a spoiled moment beside a good one: rare, but all there is where doubts are large


def fit(options: CertaintyOptions = DEFAULTS) -> dict[str, Any]:
    """Fit an estimator's certainty and write it into its file, or a new one.

    Returns:
        "estimator", the file written; "samples"; "cameras", whether single cameras can be told to disagree; "scales".

    Raises:
        DactylError: no such estimator or states, or the file cannot be written.
    """
    check_options(options)
    if options.estimator is None and options.out is None:
        raise DactylError("certainty is written into the estimator's file: name --estimator, or --out for another file")
    file = estimator_for("block", options.estimator)
    out = options.out or file
    results.check_writable(out)
    estimator = Estimator.load(file)
    plain = Estimator(replace(estimator.contract, certainty=None), estimator.network)
    states = load(options.states)
    samples = evaluation.rendered_samples(
        plain, states, options.samples, options.seed, options.on,
        device=options.device, fitting=True, poses=options.poses, renderers=options.renderers,
    )  # fmt: skip
    found = certainty_of(plain, samples, np.random.default_rng([options.seed, 8]))
    fitted = {"samples": options.samples, "states": str(options.states), "on": options.on, "seed": options.seed,
              "poses": options.poses}  # fmt: skip
    made = Estimator(replace(estimator.contract, certainty=replace(found, fitted=fitted)), estimator.network)
    try:
        made.save(out)
    except OSError as error:
        raise DactylError(f"cannot write {out}: {error.strerror}") from error
    return {
        "estimator": str(out), "samples": options.samples, "cameras": bool(found.cameras),
        "scales": {name: asdict(getattr(found, name)) for name in ("degrees", "millimetres")},
    }  # fmt: skip


def certainty_of(estimator: Estimator, samples: Samples, random: np.random.Generator) -> Certainty:
    """The certainty of an estimator that has none, from good moments and the same ones with a spoiled picture each.

    Args:
        estimator: without a certainty.
        samples: at least two.
        random: says what is spoiled.
    """
    shown = [samples, *(samples._replace(pictures=spoil(samples.pictures, kind, random)[0]) for kind in KINDS)]
    seen = [_look(estimator, each) for each in shown]
    errors = [evaluation.compare(estimate, samples, estimator.group) for estimate, _ in seen]
    cameras = _cameras(estimator, samples, seen[0][1])
    disagreement, limits = None, np.zeros((0, 2))
    if cameras is not None:
        residuals = np.stack([_residuals(estimator, *each, cameras) for each in seen])
        limits = np.maximum(np.quantile(residuals[0], QUANTILE, axis=0), 1e-3)
        disagreement = (residuals / limits).max(-1)
        disagreement = disagreement.reshape(-1, disagreement.shape[-1])
    signs = certainty.signs(np.concatenate([estimate.confidence for estimate, _ in seen]), disagreement)
    weights = np.where(np.arange(len(signs)) < len(samples.position), 1.0, _SPOILED_WEIGHT)
    return Certainty(
        degrees=certainty.fit(signs, np.concatenate([each.degrees for each in errors]), weights),
        millimetres=certainty.fit(signs, np.concatenate([each.millimetres for each in errors]), weights),
        cameras=() if cameras is None else certainty.nested(cameras),
        limits=certainty.nested(limits) if len(limits) else (),
    )


def _look(estimator: Estimator, samples: Samples) -> tuple[Estimate, np.ndarray | None]:
    """Answers for all samples, and where the towers found the object's points."""
    looks = [estimator.look(part) for part in evaluation.batches(samples.pictures)]
    found = [places for _, places in looks if places is not None]
    return joined([estimate for estimate, _ in looks]), np.concatenate(found) if found else None


def _cameras(estimator: Estimator, samples: Samples, found: np.ndarray | None) -> np.ndarray | None:
    """The affine cameras (C, 2, 4), from true poses; None where towers find no points of the object."""
    if found is None or estimator.contract.symmetry != NO_SYMMETRY:
        return None
    points = agreement.placed(samples.position, samples.orientation, estimator.points)
    cameras = agreement.fit_cameras(found, points)
    return cameras if (agreement.explained(found, points, cameras) > EXPLAINED).all() else None


def _residuals(estimator: Estimator, estimate: Estimate, found: np.ndarray | None, cameras: np.ndarray) -> np.ndarray:
    assert found is not None
    points = agreement.placed(estimate.position, estimate.orientation, estimator.points)
    return agreement.residuals(found, points, cameras)


def as_text(outcome: Mapping[str, Any]) -> str:
    """For people: from how far to how far errors are stated, and whether single cameras are watched."""
    parts = []
    for name, unit in (("degrees", "°"), ("millimetres", " mm")):
        errors = outcome["scales"][name]["errors"]
        parts.append(f"{errors[0]:.1f} to {errors[-1]:.1f}{unit}")
    watched = "cameras are compared" if outcome["cameras"] else "cameras are not compared: towers find no keypoints"
    return f"{outcome['estimator']}: states errors of {' and '.join(parts)} ({outcome['samples']} moments); {watched}"
