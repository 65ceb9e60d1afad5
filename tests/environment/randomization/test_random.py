"""The random numbers every randomization is made of, and the refusal of impossible ranges."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from dactyl.environment.randomization import ObservationNoise, PhysicsRandomization, UnmodeledEffects
from dactyl.environment.randomization.random import Random, check_amount, check_range, where
from dactyl.errors import DactylError

CPU = torch.device("cpu")
COUNT = 20_000


@pytest.mark.parametrize(
    ("draw", "distribution"),
    [
        (lambda r: r.normal(COUNT), stats.norm()),
        (lambda r: r.uniform(0.95, 1.05, COUNT), stats.uniform(0.95, 0.1)),
        (lambda r: r.loguniform(0.3, 3.0, COUNT), stats.loguniform(0.3, 3.0)),
        (lambda r: r.exponential(COUNT), stats.expon()),
    ],
    ids=["normal", "uniform", "loguniform", "exponential"],
)
def test_distributions(draw, distribution):
    drawn = draw(Random(0, CPU))
    assert drawn.dtype == torch.float32
    assert stats.kstest(drawn.double().numpy(), distribution.cdf).pvalue > 0.01


def test_chances():
    """A probability for all, or one for each environment."""
    random = Random(0, CPU)
    assert random.chance(0.25, COUNT).float().mean().item() == pytest.approx(0.25, abs=0.012)
    each = random.chance(torch.tensor([0.0, 0.1, 1.0]), COUNT, 3).float().mean(0)
    assert each.tolist() == pytest.approx([0.0, 0.1, 1.0], abs=0.01)


def test_integers_are_uniform_and_below_the_limit():
    counts = torch.bincount(Random(0, CPU).integers(11, 110_000), minlength=11)
    assert len(counts) == 11
    assert stats.chisquare(counts.numpy()).pvalue > 0.01


def test_a_seed_repeats_and_another_does_not():
    a, b, c = (Random(seed, CPU).normal(100) for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_where_replaces_rows():
    mask = torch.tensor([True, False])
    for shape in ((2,), (2, 3), (2, 3, 4)):
        mixed = where(mask, torch.ones(shape), torch.zeros(shape))
        assert mixed[0].eq(1).all()
        assert mixed[1].eq(0).all()


@pytest.mark.parametrize(
    "wrong", [(1.1, 0.9), (0.0, 1.0), (-1.0, 1.0), (math.nan, 1.0), (1.0, math.nan), (1.0, math.inf)], ids=str
)
def test_impossible_ranges_are_refused(wrong):
    with pytest.raises(DactylError, match=r"randomization speed: impossible range"):
        check_range("speed", *wrong)


@pytest.mark.parametrize("wrong", [-0.1, math.nan, math.inf])
def test_impossible_amounts_are_refused(wrong):
    with pytest.raises(DactylError, match=r"randomization noise: .* must be a number >= 0"):
        check_amount("noise", wrong)


@pytest.mark.parametrize(
    ("group", "name", "wrong"),
    [
        *((PhysicsRandomization, name, (1.2, 0.8)) for name in ("object_dimensions", "masses", "friction")),
        *((PhysicsRandomization, name, (0.0, 2.0)) for name in ("joint_damping", "actuator_gains")),
        (PhysicsRandomization, "joint_limits", -0.1),
        (PhysicsRandomization, "gravity", math.nan),
        *((PhysicsRandomization, "gravity_compensation", wrong) for wrong in ((0.5, 0.2), (-0.1, 1.0), (0.0, 1.1))),
        (ObservationNoise, "fingertip_correlated", -0.001),
        (ObservationNoise, "object_orientation_uncorrelated", math.inf),
        (UnmodeledEffects, "action_noise_correlated", -0.1),
        (UnmodeledEffects, "delay_probability", 1.5),
        (UnmodeledEffects, "backlash_factor", (2.0, 0.5)),
        (UnmodeledEffects, "joint_offset", -0.01),
        (UnmodeledEffects, "dropout_rate", -0.1),
        (UnmodeledEffects, "timestep_rate", (0.0, 1.0)),
        (UnmodeledEffects, "force_probability", (0.1, 2.0)),
        (UnmodeledEffects, "force_probability", (0.1, 0.01)),
        (UnmodeledEffects, "force_decay", 1.1),
    ],
    ids=str,
)
def test_groups_refuse_impossible_values_by_name(group, name, wrong):
    with pytest.raises(DactylError, match=name):
        group(**{name: wrong})
