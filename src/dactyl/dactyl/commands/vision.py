"""vision …: the pose estimator's states, pictures, training and errors."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from dactyl.commands.app import Commands
from dactyl.commands.arguments import FLAT, Json, Preset
from dactyl.ranges import Count, Range, Seed, Share, Threads
from dactyl.vision.options import CertaintyOptions, ErrorOptions, SheetOptions, TrajectoryOptions, VisionTrainOptions

app = Commands()


@app.command
def collect(
    out: Path = Path("runs/states-block"),
    policy: Path | None = None,
    states: Count = 1_000_000,
    randomizations: str = "all",
    apart: Annotated[float, Range(0.0, 1000.0)] = 1.0,
    falling: Annotated[float, Range(0.0, 1.0)] = 0.02,
    seed: Seed = 0,
    threads: Threads = 0,
    json: Json = None,
) -> None:
    """Play a policy in randomized simulation and keep the states, to render them later.

    What the folder holds already counts; an interrupted collection goes on. Its index says which policy played, by name
    and by hash, and in which world.

    For example:
      ./dactyl vision collect
      ./dactyl vision collect --states 80000 --policy runs/cpu-small --out runs/states

    Args:
        out: folder
        policy: a policy file, a folder with one, or a training's folder; models/block by default
        states: how many
        randomizations: all, none, or -GROUP[,-GROUP]: all but these of observation_noise, physics, unmodeled_effects
        apart: two states of an episode differ by this times 5 mm or 0.15 rad of the object, or 0.1 rad of the joints; 0
            keeps near-duplicates
        falling: the largest share of states in which the object is falling
        seed: of everything random
        threads: CPU threads, 0 for all cores
    """
    from dactyl import results
    from dactyl.learning import checkpoint
    from dactyl.learning.policy import Policy
    from dactyl.status_line import StatusLine
    from dactyl.vision.states import collect as play
    from dactyl.vision.states import recipe_for

    if json:
        results.check_writable(json)
    file = checkpoint.find_policy(policy)
    player = Policy.load(file)
    recipe = recipe_for(player, str(policy or "models/block"), seed, randomizations, apart, falling)

    with StatusLine("playing the policy") as line:

        def report(number: int) -> None:
            line.show(f"{number} of {states} states", (states - number) / number * line.seconds())

        number = play(player, recipe, states, out, report, threads)
    if json:
        results.write(json, "vision collect", seed, {"states": number, "folder": str(out), **asdict(recipe)})
    print(f"{out}: {number} states of the {recipe.object}")


@app.command
def show(options: Annotated[SheetOptions, FLAT], out: Path = Path("vision.png")) -> None:
    """Draw a sheet of pictures with randomized appearance, like the paper's Figure 4: three cameras side by side.

    For example:
      ./dactyl vision show
      ./dactyl vision show --states runs/states-block --renderer raytracer --out sheet.png

    Args:
        out: file to write
    """
    from dactyl.status_line import StatusLine
    from dactyl.vision import showcase

    with StatusLine("rendering"):
        made = showcase.show(out, options)
    print(made)


@app.command
def crop(
    states: Path = Path("runs/states-block"),
    keep: Share = 0.999,
    samples: Annotated[int, Range(2, 1_000_000)] = 20_000,
    seed: Seed = 0,
    json: Json = None,
) -> None:
    """Propose how much of the cameras' images a network should see: the smallest square that shows all of the object.

    Poses and cameras are drawn as in training. The proposal is for the key `crop` of a preset.

    For example:
      ./dactyl vision crop
      ./dactyl vision crop --states runs/states-prism --keep 0.99

    Args:
        states: folder of `vision collect`
        keep: share of the moments in which all of it must be seen by every camera
        samples: moments that are drawn
        seed: of them
    """
    from dactyl import results
    from dactyl.status_line import StatusLine
    from dactyl.vision import framing

    if json:
        results.check_writable(json)
    with StatusLine("projecting the object"):
        found = framing.measure(states, keep, samples, seed)
    if json:
        results.write(json, "vision crop", seed, found)
    print(framing.as_text(found))


@app.command
def train(preset: Preset, /, options: Annotated[VisionTrainOptions, FLAT], json: Json = None) -> None:
    """Train a pose estimator on rendered images only.

    Pictures are rendered by processes beside it. Ctrl-C stops it, --resume goes on exactly.

    For example:
      ./dactyl vision train cpu-small
      ./dactyl vision train paper --renderers 4
      ./dactyl vision train cpu-small --resume runs/vision-cpu-small --minutes 30
    """
    from dactyl import results
    from dactyl.vision import trainer

    if json:
        results.check_writable(json)
    outcome = trainer.train(preset, options)
    if json:
        results.write(json, "vision train", None, outcome)
    print(trainer.as_text(outcome))


@app.command
def evaluate(options: Annotated[ErrorOptions, FLAT], json: Json = None) -> None:
    """Measure the pose estimator's errors on both renderers and on recorded test sets: the paper's Table 6.

    Rendered states are those that training leaves out. Pictures of the worst cases go to the folder --out.

    For example:
      ./dactyl vision evaluate
      ./dactyl vision evaluate --on training --samples 2000 --json vision.json
      ./dactyl vision evaluate --dataset datasets/lab --estimator runs/vision-cpu-small
    """
    from dactyl import results
    from dactyl.status_line import StatusLine
    from dactyl.vision import evaluation

    if json:
        results.check_writable(json)
    with StatusLine(f"measuring {options.samples} moments on each renderer"):
        rows = evaluation.evaluate(options)
    if json:
        results.write(json, "vision evaluate", options.seed, rows)
    print(evaluation.as_text(rows))


@app.command
def certainty(options: Annotated[CertaintyOptions, FLAT], json: Json = None) -> None:
    """Fit how far off a pose estimator should expect its answers to be, and write that into its file.

    On half of the states that training leaves out; `vision evaluate` then judges it on the other half.

    For example:
      ./dactyl vision certainty --estimator runs/vision-cpu
      ./dactyl vision certainty --estimator runs/vision-cpu --out sure.safetensors --samples 4000
    """
    from dactyl import results
    from dactyl.status_line import StatusLine
    from dactyl.vision import doubting

    if json:
        results.check_writable(json)
    with StatusLine(f"looking at {options.samples} moments, good ones and spoiled ones"):
        outcome = doubting.fit(options)
    if json:
        results.write(json, "vision certainty", options.seed, outcome)
    print(doubting.as_text(outcome))


@app.command
def errors(options: Annotated[TrajectoryOptions, FLAT], json: Json = None) -> None:
    """Measure how a pose estimator's errors go along a policy's trajectories, for policies to be trained on them.

    What depends on the object's pose, what stays for an episode, what fades from step to step, outliers. The file is
    for the key `environment.randomization.vision_errors` of a training preset.

    For example:
      ./dactyl vision errors --estimator runs/vision-cpu --out vision-errors.yaml
      ./dactyl vision errors --pose vision --renderer training --worlds 16 --seconds 40
    """
    from dactyl import results
    from dactyl.status_line import StatusLine
    from dactyl.vision import error_statistics

    if json:
        results.check_writable(json)
    with StatusLine("making ready") as line:

        def report(done: int, steps: int) -> None:
            line.show(f"{done} of {steps} steps looked at", (steps - done) / done * line.seconds())

        outcome = error_statistics.measure(options, report)
    if json:
        results.write(json, "vision errors", options.seed, outcome)
    print(error_statistics.as_text(outcome))
