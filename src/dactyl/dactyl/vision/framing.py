"""Where the object is in the cameras' images, and how small a square in their middle still shows it.

A network that takes so many pixels sees an object the larger, the less is around it. But what is cut off is not seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dactyl.simulation.appearance import Appearance
from dactyl.simulation.appearance.studio_scene import make_studio
from dactyl.vision.augmentation import PoseAugmentation
from dactyl.vision.keypoints import project
from dactyl.vision.states import load, object_poses
from dactyl.vision.thinning import falling


def measure(folder: Path, keep: float, samples: int, seed: int = 0) -> dict[str, Any]:
    """What crop shows all of the object in all cameras, for that share of a set's states.

    Poses are drawn as in training, looks from Table 9.

    Args:
        folder: of `vision collect`.
        keep: share of the moments, 0 to 1.
        samples: moments that are drawn.
        seed: of them.

    Returns:
        "states", "samples", "keep", "crop" of all moments and "crop_in_play" of those in which the object is not
        falling; by "camera" the crop that it alone needs, where the object is on average ("right", "down", -1 to 1
        across the image's height) and how large ("size", the diagonal of its outline as a share of the height).

    Raises:
        DactylError: there are no such states.
    """
    states = load(folder)
    random = np.random.default_rng([seed, 6])
    studio = make_studio(states.recipe.scene, palettes=1)
    picked = states.qpos[random.integers(len(states.qpos), size=samples)]
    qpos = PoseAugmentation().apply(studio.scene, picked, random)
    looks = [Appearance().sample(random) for _ in qpos]
    corners = project(studio, qpos, looks, 1.0, studio.scene.object.keypoints).places
    in_play = ~falling(studio.scene, object_poses(studio.scene, qpos).position)
    return {
        "states": len(states.qpos), "samples": samples, "keep": keep, "falling": float(1.0 - in_play.mean()),
        **summarize(corners, in_play, keep, tuple(studio.scene.robot.cameras.places)),
    }  # fmt: skip


def needed(corners: np.ndarray) -> np.ndarray:
    """The crop that shows all corners (..., K, 2), which are -1…1 across the image's height; (...,)."""
    return np.asarray(np.abs(corners).max((-1, -2)))


def summarize(corners: np.ndarray, in_play: np.ndarray, keep: float, cameras: tuple[str, ...]) -> dict[str, Any]:
    """See `measure`.

    Args:
        corners: (n, cameras, K, 2), -1…1 across the image's height.
        in_play: (n,) bool.
        keep: share of the moments.
        cameras: their names.
    """
    crops = needed(corners)
    spans = np.ptp(corners, axis=2) / 2.0  # of the height
    middles = corners.mean(2)
    return {
        "crop": float(np.quantile(crops.max(1), keep)),
        "crop_in_play": float(np.quantile(crops.max(1)[in_play], keep)) if in_play.any() else float("nan"),
        "camera": {
            name: {
                "crop": float(np.quantile(crops[:, i], keep)),
                "right": float(middles[:, i, 0].mean()), "down": float(middles[:, i, 1].mean()),
                "size": float(np.linalg.norm(spans[:, i], axis=1).mean()),
            }
            for i, name in enumerate(cameras)
        },
    }  # fmt: skip


def as_text(found: Mapping[str, Any]) -> str:
    """For people: the crop, what of it each camera needs, and where the object is."""
    keep, rows = f"{found['keep']:.4g}", found["camera"]
    lines = [
        f"of {found['samples']} moments a share of {keep} shows all of the object in all cameras with crop "
        f"{found['crop']:.3f}; without the {found['falling']:.1%} in which it falls, with {found['crop_in_play']:.3f}"
    ]
    for name, row in rows.items():
        lines.append(
            f"  {name}: crop {row['crop']:.3f}, the object on average at {row['right']:+.2f} right, {row['down']:+.2f} "
            f"down, its outline {row['size']:.2f} of the image's height"
        )
    if found["crop"] > 1.0:
        lines.append("  more than the whole height would be needed: a square in the middle cannot show it")
    return "\n".join(lines)
