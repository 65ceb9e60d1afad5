"""Whom a policy imitates: a network that says the same in the same situations, one of postures, or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from dactyl.errors import DactylError
from dactyl.learning.actions import DEVIATION
from dactyl.learning.models.recurrent import Network
from dactyl.learning.policy import Contract
from dactyl.learning.protocol import KIND
from dactyl.maths.arrays import Constant
from dactyl.robot import control, torque
from dactyl.robot.robot import Robot, Torques

ANGLES, OWN_ACTION = "joint_angles", "smoothed_action"
"""Terms of the observation."""
LEAST_DEVIATION = 0.05
"""Of the torques that a teacher is taken to have meant, in units of action: a law's are exact, nobody's need be."""


class Teacher(Protocol):
    """What `Distillation` asks of a teacher; a `Network` is one."""

    group: str
    """See `Network`."""
    inputs: int
    """How many of the numbers that the value network sees it is shown, the first; 0: what the policy sees."""

    def initial_state(self, n: int) -> Tensor:
        """See `Network`."""

    def step(self, x: Mapping[str, Tensor], state: Tensor) -> tuple[Tensor, Tensor]:
        """See `Network`."""

    def sequence(self, x: Mapping[str, Tensor], state: Tensor, starts: Tensor) -> Tensor:
        """See `Network`."""


def shown(teacher: Teacher, observations: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """What a teacher is shown of observations, groups (…, *shape)."""
    return {teacher.group: observations["value"][..., : teacher.inputs]} if teacher.inputs else observations


class Specialists:
    """A teacher for each object of a `MixedEnvironment`: a policy for that object alone, which sees and says what the
    one for all does. One with a memory begins each sequence without it."""

    group: str = "policy"
    inputs: int = 0

    def __init__(self, networks: Sequence[Network]) -> None:
        """In the order of the environment's parts."""
        self._networks = tuple(networks)
        self._memory = max(network.state_size for network in networks)

    def initial_state(self, n: int) -> Tensor:
        """Room for whoever remembers most."""
        return self._networks[0].head.weight.new_zeros(n, self._memory)

    def step(self, x: Mapping[str, Tensor], state: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs (n, outputs) and the memory, of each row's own specialist."""
        outputs, after = None, state.clone()
        for network, rows in self._rows(x[KIND]):
            said, remembered = network.step({self.group: x[self.group][rows]}, state[rows, : network.state_size])
            outputs = said.new_zeros(len(state), said.shape[-1]) if outputs is None else outputs
            outputs[rows], after[rows, : network.state_size] = said, remembered
        assert outputs is not None
        return outputs, after

    def sequence(self, x: Mapping[str, Tensor], state: Tensor, starts: Tensor) -> Tensor:
        """Outputs (T, n, outputs) of each row's own specialist."""
        outputs = None
        for network, rows in self._rows(x[KIND][0]):
            memory = state[rows, : network.state_size]
            said = network.sequence({self.group: x[self.group][:, rows]}, memory, starts[:, rows])
            outputs = said.new_zeros(*starts.shape, said.shape[-1]) if outputs is None else outputs
            outputs[:, rows] = said
        assert outputs is not None
        return outputs

    def _rows(self, kinds: Tensor) -> list[tuple[Network, Tensor]]:
        """Specialists and whose teachers they are, where they are anyone's."""
        found = [(network, (kinds == kind).nonzero().squeeze(-1)) for kind, network in enumerate(self._networks)]
        return [(network, rows) for network, rows in found if len(rows)]


class PostureTeacher:
    """A teacher whose actions are postures, for a policy whose actions are torques.

    What it says is said in torques: those that pull the robot towards its posture, see `torque.towards`, from the joint
    angles that it sees. They are kept for a control step, where the law of the motors would go on following.
    """

    def __init__(self, network: Network, contract: Contract, robot: Robot, scale: float) -> None:
        """
        Args:
            network: the teacher's.
            contract: the teacher's.
            robot: that both move.
            scale: of the policy's actions, see `Contract.action_scale`.

        Raises:
            DactylError: its actions cannot be said in torques.
        """
        if not isinstance(robot.action, Torques):
            raise DactylError(f"the robot {robot.name} takes no torques: the teacher's postures stay postures")
        terms = [name for name, _ in contract.observation]
        if contract.bins or contract.smoothing != 1.0 or ANGLES not in terms or OWN_ACTION in terms:
            raise DactylError(
                "a teacher of postures must act in numbers without smoothing, see the joint angles and not its own "
                "action, for a policy of torques to imitate it"
            )
        self.group, self.inputs = network.group, network.inputs
        self._network, self._contract, self._robot, self._action = network, contract, robot, robot.action
        self._most = robot.action.limit * scale
        start = sum(size for _, size in contract.observation[: terms.index(ANGLES)])
        self._angles = slice(start, start + len(robot.joints))
        self._limits = Constant(robot.actuator_limits)
        self._stiffness = Constant(np.array(robot.action.stiffness))

    def initial_state(self, n: int) -> Tensor:
        return self._network.initial_state(n)

    def step(self, x: Mapping[str, Tensor], state: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs (n, 2 A) of a policy of torques, see `actions.Gaussian`, and the memory."""
        outputs, state = self._network.step(x, state)
        return self.translated(outputs, x[self.group][..., self._angles]), state

    def sequence(self, x: Mapping[str, Tensor], state: Tensor, starts: Tensor) -> Tensor:
        """Outputs (T, n, 2 A) of a policy of torques, see `actions.Gaussian`."""
        return self.translated(self._network.sequence(x, state, starts), x[self.group][..., self._angles])

    def translated(self, outputs: Tensor, joint_angles: Tensor) -> Tensor:
        """A policy of torques' outputs (..., 2 A) from the teacher's (..., 2 A), at joint angles (..., J), rad."""
        mean, log_std = outputs.float().chunk(2, -1)
        limits, stiffness = self._limits.like(mean), self._stiffness.like(mean)
        positions = self._robot.actuator_positions(joint_angles)
        contract = self._contract
        targets = control.target(
            positions, mean.clamp(-1.0, 1.0), limits, contract.action_origin, contract.action_scale
        )
        pulled = torque.towards(targets, positions, self._action.limit, stiffness) / self._most
        reach = 0.5 * contract.action_scale * (limits[:, 1] - limits[:, 0]) * stiffness / self._most
        deviation = (reach * DEVIATION * log_std.exp()).clamp(LEAST_DEVIATION, DEVIATION)
        return torch.cat([pulled.clamp(-1.0, 1.0), (deviation / DEVIATION).log()], dim=-1)
