"""Pictures that are not what they should be, as a broken camera sends them: for fitting and judging doubts."""

from __future__ import annotations

import numpy as np

ANOTHER_MOMENT, COVERED = "another moment", "covered"
KINDS = (ANOTHER_MOMENT, COVERED)
_NOISE = 8.0  # grey levels, of a covered camera: more than the synchronizer refuses by itself


def spoil(pictures: np.ndarray, kind: str, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One picture of each moment spoiled.

    Args:
        pictures: (n, cameras, size, size, 3) uint8, n at least 2.
        kind: one of KINDS: the camera's picture is that of another moment, or shows nothing but noise.
        random: says which camera, and the rest.

    Returns:
        The pictures, and (n,) which camera's it is.
    """
    n, cameras = pictures.shape[:2]
    camera = np.asarray(random.integers(cameras, size=n))
    rows, changed = np.arange(n), pictures.copy()
    if kind == ANOTHER_MOMENT:
        others = (rows + random.integers(1, n, size=n)) % n
        changed[rows, camera] = pictures[others, camera]
    else:
        level = random.uniform(30.0, 220.0, size=(n, 1, 1, 1))
        noise = random.normal(scale=_NOISE, size=pictures[:, 0].shape)
        changed[rows, camera] = np.rint(np.clip(level + noise, 0.0, 255.0))
    return changed, camera
