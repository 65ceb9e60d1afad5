"""The policy as one object for training, evaluation and the node, and its file.

A policy file is safetensors: the policy network's tensors, and under the metadata key "dactyl" a JSON contract that
says everything another robot needs to run it. Matrices may be stored in float16 or bfloat16; they are computed in
float32.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dactyl import registry
from dactyl.environment import task as tasks
from dactyl.environment.task import Task
from dactyl.errors import DactylError
from dactyl.learning import actions
from dactyl.learning.models.diffusion import KIND, DiffusionArchitecture, DiffusionNetwork
from dactyl.learning.models.recurrent import RELU, Architecture, Network
from dactyl.robot import robot as robots
from dactyl.robot.robot import Robot
from dactyl.storage import weights

FORMAT = "dactyl-policy/1"
HEAD_GAIN = 0.01  # near-uniform probabilities at first: every bin gets tried


_OWN = None  # typed as what it becomes: the robot's or the task's own


@dataclass(frozen=True)
class Contract:
    """What a policy expects of whoever runs it. The JSON in its file has these keys and `format`."""

    observation: tuple[tuple[str, int], ...] = _OWN  # type: ignore[assignment]
    """Names and sizes of the inputs in order, see the task's `observations`."""
    architecture: Architecture | DiffusionArchitecture = field(default_factory=Architecture)
    """That of a diffusion policy has a `kind`."""
    bins: int = _OWN  # type: ignore[assignment]
    """Bin b of an actuator is the action 2 b / (bins - 1) - 1; 0: an action is a number, normally distributed."""
    actuators: tuple[str, ...] = _OWN  # type: ignore[assignment]
    control_period: float = _OWN  # type: ignore[assignment]
    """s between two decisions. Another one than the robot's own is for simulation alone."""
    action_origin: str = _OWN  # type: ignore[assignment]
    """What actions are counted from, see `control.ORIGINS`, or torques."""
    action_scale: float = 1.0
    """How far action 1 reaches, in units of half the actuator's range, or of the largest torque."""
    smoothing: float = _OWN  # type: ignore[assignment]
    """Weight of the new action in the moving average, per control step."""
    robot: str = registry.DEFAULTS["robots"]
    task: str = registry.DEFAULTS["tasks"]
    object: str = _OWN  # type: ignore[assignment]
    others: tuple[str, ...] = ()
    """Objects that it was trained with besides."""
    locked_wrist: bool = False
    """Trained with the joints of `Robot.locked` held still (section 6.1)."""
    trained: Mapping[str, Any] = field(default_factory=dict)
    """How it was trained, for people; {"untrained": true} where it was not."""

    def __post_init__(self) -> None:
        robot, task = robots.load(self.robot), tasks.load(self.task)
        own = {
            "observation": sizes(task, robot, task.policy_terms),
            "bins": robot.action.bins,
            "actuators": robot.actuators,
            "control_period": robot.timing.control,
            "action_origin": robot.action.origins[0],
            "smoothing": robot.action.smoothing,
            "object": task.objects[0],
        }
        for name, value in own.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)

    @property
    def inputs(self) -> int:
        """Length of an observation."""
        return sum(size for _, size in self.observation)

    def to_json(self) -> str:
        """The text in a policy's file."""
        return json.dumps({"format": FORMAT, **asdict(self), "architecture": described(self.architecture)})

    @classmethod
    def from_json(cls, text: str) -> Contract:
        """Parse and check a contract; ValueError says what is wrong with it."""
        try:
            values = json.loads(text)
            if values.pop("format") != FORMAT:
                raise ValueError(f"its contract is not in the format {FORMAT}")
            contract = cls(
                observation=tuple((str(name), int(size)) for name, size in values.pop("observation")),
                architecture=_architecture(values.pop("architecture")),
                actuators=tuple(values.pop("actuators")),
                others=tuple(values.pop("others", ())),
                **values,
            )
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(f"its contract cannot be read: {error}") from error
        contract.check()
        return contract

    def about(self, object: str | None) -> Contract:
        """With this as its object, where it is one of `others`, so that whoever runs it need not know of several."""
        if object is None or object not in self.others:
            return self
        return replace(self, object=object, others=(self.object, *(name for name in self.others if name != object)))

    def check(self) -> None:
        """ValueError says what does not fit the robot and the task that it names."""
        robot, task = robots.load(self.robot), tasks.load(self.task)
        period = self.control_period
        if not (isinstance(period, (int, float)) and robot.timing.allows(period)):
            raise ValueError(
                f"its control_period {_short(period)} is no whole number of the robot {robot.name}'s physics steps"
            )
        own = {"bins": robot.action.bins, "actuators": robot.actuators}
        for name, expected in own.items():
            if (found := getattr(self, name)) != expected:
                raise ValueError(
                    f"it was made for {name} {_short(found)}, the robot {robot.name} has {_short(expected)}"
                )
        if isinstance(self.architecture, DiffusionArchitecture) and self.bins:
            raise ValueError(f"a diffusion policy has no bins, the robot {robot.name} has {self.bins}")
        if self.action_origin not in robot.action.origins:
            raise ValueError(f"its actions are counted from {self.action_origin!r}, unknown here")
        for name, size in self.observation:
            if name not in task.observations or sizes(task, robot, (name,)) != ((name, size),):
                raise ValueError(f"it expects an observation {name} of {size} numbers, unknown here")


