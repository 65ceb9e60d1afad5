"""Group `unmodeled_effects`: action noise and delay, backlash, joint sensors that are off, tracking errors, timing,
forces (appendix C.2)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf

import numpy as np
import torch
from torch import Tensor

from dactyl.environment.pushes import faded
from dactyl.environment.randomization.effect import Effect
from dactyl.environment.randomization.random import Random, check_amount, check_range
from dactyl.robot import backlash, control
from dactyl.robot.control import ActionMeaning
from dactyl.robot.robot import Robot, Torques

ACTION_RANGE = 2.0  # width of [-1, 1]: Table 8 gives percentages of it
_MOST = {"delay_probability": 1.0, "force_decay": 1.0, "action_lag": 1.0, "frame_lag": 1.0}


@dataclass(frozen=True)
class UnmodeledEffects:
    """Appendix C.2's values."""

    action_noise_uncorrelated: float = 0.05  # of the action range, Table 8
    action_noise_correlated: float = 0.015  # of the action range, Table 8
    action_noise_multiplicative: float = 0.015  # Table 8
    delay_probability: float = 0.5  # of each actuator, per episode; one control step
    backlash_factor: tuple[float, float] = (0.5, 2.0)  # loguniform, on each actuator's and direction's slack rate
    backlash_rate_std: float = 0.1  # of what is added to each
    joint_offset: float = 0.04  # rad, of each joint's sensor; after Shadow's calibration 2.3° are left, after ours 1.2°
    dropout_rate: float = 0.2  # per marker and second
    dropout_duration: float = 1.0  # s
    occlusion_distance: float = 0.004  # m between a marker's cuboid and the object or another finger
    timestep_rate: tuple[float, float] = (1250.0, 10000.0)  # 1/s, lambda of the exponential added to every physics step
    force_probability: tuple[float, float] = (0.001, 0.1)  # loguniform, per control step
    force_acceleration: float = 1.0  # m/s², std of each coordinate
    force_decay: float = 0.99  # per control step
    pose_period: float | None = None
    """s between two readings of the object's pose, see `HeldPose`; None: every control step has one."""
    pose_delay: float | None = None
    """s that a reading is old when it arrives; None: it is new."""
    action_lag: float | None = None  # probability, per control step, that the action before arrives again, see `Lag`
    frame_lag: float | None = None  # probability, per control step, that the policy sees again what it saw before

    def __post_init__(self) -> None:
        for effect in fields(self):
            value = getattr(self, effect.name)
            if isinstance(value, tuple):
                check_range(effect.name, *value)
            elif value is not None:
                check_amount(effect.name, value, _MOST.get(effect.name, inf))
        check_amount("force_probability", self.force_probability[1], 1.0)

    @property
    def pose_age(self) -> float:
        """s; how old the object's pose may be that the policy sees."""
        return (self.pose_period or 0.0) + (self.pose_delay or 0.0)


NO_EFFECTS = UnmodeledEffects(
    action_noise_uncorrelated=0.0,
    action_noise_correlated=0.0,
    action_noise_multiplicative=0.0,
    delay_probability=0.0,
    backlash_factor=(1.0, 1.0),
    backlash_rate_std=0.0,
    joint_offset=0.0,
    dropout_rate=0.0,
    occlusion_distance=0.0,
    timestep_rate=(1e6, 1e6),  # as good as none
    force_probability=(1e-9, 1e-9),
    force_acceleration=0.0,
)
"""What tasks begin with that have others than the appendix's."""


class Actuation(Effect):
    """What becomes of smoothed actions on their way to the joints: delay, noise, backlash, sensors that are off.

    The controllers know the joints' angles by their sensors alone, each of which is off by an angle of its own. Motions
    counted from the present angles are none the worse for it (the paper's reason for them, footnote 5); postures are.
    """

    def __init__(
        self,
        config: UnmodeledEffects,
        num_envs: int,
        robot: Robot,
        random: Random,
        *,
        meaning: ActionMeaning,
        backlash_rates: np.ndarray,
    ) -> None:
        """`backlash_rates`: (A, 2) nominal ones, see `robot.backlash`."""
        self._config, self._random, self._robot, self._meaning = config, random, robot, meaning
        self._shape = (num_envs, len(robot.actuators))
        device = random.device
        self._limits = torch.as_tensor(robot.actuator_limits, dtype=torch.float32, device=device)
        self._most_torque = robot.action.limit if isinstance(robot.action, Torques) else None
        self._rates = torch.as_tensor(backlash_rates, dtype=torch.float32, device=device)
        self.bias = torch.zeros(self._shape, device=device)
        self.delayed = torch.zeros(self._shape, device=device, dtype=torch.bool)
        self.pending = torch.zeros(self._shape, device=device)
        self.pending_positions = torch.zeros(self._shape, device=device)
        self.slack = torch.zeros(self._shape, device=device)
        self.delta = self._rates.repeat(num_envs, 1, 1)
        self.joint_offset = torch.zeros(num_envs, len(robot.joints), device=device)
        self.offset = torch.zeros(self._shape, device=device)

    def restart(self, mask: Tensor, joint_angles: Tensor) -> Tensor:
        """Draw the effects of new episodes in which the robot has these joint angles (N, J), rad.

        Returns:
            The actions (N, A) that hold every robot where its sensors say that it is.
        """
        config, random = self._config, self._random
        factor = random.loguniform(*config.backlash_factor, *self._shape, 2)
        noise = config.backlash_rate_std * random.normal(*self._shape, 2)
        self.redraw(
            mask,
            bias=config.action_noise_correlated * ACTION_RANGE * random.normal(*self._shape),
            delayed=random.chance(config.delay_probability, *self._shape),
            slack=torch.zeros_like(self.slack),
            delta=(self._rates * factor + noise).clamp(min=1e-3),
            joint_offset=config.joint_offset * random.normal(*self.joint_offset.shape),
        )
        positions = self._robot.actuator_positions(self.read(joint_angles))
        still = control.holding(positions, self._limits, self._meaning.origin, self._meaning.scale)
        offset = self._robot.actuator_positions(self.joint_offset)
        self.redraw(mask, pending=still, pending_positions=positions, offset=offset)
        return still

    def read(self, joint_angles: Tensor) -> Tensor:
        """Joint angles (N, J), rad, as the robot's sensors have them; float32."""
        return joint_angles.float() + self.joint_offset

    def targets(self, action: Tensor, joint_angles: Tensor) -> Tensor:
        """What the joints are driven to, true angles (N, A), rad, or by, torques, N·m; one call per control step.

        A robot whose motors are at its joints has no tendons, and no backlash.

        Args:
            action: (N, A) smoothed.
            joint_angles: (N, J) rad, true ones, now.
        """
        positions = self._robot.actuator_positions(joint_angles.float()) + self.offset
        specified_at = torch.where(self.delayed, self.pending_positions, positions)  # s_t of appendix C.1
        arriving = torch.where(self.delayed, self.pending, action)
        self.pending, self.pending_positions = action, positions
        meaning = self._meaning
        targets = control.commands(specified_at, self._noisy(arriving), self._limits, meaning, self._most_torque)
        if meaning.origin == control.TORQUE:
            return targets
        if not self._robot.action.tendons:
            return targets - self.offset
        self.slack, targets = backlash.transmit(self.slack, positions, targets, self._limits, self.delta)
        return targets - self.offset

    def _noisy(self, action: Tensor) -> Tensor:
        config, random = self._config, self._random
        factor = 1.0 + config.action_noise_multiplicative * random.normal(*self._shape)
        noise = config.action_noise_uncorrelated * ACTION_RANGE * random.normal(*self._shape)
        return (action * factor + self.bias + noise).clamp(-1.0, 1.0)


