"""evaluate, film: a policy measured, and watched."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dactyl.commands.arguments import FLAT, Json
from dactyl.learning.options import EvaluationOptions, FilmOptions
from dactyl.ranges import Workers


def evaluate(
    options: Annotated[EvaluationOptions, FLAT],
    pose: Literal["state", "vision"] = "state",
    estimator: Path | None = None,
    renderer: Literal["held-out", "training", "second", "opengl", "raytracer"] = "held-out",
    renderers: Workers = 1,
    device: Literal["cpu", "cuda"] = "cpu",
    ros: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    json: Json = None,
) -> int:
    """Measure a policy by the paper's protocol: consecutive successes in a number of simulated trials.

    A trial ends as the task's rules say: the paper's after 50 goals, a drop, or 80 s without a goal. In C MuJoCo; the
    same seed gives the same figures. Ctrl-C keeps the trials that have ended, marked as incomplete, and ends with 130.

    For example:
      ./dactyl evaluate
      ./dactyl evaluate --policy runs/cpu-small --randomizations none --actions both
      ./dactyl evaluate --randomizations=-physics --json evaluation.json
      ./dactyl evaluate --pose vision --trials 10
      ./dactyl evaluate --pose vision --renderer training --renderers 2 --trials 10
      ./dactyl evaluate --ros --randomizations none --trials 10

    Args:
        pose: of the object, from simulated motion capture or from rendered images, which takes far longer
        estimator: of poses from images: a file or a folder with one; the shipped one for the object by default
        renderer: of the images; held-out is the one that the estimator was not trained on, slow without a GPU where
            that is the ray tracer
        renderers: processes that render side by side
        device: to trace rays on
        ros: one trial after the other through the running graph in lockstep, whose hand has no randomizations
    """
    from dactyl import results
    from dactyl.learning import evaluation

    if json:
        results.check_writable(json)
    if ros:
        from dactyl.bringup import graph_evaluation

        outcome = graph_evaluation.evaluate(options, pose)
    else:
        from dactyl.vision.object_sensor import sensor_factory

        make = sensor_factory(estimator, renderer, options.seed, processes=renderers, device=device)
        sensor = make if pose == "vision" else None
        outcome = evaluation.evaluate(options, sensor)
    if json:
        results.write(json, "evaluate", options.seed, outcome)
    print(evaluation.report(outcome))
    return 128 + signal.Signals[outcome["incomplete"]["signal"]] if "incomplete" in outcome else 0


def film(out: Annotated[Path, tyro.conf.Positional], /, options: Annotated[FilmOptions, FLAT]) -> None:
    """Film a policy at work: one trial of the evaluation, with the goal beside the hand.

    For example:
      ./dactyl film turning.gif
      ./dactyl film turning.mp4 --policy runs/cpu-small --seed 3 --width 640

    Args:
        out: file ending in .gif or .mp4
    """
    from dactyl.learning.film import film
    from dactyl.status_line import StatusLine

    with StatusLine("filming"):
        made = film(out, options)
    print(made)
