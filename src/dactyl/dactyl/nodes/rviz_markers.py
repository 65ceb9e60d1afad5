"""Draws the graph for RViz: hand, object, goal, fingertips and markers, and their frames where ROS has tf2."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from geometry_msgs.msg import PoseStamped, TransformStamped
from rclpy.subscription import Subscription
from sensor_msgs.msg import JointState
from visualization_msgs.msg import MarkerArray

from dactyl import topics
from dactyl.registry import DEFAULTS
from dactyl.robot import robot
from dactyl.robot.markers import BaseMarkers, usual_ids
from dactyl.ros import messages, transforms
from dactyl.ros.node import DactylNode, Diagnosis, run
from dactyl.ros.parameters import JOINT_STATES, parameter
from dactyl.ros.polling import NotExecuted, subscribe, take
from dactyl_msgs.msg import FingertipPositions, MocapMarkers, TrialStatus

if TYPE_CHECKING:
    from dactyl.monitoring.shapes import Shapes

try:
    from tf2_msgs.msg import TFMessage
except ImportError:  # not among the wheels; RViz needs no frames but the one the markers are in
    TFMessage = None

_STATES = {TrialStatus.AWAITING_OBJECT: "awaiting the object", TrialStatus.FINISHED: "no trial"}


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot.")
    object: str = parameter("block", "Object in the hand.")
    object_pose: str = parameter("mocap", "Source of the object's pose.", choices=("mocap", "vision"))
    joint_states: str = parameter(topics.JOINT_STATES, JOINT_STATES)
    period: float = parameter(0.08, "Between two pictures, s.", minimum=0.02, maximum=5.0)
    base_ids: tuple[int, ...] = parameter(None, "Marker ids on the robot's mount.", minimum=0)
    base_positions: tuple[float, ...] = parameter(
        None, "x y z of each in the robot's frame, m.", minimum=-1.0, maximum=1.0
    )


class RvizMarkers(DactylNode):
    """joint states, fingertips, object pose, goal, trial/status, mocap/markers -> markers, /tf.

    Idle, subscribed to nothing, until somebody subscribes to `markers`.
    """

    def __init__(self) -> None:
        super().__init__("rviz_markers")
        self.robot = robot.load(self.asked("robot", DEFAULTS["robots"]))
        self.joint_names = [self.robot.ros_name(joint) for joint in self.robot.joints]
        base = self.robot.markers.base
        own = {"base_ids": usual_ids(0, len(base), 0).base, "base_positions": base.ravel().tolist()}
        self.settings = settings = self.declare(Parameters, own)
        self.base = BaseMarkers(settings.base_ids, settings.base_positions)
        self.shapes: Shapes | None = None
        self.newest = 0
        self.group = NotExecuted()
        self.taps: dict[str, Subscription] = {}
        self.marker_publisher = self.create_publisher(MarkerArray, topics.RVIZ_MARKERS, messages.RELIABLE)
        self.tf_publisher = self.create_publisher(TFMessage, topics.TF, messages.RELIABLE) if TFMessage else None
        self.wall_timer(settings.period, self.on_timer)

    def on_timer(self) -> None:
        if self.marker_publisher.get_subscription_count() == 0:
            self._look_away()
            return
        if not self.taps:
            self._look()
        latest = {topic: taken[-1].message for topic, tap in self.taps.items() if (taken := take(tap))}
        self.draw(latest)

    def _look(self) -> None:
        from dactyl.monitoring.shapes import Shapes  # MuJoCo takes a second and 50 MB: not before they are needed
        from dactyl.simulation.scene import SceneConfig, build

        self.shapes = self.shapes or Shapes(build(SceneConfig(self.settings.object, robot=self.robot.name)))
        kinds: dict[str, tuple[type[Any], Any]] = {
            topics.JOINT_STATES: (JointState, messages.SENSOR),
            topics.FINGERTIPS: (FingertipPositions, messages.SENSOR),
            "pose": (PoseStamped, messages.SENSOR),
            topics.GOAL: (PoseStamped, messages.LATCHED),
            topics.STATUS: (TrialStatus, messages.LATCHED),
            topics.MARKERS: (MocapMarkers, messages.SENSOR),
        }
        names = {
            "pose": topics.object_pose(self.settings.object_pose),
            topics.JOINT_STATES: self.settings.joint_states,
        }
        for topic, (kind, qos) in kinds.items():
            self.taps[topic] = subscribe(self, kind, names.get(topic, topic), qos, self.group, raw=False)

    def _look_away(self) -> None:
        for tap in self.taps.values():
            self.destroy_subscription(tap)
        self.taps.clear()

    def draw(self, latest: dict[str, Any]) -> None:
        """Take in the newest message of each topic that has one, and publish."""
        shapes = self.shapes
        assert shapes is not None
        if (joints := latest.get(topics.JOINT_STATES)) is not None and set(self.joint_names) <= set(joints.name):
            angles = np.array([joints.position[joints.name.index(name)] for name in self.joint_names])
            if np.isfinite(angles).all():
                shapes.move_hand(angles)
        if (tips := latest.get(topics.FINGERTIPS)) is not None:
            positions = np.array([[point.x, point.y, point.z] for point in tips.positions])
            shapes.show_fingertips(positions, np.asarray(tips.tracked))
        frames = []
        if (pose := latest.get("pose")) is not None:
            position, orientation = messages.position(pose.pose), messages.orientation(pose.pose.orientation)
            if np.isfinite([*position, *orientation]).all():
                shapes.move_object(position, orientation)
                frames.append(("object", position, orientation))
        if (goal := latest.get(topics.GOAL)) is not None and np.isfinite(
            turn := messages.orientation(goal.pose.orientation)
        ).all():
            shapes.turn_goal(turn)
        if (frame := latest.get(topics.MARKERS)) is not None:
            self._draw_mocap(frame)
        if (status := latest.get(topics.STATUS)) is not None:
            shapes.say(_sentence(status))
        now = self._stamp(latest)
        self.marker_publisher.publish(shapes.array(now))
        if self.tf_publisher and frames:
            self.tf_publisher.publish(TFMessage(transforms=[_transform(now, *frame) for frame in frames]))

    def _stamp(self, latest: dict[str, Any]) -> int:
        """ns: of the newest reading, which in simulation is simulated time; until there is one, now."""
        stamps = [messages.nanoseconds(each.header.stamp) for each in latest.values() if hasattr(each, "header")]
        self.newest = max(self.newest, *stamps) if stamps else self.newest
        return self.newest or self.get_clock().now().nanoseconds

    def _draw_mocap(self, message: MocapMarkers) -> None:
        """Bring the markers seen into the robot's frame by those of the base among them."""
        assert self.shapes is not None
        seen = {m.id: np.array([m.position.x, m.position.y, m.position.z]) for m in message.markers if m.condition > 0}
        pose = self.base.locate(seen)
        if pose is None:
            return
        inverse = transforms.quaternion_inverse(transforms.to_xyzw(pose.quaternion))
        rotation = transforms.quaternion_matrix(inverse)[:3, :3]
        self.shapes.show_mocap((np.array(list(seen.values())) - pose.position) @ rotation.T)

    def diagnose(self) -> Diagnosis:
        return Diagnosis("drawing" if self.taps else "nobody watches")


def _sentence(status: TrialStatus) -> str:
    if status.state in _STATES:
        return _STATES[status.state]
    goals = f"{status.successes} goal{'' if status.successes == 1 else 's'}"
    return f"trial {status.trial + 1}: {goals}, {status.angle_to_goal:.2f} rad to go"


def _transform(stamp_ns: int, child: str, position: np.ndarray, orientation: np.ndarray) -> TransformStamped:
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = "hand"
    messages.set_stamp(message.header.stamp, stamp_ns)
    translation = message.transform.translation
    translation.x, translation.y, translation.z = (float(value) for value in position)
    messages.set_quaternion(message.transform.rotation, orientation)
    return message


def main() -> int:
    return run(RvizMarkers)


if __name__ == "__main__":
    sys.exit(main())
