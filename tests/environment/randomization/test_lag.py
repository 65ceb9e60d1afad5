"""Values that are late now and then: the step before's, at the rate that was asked for, never an old episode's."""

from __future__ import annotations

import pytest
import torch

from dactyl.environment.randomization.lag import Lag
from dactyl.environment.randomization.random import Random
from dactyl.environment.randomization.unmodeled_effects import UnmodeledEffects
from dactyl.errors import DactylError

ENVS = 200


def lag(probability: float) -> Lag:
    made = Lag(probability, ENVS, 2, Random(0, torch.device("cpu")))
    made.restart(torch.ones(ENVS, dtype=torch.bool))
    return made


def test_a_tenth_of_the_values_are_the_step_befores() -> None:
    made, late = lag(0.1), []
    for step in range(100):
        arrived = made.apply(torch.full((ENVS, 2), float(step)))
        assert (arrived[:, 0] == arrived[:, 1]).all(), "a row is late as a whole"
        age = step - arrived[:, 0]
        assert set(age.unique().tolist()) <= {0.0, 1.0}
        late.append(age)
    assert float(torch.stack(late[1:]).mean()) == pytest.approx(0.1, abs=0.01)


def test_an_episodes_first_value_is_its_own() -> None:
    made = lag(1.0)
    assert (made.apply(torch.ones(ENVS, 2)) == 1.0).all()
    assert (made.apply(torch.full((ENVS, 2), 2.0)) == 1.0).all()
    begins = torch.arange(ENVS) < 50
    made.restart(begins)
    arrived = made.apply(torch.full((ENVS, 2), 3.0))
    assert (arrived[begins] == 3.0).all()
    assert (arrived[~begins] == 2.0).all()


def test_bins_stay_bins() -> None:
    arrived = lag(0.5).apply(torch.full((ENVS, 2), 7))
    assert (arrived.dtype, arrived.unique().tolist()) == (torch.int64, [7])


@pytest.mark.parametrize("name", ["action_lag", "frame_lag"])
def test_a_probability_is_at_most_one(name: str) -> None:
    with pytest.raises(DactylError, match=f"randomization {name}: 1.5"):
        UnmodeledEffects(**{name: 1.5})
