"""How an estimator is wrong along a policy's trajectories: what `VisionErrors` of the environment draws again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import yaml
from torch import Tensor

from dactyl import results
from dactyl.environment.environment import Environment
from dactyl.environment.randomization import select
from dactyl.environment.randomization.vision_errors import FORMAT, VisionErrors, features
from dactyl.errors import DactylError
from dactyl.learning import checkpoint
from dactyl.learning.evaluation import environment_config
from dactyl.learning.policy import Policy
from dactyl.maths import quaternion
from dactyl.ranges import check_options
from dactyl.storage.files import write_atomically
from dactyl.vision import pose
from dactyl.vision.certainty import nested
from dactyl.vision.object_sensor import VisionSensor, sensor_factory
from dactyl.vision.options import TrajectoryOptions
from dactyl.vision.states import object_poses

DEFAULTS = TrajectoryOptions()
OUTLIER = 4.0
"""Times the median error from which an error is an outlier."""
_DAMPING = 1e-3  # of the fit to states, as a share of the samples: what hardly varies gets no large factor
_DIGITS = 6


class Trajectories(NamedTuple):
    """Errors of T control steps of N environments, each with a look of its own; robot frame."""

    position: np.ndarray
    """(T, N, 3) m, true"""
    orientation: np.ndarray
    """(T, N, 4) true"""
    offset: np.ndarray
    """(T, N, 3) m, estimated minus true"""
    turn: np.ndarray
    """(T, N, 3) rad, rotation vector from the true to the estimated orientation; the nearest that looks the same"""
    fresh: np.ndarray
    """(T, N) bool, the first step of an episode"""


def measure(options: TrajectoryOptions = DEFAULTS, report: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Play a policy, look at every step, and write the statistics of the errors to a file that presets can name.

    Args:
        options: see there.
        report: called with the steps done and all of them, after each.

    Returns:
        "file", "policy", "renderer", "steps", "errors" (the statistics) and "explained": what share of the errors'
        variance each part is.

    Raises:
        DactylError: no such policy or estimator, or the file cannot be written.
    """
    check_options(options)
    results.check_writable(options.out)
    file = checkpoint.find_policy(options.policy)
    policy = Policy.load(file)
    config = environment_config(policy.contract, select(options.randomizations))
    environment = Environment(config, options.worlds, seed=options.seed, threads=options.threads)
    make = sensor_factory(
        options.estimator, options.renderer, options.seed, processes=options.renderers, device=options.device
    )
    sensor = make(config.scene, options.worlds)
    robot = environment.robot
    steps = max(2, round(options.seconds / robot.timing.control))
    try:
        recorder = Recorder(sensor, environment)
        play(policy, environment, recorder, steps, options.pose == "vision", options.seed, report)
    finally:
        sensor.close()
    found, explained = statistics(recorder.trajectories(), robot.timing.control, robot.workspace.rest)
    measured = {
        "policy": str(file), "estimator": sensor.about["estimator"], "renderer": sensor.about["renderer"],
        "pose": options.pose, "worlds": options.worlds, "steps": steps, "seed": options.seed,
        "randomizations": options.randomizations,
    }  # fmt: skip
    values = asdict(found)
    write(options.out, {"format": FORMAT, "measured": measured, "explained": explained, "errors": values})
    return {"file": str(options.out), **measured, "explained": explained, "errors": values}


