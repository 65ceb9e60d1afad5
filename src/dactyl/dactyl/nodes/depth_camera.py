"""The robot's depth cameras in simulation, and what a segmentation would say of their pictures: rays, from the truth.

It stands in for hardware, as the sim node does. A real depth camera has a driver of its own for ROS, and a mask comes
from whatever can tell the object from the rest: both publish on the same topics.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import CameraInfo, Image, JointState

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.registry import DEFAULTS
from dactyl.robot.driver import JointOrder
from dactyl.robot.placement import eye_place
from dactyl.robot.robot import Eye
from dactyl.ros import images, messages
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.parameters import parameter
from dactyl.ros.polling import NotExecuted, subscribe, take
from dactyl.simulation.depth import DepthCamera, directions
from dactyl.simulation.scene import Scene, SceneConfig, build

LOOK_AGAIN = 0.004
"""s between looks at the joint states while those of the truth's time are still to come."""
POSTURES = 32  # joint states kept
SILENCE = 1.0
"""s without the truth after which the diagnostics say so."""


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot, whose eyes they are.")
    object: str = parameter("block", "Object that is seen.")
    seed: int = parameter(0, "Of the noise.", minimum=0)
    noise: float = parameter(
        0.01,
        "Standard deviation of depths, m: of a whole picture's, and of each pixel's besides.",
        minimum=0.0,
        maximum=1.0,
    )


class View:
    """What one eye sees, and the messages of it."""

    def __init__(self, scene: Scene, name: str, eye: Eye) -> None:
        place = eye_place(eye)
        turn = quaternion.multiply(scene.hand_quaternion, place.orientation)
        self._camera = DepthCamera(scene, eye, 1, threads=1)
        self._origin = scene.hand_position + quaternion.rotate(scene.hand_quaternion, place.position)
        self._rays = quaternion.rotate(turn, directions(eye))
        self.info: CameraInfo = images.pinhole_info(f"{name}_optical", eye.fovy, eye.width, eye.height)
        self.depth, self.mask = Image(), Image()

    def look(self, qpos: np.ndarray, random: np.random.Generator, noise: float) -> None:
        """Fill the messages with what is seen of a state (nq,), but for their stamps."""
        found, is_object = self._camera.see(qpos[None], np.ones(1), self._origin[None], self._rays[None])
        depth = np.where(found > 0.0, found, np.nan)[0, 0]
        depth += noise * (random.standard_normal() + random.standard_normal(depth.shape))
        self.depth, self.mask = images.from_depth(depth), images.from_mask(is_object[0, 0])
        self.depth.header.frame_id = self.mask.header.frame_id = self.info.header.frame_id


class DepthCameraNode(DactylNode):
    """object_pose/truth, joint states -> EYE/image_raw, EYE/mask, EYE/camera_info of each eye of the robot.

    An eye is idle until somebody subscribes to one of these. Depths are of all that is there; those of the object alone
    are where its mask is.
    """

    def __init__(self) -> None:
        super().__init__("depth_camera")
        self.settings = settings = self.declare(Parameters)
        self.scene = build(SceneConfig(settings.object, robot=settings.robot))
        robot = self.scene.robot
        if not robot.eyes:
            raise DactylError(f"the robot {robot.name} has no depth camera")
        self.order = JointOrder(robot)
        self.views: dict[str, View] = {}
        """By name, of the eyes that were ever looked through."""
        self.postures = deque[JointState](maxlen=POSTURES)
        self.truth: PoseStamped | None = None
        """Where the object is, for as long as it is still to be looked at."""
        self.seen_ns: dict[str, int] = {}
        """Of which time the last picture of each eye is."""
        self.heard = float("-inf")
        self.pictures = 0
        self.missed = Counter[str]()
        self.outputs = {
            name: (
                self.create_publisher(Image, topics.image(name), messages.SENSOR),
                self.create_publisher(Image, topics.mask(name), messages.SENSOR),
                self.create_publisher(CameraInfo, topics.camera_info(name), messages.SENSOR),
            )
            for name in robot.eyes
        }
        # joint states come before the truth of their time, and so wake nobody
        self.joints = subscribe(self, JointState, topics.JOINT_STATES, messages.EVERY, NotExecuted(), raw=False)
        self.again = self.wall_timer(LOOK_AGAIN, self._look)
        self.again.cancel()
        self.create_subscription(PoseStamped, topics.TRUTH_POSE, self.on_truth, messages.SENSOR)

    def on_truth(self, message: PoseStamped) -> None:
        self.heard = time.monotonic()
        self.missed["no joint states of that time"] += self.truth is not None
        self.truth = message
        self.again.reset()
        self._look()

    def _look(self) -> None:
        """Look at the moment that waits, once joint states of its time have come."""
        self.postures += (each.message for each in take(self.joints) if self.order.concerns(each.message.name))
        truth = self.truth
        posture = next((p for p in self.postures if truth and p.header.stamp == truth.header.stamp), None)
        if truth is not None and posture is not None:
            self.truth = None
            self.on_moment(posture, truth)
        if self.truth is None:
            self.again.cancel()

    def on_moment(self, posture: JointState, truth: PoseStamped) -> None:
        """Publish what the wanted eyes see of joints and object of one time."""
        wanted = [name for name, outputs in self.outputs.items() if any(o.get_subscription_count() for o in outputs)]
        if not wanted:
            return
        qpos = self._state(posture, truth)
        if not np.isfinite(qpos).all():
            self.missed["a state that is not finite"] += 1
            return
        stamp_ns = messages.nanoseconds(truth.header.stamp)
        for index, name in enumerate(self.outputs):
            if name in wanted:
                self._publish(name, qpos, stamp_ns, np.random.default_rng([self.settings.seed, index, stamp_ns]))

    def _publish(self, name: str, qpos: np.ndarray, stamp_ns: int, random: np.random.Generator) -> None:
        if name not in self.views:
            self.views[name] = View(self.scene, name, self.scene.robot.eyes[name])
        view = self.views[name]
        if self.seen_ns.get(name) != stamp_ns:  # or it is sent again
            view.look(qpos, random, self.settings.noise)
            self.seen_ns[name] = stamp_ns
            self.pictures += 1
        for publisher, message in zip(self.outputs[name], (view.depth, view.mask, view.info), strict=True):
            messages.set_stamp(message.header.stamp, stamp_ns)
            publisher.publish(message)

    def _state(self, posture: JointState, truth: PoseStamped) -> np.ndarray:
        """(nq,) see `Scene`; NaN where the messages do not say it."""
        scene, state = self.scene, np.full(self.scene.model.nq, np.nan)
        try:
            state[scene.joints] = self.order.angles(posture.name, posture.position)
        except ValueError:
            return state
        turn = scene.hand_quaternion
        state[scene.object_position] = scene.hand_position + quaternion.rotate(turn, messages.position(truth.pose))
        state[scene.object_orientation] = quaternion.multiply(turn, messages.orientation(truth.pose.orientation))
        return state

    def diagnose(self) -> Diagnosis:
        values = {"pictures": self.pictures, **{f"missed, {why}": count for why, count in self.missed.items() if count}}
        if time.monotonic() - self.heard > SILENCE:
            return warning("nothing comes on object_pose/truth: the sim node tells it to its witnesses", **values)
        return Diagnosis(values=values)


def main() -> int:
    return run(DepthCameraNode)


if __name__ == "__main__":
    sys.exit(main())
