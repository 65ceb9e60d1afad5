"""Section 4.3's training where machines come and go: one is lost and another one joins, beside one left alone.

Three of Ray's nodes on this machine, its own test cluster: a head without cores, and one for each rollout worker.
"""

from __future__ import annotations

import multiprocessing
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dactyl.errors import DactylError
from dactyl.learning import cluster, curves
from dactyl.reproduction import recipes, training
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step
from dactyl.reproduction.experiments.figure_10 import speed
from dactyl.reproduction.moving import QUANTILE

STEPS, QUICK_STEPS = 1_200_000, 20_000
NUM_ENVS, MINIBATCH = 512, 4096
WORKERS = 2
LOST, JOINED = 1.0 / 3.0, 0.5
"""When a node is killed, and when another one joins: shares of the training's steps."""
END = 0.8
"""From where on goals are compared, a share too."""
LOOK = 0.2  # s between two looks at how far a training is
CASES: Mapping[str, str] = {
    "one-machine": "two processes, without Ray",
    "left-alone": "three nodes of Ray, left alone",
    "node-lost": "three nodes of Ray, one killed and another one joining",
}
_FIGURES = ("cluster/workers", "cluster/dropped", "cluster/lost", "cluster/age")


def _without_ray(preset: Mapping[str, Any]) -> Callable[[Here], dict[str, Any]]:
    def do(here: Here) -> dict[str, Any]:
        outcome = training.train(here, preset, workers=WORKERS)
        return outcome | {"end": end(curves.read(here.folder / "training", more=("steps",)))}

    return do


def _on_ray(preset: Mapping[str, Any], lost: bool) -> Callable[[Here], dict[str, Any]]:
    def do(here: Here) -> dict[str, Any]:
        out, total = here.folder / "training", int(preset["total_steps"])
        shutil.rmtree(out, ignore_errors=True)  # what happened in an interrupted try is not known
        cluster.prepare(cluster.LOCAL)
        with _nodes(out, total, lost) as pipe:
            outcome = training.train(here, preset, workers=1, rollout_workers=WORKERS, address=pipe.recv())
            pipe.send("the training has ended")
            changes = pipe.recv()
        if lost and len(changes) < 2:
            raise DactylError(f"the training ended after {total:,} steps, before its nodes had changed")
        return outcome | _figures(out) | {"changes": changes}

    return do


@contextmanager
def _nodes(out: Path, total: int, lost: bool) -> Iterator[Connection]:
    """The cluster for as long, in a process of its own: see `_keep`, whose other end of the pipe this is.

    Raises:
        DactylError: the process has died.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_keep, args=(theirs, out, total, lost))
    process.start()
    theirs.close()
    try:
        yield ours
    except EOFError as error:
        raise DactylError("the process that keeps Ray's nodes has died; what it said stands above") from error
    finally:
        ours.close()
        process.join()


def _keep(pipe: Connection, out: Path, total: int, lost: bool) -> None:
    """Keep nodes until the pipe is closed: Ray makes them in a main thread, and that one trains.

    Args:
        pipe: is told the cluster's address, then at how many steps nodes have changed; says when the training is over.
        out: the training's folder.
        total: steps that it will make.
        lost: whether nodes change.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the training ends in order first
    cluster.prepare(cluster.LOCAL)
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        first, _ = [nodes.add_node(num_cpus=1) for _ in range(WORKERS)]
        changes = {
            LOST: partial(nodes.remove_node, first, allow_graceful=False),
            JOINED: partial(nodes.add_node, num_cpus=1),
        }
        with suppress(EOFError, OSError):
            pipe.send(nodes.address)
            pipe.send(change(changes if lost else {}, lambda: _steps(out), total, lambda: pipe.poll(LOOK)))
            while True:
                pipe.recv()
    finally:
        nodes.shutdown()


def change(
    changes: Mapping[float, Callable[[], Any]], steps: Callable[[], float], total: int, ended: Callable[[], bool]
) -> list[float]:
    """Do each of the changes when a training has come so far.

    Args:
        changes: what to do, by the share of the training.
        steps: tells how many it has made.
        total: how many it will make.
        ended: waits a little and tells whether it is over.

    Returns:
        The steps it had made by each of the changes, but for those that were not due before it was over.
    """
    found: list[float] = []
    for share, do in changes.items():
        while (now := steps()) < share * total:
            if ended():
                return found
        do()
        found.append(now)
    return found


