"""Where the object is by a third view's depth and mask (Lin et al., section IV-A). It is never told how it is turned.

Who makes the masks is nobody's business here: in simulation the truth, else a segmentation that publishes on the same
topic. A position goes out only where depth and mask are of one recent moment and show enough of the object.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import PoseStamped, Quaternion
from sensor_msgs.msg import CameraInfo, Image

from dactyl import objects, topics
from dactyl.errors import DactylError, choose_from
from dactyl.maths import quaternion
from dactyl.registry import DEFAULTS
from dactyl.robot import robot
from dactyl.robot.locating import NotLocatedError, locate
from dactyl.robot.placement import Place, eye_place
from dactyl.ros.images import to_depth, to_mask
from dactyl.ros.messages import SENSOR, nanoseconds, set_point, set_stamp
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.parameters import ONE_MOMENT, parameter
from dactyl.ros.segmented import Moments

DEPTH, MASK, INFO = "depth", "mask", "camera_info"
UNREADABLE, UNCALIBRATED = "depth in no known form", "the camera is not calibrated for such pictures"
BEFORE, STALE, NOT_FINITE = "older than the one before", "stale: its time is not now", "not finite"
RESTARTED_NS = 1_000_000_000
"""Further back than any reordering: the clock has begun anew."""


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot, in whose frame positions are.")
    object: str = parameter("block", "Object that is located.")
    eye: str = parameter(None, "Eye of the robot that looks at it.")
    place: tuple[float, ...] = parameter(
        None,
        "Where the eye's optical frame is in the robot's: x y z, m, and w x y z, as it was calibrated.",
        minimum=-10.0,
        maximum=10.0,
        length=7,
    )
    behind: float = parameter(
        None, "How far the object's centre lies behind what is seen of its surface, m.", minimum=0.0, maximum=1.0
    )
    min_pixels: int = parameter(
        6, "Pixels of the object that must be seen and have a depth; else nothing is said.", minimum=1
    )
    tolerance: float = parameter(
        ONE_MOMENT, "Depth and mask whose stamps are at most so far apart show one moment, s.", minimum=0.0, maximum=1.0
    )
    max_age: float = parameter(
        0.4, "Positions that are older than this when they would go out are withheld, s.", minimum=0.01, maximum=10.0
    )
    timeout: float = parameter(1.0, "What has not come for so long is missing, s.", minimum=0.01, maximum=60.0)


class ObjectLocator(DactylNode):
    """EYE/image_raw, EYE/mask, EYE/camera_info -> object_pose/vision, stamped as the depth image.

    The pose's rotation is 0 0 0 0, which is none: who needs one gets NaN and does not act on it.
    """

    def __init__(self) -> None:
        super().__init__("object_locator")
        looked_at = robot.load(self.asked("robot", DEFAULTS["robots"]))
        eye = self.asked("eye", looked_at.locator)
        if eye not in looked_at.eyes:
            raise DactylError(f"the robot {looked_at.name} has no eye {eye!r}: {choose_from(eye, looked_at.eyes)}")
        place = eye_place(looked_at.eyes[eye])
        own = {
            "eye": eye,
            "place": [*place.position.tolist(), *place.orientation.tolist()],
            "behind": objects.load(self.asked("object", "block")).half_size,
        }
        self.settings = settings = self.declare(Parameters, own)
        self.place = _place(settings.place)
        self.moments = Moments(settings.tolerance)
        self.info: CameraInfo | None = None
        self.came = dict.fromkeys((DEPTH, MASK, INFO), float("-inf"))
        """When, monotonic s."""
        self.stamp_ns = -1
        """The moment that was judged last."""
        self.judged = float("-inf")
        """When that was, monotonic s."""
        self.doubt = ""
        """Why there was no position then; empty: there was."""
        self.withheld = Counter[str]()
        self.positions = 0
        self.pose = PoseStamped()
        self.pose.header.frame_id = "hand"
        self.pose.pose.orientation = Quaternion(x=0.0, y=0.0, z=0.0, w=0.0)
        self.publisher = self.create_publisher(PoseStamped, topics.VISION_POSE, SENSOR)
        self.create_subscription(Image, topics.image(eye), self.on_depth, SENSOR)
        self.create_subscription(Image, topics.mask(eye), self.on_mask, SENSOR)
        self.create_subscription(CameraInfo, topics.camera_info(eye), self.on_info, SENSOR)

    def on_depth(self, message: Image) -> None:
        self.came[DEPTH] = time.monotonic()
        self.moments.add_depth(message)
        again = nanoseconds(message.header.stamp) == self.stamp_ns  # sent again, so somebody has lost something
        if again and not self.doubt:
            self.publisher.publish(self.pose)
        else:
            self._see(again)

    def on_mask(self, message: Image) -> None:
        self.came[MASK] = time.monotonic()
        self.moments.add_mask(message)
        self._see()

    def on_info(self, message: CameraInfo) -> None:
        self.came[INFO] = time.monotonic()
        self.info = message
        self._see()

    def _see(self, again: bool = False) -> None:
        """Once depth, mask and calibration are there of a new moment, or of the last one `again`, judge it."""
        last = self.moments.last()
        if last is None or self.info is None:
            return
        depth, mask = last
        stamp_ns = nanoseconds(depth.header.stamp)
        if again or stamp_ns != self.stamp_ns:
            self._judge(stamp_ns, depth, mask, self.info)

    def _judge(self, stamp_ns: int, depth: Image, mask: Image, info: CameraInfo) -> None:
        """Publish the position in pictures of one moment, or say why there is none."""
        self.judged = time.monotonic()
        try:
            self._check_time(stamp_ns)
            position = self._locate(to_depth(depth), to_mask(mask), info)
        except NotLocatedError as error:
            self.doubt = str(error)
            self.withheld[self.doubt] += 1
            return
        self.doubt = ""
        self.positions += 1
        set_stamp(self.pose.header.stamp, stamp_ns)
        set_point(self.pose.pose.position, position)
        self.publisher.publish(self.pose)

    def _check_time(self, stamp_ns: int) -> None:
        """NotLocatedError for what is out of order or not of now."""
        if 0 < self.stamp_ns - stamp_ns < RESTARTED_NS:
            raise NotLocatedError(BEFORE)
        self.stamp_ns = stamp_ns
        if abs(self.get_clock().now().nanoseconds - stamp_ns) > round(self.settings.max_age * 1e9):
            raise NotLocatedError(STALE)

    def _locate(self, depth: np.ndarray, mask: np.ndarray, info: CameraInfo) -> np.ndarray:
        """(3,) m, robot frame. NotLocatedError where the pictures do not say it."""
        matrix = np.reshape(info.k, (3, 3))
        if not depth.size:
            raise NotLocatedError(UNREADABLE)
        if (info.height, info.width) != depth.shape or not (matrix[0, 0] > 0 and matrix[1, 1] > 0):
            raise NotLocatedError(UNCALIBRATED)
        seen = locate(depth, mask, matrix, self.settings.min_pixels, self.settings.behind)
        position: np.ndarray = self.place.position + quaternion.rotate(self.place.orientation, seen)
        if not np.isfinite(position).all():
            raise NotLocatedError(NOT_FINITE)
        return position

    def diagnose(self) -> Diagnosis:
        now = time.monotonic()
        values = {"positions": self.positions, **{f"withheld, {why}": count for why, count in self.withheld.items()}}
        if missing := [kind for kind, when in self.came.items() if now - when > self.settings.timeout]:
            return warning(f"no {', no '.join(missing)} from {self.settings.eye}", **values)
        if self.doubt:
            return warning(f"no position: {self.doubt}", **values)
        if now - self.judged > self.settings.timeout:
            return warning("no position: depth and mask are of different moments", **values)
        return Diagnosis(values=values)


def _place(numbers: tuple[float, ...]) -> Place:
    """The parameter `place`; DactylError where its rotation is none."""
    position, turn = np.array(numbers[:3]), np.array(numbers[3:])
    if not np.linalg.norm(turn) > 1e-6:
        raise DactylError("parameter place must hold x y z and a rotation w x y z")
    return Place(position, quaternion.normalize(turn))


def main() -> int:
    return run(ObjectLocator)


if __name__ == "__main__":
    sys.exit(main())
