"""bench …: how fast the parts are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from dactyl import registry
from dactyl.bringup.options import SimOptions, Way
from dactyl.commands.app import Commands
from dactyl.commands.arguments import Json, Preset
from dactyl.environment.choices import ObjectName, RobotName, TaskName
from dactyl.learning.options import Device
from dactyl.ranges import Count, Range, Seconds, Threads, Workers

app = Commands()


@app.command
def loop(
    seconds: Seconds = 30.0,
    cameras: bool = False,
    pose: Literal["state", "vision"] = "state",
    estimator: str = "",
    executor: Literal["", "waitset", "events"] = "",
    one_process: bool = False,
    versus: tuple[Way, ...] = (),
    turns: Count = 2,
    json: Json = None,
) -> int:
    """Period and latency of the control loop, real-time factor, memory: the whole graph in real time.

    For example:
      ./dactyl bench loop
      ./dactyl bench loop --seconds 120 --cameras --json loop.json
      ./dactyl bench loop --pose vision
      ./dactyl bench loop --versus waitset events events-together --cameras --json ways.json

    Args:
        seconds: how long to measure
        cameras: with all three cameras subscribed
        pose: where the object's pose comes from; vision: also how long that takes
        estimator: with vision: a pose estimator's file or a folder with one; the shipped one by default
        executor: which of rclpy's executors runs the nodes
        one_process: with the small nodes in one process
        versus: measure these ways in turns and show them side by side: each an executor, with -together in one process
        turns: with versus: how often each is measured
    """
    from dactyl import results
    from dactyl.bringup import loop_comparison, processes
    from dactyl.bringup.run import sim_graph, with_loop_benchmark
    from dactyl.errors import DactylError

    if json:
        results.check_writable(json)
    options = SimOptions(
        headless=True, pose=pose, estimator=estimator, executor=executor, one_process=one_process,
    )  # fmt: skip
    if not versus:
        return processes.run(with_loop_benchmark(sim_graph(options), seconds, cameras, json))
    if executor or one_process:
        raise DactylError("versus names executors and processes itself: leave out executor and one_process")

    def save(outcome: Mapping[str, Any]) -> None:
        if json:
            results.write(json, "bench loop", None, outcome)

    measurement = loop_comparison.Measurement(options, seconds, cameras)
    outcome = loop_comparison.compare(versus, turns, measurement, save)
    print(loop_comparison.as_text(outcome))
    return 1 if "incomplete" in outcome else 0


@app.command(name="env")
def environment(
    versus: Literal["gymnasium-robotics"] | None = None,
    randomizations: tuple[str, ...] = ("none", "all"),
    worlds: tuple[Count, ...] = (),
    threads: tuple[Workers, ...] = (1, 2),
    seconds: Seconds = 20.0,
    device: str = "cpu",
    object: ObjectName = "block",
    robot: RobotName = registry.DEFAULTS["robots"],
    task: TaskName = registry.DEFAULTS["tasks"],
    profile: bool = False,
    json: Json = None,
) -> None:
    """Measure environment steps per second: a control step with actions, observations, rewards, resets.

    For example:
      ./dactyl bench env --versus gymnasium-robotics
      ./dactyl bench env --robot trifinger --task repose --object cube --worlds 512
      ./dactyl bench env --device cuda --worlds 1024 8192 32768 --profile --json env.json

    Args:
        versus: also measure this, in turns, one process for each thread
        randomizations: each of all, none, -GROUP[,-GROUP]
        worlds: batch sizes; 64, or 1024 to 32768 on a GPU
        threads: numbers of CPU threads
        seconds: for each combination
        device: cpu, cuda, cuda:N or warp-cpu
        object: that is manipulated
        robot: whose environment
        task: that is done
        profile: name the kernels that take the most time
    """
    from dactyl import results
    from dactyl.environment import benchmark as environment
    from dactyl.status_line import StatusLine

    if json:
        results.check_writable(json)
    with StatusLine("measuring environments"):
        outcome = environment.bench_env(
            randomizations=randomizations, worlds=worlds or None, threads=threads, seconds=seconds, device=device,
            object=object, robot=robot, task=task, versus=versus, profile=profile,
        )  # fmt: skip
    if json:
        results.write(json, "bench env", None, outcome)
    print(environment.as_text(outcome))


@app.command
def train(
    preset: Preset = "cpu-small",
    /,
    iterations: Count = 5,
    device: Device | None = None,
    threads: Threads = 0,
    json: Json = None,
) -> None:
    """Measure training: environment steps per second, and the shares of physics, inference and optimization.

    For example:
      ./dactyl bench train
      ./dactyl bench train single-gpu --json bench.json

    Args:
        iterations: that are timed
        device: the GPU where there is one by default
        threads: CPU threads, 0 for all cores
    """
    from dactyl import results
    from dactyl.learning import benchmark
    from dactyl.status_line import StatusLine

    if json:
        results.check_writable(json)
    with StatusLine(f"measuring {iterations} iterations"):
        outcome = benchmark.bench_train(preset, iterations, device, threads)
    if json:
        results.write(json, "bench train", None, outcome)
    print(benchmark.as_text(outcome))


@app.command
def cluster(
    preset: Preset = "cpu-small",
    /,
    workers: tuple[Workers, ...] = (1, 2),
    environments: Count = 512,
    iterations: Count = 3,
    rounds: Count = 3,
    cores: Count = 6144,
    cores_per_machine: Count = 16,
    gpus: Count = 8,
    gpu_speedup: Annotated[float, Range(0.0, 1e6, above=True)] = 285.0,
    gigabits: Annotated[float, Range(0.0, 1e6, above=True)] = 10.0,
    horizon: Count = 10,
    json: Json = None,
) -> None:
    """Measure training on Ray beside training without it, and what that says of a larger cluster.

    For example:
      ./dactyl bench cluster
      ./dactyl bench cluster paper --workers --cores 6144 --gpus 8 --horizon 100

    Args:
        workers: numbers of processes to train with, in three ways each; none for the plan alone
        environments: of all workers together
        iterations: that are timed
        rounds: of each way, in turns; the fastest and the median are shown
        cores: of the planned cluster's rollout workers
        cores_per_machine: of these
        gpus: optimizers of the planned cluster, in one machine
        gpu_speedup: of a GPU's learning against a core's here; 285 is an H100 against a core of docs/scale.md, with the
            paper's networks
        gigabits: per second, of the network of each machine
        horizon: control steps in a rollout of the planned cluster
    """
    from dactyl import results
    from dactyl.learning.cluster import benchmark
    from dactyl.status_line import StatusLine

    if json:
        results.check_writable(json)
    site = benchmark.Site(cores, cores_per_machine, gpus, gpu_speedup, gigabits, horizon)
    with StatusLine("measuring the parts"):
        parts = benchmark.measure_parts(preset)
        plan = benchmark.plan(parts, site)
    ways = benchmark.bench_cluster(preset, workers, environments, iterations, rounds)
    outcome = {"preset": preset, "site": vars(site), "ways": ways, "parts": parts, "plan": plan}
    if json:
        results.write(json, "bench cluster", None, outcome)
    print(benchmark.as_text(outcome))
