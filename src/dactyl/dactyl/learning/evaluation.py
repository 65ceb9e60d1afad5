"""The evaluation of the paper's section 6.2, for any task: a number of trials, ended as the task's rules say.

A trial is goal after goal until all are reached, the object is lost, or the time for a goal ran out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from dactyl.environment import environment as environments
from dactyl.environment import task as tasks
from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.randomization import RandomizationConfig, of_task, select
from dactyl.environment.trial import TrialRules
from dactyl.errors import DactylError
from dactyl.learning import checkpoint
from dactyl.learning.counts import Counts
from dactyl.learning.counts import as_text as counts_as_text
from dactyl.learning.motion import Motion
from dactyl.learning.motion import as_text as motion_as_text
from dactyl.learning.options import EvaluationOptions, PolicyOptions
from dactyl.learning.policy import Contract, Policy
from dactyl.learning.protocol import Environment, Step
from dactyl.learning.trainer import signals
from dactyl.learning.trial_watch import ObjectSensor, Standing, TrialWatch
from dactyl.ranges import check_options
from dactyl.robot import robot as robots
from dactyl.robot.control import TORQUE
from dactyl.simulation.scene import SceneConfig
from dactyl.storage.digests import digest, file_hash

DEFAULTS = EvaluationOptions()
RESAMPLES = 10_000  # of the bootstrap
CONFIDENCE = 0.95


SensorFactory = Callable[[SceneConfig, int], ObjectSensor]
"""Makes an `Environment.object_sensor` for so many environments of a scene."""


class Follower(Protocol):
    """Looks at an environment while its trials run, as `Counts` does."""

    def add(self, running: Tensor) -> None:
        """Before a control step of the trials that are running, (N,) bool."""

    def end(self, index: int) -> None:
        """The trial in an environment has ended."""


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


def randomizations(contract: Contract, options: PolicyOptions) -> RandomizationConfig:
    """Those that the options leave on, with the values of the policy's task."""
    return select(options.randomizations, of_task(tasks.load(contract.task)))


def trial_rules(contract: Contract, changes: str = "") -> TrialRules:
    """The rules of the policy's task with changes, a mapping in YAML.

    Raises:
        DactylError: it is none, or names what the task's rules have not.
    """
    return tasks.load(contract.task).rules_with(changes)


def environment_config(
    contract: Contract,
    randomization: RandomizationConfig,
    calibration: str = "",
    rules: TrialRules | None = None,
    on: str = "",
) -> EnvironmentConfig:
    """The paper's protocol for a policy: randomizations, calibration, rules and another object are left to choose."""
    own = robots.load(contract.robot).timing.control
    return EnvironmentConfig(
        scene=SceneConfig(
            object=on or contract.object,
            locked_wrist=contract.locked_wrist,
            robot=contract.robot,
            calibration=calibration,
            control_period=None if contract.control_period == own else contract.control_period,
        ),
        task=contract.task,
        rules=rules or tasks.load(contract.task).rules,
        randomization=randomization,
        policy_terms=tuple(name for name, _ in contract.observation),
        action_origin=contract.action_origin,
        action_scale=contract.action_scale,
        smoothing=contract.smoothing,
        images=tuple(contract.architecture.images),
        reset_pool=0.0,
    )


def world_digest(randomization: RandomizationConfig) -> str:
    """Another one wherever a range differs: what figures that were measured before may be compared with.

    What is off does not count, so that a randomization that is new and off changes nothing.
    """
    return digest(_on(asdict(randomization)))


def _on(ranges: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _on(value) if isinstance(value, Mapping) else value
        for name, value in ranges.items() if value is not None
    }  # fmt: skip


