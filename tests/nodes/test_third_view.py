"""A humanoid's third view: what it finds in grasps, and in the running graph; and the rounds of pick-and-drop there."""

from __future__ import annotations

import time
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
from dactyl.maths import pinhole, quaternion
from dactyl.nodes.depth_camera import View
from dactyl.robot.locating import NotLocatedError, locate
from dactyl.robot.placement import eye_place
from dactyl.robots.gr1.grasps import LIFTED, states
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


def report(what: str, errors: np.ndarray, withheld: float) -> None:
    """Errors (K,) m, and a share of moments without a position."""
    middle, most = 1e3 * np.quantile(errors, (0.5, 0.95))
    print(f"  {what}: {middle:.0f} mm (median), {most:.0f} mm (95 %), {100 * withheld:.1f} % withheld")


@pytest.mark.parametrize(
    ("robot", "kind"),
    [*(("gr1_right", kind) for kind in ("cylinder", "small_cube", "small_ball")), ("gr1", "carton"), ("gr1", "bar")],
)
def test_what_hands_reach_for_and_hold_is_found(robot: str, kind: str) -> None:
    """In the states of scripted grasps, with the noise that the node has: fingers may hide most of the object."""
    scene = scene_or_skip(SceneConfig(kind, robot=robot))
    eye = scene.robot.eyes[scene.robot.locator]
    place, view, random = eye_place(eye), View(scene, "front", eye), np.random.default_rng(0)
    matrix = pinhole.camera_matrix(eye.fovy, eye.width, eye.height)
    found, true = [], states(scene, 0)[0]
    for state in true:
        view.look(state, random, 0.01)
        try:
            seen = locate(to_depth(view.depth), to_mask(view.mask), matrix, 6, scene.object.half_size)
        except NotLocatedError:
            seen = np.full(3, np.nan)
        found.append(place.position + quaternion.rotate(place.orientation, seen))
    in_world = scene.hand_position + quaternion.rotate(scene.hand_quaternion, np.array(found))
    centres = true[:, scene.object_position]
    errors = np.linalg.norm(in_world - centres, axis=1)
    missed = np.isnan(errors)
    held = ~missed & (centres[:, 2] - scene.model.qpos0[scene.object_position][2] > LIFTED)
    report(f"{kind}, all", errors[~missed], float(missed.mean()))
    report(f"{kind}, lifted", errors[held], 0.0)
    assert missed.mean() < 0.02
    assert np.median(errors[~missed]) < 0.025
    assert np.median(errors[held]) < 0.05


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
    report("in lockstep", np.linalg.norm(off, axis=1), 0.0)
    assert np.linalg.norm(off, axis=1).max() < 0.08
    assert np.linalg.norm(np.median(off, axis=0)) < 0.03
    assert np.isfinite(to_depth(head[-1])).mean() > 0.5
    assert to_mask(masks[-1]).any(), "the head sees the object too"


def test_in_real_time_positions_are_of_the_policys_tick(run_graph: Start, untrained: str) -> None:
    """Protects the policy from a position that is a control step old: rays and locator take part of one."""
    options = SimOptions(policy=untrained, pose="vision", headless=True, dashboard=False)
    came: dict[str, dict[int, float]] = {"truth": {}, "vision": {}}
    with run_graph(sim_graph(options)) as running:
        for name, stamps in came.items():

            def note(message: PoseStamped, stamps: dict[int, float] = stamps) -> None:
                stamps[messages.nanoseconds(message.header.stamp)] = time.monotonic()

            running.node.create_subscription(PoseStamped, f"/dactyl/object_pose/{name}", note, messages.SENSOR)
        actions = running.listen(HandAction, "/dactyl/action")
        running.until(lambda: len(actions) >= 60, 60.0)
    first, last = min(came["vision"]), max(came["vision"])
    due = [stamp for stamp in came["truth"] if first <= stamp <= last]
    late = np.array([came["vision"][stamp] - came["truth"][stamp] for stamp in due if stamp in came["vision"]])
    withheld = 1.0 - len(late) / len(due)
    fresh = np.mean([action.object_pose_stamp == action.header.stamp for action in actions])
    middle, most = 1e3 * np.quantile(late, (0.5, 0.95))
    print(f"  latency {middle:.0f} ms (median), {most:.0f} ms (95 %) of {len(late)}; {100 * withheld:.1f} % withheld; "
          f"{100 * fresh:.0f} % of the actions on the position of their tick")  # fmt: skip
    assert middle < 80.0
    assert withheld < 0.1
    assert fresh > 0.8


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
