"""What an episode hides from the policy and may show to a value network."""

from __future__ import annotations

import pytest
import torch

from dactyl.environment.hidden import effects_names, hidden_effects, hidden_physics, physics_names
from dactyl.environment.randomization import PhysicsRandomization, UnmodeledEffects
from dactyl.environment.randomization.random import Random
from dactyl.environment.randomization.unmodeled_effects import Actuation, Forces, Timing
from dactyl.environment.task import effects_size, physics_size
from dactyl.robot import robot as robots
from dactyl.robot.control import ActionMeaning
from dactyl.simulation.model_fields import nominal_factors
from dactyl.simulation.scene import Scene, build
from tests.environment.small import hold, make

CPU = torch.device("cpu")
BOTH = ("physics_factors", "effects")


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build()


def test_sizes_follow_from_the_robot() -> None:
    shadow = robots.load("shadow")
    assert (physics_size(shadow), effects_size(shadow)) == (99, 106)


def test_hidden_physics_is_every_factor_that_matters(scene: Scene) -> None:
    """Of the object, gravity and its compensation, damping, gains, limits; the log-uniform ones as logarithms."""
    factors = PhysicsRandomization().sample(scene, 5, Random(0, CPU))
    numbers = hidden_physics(scene, factors, 3)
    assert numbers.shape == (3, physics_size(scene.robot))
    assert numbers.dtype == torch.float32
    size, mass, friction, compensation, gravity, damping, gains, limits = numbers.split(
        [1, 1, 1, 1, 3, 24, 20, 48], dim=1
    )
    assert torch.equal(size[:, 0], factors.object_size[:3])
    assert torch.equal(mass[:, 0], factors.masses[:3, scene.object_body])
    assert torch.equal(friction[:, 0], factors.friction[:3])
    assert torch.equal(compensation[:, 0], factors.gravity_compensation[:3])
    assert torch.equal(gravity, factors.gravity[:3])
    torch.testing.assert_close(damping.exp(), factors.damping[:3])
    torch.testing.assert_close(gains.exp(), factors.gains[:3])
    assert torch.equal(limits.reshape(3, 24, 2), factors.joint_limits[:3])


def test_nominal_physics_is_ones_and_zeros(scene: Scene) -> None:
    numbers = hidden_physics(scene, nominal_factors(scene, 2, CPU), 2)
    assert torch.equal(numbers, torch.tensor([[1.0] * 4 + [0.0] * 95] * 2))


def test_hidden_effects_are_every_effect_that_lasts_an_episode(scene: Scene) -> None:
    robot, random = scene.robot, Random(0, CPU)
    config, started = UnmodeledEffects(), torch.ones(5, dtype=torch.bool)
    rates = scene.backlash_rates
    actuation = Actuation(config, 5, robot, random, meaning=ActionMeaning(), backlash_rates=rates)
    timing, forces = Timing(config, 5, robot, random), Forces(config, 5, random)
    actuation.restart(started, torch.zeros(5, len(robot.joints)))
    timing.restart(started)
    forces.restart(started)
    numbers = hidden_effects(robot, actuation, timing, forces, 3, CPU)
    assert numbers.shape == (3, effects_size(robot))
    assert numbers.dtype == torch.float32
    delayed, bias, slack, offsets, pushes, longer = numbers.split([20, 20, 40, 24, 1, 1], dim=1)
    assert torch.equal(delayed, actuation.delayed[:3].float())
    assert 0.0 < delayed.mean() < 1.0
    assert torch.equal(bias, actuation.bias[:3])
    torch.testing.assert_close(slack.reshape(3, 20, 2).exp(), actuation.delta[:3])
    assert torch.equal(offsets, actuation.joint_offset[:3])
    assert torch.equal(pushes[:, 0], forces.probability[:3])
    torch.testing.assert_close(longer[:, 0], 1.0 / timing.rate[:3])


