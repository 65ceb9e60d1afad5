"""The simulated hardware: hand, object, motion capture and cameras, and the operator who puts the object on the palm.

What the sim node publishes, without ROS. Everything random in here comes from one seed.
"""

from __future__ import annotations

from collections import Counter

import mujoco
import numpy as np

from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.robot import control
from dactyl.robots.shadow.joints import ACTUATOR_LIMITS, ACTUATORS, JOINTS
from dactyl.robots.shadow.layout import PALM_CENTER
from dactyl.simulation.scene import Scene
from dactyl.tasks.reorient.trial import START_STEPS, is_dropped

MAX_DRAWS = 50
_UNSTABLE = [mujoco.mjtWarning.mjWARN_BADQPOS, mujoco.mjtWarning.mjWARN_BADQVEL, mujoco.mjtWarning.mjWARN_BADQACC]
_JOINTS = slice(0, len(JOINTS))
_OBJECT_POSITION = slice(_JOINTS.stop, _JOINTS.stop + 3)
_OBJECT_ORIENTATION = slice(_OBJECT_POSITION.stop, _OBJECT_POSITION.stop + 4)


class Laboratory:
    """One simulated hand under proportional control. Targets are held until new ones come."""

    def __init__(self, scene: Scene, seed: int, marker_noise: float, action_origin: str = "current") -> None:
        """
        Args:
            scene: of the hand and the object, which lies on the floor until it is placed.
            seed: of the operator's hand and the markers' noise.
            marker_noise: standard deviation of marker positions, m, per axis and frame.
            action_origin: what the operator's random actions are counted from, see `control.ORIGINS`.
        """
        control.check_origin(action_origin)
        self._action_origin = action_origin
        self.scene, self.model, self.data = scene, scene.model, mujoco.MjData(scene.model)
        self.sites = np.concatenate([scene.fingertip_sites, scene.base_sites, scene.object_sites])
        """Motion-capture markers: 5 fingertips, 4 on the base, 6 on the object."""
        self._seed, self._marker_noise = seed, marker_noise
        self._placings = Counter[int]()
        self._noise = np.random.default_rng([seed, 0])
        self.data.qpos[_OBJECT_POSITION] = (0.5, -0.5, 0.03)
        mujoco.mj_forward(self.model, self.data)

    def step(self, steps: int = 1) -> None:
        """Simulate physics steps of 8 ms.

        Raises:
            DactylError: the physics became unstable.
        """
        mujoco.mj_step(self.model, self.data, steps)
        if any(self.data.warning[kind].number for kind in _UNSTABLE):
            raise DactylError("the simulated physics became unstable")

    @property
    def targets(self) -> np.ndarray:
        """(20,) actuator targets in rad, writable; the controllers clip them to their limits."""
        return self.data.ctrl

    @property
    def palm(self) -> np.ndarray:
        """(3,) where the object rests, in the world, m."""
        return self.scene.hand_position + quaternion.rotate(self.scene.hand_quaternion, PALM_CENTER)

    def joint_states(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Angles (rad), velocities (rad/s) and torques (N·m) of the 24 joints."""
        return self.data.qpos[_JOINTS], self.data.qvel[_JOINTS], self.data.qfrc_actuator[_JOINTS]

    def markers(self) -> np.ndarray:
        """(15, 3) measured positions in the motion-capture frame, which is the world's, m."""
        # mj_step leaves site positions one step behind qpos
        mujoco.mj_kinematics(self.model, self.data)
        exact = self.data.site_xpos[self.sites]
        return exact + self._marker_noise * self._noise.standard_normal(exact.shape)

    def object_dropped(self) -> bool:
        """Whether the object is not on the hand."""
        offset = self.data.qpos[_OBJECT_POSITION] - self.scene.hand_position
        position = quaternion.rotate_inverse(self.scene.hand_quaternion, offset)
        return bool(is_dropped(position, PALM_CENTER, self.scene.up))

    def drop_object(self) -> None:
        """Let the object fall beside the hand."""
        self.data.qpos[_OBJECT_POSITION] = self.palm + np.array([0.25, 0.0, 0.0])
        self.data.qvel[len(JOINTS) :] = 0.0

    def place_object(self, trial: int) -> int:
        """Put the object on the open hand in a random orientation and shake it with random actions (appendix C.1).

        Args:
            trial: for which; the n-th call for a trial always gives the same state.

        Returns:
            How often that had to be tried, because the object fell.

        Raises:
            DactylError: it always falls.
        """
        self._placings[trial] += 1
        random = np.random.default_rng([self._seed, 1, trial, self._placings[trial]])
        for draw in range(1, MAX_DRAWS + 1):
            self._place_once(random)
            if self._survives_random_actions(random):
                return draw
        raise DactylError(f"the object fell off the hand {MAX_DRAWS} times in a row")

    def _place_once(self, random: np.random.Generator) -> None:
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[_OBJECT_ORIENTATION] = quaternion.uniform(random.standard_normal(4))
        self.targets[:] = control.actuator_positions(self.data.qpos[_JOINTS])
        mujoco.mj_forward(self.model, self.data)

    def _survives_random_actions(self, random: np.random.Generator) -> bool:
        action = np.zeros(len(ACTUATORS))
        for _ in range(START_STEPS[self.scene.config.object]):
            bins = random.integers(control.NUM_BINS, size=len(ACTUATORS))
            action = control.smooth(action, control.action_from_bins(bins, np.float64))
            positions = control.actuator_positions(self.data.qpos[_JOINTS])
            self.targets[:] = control.target(positions, action, ACTUATOR_LIMITS, self._action_origin)
            self.step(control.SUBSTEPS)
            if self.object_dropped():
                return False
        return True
