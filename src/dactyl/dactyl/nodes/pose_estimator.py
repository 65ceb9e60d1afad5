"""The object's pose from three images by a CNN (section 5). A pose goes out only where all three images are good."""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import Image

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.hardware import camera_info
from dactyl.maths.summary import summary
from dactyl.robot.placement import Place
from dactyl.ros.images import to_rgb
from dactyl.ros.messages import SENSOR, nanoseconds, set_point, set_quaternion, set_stamp
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.packages import package_share
from dactyl.ros.parameters import parameter
from dactyl.vision.bridging import Bridge
from dactyl.vision.synchronizer import Synchronizer, Triple

if TYPE_CHECKING:
    from dactyl.vision.estimator import Estimate, Estimator

WINDOW = 256  # poses that latency figures are taken from
UNSURE = "not sure enough"


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    weights: str = parameter("", "File of the trained network (.safetensors); empty: no poses from images.")
    object: str = parameter("block", "Object in the hand.")
    device: str = parameter("cpu", "To compute on: cpu, cuda or cuda:N.")
    calibration: str = parameter(
        "",
        "Folder (path, file:// or package:// URL) of camera_0.yaml, … with each camera's place, as calibrate cameras "
        "writes them; empty: they are where the robot's should be.",
    )
    tolerance: float = parameter(
        0.02, "Images whose stamps are at most so far apart show one moment, s.", minimum=0.0, maximum=0.08
    )
    timeout: float = parameter(0.25, "A camera without an image for so long is missing, s.", minimum=0.01, maximum=60.0)
    frozen_after: int = parameter(
        5, "The same image so many times again: that camera is frozen.", minimum=1, maximum=1000
    )
    sensor_noise: bool = parameter(
        True, "No live camera sends the same image twice; false for simulated ones, whose scene may stand still."
    )
    min_confidence: float = parameter(
        0.6, "Poses the network is less sure of, 0…1, are withheld.", minimum=0.0, maximum=1.0
    )
    max_degrees: float = parameter(
        30.0, "Poses whose stated rotation error is larger are withheld, degrees.", minimum=0.0, maximum=180.0
    )
    max_millimetres: float = parameter(
        30.0, "Poses whose stated position error is larger are withheld, mm.", minimum=0.0, maximum=1000.0
    )
    max_disagreement: float = parameter(
        2.0,
        "A pose that a camera disagrees with more than this is withheld; 1: as one good picture in a hundred does. "
        "0: cameras are not compared.",
        minimum=0.0,
        maximum=100.0,
    )
    bridge: float = parameter(
        0.0,
        "For so long a pose that is withheld is replaced by where the last ones lead to, s; 0: never.",
        minimum=0.0,
        maximum=0.5,
    )


