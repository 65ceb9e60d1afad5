"""What specialists did in episodes that succeeded, for a generalist to learn from (Lin et al., appendix D).

A specialist acts in simulated environments for a number of steps. When an episode ends it is kept if its goal was
reached. Actions are told as postures, -1…1 across each actuator's range, whatever the specialist counts its own from:
"normalized absolute desired joint positions".

A file is safetensors: rows of all kept episodes below each other, and under the metadata key "dactyl" what they are of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from dactyl.environment.environment import Environment
from dactyl.errors import DactylError, choose_from
from dactyl.learning.policy import Policy
from dactyl.robot import control
from dactyl.storage import weights

FORMAT = "dactyl-demonstrations/1"
ORIGIN = "middle"
"""What the actions in a file are counted from, see `control.ORIGINS`: they are postures."""
IMAGE = "image."
"""In front of a group of images' name."""


@dataclass(frozen=True)
class About:
    """What the demonstrations of a file are of. The JSON in it has these keys and `format`."""

    robot: str
    task: str
    objects: tuple[str, ...]
    observation: tuple[tuple[str, int], ...]
    """Names and sizes of what was seen, see the task's `observations`."""
    actuators: tuple[str, ...]
    control_period: float
    """s"""
    specialists: tuple[str, ...] = ()
    """Their files, for people."""
    ended: int = 0
    """Episodes, of which ..."""
    kept: int = 0
    """... so many succeeded and are in the file."""

    def matches(self, other: About) -> bool:
        """Whether one policy can learn from both."""
        mine, theirs = ((a.robot, a.task, a.observation, a.actuators, a.control_period) for a in (self, other))
        return mine == theirs


@dataclass
class Demonstrations:
    """Kept episodes, row by row."""

    about: About
    observation: Tensor
    """(R, inputs) float32, as the policy saw it."""
    action: Tensor
    """(R, A) float32, postures."""
    episode: Tensor
    """(R,) int64; the rows of an episode follow each other."""
    images: dict[str, Tensor] = field(default_factory=dict)
    """Groups (R, channels, height, width) by name."""

    def __len__(self) -> int:
        return len(self.action)


class Recorder:
    """Collects control steps of N environments side by side, and knows which of their episodes succeeded."""

    def __init__(self, num_envs: int) -> None:
        self._columns: list[dict[str, Tensor]] = []
        """Of each control step, (N, …) by name."""
        self._begun = [0] * num_envs
        """The control step with which each environment's episode began."""
        self.episodes: list[tuple[int, int, int]] = []
        """Those kept: environment, first step, the step after the last."""
        self.ended = 0

    def add(self, rows: Mapping[str, Tensor], ended: Tensor, succeeded: Tensor) -> None:
        """A control step of all environments.

        Args:
            rows: (N, …) by name, of before the step.
            ended: (N,) bool, the episode ended with it.
            succeeded: (N,) bool, its goal was reached.
        """
        self._columns.append({name: values.cpu().clone() for name, values in rows.items()})
        for index in ended.nonzero().flatten().tolist():
            self.ended += 1
            if bool(succeeded[index]):
                self.episodes.append((index, self._begun[index], len(self._columns)))
            self._begun[index] = len(self._columns)

    def rows(self) -> dict[str, Tensor]:
        """All kept rows by name, episode after episode, and which "episode" each is of."""
        if not self.episodes:
            return {}
        found = {
            name: torch.stack(
                [column[name][index] for index, start, stop in self.episodes for column in self._columns[start:stop]]
            )
            for name in self._columns[0]
        }
        lengths = torch.tensor([stop - start for _, start, stop in self.episodes])
        return {**found, "episode": torch.repeat_interleave(torch.arange(len(lengths)), lengths)}


@torch.no_grad()
def collect(policy: Policy, environment: Environment, steps: int, seed: int = 0, source: str = "") -> Demonstrations:
    """Let a specialist act, with actions drawn from its probabilities as in its evaluation.

    Args:
        policy: of the environment's robot and task, without smoothing.
        environment: whose policy observations are what the generalist will see.
        steps: control steps of every environment.
        seed: of the drawn actions.
        source: name of the specialist's file.

    Raises:
        DactylError: no episode succeeded, or the specialist's actions are no positions.
    """
    contract, robot = policy.contract, environment.robot
    if contract.action_origin not in control.ORIGINS or contract.smoothing != 1.0:
        raise DactylError("demonstrations need a specialist that acts in positions, without smoothing")
    generator = torch.Generator(environment.device).manual_seed(seed)
    observations, state = environment.reset(), policy.initial_state(environment.num_envs)
    recorder = Recorder(environment.num_envs)
    limits = torch.as_tensor(robot.actuator_limits, device=environment.device)
    for _ in range(steps):
        chosen, state = policy.step(observations, state, False, generator)
        angles = environment.physics.state.qpos[: environment.num_envs, environment.scene.joints].double()
        positions = robot.actuator_positions(angles)
        action = control.as_action(chosen, contract.bins, torch.float64)
        targets = control.target(positions, action, limits, contract.action_origin, contract.action_scale)
        rows = {name: seen if name == "policy" else seen.half() for name, seen in observations.items()}
        del rows["value"]
        rows["action"] = control.action_for(targets, positions, limits, ORIGIN).float()
        step = environment.step(chosen)
        ended = step.terminated | step.truncated
        recorder.add(rows, ended, step.info["complete"])
        observations, state = step.observations, policy.reset(state, ended)
    return _made(recorder, policy, environment, source)


