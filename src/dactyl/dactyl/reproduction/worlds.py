"""Worlds to judge policies in: those of the paper's Table 4, and a stand-in for reality that none was trained in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dactyl.calibration.model.replay import scene_of
from dactyl.calibration.model.space import draw, space_of
from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.randomization import RandomizationConfig, select
from dactyl.environment.randomization.observation_noise import ObservationNoise
from dactyl.environment.randomization.physics import PhysicsRandomization
from dactyl.environment.randomization.unmodeled_effects import UnmodeledEffects
from dactyl.learning import evaluation
from dactyl.learning.evaluation import SensorFactory, Trial
from dactyl.learning.policy import Contract, Policy
from dactyl.learning.trainer import signals
from dactyl.reproduction.experiment import Results, StoppedError
from dactyl.robot import parameters
from dactyl.robot import robot as robots
from dactyl.simulation.engine import Engine

LONGEST = 700.0
"""s, simulated, until the last of 100 trials ends: what the shipped policies' evaluations took."""
FEWEST = 20
"""Trials side by side that take as long as fewer: a control step costs something by itself."""
PERIOD = 0.08
"""s, the paper's control step."""
TRAINING = {
    "all": "all",
    "none": "none",
    "no-observation-noise": "-observation_noise",
    "no-physics": "-physics",
    "no-unmodeled-effects": "-unmodeled_effects",
}
"""The worlds of Table 4, as `randomization.select` has them."""
DRAWN_DELAYS = (
    "Delays in the stand-in are drawn, as in training; the graph in real time, with true ones, is no part of it."
)
"""Said wherever it stands in for a hand."""
TITLES = {
    "all": "all randomizations",
    "none": "no randomizations",
    "no-observation-noise": "no observation noise",
    "no-physics": "no physics randomizations",
    "no-unmodeled-effects": "no unmodeled effects",
    "stand-in": "the stand-in for reality",
}


@dataclass(frozen=True)
class World:
    """What surrounds a policy while it is judged."""

    randomization: RandomizationConfig
    engine: Engine = field(default_factory=Engine)
    calibration: str = ""
    """A model calibration's file: another hand."""
    substeps: int | None = None
    """Physics steps in a control step; None: the robot's own."""

    def settings(self) -> dict[str, Any]:
        """As plain values, to tell whether it changed; not the calibration, a file, and no effect that is off."""
        groups = {
            name: group and {key: value for key, value in group.items() if value is not None}
            for name, group in asdict(self.randomization).items()
        }
        return {
            "randomization": groups, "engine": asdict(self.engine), "substeps": self.substeps,
        }  # fmt: skip


def training_world(name: str) -> World:
    """One of Table 4's, by its name in `TRAINING`."""
    return World(select(TRAINING[name]))


def stand_in(calibration: str = "") -> World:
    """No reality, but a world that no training has seen, chosen before any result in it was known.

    Another hand: parameters that nobody was told, of friction and springs too, which no training varies. Another
    engine: implicit integration in 4 ms steps, the conjugate-gradient solver, elliptic friction cones, softer contacts.
    One object, a little larger, lighter and smoother than the model's. Motion capture that is better than Table 7's, as
    section 6.3 says of the paper's. Delays, joint sensors that are off, lost markers as in training; hardly any pushes.
    """
    physics = PhysicsRandomization(
        object_dimensions=(1.02, 1.02), masses=(0.9, 0.9), friction=(0.85, 0.85), joint_damping=(1.0, 1.0),
        actuator_gains=(1.0, 1.0), joint_limits=0.0, gravity=0.0, gravity_compensation=(0.5, 0.5),
    )  # fmt: skip
    noise = ObservationNoise(
        fingertip_correlated=0.001, fingertip_uncorrelated=0.0005, object_position_correlated=0.002,
        object_position_uncorrelated=0.0005, object_orientation_correlated=0.03, object_orientation_uncorrelated=0.02,
    )  # fmt: skip
    effects = UnmodeledEffects(
        action_noise_uncorrelated=0.01, action_noise_correlated=0.01, action_noise_multiplicative=0.01,
        backlash_factor=(1.0, 1.0), backlash_rate_std=0.0, timestep_rate=(2000.0, 2000.0),
        force_probability=(0.001, 0.001),
    )  # fmt: skip
    engine = Engine("implicitfast", "cg", "elliptic", iterations=50, impratio=3.0, contact_time=0.03)
    return World(RandomizationConfig(noise, physics, effects), engine, calibration, substeps=20)


