"""The simulated hardware: robot, object, motion capture and cameras, and the operator who places the object.

What the sim node publishes, without ROS. Everything random in here comes from one seed.
"""

from __future__ import annotations

from collections import Counter, deque

import mujoco
import numpy as np

from dactyl.environment.pushes import Pushes
from dactyl.environment.task import Task
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.maths.random import NumpyDraws
from dactyl.robot import control, torque
from dactyl.robot.control import ActionMeaning
from dactyl.robot.robot import Torques
from dactyl.simulation.scene import Scene

MAX_DRAWS = 50
_UNSTABLE = [mujoco.mjtWarning.mjWARN_BADQPOS, mujoco.mjtWarning.mjWARN_BADQVEL, mujoco.mjtWarning.mjWARN_BADQACC]


class Laboratory:
    """One simulated robot. Targets, or torques where it takes those, are held until new ones come."""

    def __init__(
        self,
        scene: Scene,
        task: Task,
        seed: int,
        marker_noise: float,
        meaning: ActionMeaning | None = None,
        marker_delay: float = 0.0,
        pushes: Pushes | None = None,
    ) -> None:
        """
        Args:
            scene: of the robot and the object, which lies on the floor until it is placed.
            task: says how the object is placed and when it is lost.
            seed: of the operator's hand and the markers' noise.
            marker_noise: standard deviation of marker positions, m, per axis and frame.
            meaning: of the operator's random actions: the policy's, as in training; by default the robot's.
            marker_delay: how old marker positions are when they are measured, s, in whole physics steps.
            pushes: that the object gets while it is handled; None: none.
        """
        action = scene.robot.action
        self._task, self._meaning = task, meaning or ActionMeaning(action.origins[0], smoothing=action.smoothing)
        self._torques = action if isinstance(action, Torques) else None
        self._held: np.ndarray | None = None
        """(A,) posture, rad, in which the operator holds a robot that takes torques; None: nobody does."""
        self.scene, self.model, self.data = scene, scene.model, mujoco.MjData(scene.model)
        self.sites = np.concatenate([scene.fingertip_sites, scene.base_sites, scene.object_sites])
        """Motion-capture markers: fingertips, on the base, on the object."""
        self._seed, self._marker_noise = seed, marker_noise
        self._delay = round(marker_delay / scene.robot.timing.physics)
        self._past = deque[np.ndarray](maxlen=self._delay + 1)
        """Marker positions after the last physics steps, the oldest first; kept where they are measured late."""
        self._placings = Counter[int]()
        self._pushes = pushes
        self._noise = np.random.default_rng([seed, 0])
        self.data.qpos[scene.object_position] = (0.5, -0.5, 0.03)
        mujoco.mj_forward(self.model, self.data)

    def step(self, steps: int = 1) -> None:
        """Simulate physics steps.

        Raises:
            DactylError: the physics became unstable.
        """
        if self._delay or self._held is not None:
            for _ in range(steps):
                self._hold()
                mujoco.mj_step(self.model, self.data)
                if self._delay:
                    self._past.append(self._exact_markers())
        else:
            mujoco.mj_step(self.model, self.data, steps)
        if any(self.data.warning[kind].number for kind in _UNSTABLE):
            raise DactylError("the simulated physics became unstable")

    def push(self, handled: bool) -> None:
        """Begin a control step: pushes begin or fade while the object is `handled`, and else there are none."""
        if self._pushes is None:
            return
        if not handled:
            self._pushes.stop()
        acceleration = self._pushes.next() if handled else np.zeros(3)
        body = self.scene.object_body
        self.data.xfrc_applied[body, :3] = self.model.body_mass[body] * acceleration

    def _hold(self) -> None:
        """Pull a robot that takes torques to where the operator holds it, if they do."""
        if self._held is not None and self._torques is not None:
            limit, stiffness = self._torques.limit, np.array(self._torques.stiffness)
            self.targets[:] = torque.towards(self._held, self._positions(), limit, stiffness)

    def command(self, actuators: list[int], values: np.ndarray) -> None:
        """Send some of the actuators targets, rad, or torques, N·m; the operator's hands are off the robot then."""
        self._held = None
        self.targets[actuators] = values

    @property
    def targets(self) -> np.ndarray:
        """(A,) actuator targets in rad, or torques in N·m, writable; the controllers clip them to their limits."""
        return self.data.ctrl

    @property
    def palm(self) -> np.ndarray:
        """(3,) where the object rests, in the world, m."""
        return self.scene.hand_position + quaternion.rotate(self.scene.hand_quaternion, self.scene.robot.workspace.rest)

    def joint_states(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Angles (rad), velocities (rad/s) and torques (N·m) of the joints, each (J,)."""
        joints = self.scene.joints
        return self.data.qpos[joints], self.data.qvel[joints], self.data.qfrc_actuator[joints]

    def markers(self) -> np.ndarray:
        """(M, 3) measured positions in the motion-capture frame, which is the world's, m."""
        exact = self._past[0] if self._past else self._exact_markers()
        return exact + self._marker_noise * self._noise.standard_normal(exact.shape)

    def _exact_markers(self) -> np.ndarray:
        # mj_step leaves site positions one step behind qpos
        mujoco.mj_kinematics(self.model, self.data)
        exact: np.ndarray = self.data.site_xpos[self.sites]
        return exact

    def object_pose(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the object is: position (3,), m, and orientation (4,), robot frame."""
        offset = self.data.qpos[self.scene.object_position] - self.scene.hand_position
        position = quaternion.rotate_inverse(self.scene.hand_quaternion, offset)
        turned = quaternion.conjugate(self.scene.hand_quaternion)
        return position, quaternion.multiply(turned, self.data.qpos[self.scene.object_orientation])

    def object_dropped(self) -> bool:
        """Whether the object is not on the hand."""
        position, _ = self.object_pose()
        return bool(self._task.lost(position, self.scene.robot, self.scene.up))

    def drop_object(self) -> None:
        """Let the object fall beside the hand."""
        self.data.qpos[self.scene.object_position] = self.palm + np.array([0.25, 0.0, 0.0])
        self.data.qvel[self.scene.joints.stop :] = 0.0

    def place_object(self, trial: int) -> int:
        """Place the object as the task says and shake it with random actions (appendix C.1).

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
        pose = slice(self.scene.object_position.start, self.scene.object_orientation.stop)
        self.data.qpos[pose] = self._task.place(NumpyDraws(random), 1, self.data.qpos[pose])[0]
        positions = self._positions()
        self._held = positions if self._torques else None
        self.targets[:] = 0.0 if self._torques else positions
        mujoco.mj_forward(self.model, self.data)

    def _survives_random_actions(self, random: np.random.Generator) -> bool:
        robot, meaning = self.scene.robot, self._meaning
        limits = robot.actuator_limits
        action = control.holding(self._positions(), limits, meaning.origin, meaning.scale).astype(np.float32)
        for _ in range(self.scene.object.start_steps):
            bins, size = robot.action.bins, len(robot.actuators)
            chosen = random.integers(bins, size=size) if bins else random.uniform(-1.0, 1.0, size)
            action = control.smooth(action, control.as_action(chosen, bins), meaning.smoothing)
            most = self._torques.limit if self._torques else None
            self._follow(control.commands(self._positions(), action, limits, meaning, most))
            if self.object_dropped():
                return False
        self._held = self._positions() if self._torques else None
        return True

    def _positions(self) -> np.ndarray:
        """(A,) where the actuators are, rad."""
        positions: np.ndarray = self.scene.robot.actuator_positions(self.data.qpos[self.scene.joints])
        return positions

    def _follow(self, commands: np.ndarray) -> None:
        """A control step with commands (A,); a robot that takes torques follows postures by the law of its motors."""
        follows = self._torques is not None and self._meaning.origin != control.TORQUE
        self._held = commands if follows else None
        if not follows:
            self.targets[:] = commands
        self.step(self.scene.robot.timing.substeps)
