"""The blog's claim: the LSTM achieves about twice as many rotations in simulation as a policy without memory.

Policies with and without memory are those of Table 5. Beside them the shipped policy, whose memory is erased every so
often while it is judged: what it loses is what it had remembered for longer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from dactyl.learning.policy import Policy
from dactyl.reproduction import pictures, worlds
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step
from dactyl.reproduction.experiments.table_5 import compared
from dactyl.storage import models

OWNER = "table-5"
CASES = ("lstm-lstm", "ff-lstm", "ff-ff")
TRIALS, RESAMPLES = 100, 10_000
NEVER = "never"
EVERY: Mapping[str, float] = {NEVER: float("inf"), "5-s": 5.0, "1-s": 1.0, "step": worlds.PERIOD}
"""s between two erasures, by what steps call them."""


class Forgetful(Policy):
    """A policy whose memory is empty again after so many decisions."""

    def __init__(self, policy: Policy, every: float) -> None:
        """`every`: decisions; infinite: it remembers as the policy does."""
        super().__init__(policy.contract, policy.network)
        self._every, self._made = every, 0

    def step(
        self,
        observation: Tensor | np.ndarray | Mapping[str, Tensor | np.ndarray],
        state: Tensor,
        deterministic: bool = False,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """See `Policy.step`."""
        if self._made >= self._every:
            state, self._made = torch.zeros_like(state), 0
        self._made += 1
        return super().step(observation, state, deterministic, generator)


def _judged(seconds: float, trials: int, quick: bool) -> Callable[[Here], dict[str, Any]]:
    def do(here: Here) -> dict[str, Any]:
        every = seconds / worlds.PERIOD
        policy = Forgetful(Policy.load(models.policy_for("block")), round(every) if every < 1e9 else every)
        return worlds.judge(policy, worlds.training_world("all"), trials, threads=here.threads, quick=quick)

    return do


def plan(size: Size) -> tuple[Step, ...]:
    """Table 5's trainings and judgements, then the shipped policy with its memory erased."""
    trials = worlds.trials_of(TRIALS, size.quick)
    shared = [step for name in CASES for step in compared(name, size.quick, OWNER)]
    erased = [
        Step(
            f"erased-{name}", f"{trials} trials of models/block, memory erased: {name}",
            _judged(every, trials, size.quick),
            worlds.work_of(trials, quick=size.quick), files=(models.policy_for("block"),),
            settings={
                "trials": trials, "seed": 0, "erased": name, "world": worlds.training_world("all").settings(),
            },
        )
        for name, every in EVERY.items()
    ]  # fmt: skip
    return (*shared, *erased)


def ratio(results: Results) -> tuple[float, float, float]:
    """Mean goals in a row with memory for one without, by the better of the policies without; and its interval, 95 %.

    The interval resamples the trials of both. Infinite where the policy without memory reaches no goal, NaN where the
    other reaches none either.
    """
    judged = {name: results[f"{name}-in-all"] for name in CASES}
    without = max(("ff-lstm", "ff-ff"), key=lambda name: float(judged[name]["mean"]))
    random = np.random.default_rng(0)
    means = [
        random.choice(trials, (RESAMPLES, len(trials))).mean(1)
        for trials in (np.array(judged[name]["sorted"], float) for name in ("lstm-lstm", without))
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = np.nan_to_num(means[0] / means[1], nan=1.0, posinf=np.inf)
        exact = np.float64(judged["lstm-lstm"]["mean"]) / np.float64(judged[without]["mean"])
    low, high = np.percentile(drawn, [2.5, 97.5], method="nearest")
    return float(exact), float(low), float(high)


def rows(results: Results) -> list[Row]:
    """The blog's claim, then what erasing costs."""
    exact, low, high = ratio(results)
    ours = (
        "cannot be said: neither reaches a goal"
        if np.isnan(exact)
        else f"**{exact:.1f}** (95 %: {low:.1f} … {high:.1f})"
    )
    claim = Row(
        "goals in a row with memory, for one without", "about 2 (blog)", ours,
        "the same recipe and budget, one seed each; the better of the two policies without memory counts",
    )  # fmt: skip
    return [claim, *(_erased(name, results) for name in EVERY)]


def _erased(name: str, results: Results) -> Row:
    found = worlds.short(results[f"erased-{name}"])
    if name == NEVER:
        return Row("models/block as it is", "", found)
    return Row(
        f"models/block, its memory erased every {name.replace('-', ' ')}", "", found, "it never learned to do without"
    )


def draw(results: Results, figure: Figure) -> None:
    """Sorted trials: trained with and without memory, and with it erased."""
    trained, erased = figure.subplots(1, 2)
    pictures.sorted_trials(trained, {name: results[f"{name}-in-all"] for name in CASES}, {})
    trained.set_title("trained with and without memory", fontsize=9)
    pictures.sorted_trials(erased, {f"erased: {name}": results[f"erased-{name}"] for name in EVERY}, {})
    erased.set_title("models/block, its memory erased", fontsize=9)


EXPERIMENT = Experiment(
    name="memory-or-not",
    of="Blog",
    title="rotations with and without memory",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=("The policies are those of Table 5, trained for hours on two cores.",),
    figure_size=(11.0, 4.5),
)
