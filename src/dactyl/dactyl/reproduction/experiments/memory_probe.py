"""Section 6.4: what the policy's memory tells of the world that it is in, and when.

The paper: from the LSTM state after 5 s it can be said in 80 % of cases whether the block is bigger or smaller than
average. Here the same for every hidden number of an episode. Probes are fitted on three quarters of the episodes and
judged on the rest; what is seen at that moment, and truths that were shuffled, are probed beside.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from dactyl.environment.environment import Environment
from dactyl.environment.hidden import effects_names, physics_names
from dactyl.errors import DactylError
from dactyl.learning.policy import Policy
from dactyl.reproduction import pictures, probe, worlds
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step
from dactyl.robot import robot as robots
from dactyl.robot.robot import Robot
from dactyl.status_line import StatusLine
from dactyl.storage import models, npz
from dactyl.storage.files import write_atomically

SECONDS = (0.4, 1.0, 2.0, 5.0, 10.0)
"""After which the memory is read."""
PAPERS = 5.0
EPISODES, BATCH = 4096, 256
TERMS = ("physics_factors", "effects")
PAPER_ACCURACY = "80 % right"
RECORD = "episodes.npz"
FEWEST = 40
"""Episodes that must have lasted, for a probe to be fitted and judged."""


def quantities(robot: Robot) -> dict[str, list[int]]:
    """Columns of the truth, both terms side by side, by what they are; limits of joints of no finger by themselves."""
    names = [*physics_names(robot), *effects_names(robot)]
    found: dict[str, list[int]] = {}
    for column, (what, part) in enumerate(names):
        alone = what.endswith("limit") and not part.startswith(robot.fingertips)
        label = f"{what} of {part}" if alone else what
        found.setdefault(label, []).append(column)
    return found


def steps_of(seconds: float) -> int:
    """Control steps in so many nominal seconds."""
    return round(seconds / worlds.PERIOD)


def play(policy: Policy, episodes: int, times: tuple[float, ...], seed: int, threads: int) -> dict[str, np.ndarray]:
    """Let a policy act, and keep its memory at some moments.

    Args:
        policy: with a memory.
        episodes: side by side.
        times: s, at which the memory is kept.
        seed: of everything random.
        threads: CPU threads, 0 for all cores.

    Returns:
        memory (t, n, m) the LSTM's hidden state; seen (t, n, d) what the policy sees then; lasted (t, n) whether the
        episode still is the first one; truth (n, q) what it hides.
    """
    config = worlds.config_of(policy.contract, worlds.training_world("all"))
    environment = Environment(replace(config, value_terms=TERMS), episodes, seed=seed, threads=threads)
    generator = torch.Generator().manual_seed(seed)
    observations, state = environment.reset(), policy.initial_state(episodes)
    truth = observations["value"].numpy().copy()
    lasted = torch.ones(episodes, dtype=torch.bool)
    kept: dict[str, list[np.ndarray]] = {"memory": [], "seen": [], "lasted": []}
    wanted = {steps_of(time) for time in times}
    for step in range(1, max(wanted) + 1):
        seen = observations["policy"]
        actions, state = policy.step(observations, state, generator=generator)
        if step in wanted:
            kept["memory"].append(state.chunk(2, -1)[0].numpy().copy())
            kept["seen"].append(seen.numpy().copy())
            kept["lasted"].append(lasted.numpy().copy())
        outcome = environment.step(actions)
        ended = outcome.terminated | outcome.truncated
        lasted = lasted & ~ended
        state = policy.reset(state, ended)
        observations = outcome.observations
    return {**{name: np.stack(values) for name, values in kept.items()}, "truth": truth}


def _amount(quick: bool) -> tuple[int, int, tuple[float, ...]]:
    """Episodes, how many of them side by side, and the moments, s."""
    return (96, 48, SECONDS[:2]) if quick else (EPISODES, BATCH, SECONDS)


def _batch(here: Here, number: int, make: Callable[[int], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """One batch of episodes: as an interrupted try left it, or made and kept."""
    path = here.folder / f"batch-{number:03d}.npz"
    if not path.exists():
        _save(path, make(number))
    return npz.read(path, "the recorded episodes")


def _save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    whole = io.BytesIO()
    np.savez(whole, **arrays)  # type: ignore[arg-type]
    write_atomically(path, whole.getvalue())


def _played(quick: bool) -> Callable[[Here], dict[str, Any]]:
    episodes, batch, times = _amount(quick)

    def do(here: Here) -> dict[str, Any]:
        policy = Policy.load(models.policy_for("block"))
        if policy.network.lstm is None:
            raise DactylError("the policy has no memory to be read")
        parts = []
        with StatusLine(f"playing {episodes} episodes of {times[-1]:g} s") as line:
            for number in range(episodes // batch):
                parts.append(_batch(here, number, lambda seed: play(policy, batch, times, seed, here.threads)))
                line.show(f"{(number + 1) * batch} of {episodes} episodes played")
        whole: dict[str, Any] = {
            name: np.concatenate([part[name] for part in parts], axis=0 if name == "truth" else 1) for name in parts[0]
        }
        _save(here.folder / RECORD, whole)
        return {"file": RECORD, "seconds": list(times), "episodes": episodes, "lasted": whole["lasted"].sum(1).tolist()}

    return do


def probed(record: dict[str, np.ndarray], columns: dict[str, list[int]], seed: int = 0) -> list[dict[str, Any]]:
    """For each moment what can be read: by quantity from the memory, from what is seen, and of shuffled truths.

    Args:
        record: see `play`.
        columns: of the truth, by quantity.
        seed: of the split and the shuffling.

    Raises:
        DactylError: too few episodes lasted.
    """
    found = []
    for memory, seen, lasted in zip(record["memory"], record["seen"], record["lasted"], strict=True):
        if (number := int(lasted.sum())) < FEWEST:
            raise DactylError(f"only {number} episodes lasted: a probe needs {FEWEST}")
        truth, parts = record["truth"][lasted].astype(float), probe.split(number, seed)
        varied = {name: of for name, of in columns.items() if np.ptp(truth[:, of], axis=0).min() > 0.0}
        shuffled = np.random.default_rng([seed, 8]).permutation(truth)
        sources = {
            "memory": probe.read(memory[lasted].astype(float), truth, parts),
            "seen": probe.read(seen[lasted].astype(float), truth, parts),
            "shuffled": probe.read(memory[lasted].astype(float), shuffled, parts),
        }
        found.append(
            {source: {name: probe.summary(read, of) for name, of in varied.items()} for source, read in sources.items()}
        )
    return found


def _read(here: Here) -> dict[str, Any]:
    record = npz.read(here.file("play", "file"), "the recorded episodes")
    robot = robots.load(Policy.load(models.policy_for("block")).contract.robot)
    columns = quantities(robot)
    return {"seconds": here.found["play"]["seconds"], "read": probed(record, columns)}


def plan(size: Size) -> tuple[Step, ...]:
    """Play, then read."""
    episodes, batch, times = _amount(size.quick)
    steps = episodes * (steps_of(times[-1]) + 100)  # each begins with random actions
    policy = models.policy_for("block")
    return (
        Step(
            "play", f"{episodes} episodes of {times[-1]:g} s", _played(size.quick), {"evaluation steps": float(steps)},
            settings={
                "episodes": episodes, "batch": batch, "seconds": list(times),
                "world": worlds.training_world("all").settings(),
            },
            files=(policy,),
        ),
        Step("read", "probes of the memory", _read, {"seconds": 60.0}, settings={"seed": 0}, needs=("play",)),
    )  # fmt: skip


def moment(results: Results, seconds: float) -> int:
    """Which of the moments is nearest to so many seconds."""
    return int(np.argmin(np.abs(np.array(results["read"]["seconds"]) - seconds)))


def _words(figures: dict[str, Any]) -> str:
    low, high = figures["interval_95"]
    return f"{figures['accuracy']:.0%} right ({low:.0%} … {high:.0%}), chance {figures['chance']:.0%}"


def _explained(share: float | None) -> str:
    """Nothing explained is 0 %, from whichever side."""
    percent = "" if share is None else f"{share:.0%}".replace("-0%", "0%")
    return f"explains {percent} of its variance" if percent else "its variance is not known"


def rows(results: Results) -> list[Row]:
    """The paper's claim, its controls, then every other quantity at that moment."""
    index = moment(results, PAPERS)
    read, seconds = results["read"]["read"][index], results["read"]["seconds"][index]
    size = "object size"
    found = [
        Row(
            f"bigger or smaller than average, from the LSTM's state after {seconds:g} s", PAPER_ACCURACY,
            f"**{_words(read['memory'][size])}**", "held-out episodes; only those in which nothing was dropped before",
        ),
        Row("the same from what the policy sees at that moment", "not said", _words(read["seen"][size])),
        Row("the same with shuffled truths, which must be chance", "not said", _words(read["shuffled"][size])),
    ]  # fmt: skip
    for name, figures in read["memory"].items():
        if name != size:
            ours = f"{_words(figures)}; {_explained(figures['explained'])}"
            found.append(Row(f"{name}, above or below its average", "not said", ours))
    return found


def draw(results: Results, figure: Figure) -> None:
    """A matrix of what can be read and when."""
    moments, seconds = results["read"]["read"], results["read"]["seconds"]
    names = list(moments[0]["memory"])
    columns = [f"{time:g} s" for time in seconds]
    for axes, source in zip(figure.subplots(1, 2), ("memory", "seen"), strict=True):
        values = [[100.0 * at[source].get(name, {}).get("accuracy", np.nan) for at in moments] for name in names]
        pictures.matrix(axes, np.array(values, float), names, columns, digits=0)
        what = "the LSTM's state" if source == "memory" else "what is seen at that moment"
        axes.set_title(f"above or below average, % right, from {what}", fontsize=9)


EXPERIMENT = Experiment(
    name="memory-probe",
    of="Section 6.4",
    title="what the memory knows of its world",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "The paper does not say which predictor it used; here it is ridge regression.",
        "The paper does not say which episodes it judged, nor how many.",
        "The memory is an LSTM of 256; the paper's is of 512.",
    ),
    figure_size=(12.0, 8.0),
)
