"""Images as a camera would have taken them: exposure, focus, noise, compression. It stands in for no laboratory.

Rendered images have none of these. They are put onto whole images, before anything is cut out of them or made smaller.
Nothing here is trained on, and the sizes are guesses: no camera was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dactyl.errors import DactylError

_GREY = 128.0  # the level at which `noise` is measured
_SHARP = 0.05  # pixels: a blur below this is none


@dataclass(frozen=True)
class EmulatedCamera:
    """How much of each, drawn for every image by itself."""

    exposure: tuple[float, float] = (0.7, 1.4)
    """Range of the factor on all grey levels. What is brighter than white is white."""
    blur: float = 1.0
    """Pixels: the largest standard deviation of a Gaussian blur."""
    noise: float = 4.0
    """Standard deviation at half white, grey levels. It grows with the root of the light, as photons' does."""
    quality: tuple[int, int] = (50, 90)
    """Range of the JPEG quality, 1 to 100."""

    def __post_init__(self) -> None:
        (dark, bright), (worst, best) = self.exposure, self.quality
        fits = 0.0 < dark <= bright < np.inf and 1 <= worst <= best <= 100
        if not (fits and 0.0 <= self.blur < np.inf and 0.0 <= self.noise < np.inf):
            raise DactylError(
                f"emulated camera: exposure {self.exposure} must be a range above 0, quality {self.quality} one in "
                f"1 … 100, blur {self.blur} and noise {self.noise} at least 0"
            )

    def take(self, image: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """An image (height, width, 3) uint8 RGB as the camera has it, of the same shape."""
        light: np.ndarray = image.astype(np.float32) * np.float32(random.uniform(*self.exposure))
        deviation = random.uniform(0.0, self.blur)
        if deviation > _SHARP:
            light = cv2.GaussianBlur(light, (0, 0), deviation)
        grain = random.normal(size=light.shape).astype(np.float32)
        seen = light + self.noise * np.sqrt(light / _GREY) * grain
        quality = int(random.integers(self.quality[0], self.quality[1], endpoint=True))
        return _compressed(np.rint(np.clip(seen, 0.0, 255.0)).astype(np.uint8), quality)


def _compressed(image: np.ndarray, quality: int) -> np.ndarray:
    """An image (height, width, 3) uint8 RGB after JPEG."""
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return np.ascontiguousarray(decoded[..., ::-1])
