"""Where an object is that a depth camera and a mask see: the third view's way (Lin et al., section IV-A).

The middle of the mask in the picture, and how deep the object is there. No more than its place can be told: a mask does
not say how the object is turned.
"""

from __future__ import annotations

import numpy as np

from dactyl.maths.pinhole import unproject

UNSEEN, NO_DEPTH = "the object is not seen", "no depth where the object is seen"
OTHER_SIZE = "depth and mask are of different sizes"


class NotLocatedError(ValueError):
    """The pictures do not say where the object is; its text says why."""


def locate(depth: np.ndarray, mask: np.ndarray, matrix: np.ndarray, least: int, behind: float = 0.0) -> np.ndarray:
    """The object's centre, (3,) m, optical frame.

    The paper takes the depth at the mask's middle. Here it is the median over the mask, for a hand may cover the
    middle, and one pixel may have none.

    Args:
        depth: (H, W) m along the optical axis; what is not finite or not above 0 is no depth.
        mask: (H, W) bool, where the object is seen.
        matrix: (3, 3), see `pinhole.camera_matrix`.
        least: pixels of the object that must be seen, and have a depth.
        behind: m that its centre lies behind what is seen of its surface.

    Raises:
        NotLocatedError: too little of it is seen, or without a depth.
    """
    if depth.shape != mask.shape or not depth.size:
        raise NotLocatedError(OTHER_SIZE)
    rows, columns = np.nonzero(mask)
    if len(rows) < max(least, 1):
        raise NotLocatedError(UNSEEN)
    depths = depth[rows, columns]
    depths = depths[np.isfinite(depths) & (depths > 0.0)]
    if len(depths) < max(least, 1):
        raise NotLocatedError(NO_DEPTH)
    surface = unproject(np.array([columns.mean(), rows.mean()]), float(np.median(depths)), matrix)
    centre: np.ndarray = surface * (1.0 + behind / np.linalg.norm(surface))
    return centre
