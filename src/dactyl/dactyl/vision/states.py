"""States of the hand and the object from a policy playing in simulation: what is rendered to train on (section 5.2).

A set of states is a folder: states.json says what it is and lists its shards, states-000000.npz and so on hold qpos
(n, nq) float32 each. A shard depends on the seed and its own number alone, so an interrupted collection goes on. How
many states are left of it after `thinning` the index says.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from dactyl import registry
from dactyl.environment.config import WORLD
from dactyl.environment.environment import Environment
from dactyl.environment.randomization import select
from dactyl.errors import DactylError
from dactyl.learning.evaluation import environment_config
from dactyl.learning.policy import Policy
from dactyl.maths import quaternion
from dactyl.robot import robot as robots
from dactyl.simulation.scene import Scene, SceneConfig
from dactyl.storage import npz
from dactyl.storage.files import write_atomically
from dactyl.storage.weights import digest
from dactyl.vision.thinning import Thinning, falling, limit

FORMAT = "dactyl-states/1"
INDEX = "states.json"


@dataclass(frozen=True)
class Recipe:
    """What a set of states comes from; a set is continued only with the same."""

    policy: str
    object: str
    locked_wrist: bool
    tilt: float
    """See `SceneConfig`."""
    seed: int
    worlds: int = 64
    """Simulated side by side for one shard."""
    records: int = 128
    """States taken from each of them, one after the other."""
    interval: int = 4
    """Control steps between two of them, so that they differ."""
    robot: str = registry.DEFAULTS["robots"]
    policy_weights: str = ""
    """`weights.digest` of the policy's network; empty in sets that are older than this."""
    policy_steps: int = 0
    """Environment steps that the policy was trained for, as far as its file says."""
    randomizations: str = "all"
    """That were on, see `environment.randomization.select`."""
    world: int = 0
    """`environment.config.WORLD`; 0 in sets that are older than this."""
    apart: float = 0.0
    """How far states of an episode must differ to be kept, see `Thinning`; 0: all are."""
    falling: float = 1.0
    """The largest share of objects that are falling."""

    def __post_init__(self) -> None:
        if not (self.apart >= 0.0 and 0.0 <= self.falling <= 1.0):
            raise DactylError(f"states: apart {self.apart} must be >= 0, falling {self.falling} in [0, 1]")

    @property
    def scene(self) -> SceneConfig:
        """The scene that the states are of."""
        return SceneConfig(self.object, locked_wrist=self.locked_wrist, tilt=self.tilt, robot=self.robot)

    @property
    def shard_size(self) -> int:
        """States in a shard before it is thinned out."""
        return self.worlds * self.records


def recipe_for(
    policy: Policy, name: str, seed: int, randomizations: str = "all", apart: float = 0.0, share: float = 1.0
) -> Recipe:
    """The recipe of states from a policy, in this version's world.

    Args:
        policy: that plays.
        name: it is known by.
        seed: of everything random.
        randomizations: see `Recipe`.
        apart: see `Recipe`.
        share: see `Recipe.falling`.
    """
    contract = policy.contract
    return Recipe(
        policy=name, object=contract.object, locked_wrist=contract.locked_wrist,
        tilt=robots.load(contract.robot).tilt, seed=seed, robot=contract.robot,
        policy_weights=digest(policy.network.state_dict()), policy_steps=int(contract.trained.get("steps", 0)),
        randomizations=randomizations, world=WORLD, apart=apart, falling=share,
    )  # fmt: skip


class States(NamedTuple):
    """A set of states in memory."""

    recipe: Recipe
    qpos: np.ndarray
    """(n, nq) float32, see `Scene`."""


class Poses(NamedTuple):
    """Where the object is in the robot frame."""

    position: np.ndarray
    """(n, 3) m"""
    orientation: np.ndarray
    """(n, 4)"""


def collect(
    policy: Policy, recipe: Recipe, number: int, out: Path, report: Callable[[int], None], threads: int = 0
) -> int:
    """Play until the folder holds at least so many states; what it holds already counts.

    Args:
        policy: acts by drawing from its probabilities.
        recipe: of the states; that of the folder if it holds any.
        number: of states, rounded up to whole shards.
        out: the folder.
        report: called with the number of states there are, after every shard.
        threads: CPU threads, 0 for all cores.

    Returns:
        The number of states in the folder.

    Raises:
        DactylError: the folder holds states of another recipe, or cannot be written.
    """
    shards = _read_index(out, recipe) if (out / INDEX).exists() else {}
    try:
        out.mkdir(parents=True, exist_ok=True)
        while sum(shards.values()) < number:
            qpos = _play(policy, recipe, len(shards), threads)
            name = f"states-{len(shards):06d}.npz"
            np.savez(out / name, qpos=qpos)
            shards[name] = len(qpos)
            index = {
                "format": FORMAT, "recipe": asdict(recipe), "shards": list(shards), "sizes": list(shards.values()),
            }  # fmt: skip
            write_atomically(out / INDEX, json.dumps(index, indent=1))
            report(sum(shards.values()))
    except OSError as error:
        raise DactylError(f"cannot write states to {out}: {error.strerror}") from error
    return sum(shards.values())


