"""Table 6: errors of the pose estimator on pictures of both renderers (section 6.6), in states the policy meets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from matplotlib.figure import Figure

from dactyl.learning.policy import Policy
from dactyl.reproduction import worlds
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step
from dactyl.status_line import StatusLine
from dactyl.storage import models
from dactyl.vision import evaluation, states
from dactyl.vision.options import ErrorOptions, Source

SAMPLES = 512
SEED = 1
"""Of the states: models/pose-block was trained on those of seed 0."""
FOLDER = "states"
PAPER = {
    "training": ("rendered images, training renderer", "2.71° ± 1.62", "3.12 mm ± 1.52"),
    "held-out": ("rendered images, another renderer", "3.23° ± 2.91", "3.71 mm ± 4.07"),
}
KINDS: Mapping[Source, str] = {"training": "pictures", "held-out": "traced pictures"}
"""Of work, by source."""
REAL = ("real images", "5.01° ± 2.47, 9.27 mm ± 4.02, 992 samples")


def _recipe(policy: Policy, quick: bool) -> states.Recipe:
    """Errors are measured on the last of 20 records: a state of each world, so that all are of different episodes."""
    number, records, interval = (4, 20, 1) if quick else (SAMPLES, 20, 16)
    recipe = states.recipe_for(policy, "models/block", SEED)
    return replace(recipe, worlds=number, records=records, interval=interval)


def _collected(quick: bool) -> Callable[[Here], dict[str, Any]]:
    def do(here: Here) -> dict[str, Any]:
        policy = Policy.load(models.policy_for("block"))
        recipe = _recipe(policy, quick)
        with StatusLine("playing the policy") as line:
            got = states.collect(
                policy, recipe, recipe.shard_size, here.folder / FOLDER, lambda n: line.show(f"{n} states"),
                here.threads,
            )  # fmt: skip
        return {"states": got, "index": f"{FOLDER}/{states.INDEX}"}

    return do


def _measured(source: Source, samples: int) -> Callable[[Here], dict[str, Any]]:
    def do(here: Here) -> dict[str, Any]:
        options = ErrorOptions(
            states=here.file("states", "index").parent, on=(source,), samples=samples, out=here.folder / "worst"
        )
        with StatusLine(f"measuring {samples} moments"):
            return dict(evaluation.evaluate(options)[source])

    return do


def plan(size: Size) -> tuple[Step, ...]:
    """States of the policy, then errors on pictures of them by each renderer."""
    policy, estimator = models.policy_for("block"), models.estimator_for("block")
    samples = 4 if size.quick else SAMPLES
    collect = Step(
        "states", "states of models/block under all randomizations", _collected(size.quick),
        {"evaluation steps": samples * (20.0 if size.quick else 320.0 + 100.0)},  # each begins with random actions
        settings={"samples": samples, "seed": SEED, "world": worlds.training_world("all").settings()}, files=(policy,),
    )  # fmt: skip
    return (
        collect,
        *(
            Step(
                name, f"errors on {samples} moments, {PAPER[name][0]}", _measured(name, samples),
                {kind: 3.0 * samples}, settings={"samples": samples, "seed": 0}, files=(estimator,), needs=("states",),
            )
            for name, kind in KINDS.items()
        ),
    )  # fmt: skip


def rows(results: Results) -> list[Row]:
    """The table's three rows; there are no real images."""
    found = []
    for name, (title, rotation, position) in PAPER.items():
        row = results[name]
        turn, offset = row["rotation_deg"], row["position_mm"]
        ours = (
            f"**{turn['mean']:.2f}° ± {turn['std']:.2f}**, **{offset['mean']:.2f} mm ± {offset['std']:.2f}** "
            f"(95 %: {turn['p95']:.1f}°, {offset['p95']:.1f} mm)"
        )
        differs = f"{row['renderer']}, where the paper has {'Unity' if name == 'training' else 'MuJoCo'}"
        found.append(Row(title, f"{rotation}, {position}", ours, differs))
    return [*found, Row(*REAL, "no lab, no figure")]


def draw(results: Results, figure: Figure) -> None:
    """Mean errors beside the paper's, with the 95th percentile of ours."""
    for axes, key, unit, column in zip(
        figure.subplots(1, 2), ("rotation_deg", "position_mm"), ("degrees", "mm"), (1, 2), strict=True
    ):
        for place, name in enumerate(PAPER):
            theirs = float(PAPER[name][column].partition(" ±")[0].rstrip("° m"))
            axes.bar(place - 0.2, theirs, 0.4, color="0.7", label="the paper, mean" if not place else None)
            axes.bar(
                place + 0.2, results[name][key]["mean"], 0.4, color="C0", label="here, mean" if not place else None
            )
            axes.plot(place + 0.2, results[name][key]["p95"], "k_", label="here, 95 % below" if not place else None)
        axes.set_xticks(range(len(PAPER)), [title for title, *_ in PAPER.values()], fontsize=8)
        axes.set_ylabel(f"error, {unit}")
        axes.legend(fontsize=8)


EXPERIMENT = Experiment(
    name="table-6",
    of="Table 6",
    title="errors of the pose estimator",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "Pictures are 112 × 112; the paper's are 200 × 200. Training took three hours of two cores.",
        "The estimator learned from 154,310 states of the shipped policy, the paper's from a million.",
    ),
    figure_size=(10.0, 4.5),
)
