"""The environment as Gymnasium knows environments, so that any learner can train on it.

    import gymnasium
    import dactyl.environment.gym  # registers dactyl/Reorient-v0 and one more for each other task

    envs = gymnasium.make_vec("dactyl/Reorient-v0", num_envs=64, object="block", randomizations="all")

Observations are the policy's inputs (here 22 numbers, those of Table 2; with asymmetric=True a dict of "policy" and the
value network's 85 in "value"), actions one bin for each actuator (here one of 11 for each of 20), both as numpy arrays.
A learner that lives on a GPU is faster with `environment.Environment` itself, whose tensors never leave the device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from dactyl import registry
from dactyl.environment import task as tasks
from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.environment import Environment, Observations, Step
from dactyl.environment.randomization import of_task, select
from dactyl.errors import DactylError
from dactyl.simulation.scene import SceneConfig


def gym_id(task: str) -> str:
    """A task's name in Gymnasium."""
    return f"dactyl/{task.title().replace('_', '')}-v0"


ID = gym_id(registry.DEFAULTS["tasks"])

Observation = np.ndarray | dict[str, np.ndarray]


@dataclass(frozen=True)
class Choice:
    """What can be chosen for an environment without a whole `EnvironmentConfig`."""

    task: str = registry.DEFAULTS["tasks"]
    robot: str = ""
    """Empty: the one that the task is meant for."""
    object: str = ""
    """Empty: the first of the task's."""
    locked_wrist: bool = False
    """As in section 6.1."""
    randomizations: str = "all"
    """all, none, or -GROUP[,-GROUP]."""

    def config(self) -> EnvironmentConfig:
        """Everything at once."""
        task = tasks.load(self.task)
        scene = SceneConfig(
            robot=self.robot or task.robot, object=self.object or task.objects[0], locked_wrist=self.locked_wrist
        )
        randomization = select(self.randomizations, of_task(task))
        return EnvironmentConfig(task=self.task, scene=scene, randomization=randomization)


def _make(
    num_envs: int, config: EnvironmentConfig | None, choice: Mapping[str, Any], device: str, threads: int
) -> Environment:
    """The environment of a config or a choice; the task comes from the registered name."""
    task = choice.get("task", registry.DEFAULTS["tasks"])
    known = [field.name for field in fields(Choice)]
    if unknown := sorted(set(choice) - set(known)):
        raise DactylError(f"{gym_id(task)}: there is no choice {unknown[0]!r}; there are: {', '.join(known)}")
    seed = seed_of(np.random.SeedSequence())  # else all that nobody seeds would be the same one
    if config is None:
        return Environment(Choice(**choice).config(), num_envs, seed=seed, device=device, threads=threads)
    if set(choice) - {"task"}:
        raise DactylError(f"{gym_id(task)}: give either a config or {', '.join(sorted(set(choice) - {'task'}))}")
    if config.task != task:
        raise DactylError(f"{gym_id(task)}: the config is of the task {config.task}")
    return Environment(config, num_envs, seed=seed, device=device, threads=threads)


Seed = int | np.integer | Sequence[int] | np.random.SeedSequence
"""What Gymnasium's own environments and numpy take."""


def seed_of(seed: Seed) -> int:
    """A seed for torch: itself where torch takes it, else numpy's hash of it.

    Raises:
        DactylError: it is no seed.
    """
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool) and 0 <= int(seed) < 2**64:
        return int(seed)
    try:
        made = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    except (TypeError, ValueError) as error:
        raise DactylError(f"a seed is a whole number >= 0, several, or a SeedSequence, not {seed!r}") from error
    return int(made.generate_state(1, np.uint64)[0])


def _action_space(environment: Environment) -> spaces.Space[np.ndarray]:
    if not environment.num_bins:
        return spaces.Box(-1.0, 1.0, (environment.num_actuators,), np.float32)
    return spaces.MultiDiscrete(np.full(environment.num_actuators, environment.num_bins))


def _observation_space(environment: Environment, asymmetric: bool) -> spaces.Space[Any]:
    boxes: dict[str, spaces.Space[Any]] = {
        network: spaces.Box(-np.inf, np.inf, shape, np.float32)
        for network, shape in environment.observation_shapes.items()
    }
    return spaces.Dict(boxes) if asymmetric else boxes["policy"]


class _Converter:
    """From the environment's tensors to what Gymnasium's users get."""

    def __init__(self, environment: Environment, asymmetric: bool) -> None:
        self._asymmetric = asymmetric
        config = environment.config
        missing = set(config.policy_terms) - set(config.value_terms)
        if missing:
            raise DactylError(
                f"{gym_id(config.task)}: the value network must see {', '.join(sorted(missing))} as the policy does"
            )
        sizes = {term: environment.task.size((term,), environment.robot) for term in config.value_terms}
        starts = dict(zip(sizes, np.cumsum([0, *sizes.values()]), strict=False))
        self._policy_part = np.concatenate([starts[term] + np.arange(sizes[term]) for term in config.policy_terms])

    def observations(self, observations: Observations) -> Observation:
        if not self._asymmetric:
            return _numpy(observations["policy"])
        return {network: _numpy(values) for network, values in observations.items()}

    def last(self, step: Step) -> Observation:
        """What was observed before any reset; without noise, because the sensors are not read twice in a step."""
        value = _numpy(step.final_value_observations)
        policy = value[..., self._policy_part]
        return {"policy": policy, "value": value} if self._asymmetric else policy


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.numpy(force=True).copy()