class PoseEstimator(DactylNode):
    """camera_{0,1,2}/image_raw -> object_pose/vision, stamped as the oldest of the three images.

    A pose that is withheld may be bridged. The message has no place to say so; how many were is on /diagnostics.
    Without a network it subscribes to no images, so that nothing is rendered for it.
    """

    def __init__(self) -> None:
        super().__init__("pose_estimator")
        self.settings = settings = self.declare(Parameters)
        self.publisher = self.create_publisher(PoseStamped, topics.VISION_POSE, SENSOR)
        self.estimator: Estimator | None = None
        if not settings.weights:
            return
        import torch  # takes seconds and 200 MB, which a node without a network does not need

        from dactyl.vision.estimator import Estimator

        torch.set_num_threads(1)
        self.estimator = estimator = Estimator.load(settings.weights, settings.object, settings.device)
        if settings.calibration:
            estimator.place(_places(settings.calibration, estimator.contract.cameras))
        cameras, size = estimator.contract.cameras, estimator.contract.architecture.image_size
        estimator.estimate(np.zeros((1, len(cameras), size, size, 3), np.uint8))  # the first time takes longer
        self.synchronizer = Synchronizer(
            cameras, estimator.cut, round(settings.tolerance * 1e9), settings.frozen_after, settings.sensor_noise
        )
        self.pose = PoseStamped()
        self.pose.header.frame_id = "hand"
        self.withheld = Counter[str]()
        self.bridge = Bridge(round(settings.bridge * 1e9))
        self.bridged = 0
        self.doubt = ""
        """Why the last pose was withheld; empty: it was not."""
        self.stated: dict[str, float] = {}
        """The errors that the network expects of its last answer."""
        self.poses = 0
        self.confidence = float("nan")
        self.arrived = dict.fromkeys(cameras, float("-inf"))
        self.latencies: deque[float] = deque(maxlen=WINDOW)
        self.inferences: deque[float] = deque(maxlen=WINDOW)
        for index, camera in enumerate(cameras):
            self.create_subscription(Image, topics.image(camera), partial(self.on_image, index, camera), SENSOR)

    def on_image(self, index: int, camera: str, message: Image) -> None:
        """Take an image; if it completes a moment, estimate and publish the pose."""
        self.arrived[camera] = time.monotonic()
        stamp_ns = nanoseconds(message.header.stamp)
        triple = self.synchronizer.add(index, stamp_ns, to_rgb(message))
        if triple is not None:
            self._estimate(triple)
        elif self.poses and stamp_ns == nanoseconds(self.pose.header.stamp) and index == len(self.arrived) - 1:
            self.publisher.publish(self.pose)  # the images were sent again, so somebody has lost it
        elif self.synchronizer.spoiled_ns is not None:
            self._bridge(self.synchronizer.spoiled_ns)
        if camera in (faults := self.synchronizer.faults):
            self.withheld[f"{camera}: {faults[camera]}".partition(" times")[0]] += 1
            self.get_logger().warning(f"{camera}: {faults[camera]}", throttle_duration_sec=5.0)

    def _estimate(self, triple: Triple) -> None:
        assert self.estimator is not None
        began = time.monotonic()
        estimate = self.estimator.estimate(triple.pictures[None])
        self.inferences.append(time.monotonic() - began)
        self.confidence = float(estimate.confidence[0])
        self.doubt = self._doubt(estimate)
        if self.doubt:
            self.withheld[self.doubt] += 1
            self._bridge(triple.stamp_ns)
            return
        position, orientation = estimate.position[0], estimate.orientation[0]
        self.bridge.believe(triple.stamp_ns, position, orientation)
        self._publish(triple.stamp_ns, position, orientation)
        self.poses += 1
        self.latencies.append(1e-9 * (self.get_clock().now().nanoseconds - triple.stamp_ns))

    def _doubt(self, estimate: Estimate) -> str:
        """Why an answer is not to be believed; empty where it is. A number that is none is never below a limit."""
        settings, doubt = self.settings, estimate.doubt
        sure = self.confidence >= settings.min_confidence and np.isfinite(estimate.position).all()
        if doubt is None:
            return "" if sure else UNSURE
        self.stated = {
            "stated error (deg)": round(float(doubt.degrees[0]), 2),
            "stated error (mm)": round(float(doubt.millimetres[0]), 2),
        }
        near = doubt.degrees[0] <= settings.max_degrees and doubt.millimetres[0] <= settings.max_millimetres
        if not (sure and near):
            return UNSURE
        if settings.max_disagreement and doubt.disagreement is not None:
            worst = int(np.argmax(doubt.disagreement[0]))
            if not doubt.disagreement[0, worst] <= settings.max_disagreement:
                return f"{list(self.arrived)[worst]} does not fit the others: covered, or of another moment"
        return ""

    def _bridge(self, stamp_ns: int) -> None:
        """In place of a pose that is withheld, where the last ones lead to, if they are recent enough."""
        found = self.bridge.at(stamp_ns)
        if found is not None:
            self.bridged += 1
            self._publish(*found)

    def _publish(self, stamp_ns: int, position: np.ndarray, orientation: np.ndarray) -> None:
        set_stamp(self.pose.header.stamp, stamp_ns)
        set_point(self.pose.pose.position, position)
        set_quaternion(self.pose.pose.orientation, orientation)
        self.publisher.publish(self.pose)

    def diagnose(self) -> Diagnosis:
        if self.estimator is None:
            return Diagnosis("no network: no poses from images")
        values = {
            "poses": self.poses,
            "confidence": round(self.confidence, 3),
            **self.stated,
            **({"bridged": self.bridged} if self.settings.bridge else {}),
            **_milliseconds("latency from image stamp", self.latencies),
            **_milliseconds("inference", self.inferences),
            **{f"withheld, {reason}": count for reason, count in self.withheld.items()},
        }
        late = time.monotonic() - self.settings.timeout
        missing = [camera for camera, when in self.arrived.items() if when < late]
        if missing:
            return warning(f"no images from {', '.join(missing)}", **values)
        if self.synchronizer.faults:
            camera, fault = next(iter(self.synchronizer.faults.items()))
            return warning(f"{camera}: {fault}", **values)
        if self.doubt == UNSURE or not self.confidence >= self.settings.min_confidence:
            return warning("the images do not show clearly how the object is turned", **values)
        if self.doubt:
            return warning(self.doubt, **values)
        return Diagnosis(values=values)


def _places(calibration: str, cameras: tuple[str, ...]) -> dict[str, Place]:
    """Where a folder of calibrations says that cameras are.

    Raises:
        DactylError: a file is missing or wrong, or says nothing of the camera's place.
    """
    places = {}
    for camera in cameras:
        path = camera_info.folder(calibration, package_share) / f"{camera}.yaml"
        place = camera_info.place(path)
        if place is None:
            raise DactylError(f"the camera calibration {path} has no place (pose_in_hand): calibrate with --placed")
        places[camera] = place
    return places


def _milliseconds(name: str, seconds: deque[float]) -> dict[str, float]:
    found = summary([1000.0 * each for each in seconds])
    return {f"{name} {quantile} (ms)": value for quantile, value in found.items() if quantile != "max"}


def main() -> int:
    return run(PoseEstimator)


if __name__ == "__main__":
    sys.exit(main())
