"""The environment policies are trained and judged in: N worlds in lockstep, reset one by one (appendix C).

One control step: bins -> action -> smoothing -> delay, noise, backlash -> target -> ten physics steps -> observation,
reward, accounts -> reset of the worlds whose episode ended. Everything is torch on the environment's device; nothing
in `step` makes a GPU wait for the host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

import torch
from torch import Tensor

from dactyl.environment import observation
from dactyl.environment.measurement import HandFrame, Measurement, occluded
from dactyl.environment.randomization import RandomizationConfig
from dactyl.environment.randomization.effect import Effect
from dactyl.environment.randomization.observation_noise import Sensed, Sensors
from dactyl.environment.randomization.random import Random, where
from dactyl.environment.randomization.unmodeled_effects import Actuation, Forces, Timing, Tracking
from dactyl.environment.starts import StartPool
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.objects import symmetry
from dactyl.robot import control
from dactyl.robots.shadow.joints import ACTUATOR_LIMITS, ACTUATORS
from dactyl.robots.shadow.layout import PALM_CENTER
from dactyl.simulation.model_fields import PhysicsFactors, nominal_factors
from dactyl.simulation.objects import MESH_SCALES
from dactyl.simulation.physics import PhysicsState, make_physics
from dactyl.simulation.scene import SceneConfig, build
from dactyl.tasks.reorient import goals, reward, trial

_OBJECT = slice(24, 31)  # position and quaternion in qpos
MAX_ROUNDS = 20


@dataclass(frozen=True)
class EnvironmentConfig:
    """What is simulated, observed and rewarded. The defaults are the paper's training environment."""

    scene: SceneConfig = field(default_factory=SceneConfig)
    rules: trial.TrialRules = field(default_factory=lambda: trial.TrialRules(timeout=trial.TRAINING_TIMEOUT))
    randomization: RandomizationConfig = field(default_factory=RandomizationConfig)
    reward: dict[str, float] = field(default_factory=lambda: dict(reward.PAPER_REWARD))
    """Weights of `reward.TERMS`."""
    policy_terms: tuple[str, ...] = observation.POLICY_TERMS
    value_terms: tuple[str, ...] = observation.VALUE_TERMS
    action_origin: str = "current"
    """What actions are counted from, see `control.ORIGINS`; also the random ones before an episode."""
    action_scale: float = 1.0
    """Reach of action 1 in units of half the actuator's range."""
    smoothing: float = control.SMOOTHING
    substeps: int = control.SUBSTEPS
    """Physics steps in a control step. Fewer are coarser and faster: for training alone, the evaluation has ten."""
    start_steps: int | None = None
    """Random actions before an episode; None: as many as `trial.START_STEPS` says."""
    nursery: float = 0.1
    """Worlds that prepare initial states, as a share of the others. 0: the first ones are used again and again."""
    goal_angle_limit: float | None = None
    """rad; goals at most this far from the current orientation. None: uniform in SO(3), the paper's."""

    def __post_init__(self) -> None:
        reward.check(self.reward)
        control.check_origin(self.action_origin)
        for term in (*self.policy_terms, *self.value_terms):
            observation.check(term)
        in_range = (
            self.start_steps is None or self.start_steps >= 1,
            self.substeps >= 1,
            0 <= self.nursery < inf,
            0 < self.smoothing <= 1,
            0 < self.action_scale < inf,
        )
        if not all(in_range):
            raise DactylError(
                f"environment: start_steps {self.start_steps} and substeps {self.substeps} must be >= 1, "
                f"nursery {self.nursery} >= 0, smoothing {self.smoothing} in (0, 1], "
                f"action_scale {self.action_scale} > 0"
            )
        if self.goal_angle_limit is not None and not self.goal_angle_limit > self.rules.tolerance:
            raise DactylError(
                f"goal_angle_limit {self.goal_angle_limit} rad must exceed the tolerance {self.rules.tolerance} rad"
            )
        low, high = self.randomization.physics.object_dimensions if self.randomization.physics else (1.0, 1.0)
        if self.scene.object == "octagonal_prism" and not MESH_SCALES[0] <= low <= high <= MESH_SCALES[-1]:
            raise DactylError(
                f"randomization object_dimensions: [{low}, {high}] leaves the sizes of the octagonal prism's meshes, "
                f"{MESH_SCALES[0]} to {MESH_SCALES[-1]}"
            )


