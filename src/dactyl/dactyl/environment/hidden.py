"""What an episode hides from a policy, as numbers that a value network may see: its physics, its unmodeled effects."""

from __future__ import annotations

import torch
from torch import Tensor

from dactyl.environment.randomization.unmodeled_effects import Actuation, Forces, Timing
from dactyl.environment.task import effects_size
from dactyl.robot.robot import Robot
from dactyl.simulation.model_fields import PhysicsFactors
from dactyl.simulation.scene import Scene


def hidden_physics(scene: Scene, factors: PhysicsFactors, count: int) -> Tensor:
    """The first `count` environments' factors, (count, physics_size); those drawn on a logarithmic scale as logarithms.

    Size, mass and friction of the object, compensation of the robot's weight, gravity, joint damping, actuator gains,
    joint limits.
    """
    first = PhysicsFactors(*(factor[:count] for factor in factors))
    scalars = (first.object_size, first.masses[:, scene.object_body], first.friction, first.gravity_compensation)
    columns = [torch.stack(scalars, dim=-1), first.gravity, first.damping.log(), first.gains.log()]
    return torch.cat([*columns, first.joint_limits.flatten(1)], dim=-1).float()


def hidden_effects(
    robot: Robot,
    actuation: Actuation | None,
    timing: Timing | None,
    forces: Forces | None,
    count: int,
    device: torch.device,
) -> Tensor:
    """The first `count` environments' effects, (count, effects_size); all 0 where they are off.

    Which actions are delayed, their bias, the logarithms of the backlash's slack rates, the joint sensors' offsets, how
    often the object is pushed, how long a physics step is on average beyond the nominal, s.
    """
    if actuation is None or timing is None or forces is None:
        return torch.zeros(count, effects_size(robot), device=device)
    columns = [
        actuation.delayed[:count].float(),
        actuation.bias[:count],
        actuation.delta[:count].log().flatten(1),
        actuation.joint_offset[:count],
    ]
    rates = torch.stack([forces.probability[:count], 1.0 / timing.rate[:count]], dim=-1)
    return torch.cat([*columns, rates], dim=-1)


def physics_names(robot: Robot) -> tuple[tuple[str, str], ...]:
    """What each number of `hidden_physics` is, and of which part of the robot; of none: empty."""
    gravity = tuple(("gravity", axis) for axis in "xyz")
    scalars = (("object size", ""), ("object mass", ""), ("friction", ""), ("gravity compensation", ""))
    joints, actuators = robot.joints, robot.actuators
    limits = tuple((f"{end} limit", joint) for joint in joints for end in ("lower", "upper"))
    damping, gains = (tuple((what, part) for part in of) for what, of in (("damping", joints), ("gain", actuators)))
    return (*scalars, *gravity, *damping, *gains, *limits)


def effects_names(robot: Robot) -> tuple[tuple[str, str], ...]:
    """What each number of `hidden_effects` is, and of which part of the robot; of none: empty."""
    actuators = robot.actuators
    slack = tuple((f"slack rate, {way}", part) for part in actuators for way in ("negative", "positive"))
    return (
        *(("delayed", part) for part in actuators),
        *(("action bias", part) for part in actuators),
        *slack,
        *(("joint sensor offset", joint) for joint in robot.joints),
        ("push probability", ""),
        ("physics step", ""),
    )
