"""The schedule and the way back: against the formulas, and with a denoiser that knows the answer."""

from __future__ import annotations

import math

import pytest
import torch

from dactyl.learning.models import denoising


def test_the_schedule_is_the_squared_cosine() -> None:
    """All of the signal at first, half of it in the middle, next to nothing in the end."""
    share = denoising.kept(100)
    assert share.shape == (101,)
    assert share[0] == 1.0
    assert (share.diff() < 0).all()
    for step in (1, 37, 50, 90):
        level = math.cos((step / 100 + 0.008) / 1.008 * math.pi / 2) ** 2
        level /= math.cos(0.008 / 1.008 * math.pi / 2) ** 2
        assert float(share[step]) == pytest.approx(level, rel=1e-9)
    assert 0.0 < share[100] < 1e-5


def test_the_schedule_is_diffusers() -> None:
    diffusers = pytest.importorskip("diffusers")
    scheduler = diffusers.DDPMScheduler(100, beta_schedule="squaredcos_cap_v2")
    torch.testing.assert_close(scheduler.alphas_cumprod.double(), denoising.kept(100)[1:], rtol=1e-4, atol=1e-7)


def test_noise_takes_the_place_of_the_signal() -> None:
    share = denoising.kept(100)
    clean, noise = torch.ones(3, 8, 2), torch.full((3, 8, 2), 2.0)
    noisy = denoising.noised(clean, noise, torch.tensor([0, 50, 100]), share)
    torch.testing.assert_close(noisy[0], clean[0])
    torch.testing.assert_close(noisy[2], noise[2], rtol=1e-2, atol=1e-2)
    assert 1.0 < float(noisy[1, 0, 0]) < 3.0


@pytest.mark.parametrize(("steps", "few"), [(100, 10), (100, 7), (5, 5), (10, 1)])
def test_the_way_back_ends_where_there_is_no_noise(steps: int, few: int) -> None:
    found = denoising.steps_back(steps, few)
    assert len(found) == few
    assert found[0][0] == steps
    assert found[-1][1] == 0
    assert all(low < high for high, low in found)
    assert [low for _, low in found[:-1]] == [high for high, _ in found[1:]]


@pytest.mark.parametrize("horizon", [4, 8, 16])
def test_the_u_net_gives_noise_of_the_actions_shape(horizon: int) -> None:
    torch.manual_seed(0)
    network = denoising.Denoiser(13, 24, (16, 32, 64))
    noisy, step, features = torch.randn(5, horizon, 13), torch.tensor([1, 2, 50, 99, 100]), torch.randn(5, 24)
    found = network(noisy, step, features)
    assert found.shape == noisy.shape
    for changed in ((noisy + 1.0, step, features), (noisy, step.flip(0), features), (noisy, step, features + 1.0)):
        assert not torch.allclose(network(*changed), found), "all three count"
