"""The paper's evaluation (section 6.2): a number of trials, each up to 50 goals, a drop, or 80 s without a goal."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dactyl.environment import task as tasks
from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.environment import Environment
from dactyl.environment.randomization import RandomizationConfig, select
from dactyl.errors import DactylError
from dactyl.learning import checkpoint
from dactyl.learning.collector import Environment as Acted
from dactyl.learning.collector import Step
from dactyl.learning.policy import Contract, Policy
from dactyl.registry import DEFAULTS
from dactyl.robot.control import CONTROL_PERIOD
from dactyl.simulation.scene import SceneConfig

RESAMPLES = 10_000  # of the bootstrap
CONFIDENCE = 0.95


SensorFactory = Callable[[SceneConfig, int], Callable[[Tensor], tuple[Tensor, Tensor]]]
"""Makes a `Environment.object_sensor` for so many worlds of a scene."""


@dataclass(frozen=True)
class Trial:
    """One trial's outcome."""

    successes: int
    """Goals reached."""
    reason: str
    """dropped, timeout or complete"""
    seconds: float
    """Simulated."""

    @property
    def presented(self) -> int:
        """Goals shown: those reached and the one, if any, at which the trial ended."""
        return self.successes + (self.reason != "complete")


def environment_config(contract: Contract, randomization: RandomizationConfig) -> EnvironmentConfig:
    """The paper's protocol for a policy: nothing but the randomizations is left to choose."""
    return EnvironmentConfig(
        scene=SceneConfig(object=contract.object, locked_wrist=contract.locked_wrist),
        rules=tasks.load(DEFAULTS["tasks"]).rules,
        randomization=randomization,
        policy_terms=tuple(name for name, _ in contract.observation),
        action_origin=contract.action_origin,
        action_scale=contract.action_scale,
        smoothing=contract.smoothing,
        nursery=0.0,
    )


def evaluate(
    path: Path | None = None,
    object: str | None = None,
    randomizations: str = "all",
    trials: int = 100,
    actions: str = "sampled",
    seed: int = 0,
    threads: int = 0,
    make_sensor: SensorFactory | None = None,
) -> dict[str, Any]:
    """Evaluate a policy in C MuJoCo and print the result.

    Args:
        path: of a policy file, a folder with one, or a training's folder; models/block by default.
        object: that the policy must be for; None takes the policy's own.
        randomizations: see `dactyl.environment.randomization.select`.
        trials: how many.
        actions: sampled, most-likely, or both one after the other.
        seed: of everything random: the same figures again.
        threads: CPU threads, 0 for all cores.
        make_sensor: makes what the policy sees the object with, for the scene; None: noisy motion capture.

    Returns:
        `summarize`'s figures with policy, object, randomizations and actions; where both kinds of actions were asked
        for those of the drawn ones, and under "most_likely" the others.
    """
    if trials < 1:
        raise DactylError(f"{trials} trials: at least 1 is needed")
    file = checkpoint.find_policy(path)
    policy = Policy.load(file, object)
    config = environment_config(policy.contract, select(randomizations))
    if threads:
        torch.set_num_threads(threads)
    results: dict[str, Any] = {
        "policy": str(file),
        "object": policy.contract.object,
        "randomizations": randomizations,
        "actions": actions,
        "pose": "vision" if make_sensor else "state",
    }
    for kind in ("sampled", "most-likely") if actions == "both" else (actions,):
        environment = Environment(config, trials, seed=seed, threads=threads)
        if make_sensor:
            environment.object_sensor = make_sensor(config.scene, trials)
        outcome = run_trials(policy, environment, kind == "most-likely", seed, _report(trials))
        summary = summarize(outcome, seed)
        conditions = f"pose {results['pose']}, randomizations {randomizations}, {kind} actions"
        print(as_text(summary, f"{file}, {policy.contract.object}, {conditions}"))
        if actions == "both" and kind == "most-likely":
            results["most_likely"] = summary
        else:
            results |= summary
    return results


def _report(trials: int) -> Callable[[int, float], None]:
    """Shows how far the trials are, on a terminal."""

    def report(ended: int, seconds: float) -> None:
        if sys.stderr.isatty():
            text = f"\r{ended} of {trials} trials ended after {seconds:.0f} simulated seconds\x1b[K"
            print(text if ended < trials else "\r\x1b[K", end="", file=sys.stderr, flush=True)

    return report


@torch.no_grad()
def run_trials(
    policy: Policy,
    environment: Acted,
    deterministic: bool = False,
    seed: int = 0,
    report: Callable[[int, float], None] = lambda ended, seconds: None,
) -> list[Trial]:
    """One trial in every world; what a world does after its trial does not count, so that short ones weigh no more.

    Args:
        policy: on the environment's device.
        environment: with as many worlds as trials.
        deterministic: act by the most likely bins instead of drawing them.
        seed: of the drawn bins.
        report: called after every control step with the trials ended so far and the simulated seconds.
    """
    generator = torch.Generator(environment.device).manual_seed(seed)
    trials: dict[int, Trial] = {}
    observations = environment.reset()
    state = policy.initial_state(environment.num_envs)
    steps = 0
    while len(trials) < environment.num_envs:
        bins, state = policy.step(observations["policy"], state, deterministic, generator)
        step = environment.step(bins)
        steps += 1
        ended = step.terminated | step.truncated
        for world in ended.nonzero().flatten().tolist():
            trials.setdefault(world, Trial(int(step.successes[world]), reason(step, world), steps * CONTROL_PERIOD))
        state = policy.reset(state, ended)
        observations = step.observations
        report(len(trials), steps * CONTROL_PERIOD)
    return [trials[world] for world in range(environment.num_envs)]


def reason(step: Step, world: int) -> str:
    """Why a world's trial ended."""
    return next(reason for reason in ("dropped", "complete", "timeout") if bool(step.info[reason][world]))


def summarize(trials: Sequence[Trial], seed: int = 0) -> dict[str, Any]:
    """The figures of a `--json` file: mean, std, median, bootstrap interval of the mean, goals, reasons, trials."""
    successes = np.array([trial.successes for trial in trials])
    resampled = np.random.default_rng(seed).choice(successes, (RESAMPLES, len(successes))).mean(1)
    tail = 50.0 * (1.0 - CONFIDENCE)
    return {
        "mean": float(successes.mean()),
        "std": float(successes.std(ddof=1)) if len(successes) > 1 else 0.0,
        "median": float(np.median(successes)),
        "mean_interval_95": np.percentile(resampled, [tail, 100.0 - tail]).tolist(),
        "goals_reached": int(successes.sum()),
        "goals_presented": sum(trial.presented for trial in trials),
        "reasons": dict(Counter(trial.reason for trial in trials)),
        "sorted": sorted(successes.tolist(), reverse=True),
        "trials": [asdict(trial) for trial in trials],
    }


def as_text(summary: dict[str, Any], title: str) -> str:
    """The summary for people."""
    low, high = summary["mean_interval_95"]
    reasons = ", ".join(f"{count} {reason}" for reason, count in summary["reasons"].items())
    return (
        f"{title}: {summary['mean']:.1f} ± {summary['std']:.1f} consecutive successes, median {summary['median']:g} "
        f"(mean within {low:.1f} … {high:.1f} at 95 %)\n"
        f"  goals reached / presented: {summary['goals_reached']} / {summary['goals_presented']}; "
        f"trials ended by: {reasons}\n"
        f"  sorted: {', '.join(map(str, summary['sorted']))}"
    )
