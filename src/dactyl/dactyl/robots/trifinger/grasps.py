"""A script that grasps a box with three fingers and lifts it: states for episodes to begin in.

Each fingertip is pulled by a spring to a place at a face of the box, and pushed against it by a force; Jacobians turn
both into torques within the robot's limit, its own weight is carried. Two fingers press on opposite faces, the third,
half as hard, on one between them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import NamedTuple

import mujoco
import numpy as np

from dactyl.maths import quaternion
from dactyl.robot.demonstration import Demonstration
from dactyl.robot.robot import Torques
from dactyl.robots.trifinger.layout import TIP_RADIUS
from dactyl.simulation.scene import Scene, build

SCRIPTS = 24
TIMESTEP = 0.002  # s of the script's physics
RECORDED = 0.02  # s between two states that are kept
NEAR = 0.09  # m from the middle in which boxes are placed
CLEARANCE = 0.03  # m before a face at which a fingertip arrives first
HEIGHT = 0.075  # m by which a box is lifted
SHOWN_NEAR, CARRIED = 0.09, ((-0.08, 0.08), (-0.08, 0.08), (0.0, 0.07))
"""m from the middle in which boxes are placed in demonstrations; how far they are carried, in each direction."""
LIFTED = 0.04  # m by which one must have been lifted in the end for its states to be kept

_STIFFNESS, _DAMPING = 200.0, 2.0  # N/m and N·s/m of a fingertip's spring
_GRIP = 2.0  # N of the fingers that face each other; with half of it noise soon drops a box
DISTURBED, DISTURBED_FOR = 0.05, 0.04
"""N·m by which torques are off in demonstrations, and for how many s. What is shown are the right ones: so a
policy learns the way back (DART: Laskey et al. 2017)."""


class Phase(NamedTuple):
    """A part of the script, over which what it says is reached evenly."""

    seconds: float
    gap: float
    """m between fingertip and face in the end."""
    grip: float
    """Share of the grip in the end."""
    height: float
    """m that the box is lifted by in the end."""


APPROACH = Phase(0.8, CLEARANCE, 0.0, 0.0)
SCRIPT = (
    Phase(0.4, 0.0, 0.2, 0.0),
    Phase(0.3, 0.0, 1.0, 0.0),
    Phase(1.0, 0.0, 1.0, HEIGHT),
    Phase(0.5, 0.0, 1.0, HEIGHT),
)
"""What follows the approach: close, squeeze, lift, hold."""
STAY = Phase(1.0, 0.0, 1.0, HEIGHT)
"""What demonstrations end with."""
NEAR_ENOUGH = 0.02  # m


class Play(NamedTuple):
    """What one script was like, one row every RECORDED seconds."""

    qpos: np.ndarray
    """(T, nq)"""
    qvel: np.ndarray
    """(T, nv)"""
    torques: np.ndarray
    """(T, 9) that were asked for, N·m."""
    heights: np.ndarray
    """(T,) of the box's centre, m."""


