"""Lin et al., Table I: policies trained with models of the lowest, median and highest error that autotune finds.

A simulated robot whose parameters nobody is told stands in for theirs. It is exercised and recorded once. Of a
population of random parameters each part of the arm takes its best, its median and its worst: three models. Policies
are trained with each, and judged on the hidden robot.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dactyl.calibration.model import simulated
from dactyl.calibration.model.autotune import POPULATION, autotune
from dactyl.calibration.model.exercise import exercise_of
from dactyl.calibration.model.fit import pose
from dactyl.calibration.model.problem import Problem
from dactyl.calibration.model.replay import scene_of
from dactyl.calibration.model.space import draw as draw_hidden
from dactyl.calibration.model.space import space_of
from dactyl.reproduction import pictures, probe, recipes, training, worlds
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step
from dactyl.reproduction.grasping import ROBOT, STEPS, TRAINING, judged, world
from dactyl.robot import parameters
from dactyl.robot import robot as robots

HIDDEN, NOISE = 11, 0.001
"""Seed of the hidden robot; rad that its joint sensors are off by, standard deviation."""
KINDS = ("damping", "gain", "k", "b")
"""Of parameters that autotune draws. The hidden robot differs in every kind that it has."""
SEEDS, TRIALS = (0, 1), 100
"""Trainings with each model; trials of each of them."""
MODELS: Mapping[str, str] = {"lowest": "8 and 7 of 10", "median": "3 and 3 of 10", "highest": "0 and 0 of 10"}
"""Autotune's, and the paper's grasps and reaches on its robot with policies that were trained with each."""
TRUTH = "hidden"


def _models(population: int, here: Here) -> dict[str, Any]:
    """Record the hidden robot, and write it and autotune's three as model calibrations."""
    robot = robots.load(ROBOT)
    nominal = scene_of(ROBOT).parameters
    hidden = draw_hidden(space_of(robot, nominal), HIDDEN)
    true = parameters.from_vector(robot, hidden)
    exercise = exercise_of(robot)
    recording = simulated.record(robot, true, exercise, HIDDEN, NOISE)
    posed = pose(recording, "the hidden robot", here.threads, KINDS)
    started = time.monotonic()
    found = autotune(Problem(posed.replay, posed.space, report=lambda _: None), population)
    seconds = time.monotonic() - started
    vectors = dict(zip(MODELS, posed.space.from_unit(np.stack(found)), strict=True))
    vectors |= {TRUTH: hidden, "nominal": posed.space.nominal}
    for name, vector in vectors.items():
        changes = parameters.differences(robot, nominal, parameters.from_vector(robot, vector))
        parameters.write(here.folder / f"{name}.yaml", robot, changes, f"Table I: {name}")
    fitted, held_out = (replay.errors(np.stack(list(vectors.values()))) for replay in (posed.replay, posed.judge))
    return {
        **{name: f"{name}.yaml" for name in (*MODELS, TRUTH)},
        "recorded_s": recording.seconds,
        "autotune_s": seconds,
        "numbers": int(posed.space.sought.sum()),
        "error_deg": {
            name: {"fitted": _degrees(fitted[i]), "held_out": _degrees(held_out[i])} for i, name in enumerate(vectors)
        },
    }


def _degrees(errors: np.ndarray) -> float:
    return float(np.degrees(np.sqrt(errors.mean())))


def _trained(model: str, seed: int, quick: bool) -> Step:
    made = recipes.grasp(STEPS, seed=seed, quick=quick)

    def do(here: Here) -> dict[str, Any]:
        environment = made["environment"]
        scene = {**environment["scene"], "calibration": str(here.file("models", model))}
        return training.train(here, {**made, "environment": {**environment, "scene": scene}})

    return Step(
        f"train-{model}-{seed}", f"training with the model of the {model} error, seed {seed}", do,
        {TRAINING: float(made["total_steps"])}, settings={"preset": made}, needs=("models",),
    )  # fmt: skip


