"""The pose estimator in the running graph."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped

from dactyl.bringup.options import SimOptions
from dactyl.bringup.run import sim_graph
from dactyl.maths import quaternion
from dactyl.ros.messages import nanoseconds, orientation, position
from dactyl_msgs.msg import HandAction


@pytest.mark.slow
def test_the_policy_acts_on_poses_from_images_of_its_tick(
    run_graph: Callable[..., AbstractContextManager[Any]],
) -> None:
    """Protects the loop from end to end: rendered images, three of one moment, the shipped network, the policy.

    In lockstep every action's pose is of its own tick, and poses are near what motion capture says.
    """
    graph = sim_graph(SimOptions(pose="vision", lockstep=True, headless=True, dashboard=False))
    with run_graph(graph) as running:
        seen = running.listen(PoseStamped, "/dactyl/object_pose/vision")
        true = running.listen(PoseStamped, "/dactyl/object_pose/mocap")
        actions = running.listen(HandAction, "/dactyl/action")
        running.until(lambda: len(actions) >= 40, 150.0)
    assert all(action.object_pose_stamp == action.fingertips_stamp for action in actions)
    truth = {nanoseconds(message.header.stamp): message.pose for message in true}
    pairs = [(message.pose, truth[stamp]) for message in seen if (stamp := nanoseconds(message.header.stamp)) in truth]
    assert len(pairs) >= 20
    degrees = [
        np.degrees(quaternion.difference_angle(orientation(a.orientation), orientation(b.orientation)))
        for a, b in pairs
    ]
    millimetres = [1000.0 * np.linalg.norm(position(a) - position(b)) for a, b in pairs]
    assert np.median(degrees) < 15.0
    assert np.median(millimetres) < 10.0
