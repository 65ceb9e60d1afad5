"""What is simulated, observed and rewarded: checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from dactyl import objects, registry
from dactyl.environment import task as tasks
from dactyl.environment.randomization import RandomizationConfig, of_task
from dactyl.environment.randomization.random import check_amount
from dactyl.environment.task import Task
from dactyl.environment.trial import TrialRules
from dactyl.errors import DactylError
from dactyl.robot.robot import Robot
from dactyl.simulation.scene import SceneConfig, robot_of
from dactyl.storage.presets import parse_fields

WORLD = 2
"""Version of the simulated world, raised by every change after which a configuration plays otherwise. 1: the kinder one
before 26 November 2026. 2: the honest one (docs/results.md). What is collected in a world says in which."""
_OWN = None  # typed as what it becomes: the task's own or the robot's own


@dataclass(frozen=True)
class EnvironmentConfig:
    """The defaults are the paper's training environment. What is None at first is the task's or the robot's own."""

    scene: SceneConfig = field(default_factory=SceneConfig)
    """Robot and object among others."""
    rules: TrialRules = _OWN  # type: ignore[assignment]
    randomization: RandomizationConfig = _OWN  # type: ignore[assignment]
    reward: dict[str, float] = _OWN  # type: ignore[assignment]
    """Weights of the task's `rewards`."""
    policy_terms: tuple[str, ...] = _OWN  # type: ignore[assignment]
    value_terms: tuple[str, ...] = _OWN  # type: ignore[assignment]
    action_origin: str = _OWN  # type: ignore[assignment]
    """What actions are counted from, see `control.ORIGINS`, or torques; also the random ones before an episode."""
    action_scale: float = 1.0
    """Reach of action 1 in units of half the actuator's range, or of the largest torque."""
    smoothing: float = _OWN  # type: ignore[assignment]
    """Weight of the new action in the moving average, per control step."""
    substeps: int = _OWN  # type: ignore[assignment]
    """Physics steps in a control step. Fewer are coarser and faster: for training alone, the evaluation has all."""
    start_steps: int | None = None
    """Random actions before an episode; None: as many as the object's `start_steps` says."""
    scripted_starts: float = 0.0
    """Share of the episodes that begin in states of the robot's script, see `Robot.scripted_starts`."""
    start_states: str = ""
    """File of states in place of the script's, see `start_states`."""
    script_placement: str = ""
    """Of stickers, where the script touches the object: one of `Robot.script_placements`. Empty: its own choice."""
    images: tuple[str, ...] = ()
    """Groups of images that the policy sees besides: names of `Robot.eyes`."""
    reset_pool: float = 0.1
    """Environments that prepare initial states, as a share of the others. 0: the first states are used again."""
    goal_angle_limit: float | None = None
    """rad; goals at most this far from the current orientation. None: the task's own, for the paper uniform."""
    task: str = registry.DEFAULTS["tasks"]
    """One of `task.names()`."""

    def __post_init__(self) -> None:
        task, robot = tasks.load(self.task), robot_of(self.scene)
        defaults = {
            "rules": task.training_rules,
            "randomization": of_task(task),
            "reward": dict(task.reward),
            "policy_terms": task.policy_terms,
            "value_terms": task.value_terms,
            "action_origin": robot.action.origins[0],
            "smoothing": robot.action.smoothing,
            "substeps": robot.timing.substeps,
        }
        for name, value in defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        self._check(task, robot)

    def _check(self, task: Task, robot: Robot) -> None:
        task.check_reward(self.reward)
        robot.check_origin(self.action_origin)
        for term in (*self.policy_terms, *self.value_terms):
            task.term(term)
        if not isinstance(self.rules, type(task.rules)):
            raise DactylError(f"the task {task.name} has {type(task.rules).__name__}, not {type(self.rules).__name__}")
        if not self.rules.timeout >= robot.timing.control:
            raise DactylError(f"trial rules: timeout {self.rules.timeout} s must be >= {robot.timing.control}")
        in_range = (
            self.start_steps is None or self.start_steps >= 0,
            0 <= self.scripted_starts <= 1,
            self.substeps >= 1,
            0 <= self.reset_pool < inf,
            0 < self.smoothing <= 1,
            0 < self.action_scale < inf,
        )
        if not all(in_range):
            raise DactylError(
                f"environment: start_steps {self.start_steps} must be >= 0, substeps {self.substeps} >= 1, "
                f"scripted_starts {self.scripted_starts} from 0 to 1, reset_pool {self.reset_pool} >= 0, "
                f"smoothing {self.smoothing} in (0, 1], action_scale {self.action_scale} > 0"
            )
        if unknown := [name for name in self.images if name not in robot.eyes]:
            raise DactylError(f"the robot {robot.name} has no eye {unknown[0]!r}: {', '.join(robot.eyes) or 'none'}")
        if self.start_states and not self.scripted_starts:
            raise DactylError("environment: start_states needs a share of the episodes, scripted_starts, above 0")
        if self.script_placement not in ("", *robot.script_placements):
            known = ", ".join(robot.script_placements) or "none"
            raise DactylError(
                f"environment: the robot {robot.name} has no script for script_placement {self.script_placement!r}; "
                f"those it has: {known}"
            )
        if self.scripted_starts and not (robot.scripted_starts or self.start_states):
            raise DactylError(f"environment: the robot {robot.name} has no script for scripted_starts")
        if self.goal_angle_limit is not None and not self.goal_angle_limit > self.rules.tolerances[-1]:
            raise DactylError(
                f"goal_angle_limit {self.goal_angle_limit} rad must exceed the tolerance "
                f"{self.rules.tolerances[-1]} rad"
            )
        if effects := self.randomization.unmodeled_effects:
            check_amount("dropout_rate", effects.dropout_rate, 1.0 / robot.timing.control)  # once per control step
        low, high = self.randomization.physics.object_dimensions if self.randomization.physics else (1.0, 1.0)
        scales = objects.load(self.scene.object).mesh_scales
        if scales and not scales[0] <= low <= high <= scales[-1]:
            raise DactylError(
                f"randomization object_dimensions: [{low}, {high}] leaves the sizes of the meshes of the "
                f"{self.scene.object}, {scales[0]} to {scales[-1]}"
            )

    @classmethod
    def from_config(cls, value: Any, where: str, default: Any) -> EnvironmentConfig:
        """From a preset. What it does not name is its own task's and robot's, whatever the default's are."""
        parsed: EnvironmentConfig = parse_fields(cls, value, where, None)
        return parsed

    @staticmethod
    def defaults_of(values: Mapping[str, Any]) -> dict[str, Any]:
        """For the reader of presets: what the task that is named there has where this class has None.

        Raises:
            DactylError: there is no such task.
        """
        task = tasks.load(str(values.get("task", registry.DEFAULTS["tasks"])))
        return {"rules": task.training_rules, "randomization": of_task(task)}