def described(architecture: Architecture | DiffusionArchitecture) -> dict[str, Any]:
    """An architecture for files. ReLU goes without saying: files from before there was a choice do not name it."""
    values = asdict(architecture)
    if values.get("activation") == RELU:
        del values["activation"]
    return values


def _architecture(values: Mapping[str, Any]) -> Architecture | DiffusionArchitecture:
    return DiffusionArchitecture(**values) if values.get("kind") == KIND else Architecture(**values)


def sizes(task: Task, robot: Robot, terms: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Names and lengths of the task's observation terms, each a vector."""
    return tuple((name, task.term(name).shape(robot)[0]) for name in terms)


class Policy:
    """A policy network and its contract.

    The state of n environments is a tensor (n, state size), see `Network` and `DiffusionNetwork`.
    """

    network: Network | DiffusionNetwork

    def __init__(self, contract: Contract, network: Network | DiffusionNetwork | None = None) -> None:
        """With `network`, or a new one with random weights from torch's global generator."""
        self.contract = contract
        architecture, actuators = contract.architecture, len(contract.actuators)
        if isinstance(architecture, DiffusionArchitecture):
            self.actions: actions.Actions = actions.Chosen(actuators)
            self.network = network or DiffusionNetwork(contract.inputs, actuators, architecture)
            return
        self.actions = actions.choose(actuators, contract.bins)
        self.network = network or Network(
            "policy",
            contract.inputs,
            self.actions.outputs,
            architecture,
            head_gain=HEAD_GAIN,
            constants=self.actions.constants,
        )

    @property
    def trainable(self) -> Network:
        """The network, of the kind that PPO and imitation improve.

        Raises:
            DactylError: it is a diffusion policy's.
        """
        if not isinstance(self.network, Network):
            raise DactylError("a diffusion policy can neither be trained by PPO nor teach")
        return self.network

    @classmethod
    def load(
        cls,
        path: str | Path,
        object: str | None = None,
        device: str | torch.device = "cpu",
        robot: str | None = None,
        task: str | None = None,
    ) -> Policy:
        """Read a policy file; of a policy for several objects the contract is about the one that is named.

        Args:
            path: of a .safetensors file.
            object: the object it will turn; None accepts any.
            device: to compute on.
            robot: the robot it will move; None accepts any that is known here.
            task: what it will do; None accepts any that is known here.

        Raises:
            DactylError: the file is not a policy that fits this robot and object; says why.
        """
        expected = {"object": object, "robot": robot, "task": task}
        return weights.load(path, "policy", lambda text: Contract.from_json(text).about(object), cls, expected, device)

    @torch.no_grad()
    def sharpen(self, temperature: float) -> None:
        """From now on draw actions with probabilities (densities) to the power 1 / temperature: below 1 the likely ones
        more often. The file's contract says so under `trained`.

        Raises:
            DactylError: the temperature is not positive, or it is a diffusion policy.
        """
        if not 0.0 < temperature < math.inf:
            raise DactylError(f"temperature must be positive, not {temperature:g}")
        network = self.trainable
        if network.constants is None:
            network.head.weight.div_(temperature)
            network.head.bias.div_(temperature)
        else:
            network.constants.add_(0.5 * math.log(temperature))  # of logarithms of deviations
        total = temperature * self.contract.trained.get("temperature", 1.0)
        self.contract = replace(self.contract, trained={**self.contract.trained, "temperature": total})

    def save(self, path: str | Path, dtype: torch.dtype = torch.float32) -> None:
        """Write a policy file, whole or not at all; matrices in `dtype`, statistics in float32."""
        tensors = {
            name: tensor.to(torch.float32 if name.startswith("normalizer.") else dtype)
            for name, tensor in self.network.state_dict().items()
        }
        weights.save(Path(path), self.contract.to_json(), tensors)

    def initial_state(self, n: int) -> Tensor:
        """State of n environments at the start of a trial."""
        return self.network.initial_state(n)

    @staticmethod
    def reset(state: Tensor, mask: Tensor | np.ndarray) -> Tensor:
        """A copy of the state that starts afresh where mask (n,) is true."""
        mask = torch.as_tensor(mask, dtype=torch.bool, device=state.device)
        return state.masked_fill(mask.unsqueeze(-1), 0.0)

    @torch.no_grad()
    def step(
        self,
        observation: Tensor | np.ndarray | Mapping[str, Tensor | np.ndarray],
        state: Tensor,
        deterministic: bool = False,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Decide on the next action.

        Args:
            observation: (n, inputs), the contract's terms side by side; or groups by name, that vector as "policy".
            state: from `initial_state`, `reset` or the step before.
            deterministic: take the most likely actions instead of drawing them.
            generator: random numbers for drawing; torch's global ones by default.

        Returns:
            bins (n, actuators) int64, or numbers in [-1, 1] where the contract has no bins; and the new state.

        Raises:
            DactylError: the observation is of another size or not finite; the old state remains usable.
        """
        groups = observation if isinstance(observation, Mapping) else {"policy": observation}
        seen = {name: torch.as_tensor(x, dtype=torch.float32, device=state.device) for name, x in groups.items()}
        self._check(seen["policy"], state)
        if isinstance(self.network, DiffusionNetwork):
            noise = None if deterministic else self.network.noise(len(state), generator)
            chunked, state = self.network.step(seen, state, noise)
            return self.actions.executed(chunked), state
        outputs, state = self.network.step(seen, state)
        drawn = self.actions.mode(outputs) if deterministic else self.actions.sample(outputs, generator)
        return self.actions.executed(drawn), state

    def _check(self, observation: Tensor, state: Tensor) -> None:
        if observation.shape != (len(state), self.contract.inputs):
            expected = f"({len(state)}, {self.contract.inputs})"
            raise DactylError(f"the policy expects observations of shape {expected}, not {tuple(observation.shape)}")
        if not bool(torch.isfinite(observation).all()):
            names, sizes = zip(*self.contract.observation, strict=True)
            finite = (bool(torch.isfinite(values).all()) for values in observation.split(sizes, -1))
            bad = [name for name, good in zip(names, finite, strict=True) if not good]
            raise DactylError(f"the policy was given numbers that are not finite in: {', '.join(bad)}")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 60 else text[:57] + "..."
