"""Allshire et al.: a cube's pose told as keypoints, or as position and quaternion, to the policy and in the reward.

The comparison of their first result, on a task for two cores: a cube on the table, its goal near by and turned about
the vertical, 3 s. Four trainings that differ in this alone, with several seeds each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from dactyl.learning import evaluation
from dactyl.learning.config import WHOLE, parse_training, renew
from dactyl.learning.policy import Policy
from dactyl.learning.presets import folders
from dactyl.reproduction import pictures, probe, recipes, worlds
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step
from dactyl.reproduction.steps import trained
from dactyl.simulation.scene import robot_of
from dactyl.storage import presets

SEEDS, TRIALS = (0, 1, 2), 100
"""Trainings of each case; trials of each of them."""
WORK = "TriFinger training steps"
"""Of a training, by its kind in `cost.RATES`."""
CASES: Mapping[str, str] = {
    "kp-kp": "keypoints seen, keypoints rewarded",
    "pq-kp": "position and quaternion seen, keypoints rewarded",
    "kp-pq": "keypoints seen, position and rotation rewarded",
    "pq-pq": "position and quaternion seen, position and rotation rewarded",
}
"""By the second half of their presets' names: what is seen (O), then what is rewarded (R)."""
BOTH, NEITHER = "kp-kp", "pq-pq"


class Success(NamedTuple):
    """Of the trials of all seeds."""

    share: float
    low: float
    """Wilson's interval, 95 %, …"""
    high: float
    """… as if trials of one training were independent of its seed."""
    seeds: tuple[float, ...]
    """The share of each."""


def preset(name: str, seed: int, quick: bool) -> dict[str, Any]:
    """The content of a case's preset."""
    found = presets.read(f"trifinger-{name}", folders(), "training", whole=WHOLE, renew=renew)
    made = {**found, "seed": seed, "stages": [{}]}
    return recipes.tiny(made) if quick else made


def judged(name: str, of: str, made: Mapping[str, Any], quick: bool, owner: str = "") -> Step:
    """The step that judges by goals and in the world of a training, in the evaluation's physics steps.

    Args:
        name: of the step.
        of: the step that trained the policy.
        made: content of the training's preset, whose policy it need not be.
        quick: the quick form.
        owner: see `Step`.
    """
    world, trials = parse_training(made).stages[-1].environment, worlds.trials_of(TRIALS, quick)

    def do(here: Here) -> dict[str, Any]:
        policy = Policy.load(here.file(of, "policy"))
        config = evaluation.environment_config(policy.contract, world.randomization, rules=world.rules)
        config = replace(config, goal_angle_limit=world.goal_angle_limit)
        return worlds.judge_in(config, policy, trials, threads=here.threads)

    steps = max(trials, worlds.FEWEST) * world.rules.timeout / robot_of(world.scene).timing.control
    settings: dict[str, Any] = {"trials": trials, "seed": 0, "rules": made["environment"]["rules"]}
    if made["environment"]["randomization"] != "none":
        settings["world"] = worlds.World(world.randomization).settings()
    return Step(
        name, f"{trials} trials of {of}", do, {"evaluation steps": steps}, settings=settings, needs=(of,), owner=owner,
    )  # fmt: skip


def compared(name: str, seed: int, quick: bool, owner: str = "") -> tuple[Step, Step]:
    """A case's training with a seed, and its judgement. `owner`: see `Step`."""
    made, step = preset(name, seed, quick), f"{name}-{seed}"
    training = trained(f"train-{step}", f"training: {CASES[name]}, seed {seed}", made, owner=owner, work=WORK)
    return training, judged(step, training.name, made, quick, owner)


def seeds(size: Size) -> tuple[int, ...]:
    """Those that each case is trained with."""
    return SEEDS[:1] if size.quick else SEEDS


def plan(size: Size) -> tuple[Step, ...]:
    """Trainings of each case and seed, each judged."""
    return tuple(step for name in CASES for seed in seeds(size) for step in compared(name, seed, size.quick))


def success(results: Results, name: str) -> Success:
    """Share of the goals that were reached with one case, seeds together."""
    prefix = f"{name}-"
    found = [results[step]["sorted"] for step in sorted(results) if step.startswith(prefix)]
    each = [sum(goals > 0 for goals in trials) for trials in found]
    asked = sum(map(len, found))
    share = sum(each) / asked
    low, high = probe.wilson(share, asked)
    return Success(share, low, high, tuple(got / len(trials) for got, trials in zip(each, found, strict=True)))


def words(found: Success) -> str:
    """For a table."""
    by_seed = ", ".join(f"{share:.0%}" for share in found.seeds)
    return f"{found.share:.0%} reached ({found.low:.0%} … {found.high:.0%}); by seed {by_seed}"


def better(one: Success, other: Success) -> str:
    """Whether the one is better, by intervals of the trials and by the seeds."""
    said = f"{one.share:.0%} against {other.share:.0%}"
    if one.low > other.high and min(one.seeds) > max(other.seeds):
        return f"yes: {said}, with every seed"
    if other.low > one.high and min(other.seeds) > max(one.seeds):
        return f"no: {said}, with every seed"
    return f"not clear: {said}; intervals or seeds overlap"


def rows(results: Results) -> list[Row]:
    """The page's claims, then every case."""
    found = {name: success(results, name) for name in CASES}
    differs = "a smaller task, without randomizations, on no robot"
    claims = (
        ("keypoints in the reward: more success, where the policy sees keypoints", "kp-kp", "kp-pq"),
        ("keypoints in the reward: more success, where it sees position and quaternion", "pq-kp", NEITHER),
        ("keypoints in what is seen alone: more success than in neither", "kp-pq", NEITHER),
        ("keypoints in both: more success than in the reward alone", BOTH, "pq-kp"),
    )
    return [
        *(Row(what, "yes", better(found[one], found[other]), differs) for what, one, other in claims),
        *(Row(title, "a picture without numbers", words(found[name]), differs) for name, title in CASES.items()),
    ]


def draw(results: Results, figure: Figure) -> None:
    """How they learned, and how many goals each reaches."""
    picture(results, figure, CASES, tuple(CASES))


def picture(results: Results, figure: Figure, cases: Mapping[str, str], learned: Sequence[str]) -> None:
    """Curves of those cases that were trained, `learned`, beside bars of all `cases`: titles by name."""
    learning, reached = figure.subplots(1, 2)
    first = SEEDS[0]
    curves = {cases[name]: results[f"train-{name}-{first}"]["curve"] for name in learned}
    pictures.training_curves(learning, curves, "hours")
    learning.set_title(f"seed {first}", fontsize=9)
    pictures.bars(reached, list(cases.values()), [100.0 * success(results, name).share for name in cases], "% reached")


EXPERIMENT = Experiment(
    name="keypoints",
    of="Allshire et al., result 1",
    title="keypoints against position and quaternion",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "It is another paper's claim (arXiv:2108.09779), of the TriFinger.",
        "The cube stays on the table and trials last 3 s; theirs is lifted, on the robot, with 40 trials each.",
        "Trainings have 4 M steps of two cores; theirs have up to a thousand million.",
    ),
    figure_size=(13.0, 4.5),
)
