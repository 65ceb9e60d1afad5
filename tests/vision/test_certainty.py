"""Stated errors."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from dactyl.vision import certainty
from dactyl.vision.certainty import Certainty, Scale


def samples(number: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Signs, and errors that the first of them says the scale of."""
    random = np.random.default_rng(0)
    signs = random.normal(size=(number, 2))
    return signs, np.exp(0.7 * signs[:, 0]) * random.exponential(3.0, number)


def test_stated_errors_are_the_mean_errors() -> None:
    """Protects the unit: among answers with about the same stated error the mean error is that."""
    signs, errors = samples()
    scale = certainty.fit(signs, errors, np.ones(len(errors)))
    fresh_signs, fresh_errors = samples(8000)
    stated = scale.expected(fresh_signs)
    for part in np.array_split(np.argsort(stated), 5):
        assert fresh_errors[part].mean() == pytest.approx(stated[part].mean(), rel=0.15)
    assert abs(scale.weights[1]) < 0.1 * abs(scale.weights[0]), "a sign that says nothing has no weight"
    assert (np.diff(scale.errors) >= 0).all()


def test_rare_samples_weigh_little_where_others_are() -> None:
    """Protects good answers' stated errors from the spoiled ones that are mixed in."""
    signs = np.zeros((1000, 1))
    errors = np.where(np.arange(1000) % 10, 1.0, 100.0)
    light = certainty.fit(signs, errors, np.where(errors > 1, 1e-6, 1.0))
    assert light.expected(np.zeros((1, 1)))[0] == pytest.approx(1.0, abs=0.01)


def test_rare_samples_weigh_little_beside_others_too() -> None:
    """Protects the rising line: where errors fall with doubt, the mean over both is that of the many."""
    signs = np.concatenate([np.linspace(0.0, 0.1, 100), np.linspace(1.0, 1.1, 100), np.linspace(2.0, 2.1, 100)])
    errors, weights = np.repeat([9.0, 1.0, 20.0], 100), np.repeat([1e-4, 1.0, 1.0], 100)
    assert certainty.fit(signs[:, None], errors, weights).errors[0] == pytest.approx(1.0, abs=0.01)


def test_neighbours_in_the_wrong_order_take_their_mean() -> None:
    assert certainty.rising([1.0, 3.0, 2.0, 5.0], [1, 1, 1, 1]) == [1.0, 2.5, 2.5, 5.0]
    assert certainty.rising([4.0, 1.0], [1, 3]) == [1.75, 1.75]
    assert certainty.rising([3.0, 2.0, 1.0], [1, 1, 1]) == [2.0, 2.0, 2.0]


def test_doubts_that_are_no_numbers_state_no_error() -> None:
    """Protects the hand: a NaN is never taken for a sure answer."""
    scale = Scale((1.0, 0.5, 0.5), (-6.0, 0.0), (1.0, 30.0))
    known = Certainty(scale, scale, cameras=(((1.0,) * 4,) * 2,), limits=((0.1, 0.1),))
    assert np.isnan(known.doubt(np.array([0.9]), None).degrees).all()
    assert np.isnan(known.doubt(np.array([np.nan]), np.zeros((1, 1, 2))).millimetres).all()
    sure = known.doubt(np.array([0.999]), np.full((1, 1, 2), 0.01))
    assert sure.disagreement is not None
    assert sure.disagreement[0, 0] == pytest.approx(0.1)
    assert 1.0 <= sure.degrees[0] < 10.0


def test_it_survives_the_contract() -> None:
    scale = Scale((1.0,), (-3.0, 0.0), (1.0, 20.0))
    for made in (Certainty(scale, scale), Certainty(scale, scale, fitted={"samples": 3})):
        assert Certainty.read(json.loads(json.dumps(asdict(made)))) == made


@pytest.mark.parametrize(
    "changes",
    [
        {"degrees": {"weights": [1.0], "doubts": [0.0, -1.0], "errors": [1.0, 2.0]}},
        {"degrees": {"weights": [1.0], "doubts": [0.0], "errors": [1.0, 2.0]}},
        {"degrees": {"weights": [1.0], "doubts": [], "errors": []}},
        {"degrees": {"weights": [1.0], "doubts": [0.0], "errors": [float("nan")]}},
        {"degrees": {"weights": [1.0, 2.0], "doubts": [0.0], "errors": [1.0]}},
        {"cameras": [[[1.0] * 4] * 2] * 3, "limits": [[0.1, 0.1]]},
        {"cameras": [[[1.0] * 4] * 2], "limits": [[0.1, 0.0]]},
        {"limits": "many"},
        {"degrees": 5},
    ],
)
def test_a_wrong_one_is_refused(changes: dict[str, object]) -> None:
    scale = Scale((1.0,), (-3.0, 0.0), (1.0, 20.0))
    values = {**asdict(Certainty(scale, scale)), **changes}
    with pytest.raises((ValueError, TypeError, KeyError)):
        Certainty.read(values)
