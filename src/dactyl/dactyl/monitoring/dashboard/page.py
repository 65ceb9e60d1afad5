"""What the dashboard shows: turns messages of the graph into poses, pictures and figures."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import cv2
import numpy as np
import viser
from sensor_msgs.msg import Image

from dactyl import topics
from dactyl.environment.task import Task
from dactyl.monitoring.dashboard.hand_view import HandView
from dactyl.monitoring.dashboard.panels import PICTURE_SIZE, Actions, Panels, State
from dactyl.recording.test_sets import overlay
from dactyl.ros import messages
from dactyl.ros.images import to_rgb
from dactyl.ros.polling import Taken
from dactyl.simulation.scene import Scene
from dactyl_msgs.msg import TrialStatus

SLOW_EVERY = 12  # looks between updates of curves and tables
_STATES = {
    TrialStatus.AWAITING_OBJECT: "awaiting object",
    TrialStatus.RUNNING: "running",
    TrialStatus.FINISHED: "finished",
}
STALE = 3.0  # s: an older pose is none
POSES_KEPT = 200  # of each source: 1.6 s of motion capture, longer than a picture takes to come
_VISION, _MOCAP = (0, 200, 255), (255, 140, 0)  # of the drawn pose, RGB


class Pose(NamedTuple):
    """Of the object, in the hand frame."""

    position: np.ndarray
    orientation: np.ndarray
    stamp_ns: int
    seen: float
    """Monotonic time when it came."""


class Page:
    """The web server, and what it shows to all who look."""

    def __init__(self, port: int, scene: Scene, task: Task, object_pose: str, actions: Actions) -> None:
        """
        Args:
            port: of this machine, to listen on.
            scene: with the robot and the object.
            task: whose progress is shown.
            object_pose: whose pose is shown, mocap or vision.
            actions: what the buttons do.
        """
        self.object_pose, self.robot, self.object = object_pose, scene.robot, scene.config.object
        self.server = viser.ViserServer(host="127.0.0.1", port=port, label="dactyl", verbose=False)
        self.view = HandView(self.server, scene)
        self.camera_names = tuple(scene.robot.cameras.places)
        self.cameras = overlay.nominal_cameras(scene)
        self.panels = Panels(self.server, actions, self.view.goal_orientation, self.camera_names, task)
        self.poses: dict[str, deque[Pose]] = {source: deque(maxlen=POSES_KEPT) for source in ("mocap", "vision")}
        """The last object poses of each source."""
        self.last: dict[str, Any] = {}
        """The last message of each topic."""
        self.statuses: dict[str, tuple[int, str, Mapping[str, str]]] = {}
        self.counted: dict[str, tuple[int, int]] = {}
        """Sequence and system time of each topic's message that its rate is counted from."""
        self.rates: dict[str, tuple[float, float]] = {}
        self.goal_shown = 0
        self.ended_seen: int | None = None
        self.successes_seen = 0

    def watched(self) -> bool:
        """Whether a page is open somewhere."""
        return bool(self.server.get_clients())

    def pictures_wanted(self) -> bool:
        return bool(self.panels.cameras_wanted.value)

    def update(self, taken: Mapping[str, list[Taken]], looks: int) -> None:
        """Show what has come since the last time."""
        for topic, items in taken.items():
            self._count(topic, items[-1])
            self.last[topic] = items[-1].message
        for item in taken.get(topics.DIAGNOSTICS, ()):
            for status in item.message.status:
                name = status.name.rpartition("/")[2]
                self.statuses[name] = (status.level[0], status.message, {v.key: v.value for v in status.values})
        with self.server.atomic():
            self._update_view(taken)
            self._update_state(taken)
            for i, name in enumerate(self.camera_names):
                if topics.image(name) in taken:
                    self.panels.show_picture(i, self._picture(i, self.last[topics.image(name)]))
            if looks % SLOW_EVERY == 0:
                self.panels.show_curves()
                self.panels.show_nodes(self.statuses)
                self.panels.show_topics(self.rates)

    def _count(self, topic: str, item: Taken) -> None:
        """Rate from the publisher's own numbers: most messages are never looked at."""
        sequence, since = self.counted.setdefault(topic, (item.sequence, item.sent_ns))
        elapsed = (item.sent_ns - since) * 1e-9
        if elapsed > 1.0 and item.sequence >= sequence:
            self.rates[topic] = ((item.sequence - sequence) / elapsed, (item.received_ns - item.sent_ns) * 1e-6)
        if elapsed > 1.0 or item.sequence < sequence:
            self.counted[topic] = (item.sequence, item.sent_ns)

    def _update_view(self, taken: Mapping[str, list[Taken]]) -> None:
        if topics.JOINT_STATES in taken:
            message = self.last[topics.JOINT_STATES]
            angles = dict(zip(message.name, message.position, strict=False))
            self.view.pose_hand(np.array([angles.get(self.robot.ros_name(joint), 0.0) for joint in self.robot.joints]))
        for source, poses in self.poses.items():
            for item in taken.get(topics.object_pose(source), ()):
                pose, orientation = item.message.pose, messages.orientation(item.message.pose.orientation)
                if np.isfinite(orientation).all():
                    stamp_ns = messages.nanoseconds(item.message.header.stamp)
                    poses.append(Pose(messages.position(pose), orientation, stamp_ns, time.monotonic()))
        if (shown := self._pose(self.object_pose)) is not None:
            self.view.pose_object(shown.position, shown.orientation)
        if topics.GOAL in taken:
            self.view.show_goal(messages.orientation(self.last[topics.GOAL].pose.orientation))
        if topics.FINGERTIPS in taken:
            message = self.last[topics.FINGERTIPS]
            self.view.show_fingertips(np.array([[p.x, p.y, p.z] for p in message.positions]), np.array(message.tracked))

    def _pose(self, source: str, stamp_ns: int | None = None) -> Pose | None:
        """The last pose from a source, or that nearest to a stamp; None if there is no recent one."""
        poses = self.poses[source]
        if not poses or time.monotonic() - poses[-1].seen > STALE:
            return None
        return poses[-1] if stamp_ns is None else min(poses, key=lambda pose: abs(pose.stamp_ns - stamp_ns))

    def _update_state(self, taken: Mapping[str, list[Taken]]) -> None:
        status = self.last.get(topics.STATUS)
        if status is None or topics.STATUS not in taken:
            return
        if self.ended_seen is not None and status.trials_ended > self.ended_seen:
            self.panels.history.append(self.successes_seen)
        self.ended_seen = status.trials_ended
        running = status.state == TrialStatus.RUNNING
        if running:
            self.successes_seen = status.successes
        state = State(
            status.trial, _STATES[status.state], running, status.successes, status.angle_to_goal, status.time_left,
            status.trials_ended, status.mean_successes, status.median_successes, status.reason,
        )  # fmt: skip
        self.panels.show_state(state, self._lost(), messages.nanoseconds(status.header.stamp) * 1e-9)

    def _lost(self) -> list[str]:
        """What motion capture does not see now."""
        lost = []
        if (fingertips := self.last.get(topics.FINGERTIPS)) is not None:
            names = zip(self.robot.fingertips, fingertips.tracked, strict=False)
            lost += [name for name, seen in names if not seen]
        if (markers := self.last.get(topics.MARKERS)) is not None:
            hidden = Counter(marker.condition > 0 for marker in markers.markers)[False]
            lost += [f"{hidden} of {len(markers.markers)} markers"] if hidden else []
        if self._pose(self.object_pose) is None:
            lost.append("the object")
        return lost

    def _picture(self, camera: int, message: Image) -> np.ndarray:
        """A camera's picture, small, with the estimated pose drawn into it: vision's, or motion capture's without."""
        pixels = to_rgb(message, grey=True)
        if not pixels.size:
            return np.full((*PICTURE_SIZE[::-1], 3), 235, np.uint8)
        image: np.ndarray = cv2.resize(pixels, PICTURE_SIZE, interpolation=cv2.INTER_AREA)
        for source, colour in (("vision", _VISION), ("mocap", _MOCAP)):
            if (pose := self._pose(source, messages.nanoseconds(message.header.stamp))) is not None:
                overlay.draw(image, self.cameras[camera], pose.position, pose.orientation, self.object, colour)
                break
        return image
