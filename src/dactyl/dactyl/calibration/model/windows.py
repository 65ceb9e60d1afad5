"""Cuts a recording into windows of a second, each of which begins at a measured state.

Only one group of joints moves in a window. Groups that cannot carry each other, fingers, are replayed side by side in
one simulated robot, each with a window of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from dactyl.calibration.model.exercise import Exercise
from dactyl.calibration.model.recording import Recording
from dactyl.errors import DactylError
from dactyl.simulation.scene import Scene

HORIZON = 1.0
"""s after which joint angles are compared (appendix C.3)."""
BEFORE = 10
"""Control steps before a window that its slack is followed through."""
SMALLEST = 1e-3
"""rad between the targets of two samples that count as a motion."""
_SLOPE = 3
"""Samples either way that velocities are measured over."""


@dataclass(frozen=True)
class Group:
    """Joints and actuators that are moved, and so calibrated, together."""

    name: str
    joints: np.ndarray
    """Indices."""
    actuators: np.ndarray
    """Indices."""
    couplings: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))
    """Indices, of joints that these move."""


class Windows(NamedTuple):
    """W windows; in each, every group of one layer plays a moment of its own."""

    qpos: np.ndarray
    """(W, J) rad, measured at the start."""
    qvel: np.ndarray
    """(W, J) rad/s."""
    targets: np.ndarray
    """(W, H, A) rad of every physics step."""
    before: np.ndarray
    """(W, B, A) commanded motion, target less position, rad, in the control steps before."""
    after: np.ndarray
    """(W, J) rad, measured at the end."""
    active: np.ndarray
    """(W, J) whether the joint's angle at the end counts."""


def groups_of(exercise: Exercise, scene: Scene) -> list[Group]:
    """The exercise's groups.

    Raises:
        DactylError: an actuator is in none or in several.
    """
    robot = scene.robot
    named = [actuator for group in exercise.groups.values() for actuator in group]
    if sorted(named) != sorted(robot.actuators):
        raise DactylError(f"the exercise of the robot {robot.name} must have each actuator in one group")
    found = []
    for name, actuators in exercise.groups.items():
        rows = np.array([robot.actuators.index(actuator) for actuator in actuators])
        moved = (robot.actuation[rows] != 0).any(axis=0)
        couplings = [i for i, c in enumerate(robot.couplings) if moved[robot.joints.index(c.moved_by)]]
        moved[[robot.joints.index(robot.couplings[i].joint) for i in couplings]] = True
        found.append(Group(name, np.flatnonzero(moved), rows, np.array(couplings, dtype=int)))
    return found


def layers(groups: list[Group], scene: Scene) -> list[list[Group]]:
    """Groups that can be replayed side by side: none of a layer carries or shares a link of another of it."""
    model = scene.model
    parents = model.body_parentid

    def carriers(group: Group) -> set[int]:
        found: set[int] = set()
        for joint in group.joints:
            body = int(model.jnt_bodyid[joint])
            while body:
                found.add(body)
                body = int(parents[body])
        return found

    bodies = {group.name: {int(model.jnt_bodyid[joint]) for joint in group.joints} for group in groups}
    depth: dict[str, int] = {}
    for group in sorted(groups, key=lambda g: len(carriers(g))):
        below = [depth[name] for name in depth if bodies[name] & carriers(group)]
        depth[group.name] = 1 + max(below, default=-1)
    return [[g for g in groups if depth[g.name] == level] for level in range(1 + max(depth.values()))]


def cut(recording: Recording, groups: list[Group], every: float) -> dict[str, np.ndarray]:
    """First samples of the windows in which a group moves and no other does, by the group's name.

    Args:
        recording: all of it.
        groups: of the robot.
        every: s from one window's start to the next.

    Raises:
        DactylError: a group never moves by itself.
    """
    robot = recording.robot
    step, horizon = robot.timing.substeps, round(HORIZON / robot.timing.physics)
    lead = BEFORE * step
    moving = np.abs(np.diff(recording.targets, axis=0, append=recording.targets[-1:])) > SMALLEST
    measured = np.isfinite(recording.angles).all(axis=1)
    stride = max(1, round(every / robot.timing.control)) * step
    found: dict[str, list[int]] = {group.name: [] for group in groups}
    for start in range(lead, len(measured) - horizon - _SLOPE, stride):
        if not measured[start - lead : start + horizon + _SLOPE].all():
            continue
        active = np.asarray(moving[start - lead : start + horizon].any(axis=0))
        movers = [group for group in groups if active[group.actuators].any()]
        if len(movers) == 1:
            found[movers[0].name].append(start)
    for group in groups:
        if not found[group.name]:
            raise DactylError(f"the recording has no second in which {group.name} moves and nothing else does")
    return {name: np.array(starts) for name, starts in found.items()}


def merge(recording: Recording, layer: list[Group], starts: dict[str, np.ndarray]) -> Windows:
    """Windows in which each group of a layer plays its own moments; the other joints are as in the first group's."""
    robot = recording.robot
    horizon, step = round(HORIZON / robot.timing.physics), robot.timing.substeps
    count = max(len(starts[group.name]) for group in layer)
    joints, actuators = len(robot.joints), len(robot.actuators)
    first_joint = np.zeros((count, joints), dtype=int)
    first_actuator = np.zeros((count, actuators), dtype=int)
    active = np.zeros((count, joints), dtype=bool)
    for group in (layer[0], *layer):
        own = starts[group.name]
        chosen = own[np.arange(count) % len(own)]
        if group is layer[0] and not active.any():
            first_joint[:], first_actuator[:] = chosen[:, None], chosen[:, None]
        first_joint[:, group.joints] = chosen[:, None]
        first_actuator[:, group.actuators] = chosen[:, None]
        active[: len(own), group.joints] = True
    angles, targets = recording.angles, recording.targets
    positions = robot.actuator_positions(angles)
    j, a = np.arange(joints), np.arange(actuators)
    slope = (angles[first_joint + _SLOPE, j] - angles[first_joint - _SLOPE, j]) / (2 * _SLOPE * robot.timing.physics)
    steps = first_actuator[:, None] + np.arange(horizon)[:, None]
    ticks = first_actuator[:, None] - step * np.arange(BEFORE, 0, -1)[:, None]
    return Windows(
        qpos=angles[first_joint, j],
        qvel=slope,
        targets=targets[steps, a],
        before=_mean_targets(targets, ticks, step, a) - positions[ticks, a],
        after=angles[first_joint + horizon, j],
        active=active,
    )


def _mean_targets(targets: np.ndarray, ticks: np.ndarray, step: int, a: np.ndarray) -> np.ndarray:
    """Mean target of each control step that begins at a tick (W, B, A)."""
    mean: np.ndarray = np.mean([targets[ticks + i, a] for i in range(step)], axis=0)
    return mean