class Tracking(Effect):
    """Fingertip markers that motion capture loses for a while: their last reading is kept."""

    def __init__(self, config: UnmodeledEffects, num_envs: int, robot: Robot, random: Random) -> None:
        period, fingertips = robot.timing.control, len(robot.fingertips)
        self._random = random
        self.occlusion_distance = config.occlusion_distance
        self._probability = config.dropout_rate * period
        self._duration = round(config.dropout_duration / period)
        self.remaining = torch.zeros(num_envs, fingertips, device=random.device, dtype=torch.int64)
        self.last = torch.zeros(num_envs, fingertips, 3, device=random.device)
        self.fresh = torch.ones(num_envs, device=random.device, dtype=torch.bool)

    def restart(self, mask: Tensor) -> None:
        self.redraw(mask, remaining=torch.zeros_like(self.remaining), fresh=torch.ones_like(self.fresh))

    def apply(self, fingertips: Tensor, occluded: Tensor) -> Tensor:
        """Readings (N, F, 3), old ones for lost or occluded (N, F) markers; an episode's first is always new."""
        lost = self._random.chance(self._probability, *occluded.shape)
        self.remaining = torch.where(lost, self._duration, (self.remaining - 1).clamp(min=0))
        held = (occluded | (self.remaining > 0)) & ~self.fresh[:, None]
        self.last = torch.where(held[..., None], self.last, fingertips)
        self.fresh = torch.zeros_like(self.fresh)
        return self.last


class Timing(Effect):
    """Physics steps of the nominal time + Exp(lambda)."""

    def __init__(self, config: UnmodeledEffects, num_envs: int, robot: Robot, random: Random) -> None:
        self._range, self._random, self._timing = config.timestep_rate, random, robot.timing
        self.rate = torch.full((num_envs,), config.timestep_rate[1], device=random.device)

    def restart(self, mask: Tensor) -> None:
        self.redraw(mask, rate=self._random.uniform(*self._range, len(self.rate)))

    def timesteps(self, substeps: int) -> Tensor:
        """(substeps, N) s. However many there are, together they are as late as the robot's own number of them."""
        own = self._timing.substeps
        late = self._random.exponential(own, len(self.rate)) / self.rate
        return self._timing.control / substeps + _shared_out(late, substeps)


def _shared_out(values: Tensor, parts: int) -> Tensor:
    """Rows of values (n, N) summed up, or divided, into so many parts (parts, N)."""
    if len(values) % parts == 0:
        return values.unflatten(0, (parts, -1)).sum(1)
    return (values.sum(0) / parts).expand(parts, -1)


class Forces(Effect):
    """Now and then a push on the object that slowly fades."""

    def __init__(self, config: UnmodeledEffects, num_envs: int, random: Random) -> None:
        self._config, self._random = config, random
        self.probability = torch.zeros(num_envs, device=random.device)
        self.acceleration = torch.zeros(num_envs, 3, device=random.device)

    def restart(self, mask: Tensor) -> None:
        probability = self._random.loguniform(*self._config.force_probability, len(self.probability))
        self.redraw(mask, probability=probability, acceleration=torch.zeros_like(self.acceleration))

    def accelerations(self) -> Tensor:
        """(N, 3) m/s², world frame, for the coming control step: times the object's mass, the force."""
        push = self._random.chance(self.probability, len(self.probability))
        fresh = self._config.force_acceleration * self._random.normal(*self.acceleration.shape)
        self.acceleration = faded(self.acceleration, push, fresh, self._config.force_decay)
        return self.acceleration
