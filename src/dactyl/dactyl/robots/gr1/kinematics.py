"""Where an arm's joints must be for its palm to be in a place: damped least squares on MuJoCo's Jacobians."""

from __future__ import annotations

import mujoco
import numpy as np

from dactyl.maths import quaternion
from dactyl.robots.gr1.joints import PREFIXES, arm
from dactyl.simulation.scene import Scene

PALM = (0.028, 0.09)
"""m from a hand's root: outwards from the palm, and towards the fingers, where what is held lies against it."""
ITERATIONS = 150  # at most
CONVERGED = 1e-6  # m
_DAMPING = 0.05
_TURN = 0.2  # m that a radian counts
_STEP = 0.15  # rad, the most in one iteration


class Arm:
    """One arm of a scene's robot."""

    def __init__(self, scene: Scene, side: str) -> None:
        self._model, self._data = scene.model, mujoco.MjData(scene.model)
        self._joints = np.array([scene.robot.joints.index(joint) for joint in arm(side)])
        self._limits = scene.robot.joint_limits[self._joints]
        self._body = scene.model.body(f"{PREFIXES[side]}_hand_base_link").id
        self._palm = np.array([0.0, PALM[0] if side == "right" else -PALM[0], -PALM[1]])
        self._jacobians = np.zeros((3, scene.model.nv)), np.zeros((3, scene.model.nv))

    def reach(self, qpos: np.ndarray, place: np.ndarray, turn: np.ndarray) -> tuple[np.ndarray, float]:
        """Angles that bring the palm to a place.

        Args:
            qpos: (nq,) a state of the scene to begin from.
            place: (3,) of the palm, world frame, m.
            turn: (4,) of the hand, world frame: fingers along its -z, thumb along its x, see `level`.

        Returns:
            The state (nq,) with the arm there, and how far the palm still is from the place, m.
        """
        data, joints = self._data, self._joints
        data.qpos[:] = qpos
        for _ in range(ITERATIONS):
            error, jacobian = self._error(place, turn)
            if np.linalg.norm(error) < CONVERGED:
                break
            damped = jacobian @ jacobian.T + _DAMPING**2 * np.eye(6)
            change = jacobian.T @ np.linalg.solve(damped, error)
            moved = data.qpos[joints] + np.clip(change, -_STEP, _STEP)
            data.qpos[joints] = np.clip(moved, self._limits[:, 0], self._limits[:, 1])
        return data.qpos.copy(), float(np.linalg.norm(self._error(place, turn)[0][:3]))

    def palm(self, qpos: np.ndarray) -> np.ndarray:
        """(3,) where the palm is in a state (nq,), world frame, m."""
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self._model, self._data)
        return self._point()

    def _point(self) -> np.ndarray:
        rotation = self._data.xmat[self._body].reshape(3, 3)
        point: np.ndarray = self._data.xpos[self._body] + rotation @ self._palm
        return point

    def _error(self, place: np.ndarray, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is left, (6,) m, rotations as lengths, and its Jacobian (6, 7)."""
        model, data = self._model, self._data
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        point = self._point()
        mujoco.mj_jac(model, data, *self._jacobians, point, self._body)
        left = _rotation_vector(quaternion.multiply(turn, quaternion.conjugate(data.xquat[self._body])))
        moving, turning = (jacobian[:, self._joints] for jacobian in self._jacobians)
        return np.concatenate([place - point, _TURN * left]), np.concatenate([moving, _TURN * turning])


def level(yaw: float) -> np.ndarray:
    """(4,) a hand held out as for a handshake: fingers forwards, turned by yaw to the left, thumb up. World frame."""
    forwards = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])  # columns: thumb, to the left, -fingers
    about = quaternion.from_rotation_vector(np.array([0.0, 0.0, yaw]))
    turned: np.ndarray = quaternion.multiply(about, quaternion.from_matrix(forwards))
    return turned


def _rotation_vector(turn: np.ndarray) -> np.ndarray:
    """(3,) rad, of a rotation (4,)."""
    turn = quaternion.canonical(turn)
    size = float(np.linalg.norm(turn[1:]))
    vector: np.ndarray = 2.0 * np.arctan2(size, turn[0]) / max(size, 1e-12) * turn[1:]
    return vector