def states(scene: Scene, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """States (K, nq) and velocities (K, nv) of the scripts that lifted the scene's box; none where it is no box."""
    if scene.object.geometry != "box":
        return np.zeros((0, scene.model.nq)), np.zeros((0, scene.model.nv))
    random = np.random.default_rng([seed, 2])
    scripted = Script(scene)
    plays = [scripted.play(random) for _ in range(SCRIPTS)]
    kept = [play for play in plays if play.heights[-1] > scene.object.half_size + LIFTED]
    if not kept:
        return np.zeros((0, scene.model.nq)), np.zeros((0, scene.model.nv))
    return np.concatenate([play.qpos for play in kept]), np.concatenate([play.qvel for play in kept])


def demonstrations(scene: Scene, seed: int, count: int) -> list[Demonstration]:
    """Those of so many scripts that carried the scene's box, each to another place: see `Robot.demonstrations`."""
    if scene.object.geometry != "box":
        return []
    random, scripted, found = np.random.default_rng([seed, 5]), Script(scene), []
    stiffness, limits = np.array(scripted.action.stiffness), scene.robot.actuator_limits
    for _ in range(count):
        carried = np.array([random.uniform(*sides) for sides in CARRIED])
        qpos, qvel, torques, heights = scripted.play(random, (*SCRIPT, STAY), carried, DISTURBED, SHOWN_NEAR)
        if abs(heights[-1] - scene.object.half_size - carried[2]) < NEAR_ENOUGH:
            # the posture that pulls with the script's torque: see `robot.torque.towards`
            postures = np.clip(qpos[:, scene.joints] + torques / stiffness, limits[:, 0], limits[:, 1])
            found.append(Demonstration(qpos, qvel, postures))
    return found


class Script:
    """Plays with the box of a scene, whose robot takes torques whatever it takes there."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene = build(scene.config)
        assert isinstance(scene.robot.action, Torques)
        self.action = scene.robot.action
        self._limit = self.action.limit
        self._model, self._data = scene.model, mujoco.MjData(scene.model)
        self._model.opt.timestep = TIMESTEP
        self._jacobian = np.zeros((3, self._model.nv))
        self._rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._steps = 0
        self._disturb: Callable[[], np.ndarray] | None = None
        self._off = np.zeros(len(scene.robot.actuators))

    def play(
        self,
        random: np.random.Generator,
        phases: tuple[Phase, ...] = SCRIPT,
        carried: np.ndarray | None = None,
        disturbed: float = 0.0,
        near: float = NEAR,
    ) -> Play:
        """One script, with the box at a place, on a face and turned by an angle that are drawn.

        Args:
            random: draws.
            phases: what follows the approach.
            carried: (3,) m, where to the box is brought in place of HEIGHT above its place.
            disturbed: N·m, standard deviation by which torques are off.
            near: m from the middle in which the box is placed.
        """
        way = np.array([0.0, 0.0, HEIGHT]) if carried is None else carried
        self._rows, self._steps = [], 0

        def disturb() -> np.ndarray:
            return random.normal(0.0, disturbed, len(self._off))

        self._disturb = disturb if disturbed else None
        centre, faces = self._place(random, near)
        mujoco.mj_forward(self._model, self._data)
        tips = self._data.site_xpos[self._scene.fingertip_sites].copy()
        reach = self._scene.object.half_size + TIP_RADIUS
        normals, grips = _choose(faces, centre, tips, reach + CLEARANCE)
        self._move(tips, centre + (reach + CLEARANCE) * normals, APPROACH.seconds)
        before = APPROACH
        for phase in phases:
            steps = round(phase.seconds / TIMESTEP)
            for step in range(1, steps + 1):
                share = step / steps
                gap, grip, height = (a + share * (b - a) for a, b in zip(before[1:], phase[1:], strict=True))
                targets = centre + (reach + gap) * normals + height / HEIGHT * way
                self._step(targets, -_GRIP * grip * grips[:, None] * normals)
            before = phase
        qpos, qvel, torques = (np.stack(values) for values in zip(*self._rows, strict=True))
        return Play(qpos, qvel, torques, qpos[:, self._scene.object_position][:, 2])

    def _place(self, random: np.random.Generator, near: float) -> tuple[np.ndarray, np.ndarray]:
        """Place the box. Its centre (3,), and the normals (4, 3) of the faces that are upright."""
        scene, data = self._scene, self._data
        mujoco.mj_resetData(self._model, data)
        yaw, radius, where = (
            random.uniform(0.0, 2 * np.pi),
            near * np.sqrt(random.uniform()),
            random.uniform(0, 2 * np.pi),
        )
        turn = quaternion.from_rotation_vector(np.array([0.0, 0.0, yaw]))
        symmetries = scene.object.symmetries.like(turn)
        centre = np.array([radius * np.cos(where), radius * np.sin(where), scene.object.half_size])
        data.qpos[scene.object_position] = centre
        data.qpos[scene.object_orientation] = quaternion.multiply(turn, symmetries[random.integers(len(symmetries))])
        angles = yaw + np.pi / 2 * np.arange(4)
        return centre, np.stack([np.cos(angles), np.sin(angles), np.zeros(4)], axis=1)

    def _move(self, start: np.ndarray, end: np.ndarray, seconds: float) -> None:
        """Bring the fingertips from one place (3, 3) to another in a straight line."""
        steps = round(seconds / TIMESTEP)
        for step in range(1, steps + 1):
            self._step(start + step / steps * (end - start), np.zeros((3, 3)))

    def _step(self, targets: np.ndarray, forces: np.ndarray) -> None:
        """One physics step in which fingertips are pulled to targets (3, 3), m, and pushed by forces (3, 3), N."""
        model, data = self._model, self._data
        mujoco.mj_step1(model, data)
        torques = data.qfrc_bias[self._scene.joints].copy()
        for finger, site in enumerate(self._scene.fingertip_sites):
            mujoco.mj_jacSite(model, data, self._jacobian, None, site)
            joints = slice(3 * finger, 3 * finger + 3)
            jacobian = self._jacobian[:, joints]
            off, velocity = targets[finger] - data.site_xpos[site], jacobian @ data.qvel[joints]
            torques[joints] += jacobian.T @ (_STIFFNESS * off - _DAMPING * velocity + forces[finger])
        torques = np.clip(torques, -self._limit, self._limit)
        if self._steps % round(DISTURBED_FOR / TIMESTEP) == 0:
            self._off = self._disturb() if self._disturb else np.zeros_like(torques)
        data.ctrl[:] = np.clip(torques + self._off, -self._limit, self._limit)
        mujoco.mj_step2(model, data)
        self._steps += 1
        if self._steps % round(RECORDED / TIMESTEP) == 0:
            self._rows.append((data.qpos.copy(), data.qvel.copy(), torques))


def _choose(faces: np.ndarray, centre: np.ndarray, tips: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Three of four upright faces for three fingertips, so that these have the shortest ways.

    Args:
        faces: (4, 3) normals, in order around the box.
        centre: (3,) m.
        tips: (3, 3) m.
        reach: m from the centre to where a fingertip goes.

    Returns:
        The faces' normals (3, 3) by finger, and the share of the grip (3,) that each finger has.
    """

    def way(order: tuple[int, ...]) -> float:
        return float(np.linalg.norm(tips - centre - reach * faces[list(order)], axis=1).sum())

    best = min(permutations(range(4), 3), key=way)
    alone = np.array([(face + 2) % 4 not in best for face in best])
    return faces[list(best)], np.where(alone, 0.5, 1.0)