def _made(recorder: Recorder, policy: Policy, environment: Environment, source: str) -> Demonstrations:
    rows = recorder.rows()
    if not rows:
        raise DactylError(f"none of the {recorder.ended} episodes that ended succeeded: nothing to learn from")
    contract = policy.contract
    about = About(
        robot=contract.robot,
        task=contract.task,
        objects=(environment.object.name,),
        observation=contract.observation,
        actuators=contract.actuators,
        control_period=contract.control_period,
        specialists=(source,) if source else (),
        ended=recorder.ended,
        kept=len(recorder.episodes),
    )
    own = ("policy", "action", "episode")
    images = {name: values for name, values in rows.items() if name not in own}
    return Demonstrations(about, rows["policy"], rows["action"], rows["episode"], images)


def save(path: Path, found: Demonstrations) -> None:
    """Write a file, whole or not at all.

    Raises:
        DactylError: it cannot be written.
    """
    tensors = {"observation": found.observation, "action": found.action, "episode": found.episode}
    tensors |= {f"{IMAGE}{name}": values for name, values in found.images.items()}
    try:
        weights.save(path, json.dumps({"format": FORMAT, **asdict(found.about)}), tensors)
    except (OSError, SafetensorError) as error:
        raise DactylError(f"cannot write the demonstrations {path}: {error}") from error


def load(paths: Sequence[Path]) -> Demonstrations:
    """The demonstrations of several files, one after the other.

    Raises:
        DactylError: one cannot be read, or is of another robot, task or observation than the first.
    """
    if not paths:
        raise DactylError("name at least one file of demonstrations")
    parts = [_read(path) for path in paths]
    first = parts[0]
    for path, part in zip(paths, parts, strict=True):
        if not first.about.matches(part.about) or set(part.images) != set(first.images):
            raise DactylError(f"{path} is of another robot, task or observation than {paths[0]}")
    starts = torch.tensor([0, *(int(part.episode[-1]) + 1 for part in parts[:-1])]).cumsum(0)
    about = first.about
    merged = About(
        robot=about.robot,
        task=about.task,
        objects=tuple(dict.fromkeys(name for part in parts for name in part.about.objects)),
        observation=about.observation,
        actuators=about.actuators,
        control_period=about.control_period,
        specialists=tuple(dict.fromkeys(name for part in parts for name in part.about.specialists)),
        ended=sum(part.about.ended for part in parts),
        kept=sum(part.about.kept for part in parts),
    )
    return Demonstrations(
        merged,
        torch.cat([part.observation for part in parts]),
        torch.cat([part.action for part in parts]),
        torch.cat([part.episode + start for part, start in zip(parts, starts, strict=True)]),
        {name: torch.cat([part.images[name] for part in parts]) for name in first.images},
    )


def only(found: Demonstrations, names: Sequence[str]) -> Demonstrations:
    """The same with these of what was seen, in their order there, and nothing else; without names all of it.

    Raises:
        DactylError: something of it was not seen.
    """
    if not names:
        return found
    there = dict(found.about.observation)
    if missing := [name for name in names if name not in there]:
        raise DactylError(f"the demonstrations do not have {missing[0]}: {choose_from(missing[0], there)}")
    parts = found.observation.split(list(there.values()), dim=1)
    kept = [(name, part) for (name, part) in zip(there, parts, strict=True) if name in names]
    about = replace(found.about, observation=tuple((name, there[name]) for name, _ in kept))
    return replace(found, about=about, observation=torch.cat([part for _, part in kept], dim=1))


def _read(path: Path) -> Demonstrations:
    try:
        text, tensors = weights.read(path)
        about = _about(text)
        observation, action, episode = (tensors[name] for name in ("observation", "action", "episode"))
        images = {name.removeprefix(IMAGE): t for name, t in tensors.items() if name.startswith(IMAGE)}
        found = Demonstrations(about, observation, action, episode, images)
        _check(found)
    except (ValueError, KeyError, OverflowError, RuntimeError) as error:
        raise DactylError(f"cannot use the demonstrations {path}: {error}") from error
    return found


def _about(text: str) -> About:
    try:
        values: dict[str, Any] = json.loads(text)
        if values.pop("format") != FORMAT:
            raise ValueError(f"they are not in the format {FORMAT}")
        for name in ("objects", "actuators", "specialists"):
            values[name] = tuple(map(str, values[name]))
        values["observation"] = tuple((str(name), int(size)) for name, size in values["observation"])
        return About(**values)
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"what they are of cannot be read: {error}") from error


def _check(found: Demonstrations) -> None:
    """ValueError says what does not fit together."""
    rows = found.action.shape[0] if found.action.dim() else 0
    inputs = sum(size for _, size in found.about.observation)
    shapes = {
        "observation": (found.observation, (rows, inputs)),
        "action": (found.action, (rows, len(found.about.actuators))),
        "episode": (found.episode, (rows,)),
    }
    for name, (values, shape) in shapes.items():
        if tuple(values.shape) != shape or rows == 0:
            raise ValueError(f"{name} has shape {tuple(values.shape)}, not {shape}")
    if any(values.shape[:1] != (rows,) for values in found.images.values()):
        raise ValueError("there is not an image for each row")
    if not bool(torch.isfinite(found.observation).all() and torch.isfinite(found.action).all()):
        raise ValueError("numbers are not finite")
    if found.episode.is_floating_point() or not bool((found.episode.diff() >= 0).all() and found.episode[0] >= 0):
        raise ValueError("episodes do not follow each other")