def plan(size: Size) -> tuple[Step, ...]:
    """The models, then a training and a judgement with each, seed by seed."""
    population = 4 if size.quick else POPULATION
    models = Step(
        "models", f"the hidden robot is recorded, autotune draws {population}",
        lambda here: _models(population, here), {"seconds": 10.0 + population},
        settings={
            "hidden": HIDDEN, "noise": NOISE, "population": population, "seed": 0, "robot": ROBOT, "kinds": list(KINDS),
        },
    )  # fmt: skip
    seeds = SEEDS[:1] if size.quick else SEEDS
    steps = [models]
    for seed in seeds:
        for model in MODELS:
            train = _trained(model, seed, size.quick)
            trials = worlds.trials_of(TRIALS, size.quick)
            judgement = judged(f"{model}-{seed}", train.name, world(), trials, hidden=("models", TRUTH))
            steps += (train, judgement)
    return tuple(steps)


def shares(results: Results, model: str) -> tuple[tuple[int, int, int], tuple[str, ...]]:
    """Grasps, reaches and trials with a model, seeds together; then both of each seed, for a table."""
    found = [results[step] for step in sorted(results) if step.startswith(f"{model}-")]
    grasps = [sum(summary["counts"]["grasps"]["trials"]) for summary in found]
    reaches = [sum(goals > 0 for goals in summary["sorted"]) for summary in found]
    by_seed = tuple(f"{grasped} and {reached}" for grasped, reached in zip(grasps, reaches, strict=True))
    return (sum(grasps), sum(reaches), sum(len(summary["sorted"]) for summary in found)), by_seed


def rows(results: Results) -> list[Row]:
    """Table I's three columns, the order of success, and what autotune found."""
    models = results["models"]
    errors = models["error_deg"]
    found, reached = [], {}
    for model, paper in MODELS.items():
        (grasps, reaches, trials), by_seed = shares(results, model)
        reached[model] = reaches
        low, high = probe.wilson(reaches / trials, trials)
        found.append(
            Row(
                f"trained with the model of the {model} error ({errors[model]['held_out']:.2f}°): grasped and reached",
                paper,
                f"{grasps} and {reaches} of {trials} (reached: {low:.0%} … {high:.0%}); by seed {', '.join(by_seed)}",
                "a hidden simulated robot in place of the real one",
            )
        )
    found.append(Row("success falls with the model's error", "yes", _falls(reached, trials)))
    nominal, true = errors["nominal"]["held_out"], errors[TRUTH]["held_out"]
    found.append(
        Row(
            "what autotune takes", "under 4 minutes, 2,000 steps at 10 Hz",
            f"{models['recorded_s']:.0f} s of the robot, {models['autotune_s']:.0f} s of this machine; "
            f"{models['numbers']} numbers",
            f"held-out error of the model as it was {nominal:.2f}°, of the true parameters {true:.2f}°",
        )
    )  # fmt: skip
    return found


def _falls(reached: Mapping[str, int], trials: int) -> str:
    """Whether success falls, by the order of the counts, and by Wilson's intervals of the first and the last.

    The intervals are of trials: how much trainings differ by their seed is beside it, in each row.
    """
    lowest, median, highest = reached.values()
    said = f"{lowest}, {median}, {highest} reached"
    if not lowest > median > highest:
        return f"no: {said}"
    apart = probe.wilson(lowest / trials, trials)[0] > probe.wilson(highest / trials, trials)[1]
    return f"yes: {said}; the first and the last are apart" if apart else f"not clear: {said}; intervals overlap"


def draw(results: Results, figure: Figure) -> None:
    """Errors of the three models, and grasps and reaches of what was trained with them."""
    errors, success = figure.subplots(1, 2)
    measured = results["models"]["error_deg"]
    names = ["hidden", "lowest", "nominal", "median", "highest"]
    pictures.bars(errors, names, [measured[name]["held_out"] for name in names], "joint angles after 1 s, rms, °")
    titles, values = [], []
    for model in MODELS:
        (grasps, reaches, trials), _ = shares(results, model)
        titles += [f"{model}: grasped", f"{model}: reached"]
        values += [100.0 * grasps / trials, 100.0 * reaches / trials]
    pictures.bars(success, titles, values, "% of the trials on the hidden robot")


EXPERIMENT = Experiment(
    name="autotune",
    of="Lin et al., Table I",
    title="policies trained with better and worse models",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "It is another paper's claim (arXiv:2502.20396), of the GR1.",
        "The robot is a simulated one, whose parameters of all kinds that it has are drawn; autotune draws four kinds.",
        "Each part of the arm takes its own best, median or worst draw, so the worst model is worse than any draw.",
        "Policies learn without randomizations, two with each model; the paper's learn with them, ten.",
    ),
    figure_size=(11.0, 4.0),
)