def _play(policy: Policy, recipe: Recipe, shard: int, threads: int) -> np.ndarray:
    config = environment_config(policy.contract, select(recipe.randomizations))
    seed = int(np.random.SeedSequence([recipe.seed, shard]).generate_state(1)[0])
    environment = Environment(config, recipe.worlds, seed=seed, threads=threads)
    generator = torch.Generator().manual_seed(seed)
    observations, state = environment.reset(), policy.initial_state(recipe.worlds)
    thinning = Thinning(environment.scene, recipe.apart)
    fresh = torch.ones(recipe.worlds, dtype=torch.bool)
    taken = []
    for step in range(recipe.records * recipe.interval):
        bins, state = policy.step(observations["policy"], state, generator=generator)
        outcome = environment.step(bins)
        observations = outcome.observations
        ended = outcome.terminated | outcome.truncated
        state = policy.reset(state, ended)
        fresh |= ended
        if step % recipe.interval == 0:
            qpos = environment.physics.state.qpos[: recipe.worlds].numpy().astype(np.float32)
            taken.append(qpos[thinning.pick(qpos, fresh.numpy())])
            fresh = torch.zeros_like(fresh)
    return _without_most_falls(environment.scene, np.concatenate(taken), recipe.falling, seed)


def _without_most_falls(scene: Scene, qpos: np.ndarray, share: float, seed: int) -> np.ndarray:
    """States (n, nq) of which at most that share are of falling objects.

    Raises:
        DactylError: none is left.
    """
    mask = falling(scene, object_poses(scene, qpos).position)
    kept = qpos[limit(mask, share, np.random.default_rng([seed, 1]))]
    if not len(kept):
        raise DactylError("the policy only ever drops the object: no states are left; allow more falling ones")
    return kept


def load(folder: Path) -> States:
    """Read a set of states.

    Raises:
        DactylError: there is none, or it is damaged; names the file.
    """
    recipe, shards = _read(folder)
    if not shards:
        raise DactylError(f"{folder / INDEX} lists no states")
    width = len(robots.load(recipe.robot).joints) + 7
    loaded = []
    for name in shards:
        qpos = npz.read(folder / name, "the states").get("qpos", np.empty(0))
        if qpos.dtype.kind != "f" or qpos.ndim != 2 or qpos.shape[1] != width or not np.isfinite(qpos).all():
            raise DactylError(f"{folder / name} does not hold states: numbers are missing or not finite")
        loaded.append(qpos)
    return States(recipe, np.concatenate(loaded))


def _read(folder: Path) -> tuple[Recipe, dict[str, int]]:
    """A folder's recipe, and the number of states in each shard by its name."""
    try:
        index = json.loads((folder / INDEX).read_text())
        if index["format"] != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        recipe = dict(index["recipe"])
        if "fingers_raised" in recipe:  # what it was called before there were other robots
            recipe["tilt"] = recipe.pop("fingers_raised")
        found = Recipe(**recipe)
        names = [str(name) for name in index["shards"]]
        sizes = index.get("sizes", [found.shard_size] * len(names))  # older sets are not thinned out
        return found, {name: int(size) for name, size in zip(names, sizes, strict=True)}
    except OSError as error:
        raise DactylError(f"there are no states in {folder}: collect some first ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, DactylError) as error:
        raise DactylError(f"cannot read {folder / INDEX}: {error}") from error


def _read_index(folder: Path, recipe: Recipe) -> dict[str, int]:
    found, shards = _read(folder)
    if found != recipe:
        differing = next(name for name, value in asdict(recipe).items() if asdict(found)[name] != value)
        raise DactylError(
            f"{folder} holds states with {differing} {asdict(found)[differing]!r}, not "
            f"{asdict(recipe)[differing]!r}: choose another folder"
        )
    return shards


def object_poses(scene: Scene, qpos: np.ndarray) -> Poses:
    """The object's pose in the robot frame, for states (n, nq)."""
    frame = scene.hand_quaternion
    position = quaternion.rotate_inverse(frame, qpos[:, scene.object_position] - scene.hand_position)
    orientation = quaternion.multiply(quaternion.conjugate(frame), qpos[:, scene.object_orientation])
    return Poses(position, quaternion.canonical(quaternion.normalize(orientation)))
