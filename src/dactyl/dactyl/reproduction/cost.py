"""What an experiment costs, said before it starts: by stated rates, or by what finished steps took on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dactyl.errors import DactylError
from dactyl.status_line import duration

RATES: Mapping[str, float] = {
    "evaluation steps": 2000.0,  # environment steps/s of a policy that acts in 64 or more environments
    "training steps": 2000.0,  # environment steps/s, learning included
    "TriFinger training steps": 8000.0,  # the same, of planar reposing
    "TriFinger evaluation steps": 5000.0,  # environment steps/s of its policy of torques
    "GR1 training steps": 450.0,  # the same, of grasp-and-reach with one arm
    "GR1 steps seen": 300.0,  # the same with a depth image of each
    "batches": 3.0,  # of 32 rows with 4 noises, of a diffusion policy that sees no image
    "batches with images": 1.2,  # of one with a ResNet-18 on 48 × 36 pixels
    "GR1 evaluation steps": 500.0,  # environment steps/s of its policy
    "pictures": 200.0,  # images/s, OpenGL in software, 96 × 96
    "traced pictures": 4.0,  # images/s, MJWarp's ray tracer on one core, 96 × 96, shadows
    "seconds": 1.0,  # of what takes a time that is chosen
}
"""Work per second on the machine of docs/results.md: two cores of a shared server, no GPU."""
REFERENCE = "two cores"


def seconds(work: Mapping[str, float], rates: Mapping[str, float] = RATES) -> float:
    """How long so much work takes.

    Raises:
        DactylError: a kind of work has no rate.
    """
    if unknown := set(work) - set(rates):
        raise DactylError(f"no rate is known for {min(unknown)}")
    return sum(amount / rates[kind] for kind, amount in work.items())


def measured(done: Iterable[tuple[Mapping[str, float], float]]) -> dict[str, float]:
    """Rates of this machine for the kinds of work that finished steps tell of; the stated ones for the others.

    Args:
        done: work and seconds of each finished step; those of more than one kind of work tell nothing.
    """
    amounts: dict[str, float] = {}
    times: dict[str, float] = {}
    for work, taken in done:
        if len(work) == 1 and taken > 0.0:
            ((kind, amount),) = work.items()
            amounts[kind] = amounts.get(kind, 0.0) + amount
            times[kind] = times.get(kind, 0.0) + taken
    return dict(RATES) | {kind: amount / times[kind] for kind, amount in amounts.items() if amount > 0.0}


def text(total: float) -> str:
    """Seconds for a person: minutes are exact enough."""
    return "less than a minute" if total < 60.0 else f"about {duration(60.0 * round(total / 60.0))[:-3]} h"