class Recorder:
    """An object sensor that keeps what it saw, and what was there to see."""

    def __init__(self, sensor: VisionSensor, environment: Environment) -> None:
        self._sensor, self._scene = sensor, environment.scene
        self._group = sensor.estimator.group
        self._rows: list[tuple[np.ndarray, ...]] = []
        self._fresh: list[np.ndarray] = []

    def __call__(self, qpos: Tensor) -> tuple[Tensor, Tensor]:
        """See `Environment.object_sensor`."""
        position, orientation = self._sensor(qpos)
        truth = object_poses(self._scene, qpos.cpu().numpy())
        right = torch.from_numpy(truth.orientation)
        turn = pose.nearest_turn(orientation.cpu().double(), right, self._group)
        self._rows.append(
            (
                truth.position, truth.orientation, position.cpu().numpy() - truth.position,
                quaternion.to_rotation_vector(turn).numpy(),
            )
        )  # fmt: skip
        self._fresh.append(np.ones(len(position), bool))
        return position, orientation

    def mark(self, fresh: Tensor) -> None:
        """Say in which environments (N,) bool an episode had just begun at the last look; at first in all."""
        self._fresh[-1] = fresh.cpu().numpy().copy()

    def trajectories(self) -> Trajectories:
        """All looks."""
        position, orientation, offset, turn = (np.stack(column) for column in zip(*self._rows, strict=True))
        return Trajectories(position, orientation, offset, turn, np.stack(self._fresh))


def play(
    policy: Policy, environment: Environment, recorder: Recorder, steps: int, by_sight: bool, seed: int,
    report: Callable[[int, int], None] | None = None,
) -> None:  # fmt: skip
    """Let a policy act for so many control steps, with a look at each; `by_sight`: it sees what the recorder sees."""
    generator = torch.Generator(environment.device).manual_seed(seed)
    environment.object_sensor = recorder if by_sight else None
    observations, state = environment.reset(), policy.initial_state(environment.num_envs)
    for step in range(steps):
        actions, state = policy.step(observations, state, generator=generator)
        outcome = environment.step(actions)
        ended = outcome.terminated | outcome.truncated
        if not by_sight:
            recorder(environment.physics.state.qpos[: environment.num_envs])
        recorder.mark(ended)
        state = policy.reset(state, ended)
        observations = outcome.observations
        if report is not None:
            report(step + 1, steps)


def statistics(
    trajectories: Trajectories, period: float, rest: np.ndarray
) -> tuple[VisionErrors, dict[str, dict[str, float]]]:
    """The statistics of errors, and what share of their variance each part of them explains.

    Args:
        trajectories: of at least two steps.
        period: of a step, s.
        rest: (3,) m, see `features`.
    """
    known = features(trajectories.position, trajectories.orientation, rest)
    out = outliers(trajectories.offset, trajectories.turn)
    parts: dict[str, Any] = {}
    explained: dict[str, dict[str, float]] = {}
    for name, errors in (("position", trajectories.offset), ("rotation", trajectories.turn)):
        rows = _fit(known, errors, ~out)
        left = errors - known @ rows.T
        bias = _means(left, ~out)
        around = left - bias
        noise, memory = around[~out].std(0), _memory(around, out, trajectories.fresh)
        parts |= {
            f"{name}_of_state": _rounded(rows), f"{name}_bias": _rounded(_spread(bias, noise, memory, len(errors))),
            f"{name}_noise": _rounded(noise), f"{name}_memory": memory,
            f"outlier_{name}": float(np.sqrt(np.mean(around[out] ** 2))) if out.any() else 0.0,
        }  # fmt: skip
        whole = max(float(np.mean(errors**2)), 1e-18)
        explained[name] = {
            "rms": whole**0.5, "of_state": float(np.mean((known @ rows.T) ** 2)) / whole,
            "bias": float(np.mean(bias**2)) / whole, "noise": float(np.mean(around[~out] ** 2)) / whole,
            "outliers": float(np.sum(around[out] ** 2)) / (whole * around.size),
        }  # fmt: skip
    begins = out.copy()
    begins[1:] &= ~out[:-1]
    count = int(begins.sum())
    parts["outlier_rate"] = count / (out.size * period)
    parts["outlier_duration"] = period * float(out.sum()) / count if count else period
    explained["outliers"] = {"share": float(out.mean()), "rate": parts["outlier_rate"]}
    return VisionErrors(**parts), explained


