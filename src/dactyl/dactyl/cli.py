"""The commands: thin functions with typed arguments, imports inside, and DactylError for a user's mistake.

The front door's --help lists them by reading this file: a command is written as `@app.command` on the line above its
function, whose docstring starts with one line of summary and ends with examples; a group of commands is added by one
line, `app.command(group, name="vision", help="…")`. A command returns None or its exit code.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.extras import SubcommandApp

from dactyl.bringup.options import RealOptions, SimOptions
from dactyl.commands import calibrate, dataset, extras, hand, latency, of_robots, recording, vision
from dactyl.errors import DactylError

app = SubcommandApp()

Json = Annotated[Path | None, tyro.conf.arg(metavar="FILE", help="also write the results to this file, as JSON")]
_FLAT = tyro.conf.arg(name="")  # options of their own, without a prefix


@app.command
def sim(options: Annotated[SimOptions, _FLAT, tyro.conf.FlagCreatePairsOff]) -> int:
    """Run trials with a simulated hand: the whole ROS graph, until the trials are done or ctrl-C.

    A window shows the simulated hand where there is a display; --headless does without.

    For example:
      ./dactyl sim
      ./dactyl sim --headless --trials 3 --json sim.json
      ./dactyl sim --headless --trials 10 --lockstep --seed 1
    """
    from dactyl.bringup import processes
    from dactyl.bringup.run import sim_graph

    return processes.run(sim_graph(options))


@app.command
def real(options: Annotated[RealOptions, _FLAT, tyro.conf.FlagCreatePairsOff]) -> int:
    """Run trials with the real hand: the whole ROS graph with the settings of config/real.yaml.

    The hand does not move until `./dactyl hand enable` lets it. With --emulate everything runs without a lab:
    pylon's emulated cameras, a simulated hand and markers.

    For example:
      ./dactyl real --trials 10 --json real.json
      ./dactyl real --emulate --trials 2 --json real.json
    """
    from dactyl.bringup import processes
    from dactyl.bringup.run import real_graph

    return processes.run(real_graph(options))


@app.command
def doctor(json: Json = None) -> int:
    """Show what was found on this machine, and what is missing and how to get it.

    For example:
      ./dactyl doctor
      ./dactyl doctor --json doctor.json
    """
    from dactyl import doctor, results

    if json:
        results.check_writable(json)
    findings = doctor.examine()
    doctor.show(findings)
    if json:
        results.write(json, "doctor", None, doctor.as_results(findings))
    return doctor.exit_code(findings)


@app.command
def train(
    preset: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PRESET")],
    /,
    out: Path | None = None,
    resume: Path | None = None,
    initial: Path | None = None,
    minutes: float = math.inf,
    device: Literal["cpu", "cuda"] | None = None,
    threads: int = 0,
    workers: int = 1,
    seed: int | None = None,
    json: Json = None,
) -> None:
    """Train a policy by PPO in simulation.

    For example:
      ./dactyl train single-gpu
      ./dactyl train cpu-small --workers 2 --minutes 60
      ./dactyl train cpu-small --resume runs/cpu-small
      ./dactyl train my.yaml --initial models/block --out runs/mine

    Args:
        preset: a file of config/training by its name, or a path ending in .yaml
        out: folder for checkpoints and logs; runs/PRESET by default
        resume: checkpoint, or a training's folder, to go on with exactly
        initial: checkpoint, or a folder with a policy, whose networks to begin with
        minutes: stop after so long
        device: the GPU where there is one by default
        threads: CPU threads of each worker, 0 for all cores
        workers: processes that share the work; one for each core is fastest on a CPU
        seed: in place of the preset's
    """
    from dactyl import results
    from dactyl.learning import train as training

    if json:
        results.check_writable(json)
    from dactyl.learning.options import TrainOptions

    options = TrainOptions(out, resume, initial, minutes, device, threads, workers, seed)
    outcome = training.train(preset, options)
    print(training.as_text(outcome))
    if json:
        results.write(json, "train", seed, outcome)


@app.command
def evaluate(
    policy: Path | None = None,
    object: Literal["block", "octagonal_prism", "sphere"] | None = None,
    randomizations: str = "all",
    trials: int = 100,
    actions: Literal["sampled", "most-likely", "both"] = "sampled",
    seed: int = 0,
    threads: int = 0,
    pose: Literal["state", "vision"] = "state",
    estimator: Path | None = None,
    renderer: Literal["opengl", "raytracer"] = "opengl",
    ros: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    json: Json = None,
) -> None:
    """Measure a policy by the paper's protocol: consecutive successes in a number of simulated trials.

    Up to 50 goals a trial, 0.4 rad, ended by a drop or 80 s without a goal; in C MuJoCo, repeatable from the seed.

    For example:
      ./dactyl evaluate
      ./dactyl evaluate --policy runs/cpu-small --randomizations none --actions both
      ./dactyl evaluate --randomizations=-physics --json evaluation.json
      ./dactyl evaluate --pose vision --trials 10
      ./dactyl evaluate --ros --randomizations none --trials 10

    Args:
        policy: a policy file, a folder with one, or a training's folder; models/block by default
        object: that the policy must be for
        randomizations: all, none, or -GROUP[,-GROUP]: all but these of observation_noise, physics, unmodeled_effects
        trials: how many
        actions: drawn from the policy's probabilities, or the most likely ones
        seed: of everything random
        threads: CPU threads, 0 for all cores
        pose: of the object, from simulated motion capture or from rendered images, which takes far longer
        estimator: of poses from images: a file or a folder with one; the shipped one for the object by default
        renderer: of the images
        ros: one trial after the other through the running graph in lockstep, whose hand has no randomizations
    """
    from dactyl import results
    from dactyl.bringup import graph_evaluation
    from dactyl.learning import evaluation
    from dactyl.learning.options import EvaluationOptions
    from dactyl.vision.object_sensor import sensor_factory

    if json:
        results.check_writable(json)
    if ros:
        outcome = graph_evaluation.evaluate(policy, object, randomizations, trials, actions, seed, pose)
        if json:
            results.write(json, "evaluate", seed, outcome)
        return
    eyes = sensor_factory(estimator, renderer, seed) if pose == "vision" else None
    options = EvaluationOptions(policy, object, randomizations, trials, actions, seed, threads)
    outcome = evaluation.evaluate(options, eyes)
    if json:
        results.write(json, "evaluate", seed, outcome)


@app.command
def film(
    out: Annotated[Path, tyro.conf.Positional],
    /,
    policy: Path | None = None,
    randomizations: str = "none",
    seconds: float = 60.0,
    actions: Literal["sampled", "most-likely"] = "sampled",
    seed: int = 0,
    width: int = 320,
    every: int = 2,
) -> None:
    """Film a policy at work: one trial of the evaluation, with the goal beside the hand.

    For example:
      ./dactyl film turning.gif
      ./dactyl film turning.mp4 --policy runs/cpu-small --seed 3 --width 640

    Args:
        out: file ending in .gif or .mp4
        policy: a policy file, a folder with one, or a training's folder; models/block by default
        randomizations: all, none, or -GROUP[,-GROUP]: all but these of observation_noise, physics, unmodeled_effects
        seconds: the longest the film may be; it ends with the trial
        actions: drawn from the policy's probabilities, or the most likely ones
        seed: of the trial and the drawn actions
        width: pixels
        every: control steps between two frames of a GIF
    """
    from dactyl.tasks.reorient import film as studio

    print(studio.film(policy, out, randomizations, seconds, actions, seed, width, every))


@app.command
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

    print(pictures.draw(runs, out))


@app.command(name="export")
def export_policy(
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")],
    /,
    policy: Path | None = None,
) -> None:
    """Write a policy as ONNX or TorchScript, with its contract, for other programs and robots.

    For example:
      ./dactyl export block.onnx
      ./dactyl export block.pt --policy runs/cpu-small

    Args:
        out: file to write, ending in .onnx or .pt (TorchScript)
        policy: a policy file, a folder with one, or a training's folder; models/block by default
    """
    from dactyl.learning import checkpoint
    from dactyl.learning.export import export
    from dactyl.learning.policy import Policy

    export(Policy.load(checkpoint.find_policy(policy)), out)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


environment = SubcommandApp()
app.command(environment, name="env", help="Look at the simulated worlds.")


@environment.command(name="show")
def env_show(
    out: Path = Path("worlds"),
    object: Literal["block", "octagonal_prism", "sphere"] = "block",
    randomizations: str = "all",
    seconds: float = 10.0,
    seed: int = 0,
) -> None:
    """Draw what is varied between simulated worlds: a sheet of sixteen, and a video of six under random actions.

    For example:
      ./dactyl env show
      ./dactyl env show --out /tmp/worlds --randomizations=-physics --seconds 30

    Args:
        out: folder for worlds.png and worlds.mp4
        object: in the hand
        randomizations: all, none, or -GROUP[,-GROUP]: all but these of observation_noise, physics, unmodeled_effects
        seconds: length of the video
        seed: of what is sampled
    """
    from dactyl.tasks.reorient import showcase

    for path in showcase.show(out, object, randomizations, seconds, seed):
        print(path)


bench = SubcommandApp()
app.command(bench, name="bench", help="Measure how fast the parts are.")


@bench.command(name="loop")
def bench_loop(
    seconds: float = 30.0,
    cameras: bool = False,
    pose: Literal["state", "vision"] = "state",
    estimator: str = "",
    json: Json = None,
) -> int:
    """Period and latency of the control loop, real-time factor, memory: the whole graph in real time.

    For example:
      ./dactyl bench loop
      ./dactyl bench loop --seconds 120 --cameras --json loop.json
      ./dactyl bench loop --pose vision

    Args:
        seconds: how long to measure
        cameras: with all three cameras subscribed
        pose: where the object's pose comes from; vision: also how long that takes
        estimator: with vision: a pose estimator's file or a folder with one; the shipped one by default
    """
    from dactyl import results
    from dactyl.bringup import processes
    from dactyl.bringup.run import sim_graph, with_loop_benchmark

    if json:
        results.check_writable(json)
    options = SimOptions(headless=True, pose=pose, estimator=estimator)
    return processes.run(with_loop_benchmark(sim_graph(options), seconds, cameras, json))


@bench.command(name="env")
def bench_env(
    versus: Literal["gymnasium-robotics"] | None = None,
    randomizations: tuple[str, ...] = ("none", "all"),
    worlds: tuple[int, ...] = (),
    threads: tuple[int, ...] = (1, 2),
    seconds: float = 20.0,
    device: str = "cpu",
    object: Literal["block", "octagonal_prism", "sphere"] = "block",
    profile: bool = False,
    json: Json = None,
) -> None:
    """Measure environment steps per second: 80 ms of simulated time with actions, observations, rewards, resets.

    For example:
      ./dactyl bench env --versus gymnasium-robotics
      ./dactyl bench env --device cuda --worlds 1024 8192 32768 --profile --json env.json

    Args:
        versus: also measure this, in turns, one process for each thread
        randomizations: each of all, none, -GROUP[,-GROUP]
        worlds: batch sizes; 64, or 1024 to 32768 on a GPU
        threads: numbers of CPU threads
        seconds: for each combination
        device: cpu, cuda, cuda:N or warp-cpu
        object: in the hand
        profile: name the kernels that take the most time
    """
    from dactyl import results
    from dactyl.environment import benchmark as environment

    if json:
        results.check_writable(json)
    outcome = environment.bench_env(
        randomizations=randomizations, worlds=worlds or None, threads=threads, seconds=seconds, device=device,
        object=object, versus=versus, profile=profile,
    )  # fmt: skip
    print(environment.as_text(outcome))
    if json:
        results.write(json, "bench env", None, outcome)


@bench.command(name="train")
def bench_train(
    preset: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PRESET")] = "cpu-small",
    /,
    iterations: int = 5,
    device: Literal["cpu", "cuda"] | None = None,
    threads: int = 0,
    json: Json = None,
) -> None:
    """Measure training: environment steps per second, and the shares of physics, inference and optimization.

    For example:
      ./dactyl bench train
      ./dactyl bench train single-gpu --json bench.json

    Args:
        preset: a file of config/training by its name, or a path ending in .yaml
        iterations: that are timed
        device: the GPU where there is one by default
        threads: CPU threads, 0 for all cores
    """
    from dactyl import results
    from dactyl.learning import benchmark

    if json:
        results.check_writable(json)
    outcome = benchmark.bench_train(preset, iterations, device, threads)
    print(benchmark.as_text(outcome))
    if json:
        results.write(json, "bench train", None, outcome)


app.command(hand.app, name="hand", help="Enable, disable, stop or reset the real hand.")
app.command(name="record", help="Record the running graph as a rosbag2 bag.")(recording.record)
app.command(vision.app, name="vision", help="Estimate the object's pose from images: train, measure.")
app.command(calibrate.app, name="calibrate", help="Fit what is assumed about the hand to what was measured.")
app.command(name="replay", help="Play a bag to a node and compare its answers with the recording.")(recording.replay)
app.command(name="report", help="Make one HTML page of a bag: trials, latencies, pictures.")(recording.report)
app.command(dataset.app, name="dataset", help="Make vision test sets of bags, check and show them.")
app.command(recording.bag, name="bag", help="Look into recorded bags, and recover damaged ones.")
app.command(name="latency", help="Show from a bag how old what each action used was.")(latency.latency)


_OPEN = {"calibrate": calibrate.app}
"""Groups that robots add commands to."""


@cache
def _add_commands_of_robots() -> None:
    of_robots.add(_OPEN)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code: 0, 1 (a user's mistake, a failed run), 2 (a wrong argument), 130 (ctrl-C)."""
    if sys.platform == "linux":
        os.environ.setdefault("MUJOCO_GL", "egl")  # as the front door: pictures without a display
    try:
        if next(iter(sys.argv[1:] if arguments is None else arguments), "") in _OPEN:
            _add_commands_of_robots()  # not before they are needed: a robot's data takes numpy
        code = app.cli(prog="dactyl", args=arguments)
    except ModuleNotFoundError as error:
        if not (remedy := extras.remedy(error)):
            raise
        print(f"dactyl: {remedy}", file=sys.stderr)
        return 1
    except DactylError as error:
        print(f"dactyl: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
