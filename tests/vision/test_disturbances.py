"""What may be done to pictures while training."""

from __future__ import annotations

import pytest
import torch

from dactyl.errors import DactylError
from dactyl.vision.disturbances import PictureAugmentation, blur, cast_shadows, cut_out, shift_colours

N, SIZE = 200, 24


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def grey(level: float = 100.0) -> torch.Tensor:
    return torch.full((N, SIZE, SIZE, 3), level)


def test_colours_shift_by_up_to_so_much_for_each_picture() -> None:
    """Protects the faces' colours: one shift for a whole picture, and no more than was asked for."""
    shifted = shift_colours(grey(), 0.1, generator())
    assert (shifted == shifted[:, :1, :1]).all(), "the same everywhere in a picture"
    factors = shifted[:, 0, 0] / 100.0
    assert 0.88 < factors.min() < 0.92
    assert 1.08 < factors.max() < 1.12
    assert factors.std(1).min() < 0.02 < factors.std(1).max()
    assert shift_colours(grey(250.0), 0.5, generator()).max() <= 255.0


def test_a_blur_spreads_a_point_and_keeps_its_light() -> None:
    """Protects from a shift of the picture, which would teach a wrong place."""
    points = torch.zeros(N, SIZE, SIZE, 3)
    points[:, 10, 14] = 200.0
    blurred = blur(points, 1.0, generator())
    torch.testing.assert_close(blurred.sum((1, 2)), torch.full((N, 3), 200.0), rtol=1e-4, atol=0)
    places = torch.arange(SIZE, dtype=torch.float32)
    for axis, middle in ((2, 10.0), (1, 14.0)):
        along = blurred.sum((axis, 3)) / 600.0
        torch.testing.assert_close(along @ places, torch.full((N,), middle), rtol=1e-4, atol=1e-3)
    peaks = blurred[:, 10, 14, 0]
    assert peaks.max() > 195.0, "some are hardly blurred"
    assert peaks.min() < 60.0, "some are much"


def test_shadows_darken_a_part_and_never_lighten() -> None:
    """Protects what shadows are: less light, the same share of each colour, in some pictures and not everywhere."""
    lit = torch.rand(N, SIZE, SIZE, 3, generator=generator()) * 200.0 + 20.0
    dark = cast_shadows(lit, 1, (0.4, 0.9), generator())
    left = dark / lit
    assert left.max() <= 1.0
    assert left.min() >= 0.4 - 1e-4
    assert (left.amax(-1) - left.amin(-1)).max() < 1e-4
    shadowed = (left.amin((1, 2, 3)) < 0.95).float().mean()
    assert 0.3 < shadowed < 0.6, "half of them, as far as the polygon is in the picture"
    edges = (left.amax((1, 2, 3)) > 0.99) & (left.amin((1, 2, 3)) < 0.9)
    assert edges.float().mean() > 0.2, "an edge goes through the picture"


def test_a_rectangle_of_one_colour_hides_a_part() -> None:
    """Protects from hiding all of a picture: no larger than was asked for, in half of them."""
    plain = grey()
    hidden = (cut_out(plain, 0.25, generator()) != plain).any(-1)
    share = hidden.float().mean((1, 2))
    assert share.max() <= 0.25**2 + 2 * 0.25 / SIZE
    assert 0.35 < (share > 0).float().mean() < 0.6
    rows, columns = hidden.any(2), hidden.any(1)
    assert torch.equal(hidden, rows[:, :, None] & columns[:, None, :]), "rectangles"


def test_all_of_it_together_is_repeatable_and_off_at_first() -> None:
    """Protects exact resuming, and every preset from before."""
    assert not PictureAugmentation().active
    everything = PictureAugmentation(colour=0.1, blur=1.0, shadows=2, cut_out=0.2)
    assert everything.active
    pictures = torch.randint(0, 256, (8, SIZE, SIZE, 3), dtype=torch.uint8, generator=generator())
    first, again = (everything.apply(pictures, generator()) for _ in range(2))
    assert torch.equal(first, again)
    assert (first.dtype, first.shape) == (torch.float32, pictures.shape)
    assert 0.0 <= first.min() < first.max() <= 255.0
    assert not torch.equal(first, pictures.float())


@pytest.mark.parametrize(
    "wrong", [{"colour": 1.0}, {"blur": -1.0}, {"shadows": -1}, {"cut_out": 2.0}, {"shadow_light": (0.9, 0.4)}]
)
def test_impossible_amounts_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(DactylError, match=r"must be in|impossible range"):
        PictureAugmentation(**wrong)
