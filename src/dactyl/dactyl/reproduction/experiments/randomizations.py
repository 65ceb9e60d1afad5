"""Allshire et al.: success in training with all randomizations and with none, which they found to be much the same.

On the smaller task of `keypoints`, whose trainings without randomizations are taken. What these reach under all of them
is beside it: it says what the other trainings are for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from dactyl.reproduction.experiment import Experiment, Results, Row, Size, Step
from dactyl.reproduction.experiments import keypoints
from dactyl.reproduction.steps import trained

OWNER = "keypoints"
WITHOUT, WITH, UNTOLD = keypoints.BOTH, "all", "untold"
CASES: Mapping[str, str] = {
    WITHOUT: "trained and judged without randomizations",
    WITH: "trained and judged with all randomizations",
    UNTOLD: "trained without, judged with all randomizations",
}
"""By the first part of their steps' names."""


def preset(seed: int, quick: bool) -> dict[str, Any]:
    """The content of the preset that is trained with all randomizations."""
    made = keypoints.preset(WITHOUT, seed, quick)
    return {**made, "environment": {**made["environment"], "randomization": "all"}}


def plan(size: Size) -> tuple[Step, ...]:
    """Trainings with and without, each judged as it was trained; those without under all randomizations too."""
    steps: list[Step] = []
    for seed in keypoints.seeds(size):
        plain = keypoints.compared(WITHOUT, seed, size.quick, OWNER)
        made = preset(seed, size.quick)
        told = trained(f"train-{WITH}-{seed}", f"training: all randomizations, seed {seed}", made, work=keypoints.WORK)
        steps += [*plain, told, keypoints.judged(f"{WITH}-{seed}", told.name, made, size.quick)]
        steps.append(keypoints.judged(f"{UNTOLD}-{seed}", plain[0].name, made, size.quick))
    return tuple(steps)


def rows(results: Results) -> list[Row]:
    """The claim, then every case."""
    found = {name: keypoints.success(results, name) for name in CASES}
    claim = Row(
        "success with all randomizations, and with none", "much the same after a while",
        f"{found[WITH].share:.0%}, and {found[WITHOUT].share:.0%}", "each judged as it was trained",
    )  # fmt: skip
    return [claim, *(Row(title, "a picture without numbers", keypoints.words(found[n])) for n, title in CASES.items())]


def draw(results: Results, figure: Figure) -> None:
    """How both learned, and how many goals each case reaches."""
    keypoints.picture(results, figure, CASES, (WITHOUT, WITH))


EXPERIMENT = Experiment(
    name="randomizations",
    of="Allshire et al., training curves",
    title="training with and without randomizations",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "It is another paper's claim (arXiv:2108.09779), of the TriFinger.",
        "The cube stays on the table and trials last 3 s; theirs is lifted.",
        "Three seeds with 4 M steps each; theirs are five, and have up to a thousand million.",
    ),
    figure_size=(13.0, 4.5),
)
