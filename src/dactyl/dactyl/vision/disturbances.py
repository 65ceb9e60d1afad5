"""What may be done to pictures while training so that the network leans on less that only one renderer has.

The paper's are in `images`; these are not in Table 9 and off at first. Each is a function of pictures
(n, size, size, 3), float32 in grey levels 0…255, of how much, and of a generator; it draws for each picture by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dactyl.errors import DactylError

_CORNERS = 4  # straight edges of a shadow
_SOFT = 0.02  # of the picture's side: how far a shadow's edge is washed out
_REACH = 2  # pixels to each side that a blur takes in


@dataclass(frozen=True)
class PictureAugmentation:
    """How much of each; 0 is none."""

    colour: float = 0.0
    """White balance: each of a picture's three colours is scaled by up to so much, and its saturation too."""
    blur: float = 0.0
    """Pixels: the largest standard deviation of a Gaussian blur."""
    shadows: int = 0
    """Shadows with straight edges: the most that fall into a picture."""
    shadow_light: tuple[float, float] = (0.4, 0.9)
    """Share of the light that is left in them."""
    cut_out: float = 0.0
    """Side of the largest rectangle that something of any one colour hides, as a share of the picture's side; half of
    the pictures have one."""

    def __post_init__(self) -> None:
        low, high = self.shadow_light
        if not (0 <= self.colour < 1 and 0 <= self.blur <= _REACH and self.shadows >= 0 and 0 <= self.cut_out <= 1):
            raise DactylError(
                f"colour {self.colour} must be in [0, 1), blur {self.blur} in [0, {_REACH}], "
                f"shadows {self.shadows} at least 0, cut_out {self.cut_out} in [0, 1]"
            )
        if not 0 <= low <= high <= 1:
            raise DactylError(f"impossible range shadow_light [{low}, {high}]")

    @property
    def active(self) -> bool:
        return bool(self.colour or self.blur or self.shadows or self.cut_out)

    def apply(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """Pictures (n, size, size, 3), uint8 or float32, after all of it, float32."""
        values = pictures.to(torch.float32)
        if self.shadows:
            values = cast_shadows(values, self.shadows, self.shadow_light, generator)
        if self.cut_out:
            values = cut_out(values, self.cut_out, generator)
        if self.colour:
            values = shift_colours(values, self.colour, generator)
        return blur(values, self.blur, generator) if self.blur else values


def shift_colours(pictures: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Each picture's red, green and blue scaled by 1 ± amount, and its saturation by 1 ± amount."""
    n = len(pictures)
    gains = 1.0 + amount * _between(-1.0, 1.0, (n, 1, 1, 3), generator)
    saturation = 1.0 + amount * _between(-1.0, 1.0, (n, 1, 1, 1), generator)
    balanced = pictures * gains
    grey = balanced.mean(-1, keepdim=True)
    return (grey + saturation * (balanced - grey)).clamp(0.0, 255.0)


def blur(pictures: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Each picture blurred by a Gaussian whose standard deviation is between 0 and `most` pixels."""
    deviation = most * _between(0.0, 1.0, (len(pictures), 1), generator)
    away = torch.arange(-_REACH, _REACH + 1, device=pictures.device)
    weights = torch.exp(-0.5 * (away / deviation.clamp(min=1e-3)) ** 2)
    weights = weights / weights.sum(1, keepdim=True)
    for axis in (1, 2):
        size = pictures.shape[axis]
        places = torch.arange(size, device=pictures.device)
        shifted = [
            pictures.index_select(axis, (places + step).clamp(0, size - 1)) for step in range(-_REACH, _REACH + 1)
        ]
        pictures = torch.stack([w[:, None, None, None] * s for w, s in zip(weights.T, shifted, strict=True)]).sum(0)
    return pictures


def cast_shadows(pictures: Tensor, most: int, light: tuple[float, float], generator: torch.Generator) -> Tensor:
    """Up to `most` shadows in each picture: polygons with soft edges, in which a share of the light is left."""
    n, size = pictures.shape[:2]
    x, y = _grid(size, pictures)
    for _ in range(most):
        middle = _between(-1.0, 1.0, (n, 2, 1, 1, 1), generator)
        start = _between(0.0, 2.0 * torch.pi, (n, 1, 1, 1), generator)
        between = torch.arange(_CORNERS, device=pictures.device).view(1, _CORNERS, 1, 1) * 2.0 * torch.pi / _CORNERS
        angle = start + between + _between(-0.5, 0.5, (n, _CORNERS, 1, 1), generator)
        reach = _between(0.1, 0.8, (n, _CORNERS, 1, 1), generator)
        beyond = torch.cos(angle) * (x - middle[:, 0]) + torch.sin(angle) * (y - middle[:, 1]) - reach
        inside = torch.sigmoid(-beyond.amax(1) / (2.0 * _SOFT))
        left = _between(*light, (n, 1, 1), generator)
        there = (_between(0.0, 1.0, (n, 1, 1), generator) < 0.5).to(pictures.dtype)
        pictures = pictures * (1.0 - there * (1.0 - left) * inside)[..., None]
    return pictures


def cut_out(pictures: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """In half of the pictures a rectangle of one colour, each side up to `share` of the picture's."""
    n, size = pictures.shape[:2]
    x, y = _grid(size, pictures)
    middle = _between(-1.0, 1.0, (n, 2, 1, 1), generator)
    half = share * _between(0.2, 1.0, (n, 2, 1, 1), generator)  # the picture is 2 wide
    hidden = ((x - middle[:, 0]).abs() < half[:, 0]) & ((y - middle[:, 1]).abs() < half[:, 1])
    hidden = hidden & (_between(0.0, 1.0, (n, 1, 1), generator) < 0.5)
    colour = 255.0 * _between(0.0, 1.0, (n, 1, 1, 3), generator)
    return torch.where(hidden[..., None], colour, pictures)


def _grid(size: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Right (1, size) and down (size, 1) of pixels, -1…1 across the picture."""
    places = (2.0 * torch.arange(size, device=like.device) + 1.0) / size - 1.0
    return places[None, :], places[:, None]


def _between(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator, device=generator.device)
