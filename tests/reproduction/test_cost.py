"""What an experiment costs, by stated rates or by what finished steps took."""

from __future__ import annotations

import pytest

from dactyl.errors import DactylError
from dactyl.reproduction import cost


def test_work_takes_its_amount_over_its_rate() -> None:
    assert cost.seconds({"training steps": 4e6, "seconds": 5.0}) == pytest.approx(
        4e6 / cost.RATES["training steps"] + 5.0
    )


def test_work_without_a_rate_is_refused() -> None:
    """Protects from a cost that leaves something out."""
    with pytest.raises(DactylError, match="no rate is known for dreams"):
        cost.seconds({"dreams": 1.0})


def test_finished_steps_tell_this_machines_rates() -> None:
    done = [
        ({"training steps": 100.0}, 1.0),
        ({"training steps": 300.0}, 1.0),
        ({"pictures": 5.0, "seconds": 1.0}, 9.0),
    ]
    rates = cost.measured(done)
    assert rates["training steps"] == 200.0
    assert rates["pictures"] == cost.RATES["pictures"], "of two kinds of work, nobody knows which took the time"
    assert cost.measured([({"training steps": 100.0}, 0.0)]) == dict(cost.RATES)


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.0, "less than a minute"), (61.0, "about 0:01 h"), (5443.75, "about 1:31 h")]
)
def test_minutes_are_exact_enough(seconds: float, text: str) -> None:
    assert cost.text(seconds) == text
