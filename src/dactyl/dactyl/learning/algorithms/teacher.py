"""Whom a policy imitates: a network that says the same in the same situations, or one that acts in postures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from dactyl.errors import DactylError
from dactyl.learning.actions import DEVIATION
from dactyl.learning.models.recurrent import Network
from dactyl.learning.policy import Contract
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
    inputs: int
    """See `Network`."""

    def initial_state(self, n: int) -> Tensor:
        """See `Network`."""

    def step(self, x: Mapping[str, Tensor], state: Tensor) -> tuple[Tensor, Tensor]:
        """See `Network`."""

    def sequence(self, x: Mapping[str, Tensor], state: Tensor, starts: Tensor) -> Tensor:
        """See `Network`."""


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
