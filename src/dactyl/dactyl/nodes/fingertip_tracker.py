"""Turns motion-capture markers into fingertip positions and the object's pose, both in the robot's frame."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import Point, PoseStamped

from dactyl import objects, topics
from dactyl.errors import DactylError
from dactyl.registry import DEFAULTS
from dactyl.robot import robot
from dactyl.robot.late_poses import LatePoses
from dactyl.robot.markers import MarkerLayout, MarkerTracker, RigidPose, usual_ids
from dactyl.ros.messages import SENSOR, nanoseconds, set_point, set_quaternion, to_floats
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.parameters import parameter
from dactyl_msgs.msg import FingertipPositions, MocapMarkers


@dataclass(frozen=True)
class Parameters:
    """What can be configured: which marker is which, and how far it is trusted."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot.")
    object: str = parameter("block", "Object in the hand.")
    fingertip_ids: tuple[int, ...] = parameter(
        None, "Marker ids of the robot's fingertips, Shadow's FF MF RF LF TH.", minimum=0
    )
    base_ids: tuple[int, ...] = parameter(None, "Marker ids on the robot's mount.", minimum=0)
    base_positions: tuple[float, ...] = parameter(
        None, "x y z of each base marker in the robot's frame, m.", minimum=-1.0, maximum=1.0
    )
    object_ids: tuple[int, ...] = parameter(None, "Marker ids on the object.", minimum=0)
    object_positions: tuple[float, ...] = parameter(
        None, "x y z of each object marker in the object frame, m.", minimum=-1.0, maximum=1.0
    )
    pose_period: float = parameter(
        None,
        "Time between two poses of the object, s, the robot's own tracker's by default; 0: each frame.",
        minimum=0.0,
        maximum=10.0,
    )
    pose_delay: float = parameter(
        None, "How old a pose is when it comes, s; the robot's own tracker's by default.", minimum=0.0, maximum=10.0
    )
    base_memory: float = parameter(1.0, "Time over which base markers are averaged, s.", minimum=1e-3, maximum=60.0)
    max_residual: float = parameter(
        0.005, "Markers that fit their body worse than this give no pose, m.", minimum=1e-5, maximum=0.1
    )
    max_speed: float = parameter(
        3.0,
        "Markers of fingertips and object that jump faster, m/s, or to where another has just been, count as not seen; "
        "0: every marker is believed.",
        minimum=0.0,
        maximum=100.0,
    )
    doubt: float = parameter(
        0.2, "Time after which a marker that jumped and stays there is believed, s.", minimum=0.0, maximum=10.0
    )


class FingertipTracker(DactylNode):
    """mocap/markers -> object_pose/mocap, fingertips."""

    def __init__(self) -> None:
        super().__init__("fingertip_tracker")
        self.robot = robot.load(self.asked("robot", DEFAULTS["robots"]))
        shape = objects.load(self.asked("object", "block"))
        tips, base = len(self.robot.fingertips), self.robot.markers.base
        ids = usual_ids(tips, len(base), len(shape.markers))
        period, delay = self.robot.slow_tracker
        settings = self.declare(
            Parameters,
            {
                "fingertip_ids": ids.fingertips, "base_ids": ids.base, "object_ids": ids.object,
                "base_positions": base.ravel().tolist(), "object_positions": shape.markers.ravel().tolist(),
                "pose_period": period, "pose_delay": delay,
            },
        )  # fmt: skip
        if len(settings.fingertip_ids) != tips:
            raise DactylError(f"parameter fingertip_ids must have {tips} elements, not {len(settings.fingertip_ids)}")
        layout = MarkerLayout(
            settings.fingertip_ids,
            settings.base_ids, _rows_of_three("base_positions", settings.base_positions),
            settings.object_ids, _rows_of_three("object_positions", settings.object_positions),
        )  # fmt: skip
        self.tracker = MarkerTracker(
            layout,
            settings.base_memory,
            max_residual=settings.max_residual,
            max_speed=settings.max_speed,
            doubt=settings.doubt,
        )
        self.late_poses = LatePoses(settings.pose_period, settings.pose_delay)
        self.object: RigidPose | None = None
        """What is known of it at the last frame."""
        self.stamp_ns = -1
        self.frames = self.frames_without_object = 0
        self.fingertips = FingertipPositions(positions=[Point() for _ in range(tips)])
        self.pose = PoseStamped()
        self.fingertips.header.frame_id = self.pose.header.frame_id = "hand"
        self.pose_publisher = self.create_publisher(PoseStamped, topics.MOCAP_POSE, SENSOR)
        self.fingertips_publisher = self.create_publisher(FingertipPositions, topics.FINGERTIPS, SENSOR)
        self.create_subscription(MocapMarkers, topics.MARKERS, self.on_markers, SENSOR)

    def on_markers(self, message: MocapMarkers) -> None:
        stamp_ns = nanoseconds(message.header.stamp)
        if stamp_ns != self.stamp_ns:  # a frame sent again changes nothing, but goes out again
            self.stamp_ns = stamp_ns
            self.tracker.update(
                stamp_ns * 1e-9,
                ((m.id, m.position.x, m.position.y, m.position.z) for m in message.markers if m.condition > 0),
            )
            self.frames += 1
            self.frames_without_object += self.tracker.object is None
            self.object = self.late_poses.show(stamp_ns, self.tracker.object)
            self._fill_messages(message)
        if self.tracker.base is None:
            return
        if self.object is not None:
            self.pose_publisher.publish(self.pose)
        self.fingertips_publisher.publish(self.fingertips)

    def _fill_messages(self, message: MocapMarkers) -> None:
        tracker, fingertips = self.tracker, self.fingertips
        fingertips.header.stamp = self.pose.header.stamp = message.header.stamp
        for point, where in zip(fingertips.positions, tracker.fingertips.tolist(), strict=True):
            set_point(point, where)
        fingertips.tracked = tracker.tracked.tolist()
        fingertips.age = to_floats(tracker.age)
        if self.object is not None:
            set_point(self.pose.pose.position, self.object.position)
            set_quaternion(self.pose.pose.orientation, self.object.quaternion)

    def diagnose(self) -> Diagnosis:
        values = {
            "frames": self.frames,
            "frames without object": self.frames_without_object,
            "markers not believed": self.tracker.rejected,
            "oldest fingertip (s)": round(float(self.tracker.age.max()), 3),
        }
        if self.frames == 0:
            return warning("no motion capture: nothing comes on mocap/markers", **values)
        if self.tracker.base is None:
            return warning("the base markers are not seen or do not fit: the hand frame is unknown", **values)
        self.frames = self.frames_without_object = 0
        return Diagnosis(values=values)


def _rows_of_three(name: str, numbers: tuple[float, ...]) -> np.ndarray:
    rows, rest = divmod(len(numbers), 3)
    if rest:
        raise DactylError(f"parameter {name} must hold x y z of each marker, not {len(numbers)} numbers")
    return np.reshape(numbers, (rows, 3))


def main() -> int:
    return run(FingertipTracker)


if __name__ == "__main__":
    sys.exit(main())
