"""A humanoid's third view in the running graph: depth and mask, locator, policy; and the rounds of pick-and-drop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import Image

from dactyl.bringup.options import SimOptions
from dactyl.bringup.run import sim_graph
from dactyl.learning.models.recurrent import Architecture
from dactyl.learning.policy import Contract, Policy
from dactyl.ros import messages
from dactyl.ros.images import to_depth, to_mask
from dactyl.simulation.scene import SceneConfig
from dactyl_msgs.msg import HandAction, TrialStatus
from tests.simulation.scenes import scene_or_skip

pytestmark = pytest.mark.slow
Start = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def untrained(tmp_path: Path) -> str:
    """A policy that hardly moves, for the right arm and a cylinder."""
    scene_or_skip(SceneConfig(robot="gr1_right", object="cylinder"))
    torch.manual_seed(0)
    contract = Contract(
        robot="gr1_right", task="grasp_and_reach", object="cylinder", architecture=Architecture((16,), 0),
        action_scale=0.01, trained={"untrained": True},
    )  # fmt: skip
    path = tmp_path / "policy.safetensors"
    Policy(contract).save(path)
    return str(path)


def test_the_policy_acts_on_what_the_third_view_sees_of_its_tick(run_graph: Start, untrained: str) -> None:
    """Protects the loop from end to end: truth, rays, locator, policy; in lockstep each of one tick."""
    options = SimOptions(policy=untrained, pose="vision", lockstep=True, headless=True, dashboard=False)
    with run_graph(sim_graph(options)) as running:
        seen = running.listen(PoseStamped, "/dactyl/object_pose/vision")
        true = running.listen(PoseStamped, "/dactyl/object_pose/truth")
        actions = running.listen(HandAction, "/dactyl/action")
        head = running.listen(Image, "/dactyl/depth_small/image_raw")
        masks = running.listen(Image, "/dactyl/depth_small/mask")
        running.until(lambda: len(actions) >= 20 and len(head) >= 5, 150.0)
    assert all(action.object_pose_stamp == action.header.stamp for action in actions)
    truth = {messages.nanoseconds(message.header.stamp): messages.position(message.pose) for message in true}
    located = {messages.nanoseconds(message.header.stamp): messages.position(message.pose) for message in seen}
    common = truth.keys() & located.keys()
    assert len(common) >= 10
    assert {stamp % 200_000_000 for stamp in located} == {0}, "5 Hz"
    off = np.array([located[stamp] - truth[stamp] for stamp in common])
    assert np.linalg.norm(off, axis=1).max() < 0.08
    assert np.linalg.norm(np.median(off, axis=0)) < 0.03
    assert np.isfinite(to_depth(head[-1])).mean() > 0.5
    assert to_mask(masks[-1]).any(), "the head sees the object too"


def test_what_is_not_picked_up_is_left_and_the_next_round_begins(run_graph: Start, untrained: str) -> None:
    """Protects the state machine in the graph: the policy is still while the hand opens, and acts in the next round."""
    options = SimOptions(
        policy=untrained, pose="vision", headless=True, dashboard=False, drop_at="0.45 -0.3 0.3",
        rules="{timeout: 2.0}",
    )  # fmt: skip
    with run_graph(sim_graph(options), pick_and_drop={"release_time": 2.0}) as running:
        statuses = running.listen(TrialStatus, "/dactyl/trial/status", messages.RELIABLE)
        actions = running.listen(HandAction, "/dactyl/action", messages.RELIABLE)
        running.until(lambda: any(s.trial == 1 and s.state == TrialStatus.RUNNING for s in statuses), 150.0)
        ended = len(actions)
        running.until(lambda: len(actions) > ended + 3)
    states = [status.state for status in statuses if status.trial == 0]
    order = list(dict.fromkeys(states))
    assert order[-2:] == [TrialStatus.RUNNING, TrialStatus.FINISHED]
    assert next(status for status in statuses if status.trial == 1).reason == "timeout"
    begun = [i for i, action in enumerate(actions) if action.sequence == 0]
    assert len(begun) >= 3, "the policy, the opening hand, the policy again"
