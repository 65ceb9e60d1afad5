"""The description for ros2_control, and the topics of its controllers."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml

from dactyl.robots.shadow import ros as shadow_ros
from dactyl.robots.shadow.joints import JOINT_LIMITS, JOINTS, ros_joint_name
from dactyl.robots.shadow.protocol import FINGER_JOINTS, TRAJECTORIES, WRIST
from dactyl.robots.shadow.topics import CONTROLLERS

FOLDER = Path(__file__).resolve().parents[3] / "config" / "ros2_control"
CONTROLLED = {"rh_trajectory_controller": FINGER_JOINTS, "rh_wr_trajectory_controller": WRIST}


def test_the_description_has_the_hands_joints_and_limits() -> None:
    """Protects a lab's first try on mock hardware: a controller refuses joints that the description lacks."""
    root = ElementTree.parse(FOLDER / "mock_hand.urdf").getroot()
    limits = {joint.get("name"): joint.find("limit") for joint in root.findall("joint")}
    assert list(limits) == [ros_joint_name(joint) for joint in JOINTS]
    found = [
        [float(limit.get(end, "")) for end in ("lower", "upper")] for limit in limits.values() if limit is not None
    ]
    np.testing.assert_allclose(found, JOINT_LIMITS, atol=1e-6)
    links = {link.get("name") for link in root.findall("link")}
    assert {child.get("link") for child in root.iterfind("joint/child")} < links
    system = root.find("ros2_control")
    assert system is not None
    assert [joint.get("name") for joint in system.findall("joint")] == list(limits)
    for joint in system.findall("joint"):
        assert [each.get("name") for each in joint.findall("command_interface")] == ["position"]
        assert "position" in [each.get("name") for each in joint.findall("state_interface")]


def test_the_controllers_are_those_that_the_driver_commands() -> None:
    """Protects the way of every joint: its controller, and `~/joint_trajectory` of that."""
    content = yaml.safe_load((FOLDER / "controllers.yaml").read_text())
    assert set(CONTROLLED) < set(content["controller_manager"]["ros__parameters"])
    for name, joints in CONTROLLED.items():
        parameters = content[name]["ros__parameters"]
        assert parameters["joints"] == [ros_joint_name(joint) for joint in joints]
        assert parameters["command_interfaces"] == ["position"]
        assert TRAJECTORIES["ros2_control"][f"/{name}/joint_trajectory"] == joints


@pytest.mark.parametrize("interface", ["trajectory", "position", "ros2_control"])
def test_every_topic_is_known_as_the_hands(interface: str) -> None:
    """Protects a real hand: what is known as its own is renamed in every simulated graph."""
    assert set(shadow_ros.topics(interface)) <= set(CONTROLLERS)