def evaluate(options: EvaluationOptions = DEFAULTS, make_sensor: SensorFactory | None = None) -> dict[str, Any]:
    """Evaluate a policy in C MuJoCo. SIGINT and SIGTERM end it with the trials that have ended.

    Args:
        options: see there.
        make_sensor: makes what the policy sees the object with, for the scene; None: noisy motion capture.

    Returns:
        `summarize`'s figures with policy, digests of its weights and of the world, object, randomizations, actions and
        pose. Where both kinds of actions were asked for those of the drawn ones, and under "most_likely" the others.
        After a signal also "incomplete".

    Raises:
        DactylError: there is no such policy, or a signal came before any trial had ended.
    """
    check_options(options)
    file = checkpoint.find_policy(options.policy)
    policy = Policy.load(file, options.object, robot=options.robot, task=options.task)
    chosen, rules = randomizations(policy.contract, options), trial_rules(policy.contract, options.rules)
    config = environment_config(policy.contract, chosen, options.calibration, rules, options.on)
    results: dict[str, Any] = {
        "policy": str(file),
        "weights": file_hash(file),
        "world": world_digest(config.randomization),
        "object": config.scene.object,
        "randomizations": options.randomizations,
        "actions": options.actions,
        "pose": "vision" if make_sensor else "state",
        **({"calibration": options.calibration} if options.calibration else {}),
        **({"rules": asdict(rules)} if options.rules else {}),
    }
    with signals() as received:
        for kind in ("sampled", "most-likely") if options.actions == "both" else (options.actions,):
            if received:
                break
            summary = judge(
                policy, config, options.trials, kind == "most-likely", seed=options.seed, threads=options.threads,
                make_sensor=make_sensor, stopped=lambda: bool(received),
            )  # fmt: skip
            if not summary:
                raise DactylError(f"{received[0]} came before any of the {options.trials} trials ended: no results")
            results |= {"most_likely": summary} if (options.actions, kind) == ("both", "most-likely") else summary
    if received:
        results["incomplete"] = {"asked": options.trials, "signal": received[0]}
    return results


