"""What any task is: data and pure functions in the array API, shared by environment and nodes.

Functions work over any leading dimensions, with torch and thousands of environments or numpy and one robot. What they
look at comes by name:

    signal              shape          what it is; robot frame, m, rad, s; quaternions (w, x, y, z)
    fingertips          (..., F, 3)    where the fingertips' markers are
    object_position     (..., 3)
    object_orientation  (..., 4)
    goal                (..., G)       see `Task.draw_goal`
    joint_angles        (..., J)
    joint_velocities    (..., J)
    object_velocity     (..., 3)
    object_turn         (..., 4)       rotation in one control step at the present angular velocity
    smoothed_action     (..., A)       the policy's own action after the moving average
    posture             (..., A)       where actuators are told to go, -1…1 of their ranges; in simulation alone
    successes           (...,)         goals reached in the trial so far; for rewards and `Task.draw_goal`
    physics_factors     (..., P)       the episode's hidden physics; in simulation alone
    effects             (..., E)       the episode's hidden unmodeled effects; in simulation alone
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import yaml
from array_api_compat import array_namespace

from dactyl import registry
from dactyl.environment.trial import TrialRules
from dactyl.errors import DactylError
from dactyl.maths.quaternion import Array
from dactyl.maths.random import Draws
from dactyl.objects.object import Object
from dactyl.robot.robot import Robot
from dactyl.storage.presets import parse

Signals = Mapping[str, Array]
_UNREADABLE = (ValueError, ArithmeticError, LookupError, AttributeError, TypeError, RecursionError)
"""What PyYAML also raises, where a tag does not fit its value, and numbers that are none."""


@dataclass(frozen=True)
class Term:
    """One input of a policy or value network."""

    function: Callable[[Signals, Object], Array]
    """Signals and the object -> (..., *shape)."""
    shape: Callable[[Robot], tuple[int, ...]]
    needs: tuple[str, ...]
    """The signals it is computed from."""


def fixed(*shape: int) -> Callable[[Robot], tuple[int, ...]]:
    """The shape of a term that is the same for every robot."""
    return lambda robot: shape


def physics_size(robot: Robot) -> int:
    """Length of the signal `physics_factors`."""
    return 7 + 3 * len(robot.joints) + len(robot.actuators)


def effects_size(robot: Robot) -> int:
    """Length of the signal `effects`."""
    return 4 * len(robot.actuators) + len(robot.joints) + 2


class Transition(NamedTuple):
    """What reward terms look at: N environments, after a control step and before anything is reset; torch tensors."""

    errors_before: Array
    """(N, E) see `Task.errors`, before the step."""
    errors: Array
    """(N, E) to the same goal after it."""
    signals: Signals
    """Exact, after the step."""
    reached: Array
    """(N,) bool"""
    dropped: Array
    """(N,) bool: the object is lost."""
    timeout: Array
    """(N,) bool: the time for the goal ran out."""
    action: Array
    """(N, A) smoothed."""
    previous_action: Array
    """(N, A)"""
    robot: Robot
    object: Object
    before: Signals = MappingProxyType({})
    """Exact, before the step: those of `Task.remembers`."""


@dataclass(frozen=True, eq=False)
class Task:
    """One task. It is given its robot and its object: it knows neither."""

    name: str
    title: str
    """What people call it."""
    objects: tuple[str, ...]
    """Names of the objects it is meant for; the first is the default."""
    draw_goal: Callable[[Draws, int, Signals, tuple[float, float] | None], Array]
    """Draws, count, present signals -> goals (count, G). With limits, goals whose last error is between them, rad.
    Among the signals are `successes`, and then `goal`, the one before; before the first trial both may be absent."""
    goal_pose: Callable[[Array, Robot], tuple[Array, Array]]
    """A goal (G,) as position (3,), m, and orientation (4,) of the object, robot frame: to publish and draw it."""
    goal_of_pose: Callable[[Array, Array], Array]
    """The inverse: position (..., 3) and orientation (..., 4) -> goal (..., G)."""
    place: Callable[[Draws, int, Array], Array]
    """Draws, count, the object's pose at rest (7,), world frame -> poses (count, 7) in which episodes begin."""
    errors: Callable[[Array, Signals], Array]
    """Goal (..., G) and signals -> how far from it, (..., E), each in its unit; NaN where that is not known."""
    error_names: tuple[str, ...]
    """E names with their unit, such as "angle, rad"; the last is the rotation's."""
    lost: Callable[[Array, Robot, Array], Array]
    """Object position (..., 3), robot, vertical in the robot frame (3,) -> bool (...,); true where it is not finite."""
    rules: TrialRules
    """Of evaluations."""
    training_rules: TrialRules
    observations: Mapping[str, Term]
    policy_terms: tuple[str, ...]
    """What a policy sees by default."""
    value_terms: tuple[str, ...]
    rewards: Mapping[str, Callable[[Transition], Array]]
    """Transition -> (N,)."""
    reward: Mapping[str, float]
    """Default weights of `rewards`."""
    robot: str = registry.DEFAULTS["robots"]
    """Name of the robot that is meant where none is named."""
    remembers: tuple[str, ...] = ()
    """Signals that reward terms also look at as they were before the control step; not the goal."""
    by_rules: Callable[[Task, TrialRules], Task] | None = None
    """The task as rules of its own have it, where these also say which goals are drawn and where the object begins."""
    randomization: str = ""
    """`module:attribute` of the `RandomizationConfig` that "all" means for it; empty: the first paper's."""
    hindsight: Callable[[Signals, Signals], Array] | None = None
    """The goals (count, G) that were reached, from where the object was at first and in the end: `object_position`
    (count, 3) and `object_orientation` (count, 4) of both. None: it cannot be told."""
    counts: Mapping[str, Callable[[Array], int]] = field(default_factory=dict)
    """What an evaluation counts beside goals: functions of where the object was in a trial, numpy (T, 3), m, robot
    frame, one row a control step."""
    showcase: str = ""
    """`module:function` that draws what is varied, for `env show`; empty: none."""

    def under(self, rules: TrialRules) -> Task:
        """The task as these rules have it."""
        return self if self.by_rules is None else self.by_rules(self, rules)

    def rules_with(self, changes: str) -> TrialRules:
        """The rules of its evaluations with changes, a mapping in YAML; empty: none.

        Raises:
            DactylError: it is none, or names what the rules have not.
        """
        if not changes:
            return self.rules
        try:
            values = yaml.safe_load(changes)
            if isinstance(values, Mapping):
                values = {str(key): value for key, value in values.items()}
            changed: TrialRules = parse(type(self.rules), values, "rules", self.rules)
        except (yaml.YAMLError, *_UNREADABLE) as error:
            raise DactylError(f"rules {changes!r} are not YAML: {' '.join(str(error).split())}") from error
        return changed

    def term(self, name: str) -> Term:
        """An observation term by its name; DactylError if there is none."""
        if name not in self.observations:
            raise DactylError(f"unknown observation {name!r}: choose from {', '.join(self.observations)}")
        return self.observations[name]

    def size(self, terms: Sequence[str], robot: Robot) -> int:
        """Length of the observation made of these terms, each a vector."""
        return sum(self.term(name).shape(robot)[0] for name in terms)

    def observe(self, signals: Signals, terms: Sequence[str], shape: Object) -> Array:
        """The named terms side by side, (..., size).

        Raises:
            DactylError: there is no such term.
        """
        values = [self.term(name).function(signals, shape) for name in terms]
        return array_namespace(*values).concat(values, axis=-1)

    def needs(self, terms: Sequence[str]) -> frozenset[str]:
        """The signals that these terms are computed from."""
        return frozenset(signal for name in terms for signal in self.term(name).needs)

    def check_reward(self, weights: Mapping[str, float]) -> None:
        """Refuse unknown terms.

        Raises:
            DactylError: a name is none of `rewards`.
        """
        for name in weights:
            if name not in self.rewards:
                raise DactylError(f"unknown reward term {name!r}: choose from {', '.join(self.rewards)}")


def left_workspace(position: Array, robot: Robot, up: Array) -> Array:
    """Whether an object has left the robot's workspace, (...,) bool. A position that is not finite has.

    Args:
        position: object centre in the robot frame, (..., 3), m.
        robot: whose workspace says how far that is.
        up: the vertical in the robot frame, (3,), unit.
    """
    xp = array_namespace(position)
    offset = position - robot.rest.like(position)
    height = xp.sum(offset * up, axis=-1)
    distance = xp.sqrt(xp.sum(offset * offset, axis=-1))
    return ~((height > -robot.workspace.depth) & (distance < robot.workspace.radius))


def load(name: str) -> Task:
    """A task by its name.

    Raises:
        DactylError: there is no such task.
    """
    return registry.load("tasks", name, Task)


def names() -> tuple[str, ...]:
    """Every task there is, without importing any."""
    return registry.names("tasks")
