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
from dactyl.maths.summary import summary
from dactyl.ros.images import to_rgb
from dactyl.ros.messages import SENSOR, nanoseconds, set_point, set_quaternion, set_stamp
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.parameters import parameter
from dactyl.vision.synchronizer import Synchronizer, Triple

if TYPE_CHECKING:
    from dactyl.vision.estimator import Estimator

WINDOW = 256  # poses that latency figures are taken from


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    weights: str = parameter("", "File of the trained network (.safetensors); empty: no poses from images.")
    object: str = parameter("block", "Object in the hand.")
    device: str = parameter("cpu", "To compute on: cpu, cuda or cuda:N.")
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


class PoseEstimator(DactylNode):
    """camera_{0,1,2}/image_raw -> object_pose/vision, stamped as the oldest of the three images.

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
        cameras, size = estimator.contract.cameras, estimator.contract.architecture.image_size
        estimator.estimate(np.zeros((1, len(cameras), size, size, 3), np.uint8))  # the first time takes longer
        self.synchronizer = Synchronizer(
            cameras, estimator.cut, round(settings.tolerance * 1e9), settings.frozen_after, settings.sensor_noise
        )
        self.pose = PoseStamped()
        self.pose.header.frame_id = "hand"
        self.withheld = Counter[str]()
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
        if camera in (faults := self.synchronizer.faults):
            self.withheld[f"{camera}: {faults[camera]}".partition(" times")[0]] += 1
            self.get_logger().warning(f"{camera}: {faults[camera]}", throttle_duration_sec=5.0)

    def _estimate(self, triple: Triple) -> None:
        assert self.estimator is not None
        began = time.monotonic()
        estimate = self.estimator.estimate(triple.pictures[None])
        self.inferences.append(time.monotonic() - began)
        self.confidence = float(estimate.confidence[0])
        if not self.confidence >= self.settings.min_confidence or not np.isfinite(estimate.position).all():
            self.withheld["not sure enough"] += 1
            return
        set_stamp(self.pose.header.stamp, triple.stamp_ns)
        set_point(self.pose.pose.position, estimate.position[0])
        set_quaternion(self.pose.pose.orientation, estimate.orientation[0])
        self.publisher.publish(self.pose)
        self.poses += 1
        self.latencies.append(1e-9 * (self.get_clock().now().nanoseconds - triple.stamp_ns))

    def diagnose(self) -> Diagnosis:
        if self.estimator is None:
            return Diagnosis("no network: no poses from images")
        values = {
            "poses": self.poses,
            "confidence": round(self.confidence, 3),
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
        if not self.confidence >= self.settings.min_confidence:
            return warning("the images do not show clearly how the object is turned", **values)
        return Diagnosis(values=values)


def _milliseconds(name: str, seconds: deque[float]) -> dict[str, float]:
    found = summary([1000.0 * each for each in seconds])
    return {f"{name} {quantile} (ms)": value for quantile, value in found.items() if quantile != "max"}


def main() -> int:
    return run(PoseEstimator)


if __name__ == "__main__":
    sys.exit(main())
