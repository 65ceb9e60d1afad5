"""vision …: the pose estimator's states, pictures, training and errors."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

from tyro.extras import SubcommandApp

from dactyl.commands.arguments import Json, Preset
from dactyl.errors import DactylError
from dactyl.learning.options import Device

app = SubcommandApp()


@app.command
def collect(
    out: Path = Path("runs/states-block"),
    policy: Path | None = None,
    states: int = 1_000_000,
    seed: int = 0,
    threads: int = 0,
    json: Json = None,
) -> None:
    """Play a policy in randomized simulation and keep the states, to render them later.

    What the folder holds already counts; an interrupted collection goes on.

    For example:
      ./dactyl vision collect
      ./dactyl vision collect --states 80000 --policy runs/cpu-small --out runs/states

    Args:
        out: folder
        policy: a policy file, a folder with one, or a training's folder; models/block by default
        states: how many
        seed: of everything random
        threads: CPU threads, 0 for all cores
    """
    import sys

    from dactyl import results
    from dactyl.learning import checkpoint
    from dactyl.learning.policy import Policy
    from dactyl.robot import robot as robots
    from dactyl.simulation.scene import SceneConfig
    from dactyl.vision.states import Recipe
    from dactyl.vision.states import collect as play

    if json:
        results.check_writable(json)
    file = checkpoint.find_policy(policy)
    player = Policy.load(file)
    contract, tilt = player.contract, robots.load(SceneConfig().robot).tilt
    recipe = Recipe(str(policy or "models/block"), contract.object, contract.locked_wrist, tilt, seed)

    def report(number: int) -> None:
        print(f"{number} of {states} states", file=sys.stderr)

    number = play(player, recipe, states, out, report, threads)
    print(f"{out}: {number} states of the {recipe.object}")
    if json:
        results.write(json, "vision collect", seed, {"states": number, "folder": str(out), "policy": recipe.policy})


@app.command
def show(
    out: Path = Path("vision.png"),
    states: Path | None = None,
    renderer: Literal["opengl", "raytracer"] = "opengl",
    rows: int = 5,
    columns: int = 2,
    size: int = 200,
    crop: float = 0.7,
    seed: int = 0,
) -> None:
    """Draw a sheet of pictures with randomized appearance, like the paper's Figure 4: three cameras side by side.

    For example:
      ./dactyl vision show
      ./dactyl vision show --states runs/states-block --renderer raytracer --out sheet.png

    Args:
        out: file to write
        states: folder of `vision collect`; without it the hand is at rest
        renderer: opengl, or raytracer, which is slow without a GPU
        rows: of the sheet
        columns: of the sheet
        size: of a picture, pixels
        crop: side of the square that is shown, as a share of the camera image's height
        seed: of what is sampled
    """
    from dactyl.vision import showcase
    from dactyl.vision.states import load

    print(showcase.show(out, load(states) if states else None, renderer, rows, columns, size, crop, seed))


@app.command
def train(
    preset: Preset,
    /,
    out: Path | None = None,
    resume: Path | None = None,
    minutes: float = math.inf,
    device: Device | None = None,
    threads: int = 1,
    renderers: int = 1,
    json: Json = None,
) -> None:
    """Train a pose estimator on rendered images only.

    Pictures are rendered by processes beside it. Ctrl-C stops it, --resume goes on exactly.

    For example:
      ./dactyl vision train cpu-small
      ./dactyl vision train paper --renderers 4
      ./dactyl vision train cpu-small --resume runs/vision-cpu-small --minutes 30

    Args:
        out: folder for checkpoints and logs; runs/vision-PRESET by default
        resume: a training's folder to go on with exactly
        minutes: stop after so long
        device: the GPU where there is one by default
        threads: CPU threads of training itself, 0 for all cores
        renderers: processes that render
    """
    from dactyl import results
    from dactyl.vision import trainer

    if json:
        results.check_writable(json)
    outcome = trainer.train(preset, out, resume, minutes, device, threads, renderers)
    print(trainer.as_text(outcome))
    if json:
        results.write(json, "vision train", None, outcome)


@app.command
def evaluate(
    estimator: Path | None = None,
    states: Path = Path("runs/states-block"),
    on: tuple[Literal["training", "held-out"], ...] | None = None,
    dataset: tuple[Path, ...] = (),
    samples: int = 512,
    out: Path = Path("runs/vision-evaluation"),
    seed: int = 0,
    device: Device = "cpu",
    json: Json = None,
) -> None:
    """Measure the pose estimator's errors on both renderers and on recorded test sets: the paper's Table 6.

    Rendered states are those that training leaves out. Pictures of the worst cases go to the folder --out.

    For example:
      ./dactyl vision evaluate
      ./dactyl vision evaluate --on training --samples 2000 --json vision.json
      ./dactyl vision evaluate --dataset datasets/lab --estimator runs/vision-cpu-small

    Args:
        estimator: a file, or a folder with one; models/pose-block by default
        states: folder of `vision collect`
        on: training, the renderer trained on; held-out, one never trained on (slow without a GPU); both by default, or
            none where a dataset is named
        dataset: folders of `dactyl dataset` with recorded images
        samples: moments of three images on each renderer
        out: folder for pictures
        seed: of what is rendered
        device: to trace rays on
    """
    from dactyl import results
    from dactyl.recording.test_sets.dataset import Dataset
    from dactyl.storage.models import estimator_for
    from dactyl.vision import evaluation
    from dactyl.vision.estimator import Estimator
    from dactyl.vision.states import load

    if json:
        results.check_writable(json)
    if samples < 2:
        raise DactylError(f"{samples} samples: at least 2 are needed")
    renderers = on if on is not None else () if dataset else ("training", "held-out")
    judged = Estimator.load(estimator_for("block", estimator))
    recorded = {path.name: Dataset(path) for path in dataset}
    rendered = load(states) if renderers else None
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DactylError(f"cannot write to {out}: {error.strerror}") from error
    rows = {}
    for name in (*renderers, *recorded):
        if name in recorded:
            shown = evaluation.recorded_samples(judged, recorded[name])
        else:
            assert rendered is not None
            shown = evaluation.rendered_samples(judged, rendered, samples, seed, name, device=device)
        found = evaluation.errors(judged, shown)
        rows[name] = evaluation.summarize(shown, found)
        evaluation.draw_worst(shown, found, out / f"worst-{name}.png")
    print(evaluation.as_text(rows))
    if json:
        results.write(json, "vision evaluate", seed, rows)