Observations = dict[str, Tensor]


class Step(NamedTuple):
    """Outcome of one control step of N worlds."""

    observations: Observations
    """"policy" and "value", (N, size); of the new episode where one ended."""
    reward: Tensor
    """(N,)"""
    terminated: Tensor
    """(N,) bool: dropped."""
    truncated: Tensor
    """(N,) bool: no goal within the timeout, or all goals reached: the hand could go on."""
    final_value_observations: Tensor
    """(N, size) before any reset; after the last goal with one more."""
    successes: Tensor
    """(N,) int64 goals reached in the episode so far, before any reset."""
    info: dict[str, Tensor]
    """"reached", "dropped", "complete", "timeout": (N,) bool; "angle": (N,) rad to the goal before any reset."""


class ReorientEnvironment:
    """N worlds to act in, and a few more that prepare initial states for them."""

    def __init__(
        self,
        config: EnvironmentConfig | None = None,
        num_envs: int = 1,
        *,
        seed: int = 0,
        device: str = "cpu",
        threads: int = 0,
    ) -> None:
        """Compile the scene and allocate; `reset` makes the first states.

        Args:
            config: the task.
            num_envs: N.
            seed: of all randomness; on the CPU a seed gives the same episodes again.
            device: see `physics.make_physics`.
            threads: CPU threads, 0 for all cores.
        """
        self.config = config = config or EnvironmentConfig()
        if num_envs < 1:
            raise DactylError(f"{num_envs} environments: at least 1 is needed")
        self.num_envs = num_envs
        self._nursery = 0 if config.nursery == 0 else max(1, round(config.nursery * num_envs))
        worlds = num_envs + self._nursery
        self.scene = build(config.scene)
        self.physics = make_physics(self.scene, worlds, device, threads)
        self.device = self.physics.device
        self._looks_first = device == "cpu"  # on a GPU, looking whether an episode ended costs more than acting as if
        self.random = Random(seed, self.device)
        self.goal_angle_limit = config.goal_angle_limit
        self.rules = config.rules
        self._frame = HandFrame(self.physics)
        self._acting = torch.arange(worlds, device=self.device) < num_envs
        self._limits = torch.as_tensor(ACTUATOR_LIMITS, device=self.device, dtype=self.physics.state.qpos.dtype)
        self._rest = torch.as_tensor(PALM_CENTER, device=self.device, dtype=torch.float32)
        self._up = torch.as_tensor(self.scene.up, device=self.device, dtype=torch.float32)
        self._object_mass = float(self.scene.model.body_mass[self.scene.object_body])
        self._home = self._home_state(worlds)

        self._factors = nominal_factors(self.scene, worlds, self.device)
        self._pool = StartPool(worlds, self.physics.state, self._factors)
        self._alive = torch.ones(worlds, dtype=torch.bool, device=self.device)
        self._start_steps = config.start_steps or trial.START_STEPS[config.scene.object]
        self._nursery_steps = 0
        self._smoothed = torch.zeros(worlds, len(ACTUATORS), device=self.device)
        self._goal = goals.from_normals(self.random.normal(num_envs, 4))
        self._angle = torch.zeros(num_envs, device=self.device)
        self._trials = trial.start(self._angle)
        noise, effects = config.randomization.observation_noise, config.randomization.unmodeled_effects
        self._sensors = Sensors(noise, num_envs, self.random) if noise else None
        self._actuation = Actuation(effects, worlds, self.random) if effects else None
        self._timing = Timing(effects, worlds, self.random) if effects else None
        self._forces = Forces(effects, worlds, self.random) if effects else None
        self._tracking = Tracking(effects, num_envs, self.random) if effects else None

    @property
    def observation_sizes(self) -> dict[str, int]:
        return {
            "policy": observation.size(self.config.policy_terms),
            "value": observation.size(self.config.value_terms),
        }

    num_actuators = len(ACTUATORS)
    num_bins = control.NUM_BINS

    object_sensor: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None
    """What the policy sees the object with instead of noisy motion capture: states (N, 31) -> position (N, 3), m, and
    orientation (N, 4), both float32 in the hand frame."""

    # ------------------------------------------------------------------------------------------------ episodes

    def reset(self) -> Observations:
        """Prepare initial states and start an episode in every world.

        Raises:
            DactylError: random actions drop the object so often that no initial states can be made.
        """
        everywhere = torch.ones_like(self._alive)
        self._pool.clear()
        for _ in range(MAX_ROUNDS):
            self._place(everywhere)
            for _ in range(self._start_steps):
                self._advance(self._random_bins(len(everywhere)))
            self._pool.add(self._alive, self._snapshot(), self._factors)
            if len(self._pool) >= self._pool.capacity:
                break
        else:
            raise DactylError(
                f"{len(self._pool)} of {self._pool.capacity} initial states after {MAX_ROUNDS} rounds: "
                f"{self._start_steps} random actions drop the {self.config.scene.object}; choose fewer"
            )
        self._restore(everywhere, *self._pool.take(torch.arange(len(everywhere), device=self.device)))
        self._place(~self._acting)
        self._nursery_steps = 0
        measurement = self._acting_part(self._frame.measure())
        started = self._acting[: self.num_envs]
        self._start_episodes(started, measurement)
        return self._observe(measurement)

    def step(self, bins: Tensor) -> Step:
        """One control step.

        Args:
            bins: (N, 20) int64 in 0…10.
        """
        n = self.num_envs
        previous = self._smoothed[:n]
        measurement, lost = self._advance(torch.cat([bins, self._random_bins(self._nursery)]))
        measurement = self._acting_part(measurement)
        position, orientation = measurement.sensed.object_position, measurement.sensed.object_orientation
        angle = goals.angle_to_goal(self._goal, orientation)
        self._trials, events = trial.advance(self.rules, self._trials, angle, lost[:n])
        transition = reward.Transition(
            angle_before=self._angle,
            angle=angle,
            goal=self._goal,
            orientation=orientation,
            offset=position - self._rest,
            reached=events.reached,
            dropped=events.dropped,
            timeout=events.timeout,
            action=self._smoothed[:n],
            previous_action=previous,
        )
        rewards = reward.total(self.config.reward, transition)
        successes, ended = self._trials.successes, events.ended
        self._goal = where(events.reached, self._draw_goals(orientation), self._goal)
        final = torch.nan_to_num(self._value_observation(measurement), nan=0.0, posinf=0.0, neginf=0.0)
        self._tend_nursery()
        measurement = self._restart(ended, measurement)
        return Step(
            observations=self._observe(measurement),
            reward=rewards,
            terminated=events.dropped,
            truncated=events.timeout | events.complete,
            final_value_observations=final,
            successes=successes,
            info={
                "reached": events.reached, "dropped": events.dropped, "complete": events.complete,
                "timeout": events.timeout, "angle": angle,
            },
        )  # fmt: skip

    def _restart(self, ended: Tensor, measurement: Measurement) -> Measurement:
        """Start new episodes where they ended; the measurement with those worlds' new state."""
        if self._looks_first and not ended.any():
            self._angle = goals.angle_to_goal(self._goal, measurement.sensed.object_orientation)
            return measurement
        mask = torch.cat([ended, torch.zeros(self._nursery, dtype=torch.bool, device=self.device)])
        self._restore(mask, *self._pool.draw(len(mask), self.random))
        measurement = self._acting_part(self._frame.measure())
        self._start_episodes(ended, measurement)
        return measurement

    def _start_episodes(self, mask: Tensor, measurement: Measurement) -> None:
        """Redraw everything an episode keeps, but for the physics, in worlds of mask (N,)."""
        orientation = measurement.sensed.object_orientation
        self._trials = trial.restart(self._trials, mask)
        self._goal = where(mask, self._draw_goals(orientation), self._goal)
        self._angle = goals.angle_to_goal(self._goal, orientation)
        for effect in (self._sensors, self._tracking):
            if effect is not None:
                effect.restart(mask)

    def _draw_goals(self, orientation: Tensor) -> Tensor:
        normals = self.random.normal(self.num_envs, 4)
        if self.goal_angle_limit is None:
            return goals.from_normals(normals)
        turn = self.random.uniform(self.rules.tolerance, self.goal_angle_limit, self.num_envs, 1)
        axis = torch.nn.functional.normalize(normals[:, :3], dim=-1)
        return quaternion.canonical(quaternion.multiply(quaternion.from_rotation_vector(turn * axis), orientation))

    # -------------------------------------------------------------------------------------------- initial states

    def _home_state(self, worlds: int) -> PhysicsState:
        """Open hand, object on the palm."""
        qpos = torch.as_tensor(self.scene.model.qpos0, device=self.device, dtype=self.physics.state.qpos.dtype)
        qpos = qpos.repeat(worlds, 1)
        targets = control.actuator_positions(qpos[:, : _OBJECT.start])
        return PhysicsState(qpos, torch.zeros_like(self.physics.state.qvel), targets)

    def _place(self, mask: Tensor) -> None:
        """New physics, and the object in a random orientation on the palm, where mask (M,) is true."""
        qpos = self._home.qpos.clone()
        qpos[:, _OBJECT.start + 3 :] = quaternion.uniform(self.random.normal(len(mask), 4)).to(qpos.dtype)
        physics = self.config.randomization.physics
        factors = physics.sample(self.scene, len(mask), self.random) if physics else self._factors
        self._restore(mask, self._home._replace(qpos=qpos), factors)
        self._alive = self._alive | mask

    def _restore(self, mask: Tensor, state: PhysicsState, factors: PhysicsFactors) -> None:
        self._factors = PhysicsFactors(
            *(where(mask, new, old) for new, old in zip(factors, self._factors, strict=True))
        )
        self.physics.restore(mask, state, self._factors)
        self._smoothed = where(mask, torch.zeros_like(self._smoothed), self._smoothed)
        for effect in (self._actuation, self._timing, self._forces):
            if effect is not None:
                effect.restart(mask)

    def _snapshot(self) -> PhysicsState:
        return PhysicsState(*(values.clone() for values in self.physics.state))

    def _tend_nursery(self) -> None:
        """Every `start_steps` control steps, put what survived into the pool and begin again."""
        self._nursery_steps += 1
        if self._nursery == 0 or self._nursery_steps < self._start_steps:
            return
        self._pool.add(self._alive & ~self._acting, self._snapshot(), self._factors)
        self._place(~self._acting)
        self._nursery_steps = 0

    def _random_bins(self, count: int) -> Tensor:
        return self.random.integers(self.num_bins, count, self.num_actuators)

    # -------------------------------------------------------------------------------------------- one control step

    def _advance(self, bins: Tensor) -> tuple[Measurement, Tensor]:
        """Act in all worlds, (M, 20) bins, and simulate one control step.

        Returns:
            The new state, and (M,) whether the object is lost. It is, too, where a simulation went wrong (NaN).
        """
        state = self.physics.state
        self._smoothed = control.smooth(self._smoothed, control.action_from_bins(bins), self.config.smoothing)
        action = self._actuation.apply(self._smoothed) if self._actuation else self._smoothed
        positions = control.actuator_positions(state.qpos[:, : _OBJECT.start])
        state.targets[:] = control.target(
            positions, action.to(positions.dtype), self._limits, self.config.action_origin, self.config.action_scale
        )
        if self._forces:
            mass = self._object_mass * self._factors.masses[:, self.scene.object_body, None]
            self.physics.object_force[:] = mass * self._forces.accelerations()
        substeps = self.config.substeps
        if self._timing:
            timesteps = self._timing.timesteps(substeps).to(state.qpos.dtype)
        else:
            timesteps = state.qpos.new_full((substeps, len(bins)), control.CONTROL_PERIOD / substeps)
        self.physics.step(timesteps)
        measurement = self._frame.measure()
        lost = trial.is_dropped(measurement.sensed.object_position, self._rest, self._up)
        lost = lost | ~state.qpos.isfinite().all(dim=-1)
        self._alive = self._alive & ~lost
        return measurement, lost

    def _acting_part(self, measurement: Measurement) -> Measurement:
        sensed, *others = measurement
        n = self.num_envs
        return Measurement(Sensed(*(values[:n] for values in sensed)), *(values[:n] for values in others))

    def _observe(self, measurement: Measurement) -> Observations:
        """What policy and value network see; the policy through noise and tracking errors."""
        sensed = measurement.sensed
        if self._sensors:
            sensed = self._sensors.read(sensed, measurement.marker_rotations)
        if self.object_sensor:
            position, orientation = self.object_sensor(self.physics.state.qpos[: self.num_envs])
            sensed = sensed._replace(object_position=position, object_orientation=orientation)
        if self._tracking:
            size = self._factors.object_size[: self.num_envs]
            hidden = occluded(measurement, self.config.scene.object, size, self._tracking.occlusion_distance)
            sensed = sensed._replace(fingertips=self._tracking.apply(sensed.fingertips, hidden))
        return {
            "policy": self._assemble(measurement._replace(sensed=sensed), self.config.policy_terms),
            "value": self._value_observation(measurement),
        }

    def _value_observation(self, measurement: Measurement) -> Tensor:
        return self._assemble(measurement, self.config.value_terms)

    def _assemble(self, measurement: Measurement, terms: tuple[str, ...]) -> Tensor:
        fingertips, position, orientation = measurement.sensed
        values = {
            "fingertip_positions": fingertips.flatten(1),
            "object_position": position,
            "object_orientation": quaternion.canonical(orientation),
            "target_orientation": quaternion.canonical(self._goal),
            "relative_target_orientation": goals.relative_orientation(self._goal, orientation),
            "joint_angles": measurement.joint_angles,
            "joint_velocities": measurement.joint_velocities,
            "object_velocity": measurement.object_velocity,
            "object_angular_velocity": measurement.object_turn,
            "smoothed_action": self._smoothed[: self.num_envs],
        }
        if "symmetric_orientation" in terms:
            values["symmetric_orientation"] = symmetry.reduce(self.config.scene.object, orientation)
        return observation.assemble(values, terms)

    # ------------------------------------------------------------------------------------------------ saving

    _SAVED = ("alive", "smoothed", "goal", "angle")

    def state_dict(self) -> dict[str, Tensor]:
        """All that later steps depend on but for the configuration, `rules` and `goal_angle_limit`."""
        tensors = {name: getattr(self, f"_{name}").clone() for name in self._SAVED}
        tensors["random"] = self.random.generator.get_state()
        tensors["nursery_steps"] = torch.tensor(self._nursery_steps)
        for part, fields in (("trials", self._trials), ("factors", self._factors)):
            tensors |= {f"{part}.{name}": value.clone() for name, value in fields._asdict().items()}
        for part, holder in (("physics", self.physics), *self._parts().items()):
            tensors |= {f"{part}.{name}": value for name, value in holder.state_dict().items()}
        return tensors

    def world_state(self) -> dict[str, Tensor]:
        """What the future of each acting world depends on but for the random generator, (N, …) each."""
        shared = ("pool.", "random", "nursery_steps")
        state = self.state_dict().items()
        return {name: values[: self.num_envs] for name, values in state if not name.startswith(shared)}

    def set_worlds(self, worlds: Tensor, rows: Mapping[str, Tensor]) -> Observations:
        """Put rows (k, …) of `world_state` into worlds (k,). Returns what all worlds see then, read anew."""
        state = self.state_dict()
        for name, values in rows.items():
            state[name][worlds] = values
        self.load_state_dict(state)
        return self._observe(self._acting_part(self._frame.measure()))

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on exactly (on the CPU, bit by bit) where `state_dict` was taken.

        Raises:
            DactylError: the state is of an environment with another configuration or number of worlds.
        """
        expected = {name: value.shape for name, value in self.state_dict().items()}
        found = {name: value.shape for name, value in tensors.items()}
        if expected != found:
            differing = sorted({name for name, _ in expected.items() ^ found.items()})
            raise DactylError(f"the saved state is of another environment: {', '.join(differing[:3])} differ")
        for name in self._SAVED:
            setattr(self, f"_{name}", tensors[name].to(self.device, copy=True))
        self.random.generator.set_state(tensors["random"].cpu())
        self._nursery_steps = int(tensors["nursery_steps"])

        def part(prefix: str) -> dict[str, Tensor]:
            start = prefix + "."
            return {
                name.removeprefix(start): value.to(self.device, copy=True)
                for name, value in tensors.items()
                if name.startswith(start)
            }

        self._trials = trial.TrialState(**part("trials"))
        self._factors = PhysicsFactors(**part("factors"))
        self.physics.load_state_dict(part("physics"), self._factors)
        for prefix, holder in self._parts().items():
            holder.load_state_dict(part(prefix))

    def _parts(self) -> dict[str, Effect | StartPool]:
        parts = {
            "pool": self._pool,
            "sensors": self._sensors,
            "actuation": self._actuation,
            "timing": self._timing,
            "forces": self._forces,
            "tracking": self._tracking,
        }
        return {name: part for name, part in parts.items() if part is not None}