class TaskVectorEnv(VectorEnv[Observation, np.ndarray, np.ndarray]):
    """N environments, each of which starts again when its episode has ended.

    By default in the same step: its last observation is in info["final_obs"]. With `autoreset_mode` NEXT_STEP, which
    Gymnasium's own vector wrappers want, the next step's action is ignored and that step observes the new start.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int = 1,
        *,
        config: EnvironmentConfig | None = None,
        asymmetric: bool = False,
        device: str = "cpu",
        threads: int = 0,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        max_episode_steps: int | None = None,
        **choice: Any,
    ) -> None:
        """
        Args:
            num_envs: N.
            config: everything at once, instead of a choice.
            asymmetric: observe {"policy", "value"} instead of the policy's inputs alone.
            device: cpu, cuda, cuda:N or warp-cpu.
            threads: CPU threads, 0 for all cores.
            autoreset_mode: SAME_STEP or NEXT_STEP, or Gymnasium's words for them, "SameStep" and "NextStep".
            max_episode_steps: control steps after which an episode is truncated; None: only as the task's rules say.
            choice: the fields of `Choice`; the task is the registered name's.

        Raises:
            DactylError: a choice that there is not, or a config of another task.
        """
        mode, self._most_steps = _autoreset(autoreset_mode), _most_steps(max_episode_steps)
        self.metadata = {**type(self).metadata, "autoreset_mode": mode}
        environment = _make(num_envs, config, choice, device, threads)
        self._steps = torch.zeros(num_envs, dtype=torch.int64, device=environment.device)
        self._starts: _Starts | None = None
        self._waits = mode == AutoresetMode.NEXT_STEP
        self._environment, self._convert = environment, _Converter(environment, asymmetric)
        self.num_envs = num_envs
        self.single_observation_space = _observation_space(environment, asymmetric)
        self.single_action_space = _action_space(environment)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: Seed | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start everywhere; the same seed gives the same episodes again."""
        super().reset(seed=_seed(self._environment, seed))
        self._steps.zero_()
        self._starts = None
        return self._convert.observations(self._environment.reset()), {}

    def step(self, actions: np.ndarray) -> tuple[Observation, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One control step of every environment.

        Args:
            actions: (N, A) int, one bin for each actuator; for a robot without bins float, cut to [-1, 1].

        Returns:
            Observations, rewards, terminated, truncated, and an info with "successes" (goals reached in the running
            episode); where an episode ended, "final_obs" and "final_info" hold its last.
        """
        chosen = _actions(actions, (self.num_envs,), self._environment)
        self._steps += 1
        step = self._environment.step(chosen, None if self._most_steps is None else self._steps >= self._most_steps)
        self._steps[step.terminated | step.truncated] = 0
        if self._waits:
            return self._wait(step)
        terminated, truncated, successes = map(_numpy, (step.terminated, step.truncated, step.info["successes"]))
        ended = terminated | truncated
        info: dict[str, Any] = {"successes": np.where(ended, 0, successes), "_successes": np.ones_like(ended)}
        if ended.any():
            final = np.full(self.num_envs, None, dtype=np.object_)
            last = self._convert.last(step)
            for world in np.flatnonzero(ended):
                final[world] = {k: v[world] for k, v in last.items()} if isinstance(last, dict) else last[world]
            info |= {
                "final_obs": final,
                "_final_obs": ended,
                "final_info": {"successes": np.where(ended, successes, 0), "_successes": ended},
                "_final_info": ended,
            }
        return self._convert.observations(step.observations), _numpy(step.reward), terminated, truncated, info

    def _wait(self, step: Step) -> tuple[Observation, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """What a step is with NEXT_STEP: an ended episode keeps its last observation, the next step its start's."""
        observations = self._convert.observations(step.observations)
        reward, successes = _numpy(step.reward), _numpy(step.info["successes"])
        terminated, truncated = _numpy(step.terminated), _numpy(step.truncated)
        if self._starts:  # where the last step ended an episode, this one has not been
            where = self._starts.put_back(self._environment)
            _replace(observations, self._starts.observations, where)
            self._steps[torch.as_tensor(where, device=self._steps.device)] = 0
            for values in (reward, successes, terminated, truncated):
                values[where] = 0
        ended = terminated | truncated
        self._starts = _Starts.of(self._environment, ended, observations) if ended.any() else None
        if ended.any():
            _replace(observations, self._convert.last(step), ended)
        return observations, reward, terminated, truncated, {"successes": successes, "_successes": np.ones_like(ended)}


@dataclass(frozen=True)
class _Starts:
    """Episodes that have been prepared, and begin only in the next step."""

    where: np.ndarray
    """(N,) bool"""
    rows: dict[str, Tensor]
    observations: Observation

    @classmethod
    def of(cls, environment: Environment, where: np.ndarray, observations: Observation) -> _Starts:
        """The episodes of `where` as they are now; observations are kept as copies."""
        mask = torch.as_tensor(where, device=environment.device)
        rows = {name: values[mask.to(values.device)].clone() for name, values in environment.episode_rows().items()}
        kept = (
            {name: values.copy() for name, values in observations.items()}
            if isinstance(observations, dict)
            else observations.copy()
        )
        return cls(where, rows, kept)

    def put_back(self, environment: Environment) -> np.ndarray:
        """Undo what a step did to them; returns where."""
        state = environment.state_dict()
        indices = torch.as_tensor(np.flatnonzero(self.where))
        for name, values in self.rows.items():
            state[name][indices.to(state[name].device)] = values
        environment.load_state_dict(state)
        return self.where


def _replace(observations: Observation, others: Observation, where: np.ndarray) -> None:
    """Let rows of `where` (N,) be those of the others."""
    if isinstance(observations, dict) and isinstance(others, dict):
        for name, values in observations.items():
            values[where] = others[name][where]
    elif isinstance(observations, np.ndarray) and isinstance(others, np.ndarray):
        observations[where] = others[where]


def _autoreset(mode: AutoresetMode | str) -> AutoresetMode:
    try:
        found = AutoresetMode(mode)
    except ValueError:
        found = None
    if found not in (AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP):
        raise DactylError(f"autoreset_mode must be SAME_STEP or NEXT_STEP, not {mode!r}")
    return found


def _most_steps(steps: int | None) -> int | None:
    if steps is None or steps == -1:  # Gymnasium's word for: no limit
        return None
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 1:
        raise DactylError(f"max_episode_steps must be a whole number >= 1, not {steps!r}")
    return int(steps)


class TaskEnv(gymnasium.Env[Observation, np.ndarray]):
    """One environment, for what cannot use the vector environment (which is many times faster a step)."""

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(
        self,
        *,
        config: EnvironmentConfig | None = None,
        asymmetric: bool = False,
        device: str = "cpu",
        **choice: Any,
    ) -> None:
        """See `TaskVectorEnv`."""
        environment = _make(1, config, choice, device, threads=1)
        self._environment, self._convert = environment, _Converter(environment, asymmetric)
        self.observation_space = _observation_space(environment, asymmetric)
        self.action_space = _action_space(environment)
        self._next: Observation | None = None

    def reset(
        self, *, seed: Seed | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode; the same seed gives the same ones again."""
        super().reset(seed=_seed(self._environment, seed))
        if self._next is None or seed is not None:  # else the episode ended, and the next has been prepared
            self._next = self._convert.observations(self._environment.reset())
        observation, self._next = self._next, None
        return _first(observation), {}

    def step(self, action: np.ndarray) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """See `TaskVectorEnv.step`; info["successes"] is the number of goals reached in the episode."""
        step = self._environment.step(_actions(action, (), self._environment)[None])
        terminated, truncated = bool(step.terminated), bool(step.truncated)
        observation = self._convert.observations(step.observations)
        if terminated or truncated:
            self._next, observation = observation, self._convert.last(step)
        info = {"successes": int(step.info["successes"])}
        return _first(observation), float(step.reward), terminated, truncated, info


def _seed(environment: Environment, seed: Seed | None) -> int | None:
    """Seed it, if there is a seed; the seed as a number."""
    if seed is None:
        return None
    number = seed_of(seed)
    environment.random.generator.manual_seed(number)
    return number


def _first(observation: Observation) -> Observation:
    return {k: v[0] for k, v in observation.items()} if isinstance(observation, dict) else observation[0]


def _actions(actions: np.ndarray, batch: tuple[int, ...], environment: Environment) -> torch.Tensor:
    """Checked, on the environment's device."""
    actions, shape, bins = np.asarray(actions), (*batch, environment.num_actuators), environment.num_bins
    kind, what = (np.integer, "integers") if bins else (np.floating, "numbers")
    name = gym_id(environment.config.task)
    if actions.shape != shape or not np.issubdtype(actions.dtype, kind):
        raise DactylError(f"{name}: actions must be {what} of shape {shape}, not {actions.dtype} of {actions.shape}")
    if not bins:
        if not np.isfinite(actions).all():
            raise DactylError(f"{name}: actions must be finite")
        return torch.as_tensor(actions, dtype=torch.float32, device=environment.device).clamp(-1.0, 1.0)
    if actions.min() < 0 or actions.max() >= bins:
        raise DactylError(f"{name}: actions must be bins 0 to {bins - 1}")
    return torch.as_tensor(actions, dtype=torch.int64, device=environment.device)


for _task in tasks.names():
    gymnasium.register(
        gym_id(_task),
        entry_point="dactyl.environment.gym:TaskEnv",
        vector_entry_point="dactyl.environment.gym:TaskVectorEnv",
        kwargs={"task": _task},
    )
