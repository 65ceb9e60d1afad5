"""Where the object's sides are in the pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from dactyl.vision.config import VisionConfig
from dactyl.vision.moments import MomentMaker
from dactyl.vision.states import load
from tests.vision.conftest import TINY


def test_keypoints_lie_on_the_block_in_the_pictures(config: VisionConfig) -> None:
    """Protects the hint: the pixel at a side's middle has that side's colour, the same in every look and camera."""
    states = load(Path(config.states))
    maker = MomentMaker(replace(config, architecture=replace(TINY, image_size=96)), states, "cpu")
    moments = maker.make(0)
    maker.close()
    hues: dict[int, list[float]] = {}
    for pictures, places, towards in zip(moments.pictures, *moments.keypoints, strict=True):
        for picture, spots, seen in zip(pictures, places, towards, strict=True):
            for side in range(1, 7):
                right, down = np.floor((spots[side] + 1.0) / 2.0 * 96).astype(int)
                if seen[side] and 0 <= right < 96 and 0 <= down < 96:
                    red, green, blue = picture[down, right].astype(float)
                    hue = np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue)
                    hues.setdefault(side, []).append(hue)
    spread = [np.abs(np.exp(1j * np.array(angles)).mean()) for angles in hues.values()]
    assert len(spread) == 6
    assert np.median(spread) > 0.8, "letters and fingers hide some"
