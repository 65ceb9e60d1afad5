"""The robot for RViz: its URDF, its links on /tf, and where cameras and motion capture are."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from geometry_msgs.msg import TransformStamped
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.hardware import camera_info
from dactyl.maths import quaternion
from dactyl.registry import DEFAULTS
from dactyl.robot import robot as robots
from dactyl.robot.markers import BaseMarkers, usual_ids
from dactyl.ros import messages
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.packages import package_share
from dactyl.ros.parameters import JOINT_STATES, parameter
from dactyl.ros.polling import NotExecuted, subscribe, take
from dactyl.simulation.scene import SceneConfig, build
from dactyl.simulation.urdf import ROOT, Description, Pose, mesh_url
from dactyl_msgs.msg import MocapMarkers

try:
    from tf2_msgs.msg import TFMessage
except ImportError:  # not among the wheels, nor is anything that would listen to it
    TFMessage = None

MOVED, TURNED = 0.0005, 0.005  # m and rad: less is noise, and motion capture's frame has not moved
SILENCE = 1.0
"""s without new joint states after which the diagnostics say so."""


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot.")
    joint_states: str = parameter(topics.JOINT_STATES, JOINT_STATES)
    period: float = parameter(0.04, "Between two looks at the joint states, s.", minimum=0.008, maximum=1.0)
    joint_transforms: bool = parameter(True, "Publish the links on /tf; false beside a robot_state_publisher.")
    simulated_cameras: bool = parameter(False, "Publish where the cameras are in simulation.")
    calibration: str = parameter("", "Folder of `calibrate cameras`, which says where real cameras are. Empty: none.")
    base_ids: tuple[int, ...] = parameter(None, "Marker ids on the robot's mount.", minimum=0)
    base_positions: tuple[float, ...] = parameter(
        None, "x y z of each in the robot's frame, m.", minimum=-1.0, maximum=1.0
    )


class RobotDescription(DactylNode):
    """Joint states, mocap/markers -> robot_description, /tf, /tf_static."""

    def __init__(self) -> None:
        super().__init__("robot_description")
        self.robot = robots.load(self.asked("robot", DEFAULTS["robots"]))
        base = self.robot.markers.base
        own = {"base_ids": usual_ids(0, len(base), 0).base, "base_positions": base.ravel().tolist()}
        self.settings = settings = self.declare(Parameters, own)
        self.base = BaseMarkers(settings.base_ids, settings.base_positions)
        self.description = Description(build(SceneConfig(robot=self.robot.name)))
        self.fixed = self._cameras()
        self.mocap: Pose | None = None
        self.monotonic = time.monotonic
        self.heard: float | None = None
        """When joint states were last used, s; None: never."""
        self.stamp_ns = -1
        self.group = NotExecuted()
        self._publish_description()
        self.tf = self.create_publisher(TFMessage, topics.TF, messages.RELIABLE) if TFMessage else None
        self.tf_static = self.create_publisher(TFMessage, topics.TF_STATIC, messages.LATCHED) if TFMessage else None
        self.joints = subscribe(self, JointState, settings.joint_states, messages.JOINTS, self.group, raw=False)
        self.markers = subscribe(self, MocapMarkers, topics.MARKERS, messages.SENSOR, self.group, raw=False)
        self._publish_fixed()
        self.wall_timer(settings.period, self.on_timer)
        self.wall_timer(1.0, self.on_second)

    def _publish_description(self) -> None:
        self.meshes = self._install_meshes()
        self.publisher = self.create_publisher(String, topics.ROBOT_DESCRIPTION, messages.LATCHED)
        self.publisher.publish(String(data=self.description.xml(self.meshes)))

    def _install_meshes(self) -> str:
        """Write the meshes into the package's share folder, where RViz finds them on every machine; their URL."""
        url = mesh_url(self.robot.name)
        try:
            self.description.write_meshes(camera_info.folder(url, package_share))
        except (OSError, DactylError) as error:
            here = Path(tempfile.gettempdir(), f"dactyl-{os.getuid()}", "meshes", self.robot.name)
            self.get_logger().warning(f"cannot write the meshes into the package: {error}. Only this machine has them")
            try:
                self.description.write_meshes(here)
            except OSError as error_here:
                raise DactylError(f"cannot write the robot's meshes: {error_here}") from error_here
            return f"file://{here}"
        return url

    def _cameras(self) -> dict[str, Pose]:
        """Optical frames of the cameras whose places are known."""
        found = self.description.cameras() if self.settings.simulated_cameras else {}
        if self.settings.calibration:
            folder = camera_info.folder(self.settings.calibration, package_share)
            for name in self.robot.cameras.places:
                path = folder / f"{name}.yaml"
                if path.exists() and (place := camera_info.place(path)):
                    found[name] = Pose(*map(np.array, place))
        return {f"{name}_optical": pose for name, pose in found.items()}

    def on_timer(self) -> None:
        """Publish the links as the newest joint states have them, with their stamp."""
        for taken in reversed(take(self.joints)):
            transforms = self.links(taken.message)
            if transforms:
                if self.tf and self.settings.joint_transforms:
                    self.tf.publish(TFMessage(transforms=transforms))
                return

    def links(self, message: JointState) -> list[TransformStamped]:
        """The transforms that joint states give; none where they are another robot's, are not finite, or were used."""
        names = {joint.name for joint in self.description.joints if joint.axis is not None}
        angles = {name: angle for name, angle in zip(message.name, message.position, strict=False) if name in names}
        stamp = messages.nanoseconds(message.header.stamp)
        if set(angles) != names or not np.isfinite(list(angles.values())).all() or stamp == self.stamp_ns:
            return []
        self.stamp_ns, self.heard = stamp, self.monotonic()
        return [_transform(stamp, *each) for each in self.description.transforms(angles)]

    def on_second(self) -> None:
        """Look where motion capture's frame is; that it has been moved is told too."""
        if taken := take(self.markers):
            pose = self.mocap_frame(taken[-1].message)
            if pose is not None and (self.mocap is None or _apart(pose, self.mocap)):
                self.mocap = pose
                self._publish_fixed()

    def mocap_frame(self, message: MocapMarkers) -> Pose | None:
        """Motion capture's frame in the robot's, by the markers on its mount; None where too few are seen."""
        seen = {m.id: np.array([m.position.x, m.position.y, m.position.z]) for m in message.markers if m.condition > 0}
        found = self.base.locate(seen)
        return None if found is None else Pose(found.position, found.quaternion).inverse()

    def static_transforms(self) -> list[TransformStamped]:
        """Everything that stays where it is."""
        frames = {**self.fixed, **({"mocap": self.mocap} if self.mocap else {})}
        stamp = max(self.stamp_ns, 0)
        return [_transform(stamp, ROOT, name, pose) for name, pose in frames.items()]

    def _publish_fixed(self) -> None:
        if self.tf_static:
            self.tf_static.publish(TFMessage(transforms=self.static_transforms()))

    def diagnose(self) -> Diagnosis:
        if TFMessage is None:
            return Diagnosis("described; tf2_msgs is not installed, so no frames are published")
        if self.heard is None:
            return warning("no joint states")
        silence = self.monotonic() - self.heard
        return warning(f"no new joint states for {silence:.0f} s") if silence > SILENCE else Diagnosis()


def _apart(a: Pose, b: Pose) -> bool:
    turned = float(quaternion.difference_angle(a.quaternion, b.quaternion))
    return bool(np.linalg.norm(a.position - b.position) > MOVED) or turned > TURNED


def _transform(stamp_ns: int, parent: str, child: str, pose: Pose) -> TransformStamped:
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    messages.set_stamp(message.header.stamp, stamp_ns)
    translation: Sequence[float] = [float(value) for value in pose.position]
    message.transform.translation.x, message.transform.translation.y, message.transform.translation.z = translation
    messages.set_quaternion(message.transform.rotation, pose.quaternion)
    return message


def main() -> int:
    return run(RobotDescription)


if __name__ == "__main__":
    sys.exit(main())
