"""A bag says what the robot was told and where its joints were; what it lacks is one clear error."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dactyl.calibration.model.bag import read
from dactyl.calibration.model.recording import Recording
from dactyl.errors import DactylError
from dactyl.robot import control
from tests import bags

STEP, TICK = 10_000_000, 100_000_000  # ns, the tray's
STATES, TARGETS = "/joint_states", "/dactyl/joint_targets"
TOPICS = {
    STATES: "sensor_msgs/msg/JointState",
    TARGETS: "trajectory_msgs/msg/JointTrajectory",
    "/dactyl/action": "dactyl_msgs/msg/HandAction",
    "/dactyl/action_filtered": "dactyl_msgs/msg/HandAction",
}
NAMES = ["tray_pitch", "tray_roll"]  # another order than the robot's
START = 40_000_000  # ns: the first reading is between two ticks


class Messages:
    """What the graph publishes while the tray moves."""

    def __init__(self, recording: Recording) -> None:
        self.recording, self.store = recording, bags.typestore()
        self.robot = recording.robot

    def states(self, i: int, names: list[str]) -> Any:
        angles = self.recording.angles[i][::-1][: len(names)].copy()
        kind = self.store.types["sensor_msgs/msg/JointState"]
        empty = np.zeros(0)
        return kind(
            header=bags.header(self.store, START + i * STEP), name=names, position=angles, velocity=empty, effort=empty
        )

    def targets(self, values: np.ndarray) -> Any:
        types = self.store.types
        empty = np.zeros(0)
        point = types["trajectory_msgs/msg/JointTrajectoryPoint"](
            positions=values[::-1].copy(), velocities=empty, accelerations=empty, effort=empty,
            time_from_start=types["builtin_interfaces/msg/Duration"](sec=0, nanosec=STEP),
        )  # fmt: skip
        kind = types["trajectory_msgs/msg/JointTrajectory"]
        return kind(header=bags.header(self.store, 0), joint_names=NAMES, points=[point])

    def action(self, i: int, values: np.ndarray) -> Any:
        stamp = bags.header(self.store, START + i * STEP)
        zero = self.store.types["builtin_interfaces/msg/Time"](sec=0, nanosec=0)
        action = control.holding(values, self.robot.actuator_limits, "middle").astype(np.float32)
        return self.store.types["dactyl_msgs/msg/HandAction"](
            header=stamp, robot="tray", sequence=i // 10, action=action, start=np.zeros(0, np.float32),
            bins=np.zeros(0, np.uint8), fingertips_stamp=zero, object_pose_stamp=zero, goal_stamp=zero,
        )  # fmt: skip

    def all(self, lost: float = 0.0, names: list[str] = NAMES) -> Iterator[tuple[str, int, Any]]:
        """Readings; at each tick an action, of whose motion the share `lost` does not reach the targets."""
        told = self.recording.targets[0]
        for i in range(len(self.recording.angles)):
            now = START + i * STEP
            yield STATES, now, self.states(i, names)
            if i % 10 == 6:
                asked = self.recording.targets[i]
                told = asked - lost * (asked - self.recording.angles[i])
                yield "/dactyl/action", now + 1, self.action(i, asked)
                yield "/dactyl/action_filtered", now + 2, self.action(i, told)
            if i >= 6:
                yield TARGETS, now + 3, self.targets(told)


@pytest.fixture(scope="module")
def messages(recording: Recording) -> Messages:
    """Ten seconds, in which targets change at the ticks of the bag's clock."""
    targets = np.repeat(recording.targets[::10], 10, axis=0)
    targets = np.roll(targets, 6, axis=0)[:1000]
    return Messages(Recording(recording.robot, targets, recording.angles[:1000]))


def test_samples_begin_at_a_tick_with_what_was_told_and_measured_then(messages: Messages, tmp_path: Path) -> None:
    found = read(bags.write(tmp_path / "bag", TOPICS, messages.all(), messages.store))
    assert found.robot.name == "tray"
    recorded = messages.recording
    assert len(found.angles) == len(recorded.angles) - 7
    np.testing.assert_allclose(found.angles, recorded.angles[6:-1], atol=1e-9)
    np.testing.assert_allclose(found.targets[::10], recorded.targets[6:-1:10], atol=1e-9)
    assert (found.targets[1:10] == found.targets[0]).all()


def test_motion_that_a_simulated_backlash_took_counts_as_told(messages: Messages, tmp_path: Path) -> None:
    """Protects the fit from seeing the same backlash in the targets and in the model."""
    found = read(bags.write(tmp_path / "bag", TOPICS, messages.all(lost=0.5), messages.store))
    np.testing.assert_allclose(found.targets[::10], messages.recording.targets[6:-1:10], atol=1e-6)


def test_nothing_is_made_up_in_a_gap(messages: Messages, tmp_path: Path) -> None:
    kept = (m for m in messages.all() if not (m[0] == STATES and 3_000_000_000 < m[1] < 3_200_000_000))
    found = read(bags.write(tmp_path / "bag", TOPICS, kept, messages.store))
    seconds = np.arange(len(found.angles)) * 0.01 + 0.1
    hole = (seconds > 3.0) & (seconds < 3.2)
    assert np.isnan(found.angles[hole]).all()
    assert np.isfinite(found.angles[~hole][:-2]).mean() > 0.99


@pytest.mark.parametrize(
    ("without", "message"),
    [(STATES, "has nothing on /joint_states; it has"), (TARGETS, "no trajectory with targets of roll")],
)
def test_a_bag_without_what_is_needed_is_refused(
    without: str, message: str, messages: Messages, tmp_path: Path
) -> None:
    kept = [m for m in messages.all() if m[0] != without]
    with pytest.raises(DactylError, match=message):
        read(bags.write(tmp_path / "bag", TOPICS, kept, messages.store))


def test_a_missing_joint_is_named(messages: Messages, tmp_path: Path) -> None:
    bag = bags.write(tmp_path / "bag", TOPICS, messages.all(names=NAMES[:1]), messages.store)
    with pytest.raises(DactylError, match="joint states without tray_roll"):
        read(bag)


def test_joint_states_of_an_arm_are_left_out(messages: Messages, tmp_path: Path) -> None:
    def both() -> Iterator[tuple[str, int, Any]]:
        for topic, now, message in messages.all():
            yield topic, now, message
            if topic == STATES:
                arm = messages.states(0, NAMES[:1])
                yield STATES, now + 5, dataclasses.replace(arm, name=["elbow"])

    found = read(bags.write(tmp_path / "bag", TOPICS, both(), messages.store))
    np.testing.assert_allclose(found.angles, messages.recording.angles[6:-1], atol=1e-9)