def judge(
    policy: Policy,
    config: EnvironmentConfig,
    trials: int,
    deterministic: bool = False,
    *,
    seed: int = 0,
    threads: int = 0,
    make_sensor: SensorFactory | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """So many trials of a policy in one world.

    Args:
        policy: on the CPU.
        config: the world.
        trials: side by side.
        deterministic: take the most likely actions instead of drawing them.
        seed: of everything random.
        threads: CPU threads, 0 for all cores.
        make_sensor: see `evaluate`.
        stopped: asked after every control step; once it is true, only the trials that have ended count.

    Returns:
        `summarize`'s figures, how far targets were asked to move, what the sensor was; nothing where no trial ended.
    """
    if threads:
        torch.set_num_threads(threads)
    environment = environments.Environment(config, trials, seed=seed, threads=threads)
    sensor = make_sensor(config.scene, trials) if make_sensor else None
    environment.object_sensor = sensor
    motion = Motion() if policy.contract.action_origin != TORQUE else None
    counted = Counts(environment) if environment.task.counts else None
    try:
        with TrialWatch(trials, config.rules.max_successes, sensor, stopped) as watch:
            ended = run_trials(policy, environment, deterministic, seed, watch, motion, counted)
    finally:
        if sensor:
            sensor.close()
    if not ended:
        return {}
    seen = {"vision": dict(sensor.about)} if sensor else {}
    moved = {"motion_deg_per_step": motion.summary()} if motion else {}
    counts = {"counts": counted.summary()} if counted else {}
    return summarize(ended, seed) | moved | seen | counts


def report(results: Mapping[str, Any]) -> str:
    """The results of `evaluate` for people."""
    drawn = "sampled" if results["actions"] == "both" else results["actions"]
    summaries = (
        {drawn: results, "most-likely": results["most_likely"]} if "most_likely" in results else {drawn: results}
    )
    how = "through the graph" if results.get("ros") else f"pose {results['pose']}"
    if seen := results.get("vision"):
        how += f" ({seen['renderer']}, {'trained on' if seen['renderer_was_trained_on'] else 'held out'})"
    title = f"{results['policy']}, {results['object']}, {how}, randomizations {results['randomizations']}"
    lines = []
    for kind, summary in summaries.items():
        lines.append(as_text(summary, f"{title}, {kind} actions"))
        if "motion_deg_per_step" in summary:
            lines.append(motion_as_text(summary["motion_deg_per_step"]))
        if "counts" in summary:
            lines.append(counts_as_text(summary["counts"]))
    if incomplete := results.get("incomplete"):
        ended = len(list(summaries.values())[-1]["trials"])
        lines.append(
            f"INCOMPLETE: {incomplete['signal']} came when {ended} of {incomplete['asked']} trials had ended. Short "
            "trials end first: these figures are too low"
        )
    return "\n".join(lines)


@torch.no_grad()
def run_trials(
    policy: Policy,
    environment: Environment,
    deterministic: bool = False,
    seed: int = 0,
    watch: Callable[[Standing], bool] = lambda standing: True,
    motion: Motion | None = None,
    counted: Follower | None = None,
) -> list[Trial]:
    """One trial in every environment; what comes after it does not count, so that short ones weigh no more.

    Args:
        policy: on the environment's device.
        environment: of as many as there shall be trials.
        deterministic: take the most likely actions instead of drawing them.
        seed: of the drawn actions.
        watch: called after every control step; once it is false, no more follow.
        motion: collects how far the policy asks the targets to move in its trials.
        counted: follows what happens in them.

    Returns:
        Of the trials that ended, in the order of their environments.
    """
    generator = torch.Generator(environment.device).manual_seed(seed)
    trials: dict[int, Trial] = {}
    running = torch.ones(environment.num_envs, dtype=torch.bool, device=environment.device)
    goals = torch.zeros(environment.num_envs, dtype=torch.int64, device=environment.device)
    observations = environment.reset()
    state = policy.initial_state(environment.num_envs)
    seconds = torch.zeros(environment.num_envs, device=environment.device)
    while running.any() and watch(Standing(running, goals, float(seconds.max()))):
        if counted is not None:
            counted.add(running)
        actions, state = policy.step(observations, state, deterministic, generator)
        step = environment.step(actions)
        seconds += step.info["duration"]
        if motion is not None:
            motion.add(step.info["motion"], running)
        ended = step.terminated | step.truncated
        goals = torch.where(running, step.info["successes"].to(goals.dtype), goals)
        for index in (ended & running).nonzero().flatten().tolist():
            trials[index] = Trial(int(goals[index]), reason(step, index), float(seconds[index]))
            if counted is not None:
                counted.end(index)
        running = running & ~ended
        state = policy.reset(state, ended)
        observations = step.observations
    return [trials[index] for index in sorted(trials)]


def reason(step: Step, index: int) -> str:
    """Why the trial in one of the environments ended."""
    return next(reason for reason in ("dropped", "complete", "timeout") if bool(step.info[reason][index]))


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


def as_text(summary: Mapping[str, Any], title: str) -> str:
    """The summary for people; of trials with one goal each the share that was reached."""
    low, high = summary["mean_interval_95"]
    reached, presented, trials = summary["goals_reached"], summary["goals_presented"], len(summary["sorted"])
    reasons = ", ".join(f"{count} {reason}" for reason, count in summary["reasons"].items())
    if max(presented, reached) == trials:
        return (
            f"{title}: {reached} of {trials} goals reached, {reached / trials:.1%} "
            f"({low:.1%} … {high:.1%} at 95 %)\n"
            f"  trials ended by: {reasons}"
        )
    return (
        f"{title}: {summary['mean']:.1f} ± {summary['std']:.1f} consecutive successes, median {summary['median']:g} "
        f"(mean within {low:.1f} … {high:.1f} at 95 %)\n"
        f"  goals reached / presented: {reached} / {presented}; "
        f"trials ended by: {reasons}\n"
        f"  sorted: {', '.join(map(str, summary['sorted']))}"
    )
