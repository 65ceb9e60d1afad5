"""What a script shows: the observations of its states, the actions of its postures, goals seen afterwards."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.environment import Environment
from dactyl.environment.mixed import MixedEnvironment
from dactyl.errors import DactylError
from dactyl.learning import shown
from dactyl.robot import control
from dactyl.simulation.scene import SceneConfig
from tests.simulation.scenes import scene_or_skip

CUBE = SceneConfig(robot="trifinger", object="cube")


def environment(scene: SceneConfig, task: str, origin: str, **changes: object) -> Environment:
    scene_or_skip(scene)
    config = EnvironmentConfig(task=task, scene=scene, action_origin=origin, reset_pool=0.0, **changes)  # type: ignore[arg-type]
    env = Environment(config, 40, threads=1)
    env.reset()
    return env


def test_postures_come_back_from_the_actions_and_observations_are_the_environments_own() -> None:
    terms = ("joint_angles", "object_pose", "goal_pose", "smoothed_action")
    env = environment(CUBE, "repose", "middle", policy_terms=terms)
    before = env.state_dict()
    found = shown.by_script(env, 1, seed=0)
    after = env.state_dict()
    assert all(after[name].equal(value) for name, value in before.items()), "looking changes nothing"
    rows = len(found.action)
    assert found.observation.shape == (rows, 9 + 7 + 7 + 9)
    angles, pose, goal, last = found.observation.split((9, 7, 7, 9), dim=1)
    limits = torch.as_tensor(env.robot.actuator_limits)
    postures = control.target(angles.double(), found.action.double(), limits, "middle", 1.0)
    assert (postures - angles).abs().max() < 0.36 / 2.5 + 1e-3, "no further than the largest torque pulls"
    assert (pose[0, :3] - goal[0, :3]).norm() > 0.02, "the cube is carried ..."
    torch.testing.assert_close(goal, pose[-1].expand(rows, -1), atol=1e-5, rtol=0.0)  # ... and the goal is where to
    torch.testing.assert_close(last[1:], found.action[:-1])


def test_the_torques_are_those_towards_the_postures() -> None:
    """Protects that both ways to say an action mean one motion."""
    torques, postures = (environment(CUBE, "repose", origin, action_scale=1.0) for origin in ("torque", "middle"))
    found, same = (shown.by_script(env, 1, seed=3) for env in (torques, postures))
    angles = same.observation[:, :9].double()
    limits = torch.as_tensor(postures.robot.actuator_limits)
    told = control.target(angles, same.action.double(), limits, "middle", 1.0)
    stiffness = torch.tensor(postures.robot.action.stiffness)  # type: ignore[union-attr]
    expected = (stiffness * (told - angles) / 0.36).clamp(-1.0, 1.0).float()
    torch.testing.assert_close(found.action, expected, atol=2e-3, rtol=0.0)


def test_what_an_arm_does_in_a_control_step_leads_to_what_it_sees_next() -> None:
    """Two targets of the script in each step of the policy: shown is where the second one leads."""
    scene = SceneConfig(robot="gr1_right", object="cylinder")
    env = environment(scene, "grasp_and_reach", "middle")
    found = shown.by_script(env, 3, seed=1)
    angles = found.observation[:, env.scene.robot.joints.index("right_elbow_pitch_joint")]
    elbow = env.robot.actuators.index("right_elbow_pitch_joint")
    limits = torch.as_tensor(env.robot.actuator_limits).float()
    told = control.target(torch.zeros_like(found.action), found.action, limits, "middle", 1.0)[:, elbow]
    assert np.corrcoef(told[:-2], angles[2:])[0, 1] > 0.95


def test_groups_of_objects_are_shown_one_after_the_other() -> None:
    kinds = ("cylinder", "standing_block")
    scenes = [SceneConfig(robot="gr1_right", object=kind) for kind in kinds]
    parts = [environment(scene, "grasp_and_reach", "middle") for scene in scenes]
    each = [shown.by_script(part, 3, seed=i) for i, part in enumerate(parts)]
    both = shown.by_script(MixedEnvironment(parts), 3, seed=0)
    assert both.action.equal(torch.cat([found.action for found in each]))


def test_one_object_that_is_never_moved_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects groups: the scripts fail with a cube that is flat and small."""
    scenes = [SceneConfig(robot="gr1_right", object=kind) for kind in ("cylinder", "standing_block")]
    parts = [environment(scene, "grasp_and_reach", "middle") for scene in scenes]
    script = shown.registry.resolve(parts[0].robot.demonstrations)
    monkeypatch.setattr(
        shown.registry, "resolve",
        lambda name: lambda scene, *rest: [] if scene.object.name == "cylinder" else script(scene, *rest),
    )  # fmt: skip
    both = shown.by_script(MixedEnvironment(parts), 3, seed=0)
    assert both.action.equal(shown.by_script(parts[1], 3, seed=1).action)
    assert both.unmoved == ("cylinder",)
    with pytest.raises(DactylError, match="none of 3 scripts of the robot gr1_right moved the cylinder as it should"):
        shown.by_script(parts[0], 3, seed=0)


@pytest.mark.parametrize(
    ("scene", "task", "says"),
    [
        (SceneConfig(), "reorient", "the robot shadow has no script that shows the task reorient"),
        (SceneConfig(robot="trifinger", object="ball"), "repose", "none of 2 scripts of the robot trifinger moved"),
    ],
)
def test_who_shows_nothing_is_named(scene: SceneConfig, task: str, says: str) -> None:
    scene_or_skip(scene)
    env = Environment(EnvironmentConfig(task=task, scene=scene, reset_pool=0.0), 2, threads=1)
    with pytest.raises(DactylError, match=says):
        shown.by_script(env, 2, seed=0)
