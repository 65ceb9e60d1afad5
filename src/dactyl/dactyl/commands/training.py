"""train, demonstrate, imitate, curves, export: from a preset to a policy, and what came of it."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated

import tyro

from dactyl.commands.arguments import FLAT, Json, Preset
from dactyl.learning.options import DemonstrateOptions, Device, TrainOptions
from dactyl.ranges import Minutes, Temperature


def train(preset: Preset, /, options: Annotated[TrainOptions, FLAT], json: Json = None) -> None:
    """Train a policy by PPO in simulation.

    For example:
      ./dactyl train single-gpu
      ./dactyl train cpu-small --workers 2 --minutes 60
      ./dactyl train cpu-small --resume runs/cpu-small
      ./dactyl train my.yaml --initial models/block --out runs/mine
    """
    from dactyl import results
    from dactyl.learning import train as training

    if json:
        results.check_writable(json)
    outcome = training.train(preset, options)
    if json:
        results.write(json, "train", options.seed, outcome)
    print(training.as_text(outcome))


def demonstrate(
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")],
    /,
    options: Annotated[DemonstrateOptions, FLAT],
    json: Json = None,
) -> None:
    """Let a specialist act in simulation, and keep the episodes that succeed: what a generalist learns from.

    For example:
      ./dactyl demonstrate cylinder.safetensors --policy runs/gr1-grasp

    Args:
        out: file to write, .safetensors
    """
    from dactyl import results
    from dactyl.learning import demonstrate as demonstrating
    from dactyl.status_line import StatusLine

    for path in filter(None, (out, json)):
        results.check_writable(path)
    with StatusLine("demonstrating"):
        outcome = demonstrating.demonstrate(out, options)
    if json:
        results.write(json, "demonstrate", options.seed, outcome)
    print(demonstrating.as_text(outcome))


def imitate(
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")],
    files: Annotated[tuple[Path, ...], tyro.conf.Positional],
    /,
    preset: str = "cpu-small",
    minutes: Minutes = math.inf,
    device: Device = "cpu",
    json: Json = None,
) -> None:
    """Train a generalist, a diffusion policy, on what specialists demonstrated.

    For example:
      ./dactyl imitate grasp.safetensors cylinder.safetensors cube.safetensors ball.safetensors

    Args:
        out: policy file to write
        files: of demonstrations
        preset: of config/imitation, or a path ending in .yaml
        minutes: stop after so long
        device: to compute on
    """
    from dactyl import results
    from dactyl.learning import imitation

    for path in filter(None, (out, json)):
        results.check_writable(path)
    config = imitation.read_preset(preset)
    outcome = imitation.train(list(files), out, config, minutes, device)
    if json:
        results.write(json, "imitate", config.seed, outcome)
    print(imitation.as_text(outcome))


def curves(runs: Annotated[tuple[Path, ...], tyro.conf.Positional], /, out: Path = Path("curves.png")) -> None:
    """Draw learning curves: goals and drops against simulated years and hours.

    For example:
      ./dactyl curves runs/cpu-small
      ./dactyl curves runs/cpu-small runs/cpu-student --out compared.png

    Args:
        runs: training folders, or progress.csv files kept elsewhere
        out: picture
    """
    from dactyl.learning import curves as pictures

    notes: list[str] = []
    written = pictures.draw(runs, out, notes)
    for note in notes:
        print(note, file=sys.stderr)
    print(written)


def export_policy(
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")],
    /,
    policy: Path | None = None,
    temperature: Temperature = 1.0,
) -> None:
    """Write a policy as ONNX or TorchScript, for other programs and robots, or as a policy file to share.

    For example:
      ./dactyl export block.onnx
      ./dactyl export block.pt --policy runs/cpu-small
      ./dactyl export sharper/policy.safetensors --policy runs/block --temperature 0.75

    Args:
        out: file to write, ending in .onnx, .pt (TorchScript) or .safetensors (ours, in half precision)
        policy: a policy file, a folder with one, or a training's folder; models/block by default
        temperature: of the draw of actions; below 1 the likely ones are drawn more often than in training
    """
    from dactyl.learning import checkpoint
    from dactyl.learning.export import export
    from dactyl.learning.policy import Policy

    exported = Policy.load(checkpoint.find_policy(policy))
    if temperature != 1.0:
        exported.sharpen(temperature)
    export(exported, out)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
