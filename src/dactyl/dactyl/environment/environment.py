"""The environment policies are trained and judged in: N copies in lockstep, reset one by one (appendix C).

One control step: action -> smoothing -> delay, noise, backlash -> target or torque -> physics steps -> observation,
reward, accounts -> reset of the environments whose episode ended. Everything is torch on the environment's device;
nothing in `step` makes a GPU wait for the host. Robot and task are data: nothing here knows which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from dactyl.environment import task as tasks
from dactyl.environment import trial
from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.eyes import Eyes
from dactyl.environment.hidden import hidden_effects, hidden_physics
from dactyl.environment.measurement import Measurement, Occlusion, RobotFrame
from dactyl.environment.randomization.effect import Effect
from dactyl.environment.randomization.held_pose import HeldPose
from dactyl.environment.randomization.lag import Lag
from dactyl.environment.randomization.observation_noise import Sensed, Sensors
from dactyl.environment.randomization.random import Random, where
from dactyl.environment.randomization.unmodeled_effects import Actuation, Forces, Timing, Tracking
from dactyl.environment.randomization.vision_errors import Sight
from dactyl.environment.scripted_starts import ScriptedStarts
from dactyl.environment.starts import StartPool
from dactyl.environment.task import Signals, Transition
from dactyl.errors import DactylError
from dactyl.robot import control
from dactyl.robot.control import TORQUE, ActionMeaning
from dactyl.robot.robot import Torques
from dactyl.simulation.backends import make_physics
from dactyl.simulation.model_fields import PhysicsFactors, nominal_factors
from dactyl.simulation.physics import PhysicsState
from dactyl.simulation.scene import build

MAX_ROUNDS = 20
PLACED_EVERY = 100  # control steps after which the pool is renewed where no random actions come before an episode

Observations = dict[str, Tensor]


class Step(NamedTuple):
    """Outcome of one control step of N environments."""

    observations: Observations
    """"policy" and "value", (N, size), and images by name; of the new episode where one ended."""
    reward: Tensor
    """(N,)"""
    terminated: Tensor
    """(N,) bool: dropped."""
    truncated: Tensor
    """(N,) bool: no goal within the timeout, or all goals reached: the hand could go on."""
    final_value_observations: Tensor
    """(N, size) before any reset; after the last goal with one more."""
    info: dict[str, Tensor]
    """Before any reset. "successes": (N,) int64 goals reached in the episode so far; "reached", "dropped", "complete",
    "timeout": (N,) bool; "errors": (N, E) to the goal, and where there are several each of them by its name;
    "duration": (N,) of the step, s; "motion": (N, A) how far the policy asked its targets to move in it, rad, or by how
    much its torques to change, N·m."""


class Environment:
    """N environments to act in, and a few more that prepare initial states for them."""

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
            config: robot, task and world.
            num_envs: N.
            seed: of all randomness; on the CPU a seed gives the same episodes again.
            device: see `backends.make_physics`.
            threads: CPU threads, 0 for all cores.
        """
        self.config = config = config or EnvironmentConfig()
        if num_envs < 1:
            raise DactylError(f"{num_envs} environments: at least 1 is needed")
        self.num_envs = num_envs
        self._preparing = 0 if config.reset_pool == 0 else max(1, round(config.reset_pool * num_envs))
        total = num_envs + self._preparing
        self.scene = build(config.scene, postures=config.action_origin != TORQUE)
        self.physics = make_physics(self.scene, total, device, threads)
        self.device = self.physics.device
        self._looks_first = device == "cpu"  # on a GPU, looking whether an episode ended costs more than acting as if
        self.random = Random(seed, self.device)
        self.goal_angle_limit = config.goal_angle_limit
        self.rules = config.rules
        self.task, self.robot = tasks.load(config.task).under(config.rules), self.scene.robot
        self.object = self.scene.object
        self.num_actuators, self.num_bins = len(self.robot.actuators), self.robot.action.bins
        self.control_period = self.robot.timing.control
        """s"""
        self._frame = RobotFrame(self.physics)
        self._acting = torch.arange(total, device=self.device) < num_envs
        dtype = self.physics.state.qpos.dtype
        self._meaning = ActionMeaning(config.action_origin, config.action_scale, config.smoothing)
        self._limits = torch.as_tensor(self.robot.actuator_limits, device=self.device, dtype=dtype)
        self._most_torque = self.robot.action.limit if isinstance(self.robot.action, Torques) else None
        self._up = torch.as_tensor(self.scene.up, device=self.device, dtype=torch.float32)
        self._object_mass = float(self.scene.model.body_mass[self.scene.object_body])
        self._home = self._home_state(total)

        self._factors = nominal_factors(self.scene, total, self.device)
        self._pool = StartPool(total, self.physics.state, self._factors)
        self._alive = torch.ones(total, dtype=torch.bool, device=self.device)
        self._start_steps = self.object.start_steps if config.start_steps is None else config.start_steps
        self._script = self._scripted_starts(seed) if config.scripted_starts else None
        self._preparing_steps = 0
        self._smoothed = torch.zeros(total, self.num_actuators, device=self.device)
        present = self._signals(self._acting_part(self._frame.measure()), with_goal=False)
        self._goal: Tensor = self.task.draw_goal(self.random, num_envs, present, None)
        self._errors = torch.zeros(num_envs, len(self.task.error_names), device=self.device)
        self._trials = trial.start(self._errors[:, 0])
        noise, effects = config.randomization.observation_noise, config.randomization.unmodeled_effects
        self._sensors = Sensors(noise, num_envs, self.robot, self.random) if noise else None
        seen = config.randomization.vision_errors
        self._sight = Sight(seen, num_envs, self.robot, self.random) if seen else None
        rates = self.scene.backlash_rates
        self._actuation = (
            Actuation(effects, total, self.robot, self.random, meaning=self._meaning, backlash_rates=rates)
            if effects
            else None
        )
        self._timing = Timing(effects, total, self.robot, self.random) if effects else None
        self._forces = Forces(effects, total, self.random) if effects else None
        self._tracking = Tracking(effects, num_envs, self.robot, self.random) if effects else None
        self._occlusion = Occlusion(self.robot, self.object, effects.occlusion_distance) if effects else None
        holds = effects is not None and effects.pose_age > 0
        self._held_pose = HeldPose(effects, num_envs, self.robot, self.random) if effects and holds else None
        late = effects.action_lag if effects else None
        self._action_lag = Lag(late, total, self.num_actuators, self.random) if late else None
        late, size = effects.frame_lag if effects else None, self.task.size(config.policy_terms, self.robot)
        self._frame_lag = Lag(late, num_envs, size, self.random) if late else None
        self._eyes = Eyes(self.scene, config.images, num_envs, self.random, noise, threads) if config.images else None
        self._before: dict[str, Tensor] = {name: present[name].clone() for name in self.task.remembers}
        """Signals before the control step that reward terms look at too."""
        self._needs = self.task.needs((*config.policy_terms, *config.value_terms))

    @property
    def observation_shapes(self) -> dict[str, tuple[int, ...]]:
        return {
            "policy": (self.task.size(self.config.policy_terms, self.robot),),
            "value": (self.task.size(self.config.value_terms, self.robot),),
            **(self._eyes.shapes if self._eyes else {}),
        }

    @property
    def factors(self) -> PhysicsFactors:
        """The physics in force, rows for the N environments."""
        return PhysicsFactors(*(factor[: self.num_envs] for factor in self._factors))

    object_sensor: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None
    """What the policy sees the object with instead of noisy motion capture: states (N, nq) -> position (N, 3), m, and
    orientation (N, 4), both float32 in the robot frame."""

    # ------------------------------------------------------------------------------------------------ episodes

    def reset(self) -> Observations:
        """Prepare initial states and start an episode in every environment.

        Raises:
            DactylError: random actions drop the object so often that no initial states can be made.
        """
        everywhere = torch.ones_like(self._alive)
        self._pool.clear()
        for _ in range(MAX_ROUNDS):
            self._place(everywhere)
            for _ in range(self._start_steps):
                self._advance(self.random_actions(len(everywhere)))
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
        self._preparing_steps = 0
        measurement = self._acting_part(self._frame.measure())
        started = self._acting[: self.num_envs]
        self._start_episodes(started, measurement)
        return self._observe(measurement)

    def step(self, actions: Tensor, cut: Tensor | None = None) -> Step:
        """One control step.

        Args:
            actions: (N, A) int64 in 0…num_bins - 1; with 0 bins float32 in [-1, 1].
            cut: (N,) bool, episodes that end with this step whatever happens in it; None: none.
        """
        n = self.num_envs
        previous = self._smoothed[:n]
        measurement, lost, duration = self._advance(torch.cat([actions, self.random_actions(self._preparing)]))
        measurement = self._acting_part(measurement)
        signals = self._signals(measurement)
        errors = self.task.errors(self._goal, signals)
        self._trials, events = trial.advance(self.rules, self._trials, errors, lost[:n], duration[:n])
        transition = Transition(
            errors_before=self._errors,
            errors=errors,
            before=self._before,
            signals=signals,
            reached=events.reached,
            dropped=events.dropped,
            timeout=events.timeout,
            action=self._smoothed[:n],
            previous_action=previous,
            robot=self.robot,
            object=self.object,
        )
        rewards = self._reward(transition)
        successes, ended = self._trials.successes, events.ended
        if cut is not None:
            ended = ended | cut
        # where only the end counts, what would have followed it is more of the same goal
        renewed = events.reached & ~events.complete if self.rules.judged_at_timeout else events.reached
        self._goal = where(renewed, self._draw_goals(signals), self._goal)
        names = [name.partition(",")[0] for name in self.task.error_names]
        apart = {name: errors[:, i] for i, name in enumerate(names)} if len(names) > 1 else {}
        final = torch.nan_to_num(self._value_observation(self._signals(measurement)), nan=0.0, posinf=0.0, neginf=0.0)
        self._tend_pool()
        measurement = self._restart(ended, measurement)
        return Step(
            observations=self._observe(measurement),
            reward=rewards,
            terminated=events.dropped,
            truncated=ended & ~events.dropped,
            final_value_observations=final,
            info={
                "successes": successes, "reached": events.reached, "dropped": events.dropped,
                "complete": events.complete, "timeout": events.timeout, "errors": errors, "duration": duration[:n],
                "motion": self._motion(self._smoothed[:n], previous), **apart,
            },
        )  # fmt: skip

    def _motion(self, action: Tensor, previous: Tensor) -> Tensor:
        """How far smoothed actions (N, A) ask targets to move in a control step, rad; of torques the change, N·m."""
        if self._most_torque is not None and self._meaning.origin == TORQUE:
            return self._meaning.scale * self._most_torque * (action - previous)
        reach = 0.5 * self._meaning.scale * (self._limits[:, 1] - self._limits[:, 0])
        return reach * (action if self._meaning.origin == "current" else action - previous)

    def _reward(self, transition: Transition) -> Tensor:
        """Weighted sum of the reward terms, (N,). A simulation that went wrong (NaN) earns nothing."""
        weighted = (weight * self.task.rewards[name](transition) for name, weight in self.config.reward.items())
        total: Tensor = sum(weighted, torch.zeros_like(transition.errors[:, 0]))
        return torch.nan_to_num(total, nan=0.0, posinf=0.0, neginf=0.0)

    def _restart(self, ended: Tensor, measurement: Measurement) -> Measurement:
        """Start new episodes where they ended; the measurement with those environments' new state."""
        if self._looks_first and not ended.any():
            self._take_stock(measurement)
            return measurement
        mask = torch.cat([ended, torch.zeros(self._preparing, dtype=torch.bool, device=self.device)])
        self._restore(mask, *self._pool.draw(len(mask), self.random))
        measurement = self._acting_part(self._frame.measure())
        self._start_episodes(ended, measurement)
        return measurement

    def _start_episodes(self, mask: Tensor, measurement: Measurement) -> None:
        """Redraw everything an episode keeps, but for the physics, in environments of mask (N,)."""
        self._trials = trial.restart(self._trials, mask)
        self._goal = where(mask, self._draw_goals(self._signals(measurement)), self._goal)
        self._take_stock(measurement)
        for effect in (self._sensors, self._tracking, self._sight, self._held_pose, self._frame_lag, self._eyes):
            if effect is not None:
                effect.restart(mask)

    def _take_stock(self, measurement: Measurement) -> None:
        """Keep what the next step is compared with."""
        signals = self._signals(measurement)
        self._errors = self.task.errors(self._goal, signals)
        self._before = {name: signals[name].clone() for name in self.task.remembers}

    def _draw_goals(self, signals: Signals) -> Tensor:
        limit = self.goal_angle_limit
        limits = None if limit is None else (self.rules.tolerances[-1], limit)
        present = {**signals, "successes": self._trials.successes}
        goals: Tensor = self.task.draw_goal(self.random, self.num_envs, present, limits)
        return goals

    # -------------------------------------------------------------------------------------------- initial states

    def _scripted_starts(self, seed: int) -> ScriptedStarts:
        """Of the file that is named, or of the robot's script."""
        if self.config.start_states:
            return ScriptedStarts.of_file(Path(self.config.start_states), self.scene, self.physics.state)
        return ScriptedStarts.of(self.scene, self.physics.state, seed, self.config.script_placement)

    def _home_state(self, total: int) -> PhysicsState:
        """The robot as it is built, the object at rest."""
        qpos = torch.as_tensor(self.scene.model.qpos0, device=self.device, dtype=self.physics.state.qpos.dtype)
        qpos = qpos.repeat(total, 1)
        targets = self.robot.actuator_positions(qpos[:, self.scene.joints])
        if self._meaning.origin == TORQUE:
            targets = torch.zeros_like(targets)
        return PhysicsState(qpos, torch.zeros_like(self.physics.state.qvel), targets)

    def _place(self, mask: Tensor) -> None:
        """New physics, and the object placed anew, where mask (M,) is true."""
        qpos = self._home.qpos.clone()
        pose = slice(self.scene.object_position.start, self.scene.object_orientation.stop)
        qpos[:, pose] = self.task.place(self.random, len(mask), qpos[0, pose])
        physics = self.config.randomization.physics
        factors = physics.sample(self.scene, len(mask), self.random) if physics else self._factors
        state = self._home._replace(qpos=qpos)
        if self._script:
            state = self._script.mixed_in(state, self.config.scripted_starts, self.random)
        self._restore(mask, state, factors)
        self._alive = self._alive | mask

    def _restore(self, mask: Tensor, state: PhysicsState, factors: PhysicsFactors) -> None:
        self._factors = PhysicsFactors(
            *(where(mask, new, old) for new, old in zip(factors, self._factors, strict=True))
        )
        self.physics.restore(mask, state, self._factors)
        self._smoothed = where(mask, self._restart_actuation(mask), self._smoothed)
        for effect in (self._timing, self._forces, self._action_lag):
            if effect is not None:
                effect.restart(mask)

    def _restart_actuation(self, mask: Tensor) -> Tensor:
        """The actions (M, A) that hold the robots where they are: smoothing starts from them."""
        joint_angles = self.physics.state.qpos[:, self.scene.joints]
        if self._actuation:
            return self._actuation.restart(mask, joint_angles)
        positions, meaning = self.robot.actuator_positions(joint_angles), self._meaning
        return control.holding(positions, self._limits, meaning.origin, meaning.scale).float()

    def _snapshot(self) -> PhysicsState:
        return PhysicsState(*(values.clone() for values in self.physics.state))

    def _tend_pool(self) -> None:
        """Every `start_steps` control steps, put what survived into the pool and begin again."""
        self._preparing_steps += 1
        if self._preparing == 0 or self._preparing_steps < (self._start_steps or PLACED_EVERY):
            return
        if self._start_steps == 0:  # what was placed has been acted in meanwhile
            self._place(~self._acting)
        self._pool.add(self._alive & ~self._acting, self._snapshot(), self._factors)
        self._place(~self._acting)
        self._preparing_steps = 0

    def random_actions(self, count: int) -> Tensor:
        """Actions (count, A) as `step` takes them, drawn uniformly."""
        if self.num_bins:
            return self.random.integers(self.num_bins, count, self.num_actuators)
        return self.random.uniform(-1.0, 1.0, count, self.num_actuators)

    # -------------------------------------------------------------------------------------------- one control step

    def _advance(self, chosen: Tensor) -> tuple[Measurement, Tensor, Tensor]:
        """Act in all environments, (M, A) bins or numbers, and simulate one control step.

        Returns:
            The new state; (M,) whether the object is lost, which it is, too, where a simulation went wrong (NaN); and
            (M,) how long the step was, s.
        """
        state, meaning = self.physics.state, self._meaning
        if self._action_lag:
            chosen = self._action_lag.apply(chosen)
        self._smoothed = control.smooth(self._smoothed, control.as_action(chosen, self.num_bins), meaning.smoothing)
        joint_angles = state.qpos[:, self.scene.joints]
        if self._actuation:
            state.targets[:] = self._actuation.targets(self._smoothed, joint_angles)
        else:
            positions = self.robot.actuator_positions(joint_angles)
            action = self._smoothed.to(positions.dtype)
            state.targets[:] = control.commands(positions, action, self._limits, meaning, self._most_torque)
        if self._forces:
            mass = self._object_mass * self._factors.masses[:, self.scene.object_body, None]
            self.physics.object_force[:] = mass * self._forces.accelerations()
        substeps = self.config.substeps
        if self._timing:
            timesteps = self._timing.timesteps(substeps).to(state.qpos.dtype)
        else:
            timesteps = state.qpos.new_full((substeps, len(chosen)), self.control_period / substeps)
        self.physics.step(timesteps)
        measurement = self._frame.measure()
        lost: Tensor = self.task.lost(measurement.sensed.object_position, self.robot, self._up)
        lost = lost | ~state.qpos.isfinite().all(dim=-1)
        self._alive = self._alive & ~lost
        return measurement, lost, timesteps.sum(0).float()

    def _acting_part(self, measurement: Measurement) -> Measurement:
        sensed, *others = measurement
        n = self.num_envs
        return Measurement(Sensed(*(values[:n] for values in sensed)), *(values[:n] for values in others))

    def _observe(self, measurement: Measurement) -> Observations:
        """What policy and value network see; the policy through noise and tracking errors."""
        sensed = measurement.sensed
        if self._sensors:
            sensed = self._sensors.read(sensed, measurement.marker_rotations)
        if self._sight:
            sensed = self._sight.see(measurement.sensed, sensed)
        if self.object_sensor:
            position, orientation = self.object_sensor(self.physics.state.qpos[: self.num_envs])
            sensed = sensed._replace(object_position=position, object_orientation=orientation)
        if self._held_pose:
            position, orientation = self._held_pose.apply(sensed.object_position, sensed.object_orientation)
            sensed = sensed._replace(object_position=position, object_orientation=orientation)
        if self._tracking and self._occlusion:
            hidden = self._occlusion.of(measurement, self._factors.object_size[: self.num_envs])
            sensed = sensed._replace(fingertips=self._tracking.apply(sensed.fingertips, hidden))
        read = self._actuation.joint_offset[: self.num_envs] if self._actuation else 0.0
        angles = measurement.joint_angles + read
        if self._sensors:
            angles = self._sensors.joints(angles)
        noisy = self._signals(measurement._replace(sensed=sensed, joint_angles=angles))
        seen = self.task.observe(noisy, self.config.policy_terms, self.object)
        return {
            "policy": self._frame_lag.apply(seen) if self._frame_lag else seen,
            "value": self._value_observation(self._signals(measurement)),
            **self._images(),
        }

    def _images(self) -> dict[str, Tensor]:
        """Groups of images by name."""
        if self._eyes is None:
            return {}
        n = self.num_envs
        return self._eyes.look(self.physics.state.qpos[:n], self._factors.object_size[:n])

    def _value_observation(self, signals: Signals) -> Tensor:
        observation: Tensor = self.task.observe(signals, self.config.value_terms, self.object)
        return observation

    def _signals(self, measurement: Measurement, with_goal: bool = True) -> Signals:
        """What the task's functions look at, see `environment.task`."""
        n, sensed = self.num_envs, measurement.sensed
        signals = {
            "fingertips": sensed.fingertips,
            "object_position": sensed.object_position,
            "object_orientation": sensed.object_orientation,
            "joint_angles": measurement.joint_angles,
            "joint_velocities": measurement.joint_velocities,
            "object_velocity": measurement.object_velocity,
            "object_turn": measurement.object_turn,
            "smoothed_action": self._smoothed[:n],
        }
        if with_goal:
            signals["goal"] = self._goal
            signals["successes"] = self._trials.successes
            if "posture" in self._needs:
                targets = self.physics.state.targets[:n]
                signals["posture"] = control.action_for(targets, targets, self._limits, "middle").float()
            if "physics_factors" in self._needs:
                signals["physics_factors"] = hidden_physics(self.scene, self._factors, n)
            if "effects" in self._needs:
                parts = (self._actuation, self._timing, self._forces)
                signals["effects"] = hidden_effects(self.robot, *parts, n, self.device)
        return signals

    # ------------------------------------------------------------------------------------------------ saving

    _SAVED = ("alive", "smoothed", "goal", "errors")

    def state_dict(self) -> dict[str, Tensor]:
        """All that later steps depend on but for the configuration, `rules` and `goal_angle_limit`."""
        tensors = {name: getattr(self, f"_{name}").clone() for name in self._SAVED}
        tensors["random"] = self.random.generator.get_state()
        tensors["preparing_steps"] = torch.tensor(self._preparing_steps)
        tensors |= {f"before.{name}": value.clone() for name, value in self._before.items()}
        for part, fields in (("trials", self._trials), ("factors", self._factors)):
            tensors |= {f"{part}.{name}": value.clone() for name, value in fields._asdict().items()}
        for part, holder in (("physics", self.physics), *self._parts().items()):
            tensors |= {f"{part}.{name}": value for name, value in holder.state_dict().items()}
        return tensors

    def episode_rows(self) -> dict[str, Tensor]:
        """What the future of each acting environment depends on but for the random generator, (N, …) each."""
        shared = ("pool.", "random", "preparing_steps")
        state = self.state_dict().items()
        return {name: values[: self.num_envs] for name, values in state if not name.startswith(shared)}

    def set_episode_rows(self, indices: Tensor, rows: Mapping[str, Tensor]) -> Observations:
        """Put rows (k, …) of `episode_rows` into those with these indices (k,). Returns what all see then."""
        state = self.state_dict()
        for name, values in rows.items():
            state[name][indices] = values
        self.load_state_dict(state)
        return self._observe(self._acting_part(self._frame.measure()))

    def seen_in(self, state: PhysicsState, actions: Tensor, goals: Tensor) -> Tensor:
        """What a policy would see, (k, inputs), without noise and delay, in k ≤ N states; nothing is changed.

        Args:
            state: (k, …) each.
            actions: (k, A), the last ones.
            goals: (k, G).
        """
        kept, count = self.state_dict(), len(goals)
        present = self._snapshot()
        for own, given in zip(present, state, strict=True):
            own[:count] = given
        self._restore(torch.arange(len(self._alive), device=self.device) < count, present, self._factors)
        self._smoothed[:count] = actions
        self._goal[:count] = goals
        signals = self._signals(self._acting_part(self._frame.measure()))
        seen: Tensor = self.task.observe(signals, self.config.policy_terms, self.object)[:count].clone()
        self.load_state_dict(kept)
        return seen

    def full_time(self, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Of rows of `episode_rows` those that change where the goal's time begins anew."""
        return {"trials.goal_time": torch.zeros_like(rows["trials.goal_time"])}

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on exactly (on the CPU, bit by bit) where `state_dict` was taken.

        Raises:
            DactylError: the state is of an environment with another configuration or number of environments.
        """
        expected = {name: value.shape for name, value in self.state_dict().items()}
        found = {name: value.shape for name, value in tensors.items()}
        if expected != found:
            differing = sorted({name for name, _ in expected.items() ^ found.items()})
            raise DactylError(f"the saved state is of another environment: {', '.join(differing[:3])} differ")
        for name in self._SAVED:
            setattr(self, f"_{name}", tensors[name].to(self.device, copy=True))
        self.random.generator.set_state(tensors["random"].cpu())
        self._preparing_steps = int(tensors["preparing_steps"])

        def part(prefix: str) -> dict[str, Tensor]:
            start = prefix + "."
            return {
                name.removeprefix(start): value.to(self.device, copy=True)
                for name, value in tensors.items()
                if name.startswith(start)
            }

        self._before = part("before")
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
            "sight": self._sight,
            "held_pose": self._held_pose,
            "action_lag": self._action_lag,
            "frame_lag": self._frame_lag,
            "eyes": self._eyes,
        }
        return {name: part for name, part in parts.items() if part is not None}