def outliers(offset: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Which errors (T, N, 3) are outliers, (T, N) bool: far beyond the median, of position or of rotation."""
    lengths = [np.linalg.norm(errors, axis=-1) for errors in (offset, turn)]
    return np.asarray(np.logical_or(*(length > OUTLIER * np.median(length) + 1e-9 for length in lengths)))


def _fit(known: np.ndarray, errors: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """(3, FEATURES) rows that explain errors (T, N, 3), where they count (T, N), by what is known (T, N, FEATURES).

    They are told from differences within each environment: what is always off in one, as looks make it, says nothing of
    the states that it happened to be in. Damped.
    """
    count, used = known.shape[-1], int(counted.sum())
    if used < count:
        raise DactylError(f"{used} errors are too few for statistics: look for longer, or in more worlds")
    apart, off = ((values - _means(values, counted))[counted] for values in (known, errors))
    rows = np.linalg.solve(apart.T @ apart + _DAMPING * used * np.eye(count), apart.T @ off).T
    rows[:, 0] = (errors - known @ rows.T)[counted].mean(0)  # of the 1 among what is known
    return np.asarray(rows)


def _means(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """(N, K) each environment's mean of values (T, N, K) over the steps (T, N) that count; 0 where none does."""
    number = counted.sum(0)[:, None]
    return np.asarray((values * counted[..., None]).sum(0) / np.maximum(number, 1))


def _spread(bias: np.ndarray, noise: np.ndarray, memory: float, steps: int) -> np.ndarray:
    """(3,) standard deviation of what stays, from each environment's mean error (N, 3): without the share that noise
    (3,) has in a mean of so many steps, each of which remembers the last."""
    chance = noise**2 * (1.0 + memory) / (1.0 - memory) / steps
    return np.asarray(np.sqrt(np.maximum(bias.var(0, ddof=1) - chance, 0.0)))


def _memory(around: np.ndarray, out: np.ndarray, fresh: np.ndarray) -> float:
    """Correlation of errors (T, N, 3) with the next step's, where both are of one episode and no outliers; 0 to 1."""
    pairs = ~out[:-1] & ~out[1:] & ~fresh[1:]
    first, second = around[:-1][pairs], around[1:][pairs]
    scale = float(np.sqrt(np.sum(first**2) * np.sum(second**2)))
    return float(np.clip(np.sum(first * second) / scale, 0.0, 0.999)) if scale > 0.0 else 0.0


def write(path: Path, values: Mapping[str, Any]) -> None:
    """Write a file of statistics, whole or not at all.

    Raises:
        DactylError: it cannot be written.
    """
    try:
        write_atomically(path, yaml.safe_dump(dict(values), sort_keys=False, default_flow_style=None, width=120))
    except OSError as error:
        raise DactylError(f"cannot write {path}: {error.strerror}") from error


def _rounded(values: np.ndarray) -> Any:
    """An array as tuples of floats with so many digits as a file needs."""
    return nested(values.round(_DIGITS))


def as_text(outcome: Mapping[str, Any]) -> str:
    """For people: how large each part of the errors is."""
    errors, lines = outcome["errors"], [f"{outcome['file']}: {outcome['steps']} steps, {outcome['renderer']}"]
    for name, factor, unit in (("position", 1000.0, "mm"), ("rotation", 180.0 / np.pi, "°")):
        shares = outcome["explained"][name]
        bias, noise = (
            factor * float(np.sqrt(np.mean(np.square(errors[f"{name}_{part}"])))) for part in ("bias", "noise")
        )
        lines.append(
            f"  {name}, on each axis: {factor * shares['rms']:.2f} {unit} in all; of the state {shares['of_state']:.0%}"
            f" of its square; an episode's own {bias:.2f} {unit}; from step to step {noise:.2f} {unit} with memory "
            f"{errors[f'{name}_memory']:.2f}"
        )
    share = outcome["explained"]["outliers"]["share"]
    lines.append(
        f"  outliers: {share:.1%} of the steps, {errors['outlier_rate']:.3f} begin in a second and last "
        f"{errors['outlier_duration']:.2f} s"
    )
    return "\n".join(lines)