def _steps(out: Path) -> float:
    """That a training has made, by its table; 0 where that does not say."""
    try:
        return float(curves.read(out, more=("steps",))["steps"][-1])
    except DactylError:
        return 0.0


def _figures(out: Path) -> dict[str, Any]:
    """What the table tells of the cluster."""
    table = curves.read(out, more=("steps", *_FIGURES))
    return {
        "end": end(table),
        "at": table["steps"].tolist(),
        "working": table["cluster/workers"].tolist(),
        "dropped": float(table["cluster/dropped"][-1]),
        "lost": float(table["cluster/lost"][-1]),
        "age": float(table["cluster/age"].mean()),
    }


def end(table: Mapping[str, np.ndarray]) -> tuple[float, float, float]:
    """Goals a minute in a training's last part, and the interval of 90 % that its iterations leave open."""
    steps = table["steps"]
    values = table["goals_per_minute"][steps >= END * steps[-1]]
    mean = float(values.mean())
    half = QUANTILE * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return mean, mean - half, mean + half


def plan(size: Size) -> tuple[Step, ...]:
    """The same preset, seed and steps three times."""
    steps = QUICK_STEPS if size.quick else STEPS
    preset = recipes.teacher(steps, num_envs=NUM_ENVS, minibatch=MINIBATCH, quick=size.quick)
    preset["stages"] = [{"ppo": preset["stages"][0]["ppo"]}]
    preset["total_steps"] = steps
    work = {
        "one-machine": _without_ray(preset), "left-alone": _on_ray(preset, False), "node-lost": _on_ray(preset, True),
    }  # fmt: skip
    settings = {"preset": preset, "workers": WORKERS, "changes": [LOST, JOINED]}
    cost = {"training steps": float(steps)}
    return tuple(Step(name, CASES[name], do, cost, settings=settings) for name, do in work.items())


def rows(results: Results) -> list[Row]:
    """How each of them ended, and what the loss cost."""
    return [Row(title, "", _said(results[name])) for name, title in CASES.items()]


def _said(found: Mapping[str, Any]) -> str:
    mean, low, high = (float("nan") if value is None else value for value in found["end"])
    text = f"{mean:.2f} goals a minute at its end (90 %: {low:.2f} … {high:.2f}), {speed(found['curve']):,.0f} steps/s"
    if "age" in found:
        text += f", policies {found['age']:.1f} updates old, rollouts dropped: {found['dropped']:.0f}"
    if found.get("changes"):
        lost, joined = (value / 1e6 for value in found["changes"])
        text += f"; killed after {lost:.2f} M steps, joined after {joined:.2f} M, workers lost: {found['lost']:.0f}"
    return text


def draw(results: Results, figure: Figure) -> None:
    """Goals a minute of the three, and the rollout workers that were there."""
    goals, workers = figure.subplots(1, 2)
    for name, title in CASES.items():
        found = results[name]
        curve = found["curve"]
        millions = np.array(curve["steps"], float) / 1e6
        goals.plot(millions, np.array(curve["goals_per_minute"], float), label=title)
        if "working" in found:
            workers.step(np.array(found["at"]) / 1e6, found["working"], where="post", label=title)
        for at in found.get("changes", ()):
            for axes in (goals, workers):
                axes.axvline(at / 1e6, color="grey", linestyle=":", linewidth=1.0)
    for axes, label in ((goals, "goals per minute"), (workers, "rollout workers that have delivered")):
        axes.set_xlabel("million steps")
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0.0)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)


EXPERIMENT = Experiment(
    name="node-lost",
    of="Section 4.3",
    title="a machine is lost and another one joins",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "The paper tells of no such trial.",
        "The nodes are processes of one machine, which share its cores with the optimizer.",
        "A teacher learns from nothing without randomizations; one seed.",
    ),
    figure_size=(11.0, 4.0),
)
