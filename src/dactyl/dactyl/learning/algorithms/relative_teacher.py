"""A teacher whose actions are postures, for a policy whose actions are counted from the present joint angles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dactyl.errors import DactylError
from dactyl.learning.algorithms.teacher import ANGLES, OWN_ACTION
from dactyl.learning.models.recurrent import Network
from dactyl.learning.policy import Contract
from dactyl.maths.arrays import Constant
from dactyl.robot import control
from dactyl.robot.robot import Robot

POSTURE = "posture"
"""Term of the observation that stands for the teacher's own smoothed action: where the actuators are told to go."""
_LEAST = 1e-6  # probability of a bin that the teacher would never choose


class RelativeTeacher:
    """Says the teacher's bins in the policy's: each leads, from where the robot is, to another relative action.

    The policy is told the way from the joint angles to the posture that the teacher's action means, less what its own
    moving average makes of the joints' motion. The average of ways that began at earlier joint angles runs ahead of a
    joint that moves: with weight w of the new action, target - T = q_t - average of q, where T is the teacher's target.
    To be told the way from q_t + (1 - w) / w (q_t - q_(t-1)) undoes that exactly. A way between two bins is shared out
    among them; one out of reach is the last bin.

    A teacher with a memory begins each sequence without it, and takes the joints to be still in its first step.
    """

    def __init__(
        self, network: Network, contract: Contract, robot: Robot, own: Contract, seen: Sequence[tuple[str, int]]
    ) -> None:
        """
        Args:
            network: the teacher's.
            contract: the teacher's.
            robot: that both move.
            own: the policy's contract.
            seen: names and sizes of what the value network sees: first the teacher's terms, with `posture` where it
                has its own action, and then the joint angles.

        Raises:
            DactylError: these are not the terms, or the teacher's actions are no bins counted from the middle.
        """
        if not contract.bins or contract.action_origin != "middle" or own.action_origin != "current":
            raise DactylError("only postures in bins can be said in actions counted from the present joint angles")
        names = [name for name, _ in seen]
        theirs = told(contract)
        if tuple(names[: len(theirs)]) != theirs:
            raise DactylError(f"environment.value_terms must begin with what the teacher sees: {', '.join(theirs)}")
        if missing := {ANGLES, POSTURE} - set(names):
            raise DactylError(f"environment.value_terms need {min(missing)} for a teacher of postures")
        self.group, self.inputs = network.group, sum(size for _, size in seen)
        self._network, self._contract, self._robot, self._own = network, contract, robot, own
        self._sees = contract.inputs
        starts = torch.tensor([0, *(size for _, size in seen)]).cumsum(0).tolist()
        self._columns = {name: slice(*starts[i : i + 2]) for i, name in enumerate(names)}
        self._limits = Constant(robot.actuator_limits)
        self._lead = (1.0 - own.smoothing) / own.smoothing
        """How many steps of its motion a joint is ahead, in the way that is told."""

    def initial_state(self, n: int) -> Tensor:
        """Memory of n environments: the network's, the last joint angles, and whether they are known."""
        state = self._network.initial_state(n)
        return torch.cat([state, state.new_zeros(n, len(self._robot.joints) + 1)], -1)

    def step(self, x: Mapping[str, Tensor], state: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (n, A · bins) of the policy's actions, and the memory."""
        memory, before, known = self._parts(state)
        angles = x[self.group][..., self._columns[ANGLES]]
        outputs, memory = self._network.step(self._theirs(x), memory)
        said = self.translated(outputs, angles, known * (angles - before))
        return said, torch.cat([memory, angles, torch.ones_like(known)], -1)

    def sequence(self, x: Mapping[str, Tensor], state: Tensor, starts: Tensor) -> Tensor:
        """Logits (T, n, A · bins) of the policy's actions."""
        memory, before, known = self._parts(state)
        angles = x[self.group][..., self._columns[ANGLES]]
        outputs = self._network.sequence(self._theirs(x), memory, starts)
        moved = angles - torch.cat([torch.where(known > 0, before, angles[0])[None], angles[:-1]])
        return self.translated(outputs, angles, moved.masked_fill(starts[..., None], 0.0))

    def _parts(self, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        joints = len(self._robot.joints)
        memory, before, known = state.split([state.shape[-1] - joints - 1, joints, 1], -1)
        return memory, before, known

    def _theirs(self, x: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What the teacher sees."""
        seen = x[self.group][..., : self._sees].clone()
        if OWN_ACTION in (name for name, _ in self._contract.observation):
            seen[..., self._columns[POSTURE]] /= self._contract.action_scale
        return {self.group: seen}

    def translated(self, outputs: Tensor, joint_angles: Tensor, moved: Tensor) -> Tensor:
        """A policy's logits (..., A · bins) from the teacher's.

        Args:
            outputs: (..., A · bins), the teacher's.
            joint_angles: (..., J), rad.
            moved: (..., J), how far they have moved in the last control step, rad.
        """
        bins, theirs = self._contract.bins, self._contract
        probabilities = outputs.float().unflatten(-1, (-1, bins)).softmax(-1)
        ahead = self._robot.actuator_positions(joint_angles + self._lead * moved)
        lowest, highest = self._limits.like(ahead).unbind(-1)
        at = (2.0 * ahead - lowest - highest) / (highest - lowest)  # in units of action, from the middle
        postures = theirs.action_scale * control.as_action(torch.arange(bins, device=outputs.device), bins)
        actions = (postures - at[..., None]) / self._own.action_scale  # (..., A, bins)
        places = (actions.clamp(-1.0, 1.0) + 1.0) * (0.5 * (bins - 1))
        lower = places.floor().clamp(max=bins - 2)
        upper_share = places - lower
        said = torch.full_like(probabilities, _LEAST)
        said = said.scatter_add(-1, lower.long(), probabilities * (1.0 - upper_share))
        said = said.scatter_add(-1, lower.long() + 1, probabilities * upper_share)
        return said.log().flatten(-2)


def told(contract: Contract) -> tuple[str, ...]:
    """The terms that a teacher with this contract is shown."""
    return tuple(POSTURE if name == OWN_ACTION else name for name, _ in contract.observation)