def write_hidden_hand(path: Path, robot_name: str, seed: int) -> dict[str, Any]:
    """Draw the parameters of a hand that nobody was told, as `calibrate model --synthetic` does, into a file.

    Returns:
        How many parameters differ from the model's.
    """
    robot = robots.load(robot_name)
    nominal = scene_of(robot.name).parameters
    hidden = parameters.from_vector(robot, draw(space_of(robot, nominal), seed))
    changes = parameters.differences(robot, nominal, hidden)
    parameters.write(path, robot, changes, f"a hand that nobody was told, seed {seed}")
    return {"changed": len(changes), "seed": seed}


def config_of(contract: Contract, world: World, quick: bool = False) -> EnvironmentConfig:
    """The paper's protocol in a world; in the quick form trials end after 2 goals, or 4 s without one."""
    config = evaluation.environment_config(contract, world.randomization, world.calibration)
    config = replace(config, scene=replace(config.scene, engine=world.engine))
    if world.substeps is not None:
        config = replace(config, substeps=world.substeps)
    if quick:
        config = replace(config, rules=replace(config.rules, timeout=4.0, max_successes=2), start_steps=10)
    return config


def judge(
    policy: Policy,
    world: World,
    trials: int,
    *,
    seed: int = 0,
    threads: int = 0,
    quick: bool = False,
    make_sensor: SensorFactory | None = None,
) -> dict[str, Any]:
    """`evaluation.summarize`'s figures of so many trials, drawn actions.

    Raises:
        StoppedError: a signal came: figures of the short trials alone would be too low.
    """
    config = config_of(policy.contract, world, quick)
    return judge_in(config, policy, trials, seed=seed, threads=threads, make_sensor=make_sensor)


def judge_in(
    config: EnvironmentConfig,
    policy: Policy,
    trials: int,
    *,
    seed: int = 0,
    threads: int = 0,
    deterministic: bool = False,
    make_sensor: SensorFactory | None = None,
) -> dict[str, Any]:
    """The same in any world of any task, with the most likely actions if they are asked for.

    Raises:
        StoppedError: a signal came.
    """
    with signals() as received:
        found = evaluation.judge(
            policy, config, trials, deterministic, seed=seed, threads=threads, make_sensor=make_sensor,
            stopped=lambda: bool(received),
        )  # fmt: skip
    if received:
        raise StoppedError(received[0])
    return found


def trials_of(full: int, quick: bool) -> int:
    """How many trials, in the form that is asked for."""
    return 2 if quick else full


def parts(trials: int, each: int, quick: bool) -> range:
    """Numbers of the steps that so many trials are made in, so many in each; two in the quick form."""
    return range(1, 3 if quick else trials // each + 1)


def control_steps(trials: int, longest: float, robot: str) -> float:
    """Of so many trials side by side, each of at most so many s: a robot's control steps."""
    return max(trials, FEWEST) * longest / robots.load(robot).timing.control


def work_of(trials: int, world: World | None = None, quick: bool = False) -> dict[str, float]:
    """Of so many trials side by side: all are simulated until the last one ends."""
    finer = (world.substeps or 10) / 10 if world else 1.0
    return {"evaluation steps": (100.0 * trials if quick else max(trials, FEWEST) * LONGEST / PERIOD) * finer}


def together(results: Results, name: str) -> dict[str, Any]:
    """`evaluation.summarize`'s figures of all trials of the steps NAME-1, NAME-2, …"""
    parts = sorted(step for step in results if step.removeprefix(f"{name}-").isdigit())
    return evaluation.summarize([Trial(**trial) for part in parts for trial in results[part]["trials"]])


def short(summary: Mapping[str, Any]) -> str:
    """Goals in a row for a table: mean ± deviation, median, the mean's interval, and how trials ended."""
    low, high = summary["mean_interval_95"]
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(summary["reasons"].items()))
    return (
        f"**{summary['mean']:.1f} ± {summary['std']:.1f}**, median {summary['median']:g} "
        f"(mean within {low:.1f} … {high:.1f}); {reasons}"
    )
