"""What the robot's script shows of a task: what a policy would have seen, and the actions that it would have taken."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dactyl import registry
from dactyl.environment.environment import Environment
from dactyl.environment.mixed import MixedEnvironment
from dactyl.environment.task import Signals
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.robot import control, torque
from dactyl.robot.demonstration import Demonstration
from dactyl.robot.robot import Torques
from dactyl.simulation.physics import PhysicsState
from dactyl.simulation.scene import Scene


class Shown(NamedTuple):
    """Moments of all demonstrations, R rows."""

    observation: Tensor
    """(R, inputs) float32, the policy's."""
    action: Tensor
    """(R, A) float32, -1…1."""
    unmoved: tuple[str, ...] = ()
    """Objects with which no script succeeded, so that nothing is shown of them."""


def by_script(environment: Environment | MixedEnvironment, count: int, seed: int) -> Shown:
    """What the robot's script shows with the environment's objects. Goals are where it carried them, seen afterwards.

    Args:
        environment: whose policy observations and actions they are; without images.
        count: scripts for each object, of which those count that succeed.
        seed: of the scripts.

    Raises:
        DactylError: the robot has no script for this task, or none succeeded. With several objects it is enough that
            one of them was moved.
    """
    parts = environment.parts if isinstance(environment, MixedEnvironment) else (environment,)
    done = [(part, _scripts(part, count, seed + number)) for number, part in enumerate(parts)]
    shown = [_of_one(part, one) for part, found in done for one in found]
    if not shown:
        names = ", ".join(part.scene.object.name for part in parts)
        raise DactylError(f"none of {count} scripts of the robot {parts[0].robot.name} moved the {names} as it should")
    observation, action = (torch.cat([getattr(one, name) for one in shown]) for name in ("observation", "action"))
    return Shown(observation, action, tuple(part.scene.object.name for part, found in done if not found))


def _scripts(environment: Environment, count: int, seed: int) -> list[Demonstration]:
    """Those of so many that succeeded."""
    robot, task = environment.robot, environment.task
    if not robot.demonstrations or task.hindsight is None:
        raise DactylError(f"the robot {robot.name} has no script that shows the task {task.name}")
    placement = filter(None, (environment.config.script_placement,))
    found: list[Demonstration] = registry.resolve(robot.demonstrations)(environment.scene, seed, count, *placement)
    return found


def _of_one(environment: Environment, done: Demonstration) -> Shown:
    task, scene = environment.task, environment.scene
    assert task.hindsight is not None
    like = environment.physics.state
    goal = task.hindsight(_object(scene, done.qpos[:1]), _object(scene, done.qpos[-1:]))
    actions = torch.as_tensor(_actions(environment, done)).float()
    previous = torch.cat([actions[:1], actions[:-1]])
    targets = actions if environment.config.action_origin == control.TORQUE else torch.as_tensor(done.postures)
    state = PhysicsState(
        *(
            torch.as_tensor(values, dtype=own.dtype)
            for values, own in zip((done.qpos, done.qvel, targets), like, strict=True)
        )
    )
    goals = torch.as_tensor(np.asarray(goal)).float().expand(len(actions), -1)
    seen = []
    for start in range(0, len(actions), environment.num_envs):
        part = slice(start, start + environment.num_envs)
        rows = PhysicsState(*(values[part].to(environment.device) for values in state))
        last, wanted = (values[part].to(environment.device) for values in (previous, goals))
        seen.append(environment.seen_in(rows, last, wanted))
    return Shown(torch.cat(seen), actions.to(environment.device))


def _object(scene: Scene, qpos: np.ndarray) -> Signals:
    """Where the object is in states (k, nq), robot frame."""
    back = quaternion.conjugate(scene.hand_quaternion)
    offset = qpos[:, scene.object_position] - scene.hand_position
    return {
        "object_position": quaternion.rotate(back[None], offset),
        "object_orientation": quaternion.multiply(back[None], qpos[:, scene.object_orientation]),
    }


def _actions(environment: Environment, done: Demonstration) -> np.ndarray:
    """The actions (T, A) that mean the postures, or the torques towards them."""
    config, robot = environment.config, environment.robot
    positions = robot.actuator_positions(done.qpos[:, environment.scene.joints])
    if config.action_origin == control.TORQUE:
        assert isinstance(robot.action, Torques)
        limit = robot.action.limit
        wanted = torque.towards(done.postures, positions, limit, np.array(robot.action.stiffness))
        return np.asarray(np.clip(wanted / (limit * config.action_scale), -1.0, 1.0))
    limits = robot.actuator_limits
    return np.asarray(control.action_for(done.postures, positions, limits, config.action_origin, config.action_scale))