def test_names_of_physics_are_in_the_order_of_its_numbers(scene: Scene) -> None:
    """Protects a probe from reading one number and telling of another."""
    robot, factors = scene.robot, PhysicsRandomization().sample(scene, 1, Random(0, CPU))
    names = physics_names(robot)
    assert len(set(names)) == len(names) == physics_size(robot)
    told = dict(zip(names, hidden_physics(scene, factors, 1)[0], strict=True))
    joint, actuator = robot.joints.index("LFJ5"), robot.actuators.index("THJ1")
    assert told["object size", ""] == factors.object_size[0]
    assert told["object mass", ""] == factors.masses[0, scene.object_body]
    assert told["friction", ""] == factors.friction[0]
    assert told["gravity compensation", ""] == factors.gravity_compensation[0]
    assert told["gravity", "z"] == factors.gravity[0, 2]
    torch.testing.assert_close(told["damping", "LFJ5"].exp(), factors.damping[0, joint])
    torch.testing.assert_close(told["gain", "THJ1"].exp(), factors.gains[0, actuator])
    assert told["lower limit", "LFJ5"] == factors.joint_limits[0, joint, 0]
    assert told["upper limit", "LFJ5"] == factors.joint_limits[0, joint, 1]


def test_names_of_effects_are_in_the_order_of_their_numbers(scene: Scene) -> None:
    robot, random = scene.robot, Random(0, CPU)
    config, started = UnmodeledEffects(), torch.ones(1, dtype=torch.bool)
    rates = scene.backlash_rates
    actuation = Actuation(config, 1, robot, random, meaning=ActionMeaning(), backlash_rates=rates)
    timing, forces = Timing(config, 1, robot, random), Forces(config, 1, random)
    actuation.restart(started, torch.zeros(1, len(robot.joints)))
    timing.restart(started)
    forces.restart(started)
    names = effects_names(robot)
    assert len(set(names)) == len(names) == effects_size(robot)
    told = dict(zip(names, hidden_effects(robot, actuation, timing, forces, 1, CPU)[0], strict=True))
    joint, actuator = robot.joints.index("LFJ5"), robot.actuators.index("THJ1")
    assert told["delayed", "THJ1"] == float(actuation.delayed[0, actuator])
    assert told["action bias", "THJ1"] == actuation.bias[0, actuator]
    torch.testing.assert_close(told["slack rate, negative", "THJ1"].exp(), actuation.delta[0, actuator, 0])
    torch.testing.assert_close(told["slack rate, positive", "THJ1"].exp(), actuation.delta[0, actuator, 1])
    assert told["joint sensor offset", "LFJ5"] == actuation.joint_offset[0, joint]
    assert told["push probability", ""] == forces.probability[0]
    torch.testing.assert_close(told["physics step", ""], 1.0 / timing.rate[0])


def test_effects_that_are_off_are_zeros(scene: Scene) -> None:
    numbers = hidden_effects(scene.robot, None, None, None, 2, CPU)
    assert torch.equal(numbers, torch.zeros(2, effects_size(scene.robot)))


@pytest.mark.parametrize("randomizations", ["all", "none", "-physics", "-unmodeled_effects"])
def test_a_value_network_sees_its_own_environments(randomizations: str) -> None:
    """In the order of the terms, as long as the environment says, those of the episode in force, and no others'."""
    env = make(4, randomizations, value_terms=("object_position", *BOTH))
    robot = env.robot
    assert env.observation_shapes["value"] == (3 + physics_size(robot) + effects_size(robot),)
    env.physics.state.qpos[2, env.scene.object_position.start] += 0.5  # the episode ends: another one has other physics
    before = env._factors.gravity[2].clone()
    step = env.step(hold(4))
    assert step.info["dropped"].tolist() == [False, False, True, False]
    seen = step.observations["value"]
    assert seen.shape == (4, *env.observation_shapes["value"])
    _, physics, effects = seen.split([3, physics_size(robot), effects_size(robot)], dim=1)
    assert torch.equal(physics, hidden_physics(env.scene, env._factors, 4))
    parts = (env._actuation, env._timing, env._forces)
    assert torch.equal(effects, hidden_effects(robot, *parts, 4, env.device))
    if randomizations in ("all", "-unmodeled_effects"):
        assert len(torch.unique(physics, dim=0)) >= 3  # the new one began as one of the others did
        assert not torch.equal(env._factors.gravity[2], before)
    else:
        assert torch.equal(physics, hidden_physics(env.scene, nominal_factors(env.scene, 4, CPU), 4))
    if randomizations in ("all", "-physics"):
        assert len(torch.unique(effects, dim=0)) >= 3
    else:
        assert not effects.any()


def test_what_nobody_asked_for_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the speed of the paper's training, which sees neither."""
    env = make(2, "all")

    def fail(*arguments: object) -> None:
        raise AssertionError("computed")

    monkeypatch.setattr("dactyl.environment.environment.hidden_physics", fail)
    monkeypatch.setattr("dactyl.environment.environment.hidden_effects", fail)
    env.step(hold(2))
