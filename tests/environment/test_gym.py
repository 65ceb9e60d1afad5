"""The environment behind Gymnasium's interfaces: its own checker, seeds, and resets within the step."""

from __future__ import annotations

import dataclasses
import warnings

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import NormalizeObservation, NormalizeReward, RecordEpisodeStatistics

import dactyl.environment.gym
from dactyl.environment import task as tasks
from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.gym import ID, Observation, Seed, TaskEnv, TaskVectorEnv
from dactyl.environment.randomization import of_task
from dactyl.errors import DactylError
from dactyl.robot import robot as robots
from dactyl.tasks.reorient.rules import ReorientRules

QUICK = EnvironmentConfig(start_steps=5, rules=ReorientRules(timeout=0.4))
"""Episodes of five steps at most."""


@pytest.mark.parametrize("asymmetric", [False, True])
def test_gymnasiums_checker_finds_nothing(asymmetric: bool) -> None:
    environment = gymnasium.make(dactyl.environment.gym.ID, config=QUICK, asymmetric=asymmetric)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*infinity. This is probably too (low|high)")  # no bounds are true
        check_env(environment.unwrapped)


def test_every_task_is_registered() -> None:
    """Protects the name that learners' scripts use, and that a new task needs none of its own."""
    assert dactyl.environment.gym.ID == "dactyl/Reorient-v0"
    assert all(dactyl.environment.gym.gym_id(task) in gymnasium.registry for task in tasks.names())


def test_make_vec_gives_the_batched_environment() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        envs = gymnasium.make_vec(dactyl.environment.gym.ID, num_envs=3, config=QUICK)
    assert isinstance(envs, TaskVectorEnv)
    assert envs.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    assert envs.single_observation_space.shape == (22,)
    assert envs.action_space.shape == (3, 20)
    observations, info = envs.reset(seed=0)
    assert envs.observation_space.contains(observations)
    assert info == {}
    for _ in range(7):
        observations, rewards, terminated, truncated, _ = envs.step(envs.action_space.sample())
        assert envs.observation_space.contains(observations)
        assert rewards.shape == terminated.shape == truncated.shape == (3,)
        assert terminated.dtype == truncated.dtype == bool
    envs.close()


def test_a_seed_gives_the_same_episodes_again() -> None:
    envs = TaskVectorEnv(3, config=QUICK, threads=1)
    actions = np.random.default_rng(0).integers(11, size=(12, 3, 20))
    runs = []
    for seed in (7, 7, 8):
        observations = [envs.reset(seed=seed)[0]]
        observations += [envs.step(action)[0] for action in actions]
        runs.append(np.array(observations))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize("asymmetric", [False, True])
def test_where_an_episode_ends_its_last_observation_and_account_are_in_the_info(asymmetric: bool) -> None:
    config = EnvironmentConfig(
        start_steps=5, rules=ReorientRules(timeout=0.4), randomization=dactyl.environment.gym.select("none")
    )
    envs = TaskVectorEnv(2, config=config, asymmetric=asymmetric)
    before, _ = envs.reset(seed=0)
    for _ in range(5):
        observations, _, terminated, truncated, info = envs.step(np.full((2, 20), 5))
        if terminated.any() or truncated.any():
            break
    ended = terminated | truncated
    np.testing.assert_array_equal(info["_final_obs"], ended)
    np.testing.assert_array_equal(info["final_info"]["_successes"], ended)
    assert (info["successes"][ended] == 0).all()
    world = int(np.flatnonzero(ended)[0])
    last = info["final_obs"][world]["policy"] if asymmetric else info["final_obs"][world]
    start, first = ((each["policy"] if asymmetric else each)[world] for each in (before, observations))
    assert envs.single_observation_space.contains(info["final_obs"][world])
    # the resting hand has hardly moved since the start, while the next episode is another one altogether
    assert np.abs(last[:15] - start[:15]).max() < 0.02
    assert np.abs(first - last).max() > 0.02


def test_the_policys_last_observation_is_cut_out_of_the_value_networks() -> None:
    envs = TaskVectorEnv(
        1, config=EnvironmentConfig(randomization=dactyl.environment.gym.select("none"), start_steps=2)
    )
    envs.reset(seed=1)
    step = envs._environment.step(torch.full((1, 20), 5))
    np.testing.assert_array_equal(envs._convert.last(step), envs._convert.observations(step.observations))


def test_a_single_environment_goes_on_after_an_episode() -> None:
    environment = TaskEnv(config=QUICK)
    environment.reset(seed=0)
    for _ in range(3):
        for _ in range(6):
            last, reward, terminated, truncated, info = environment.step(environment.action_space.sample())
            if terminated or truncated:
                break
        assert terminated or truncated
        assert isinstance(reward, float)
        assert info["successes"] >= 0
        first, _ = environment.reset()
        assert np.abs(first - last).max() > 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"object": "cone"}, "unknown object 'cone'"),
        ({"thing": "block"}, "there is no choice 'thing'; there are: task, robot, object"),
        ({"task": "juggle"}, "there is no task 'juggle'"),
        ({"robot": "shadwo"}, "there is no robot 'shadwo'"),
        ({"config": QUICK, "task": "slide"}, "dactyl/Slide-v0: the config is of the task reorient"),
        ({"randomizations": "some"}, "randomizations 'some': choose all, none"),
        ({"num_envs": 0}, "at least 1 is needed"),
        ({"config": QUICK, "object": "sphere"}, "either a config or object"),
        ({"config": EnvironmentConfig(value_terms=("joint_angles",))}, "the value network must see"),
    ],
)
def test_impossible_environments_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(DactylError, match=message):
        TaskVectorEnv(**arguments)


def test_what_is_not_chosen_is_the_tasks() -> None:
    """Protects a task from another one's robot, object and randomizations."""
    chosen = dactyl.environment.gym.Choice(task="repose").config()
    assert (chosen.scene.robot, chosen.scene.object, chosen.action_origin) == ("trifinger", "cube", "torque")
    assert chosen.randomization == of_task(tasks.load("repose"))
    plain = dactyl.environment.gym.Choice().config()
    assert (plain.scene.robot, plain.scene.object) == ("shadow", "block")


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.zeros((2, 19), dtype=int), "must be integers of shape"),
        (np.zeros((2, 20)), "must be integers of shape"),
        (np.full((2, 20), 11), "bins 0 to 10"),
        (np.full((2, 20), -1), "bins 0 to 10"),
    ],
)
def test_actions_that_are_none_are_refused(actions: np.ndarray, message: str) -> None:
    envs = TaskVectorEnv(2, config=QUICK)
    envs.reset(seed=0)
    with pytest.raises(DactylError, match=message):
        envs.step(actions)


def test_a_robot_without_bins_takes_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects learners of continuous actions: a box, clipped, and what is no number refused."""
    shadow = robots.load("shadow")
    told_numbers = dataclasses.replace(shadow, action=dataclasses.replace(shadow.action, bins=0))
    monkeypatch.setattr(robots, "load", lambda name: told_numbers)
    envs = gymnasium.make_vec(ID, num_envs=2, randomizations="none", threads=1)
    assert envs.single_action_space == gymnasium.spaces.Box(-1.0, 1.0, (20,), np.float32)
    envs.reset(seed=0)
    beyond, at_the_end = np.full((2, 20), 3.0, np.float32), np.ones((2, 20), np.float32)
    seen = [envs.step(beyond)[0]]
    envs.reset(seed=0)
    seen.append(envs.step(at_the_end)[0])
    np.testing.assert_array_equal(*seen)
    with pytest.raises(DactylError, match="must be numbers"):
        envs.step(np.zeros((2, 20), np.int64))
    with pytest.raises(DactylError, match="must be finite"):
        envs.step(np.full(envs.action_space.shape, np.nan, np.float32))


@pytest.mark.parametrize("single", [True, False], ids=["make", "make_vec"])
def test_environments_that_nobody_seeded_differ_and_with_a_seed_they_repeat(single: bool) -> None:
    """Protects learners with several environments from several times the same data."""

    def play(environment: gymnasium.Env | gymnasium.vector.VectorEnv, seed: int | None) -> np.ndarray:
        seen = [environment.reset(seed=seed)[0]]
        for number in range(12):  # over the end of an episode
            actions = np.full(environment.action_space.shape, number % 11)
            observation, _, terminated, truncated, _ = environment.step(actions)
            seen.append(environment.reset()[0] if single and (terminated or truncated) else observation)
        return np.array(seen)

    def make() -> gymnasium.Env | gymnasium.vector.VectorEnv:
        return gymnasium.make(ID, config=QUICK) if single else gymnasium.make_vec(ID, num_envs=2, config=QUICK)

    one, two = make(), make()
    assert not np.array_equal(play(one, None), play(two, None))
    np.testing.assert_array_equal(play(one, 5), play(two, 5))


@pytest.mark.parametrize(
    "seed", [3, np.uint64(2**63), 2**64 + 1, 27061426946559003418827755144184776691, np.random.SeedSequence(3), [1, 2]]
)
@pytest.mark.parametrize("kind", [TaskEnv, TaskVectorEnv])
def test_whatever_numpy_takes_as_a_seed_is_one(kind: type[TaskEnv | TaskVectorEnv], seed: Seed) -> None:
    """Protects scripts that draw their seeds from a SeedSequence, whose numbers are longer than torch's."""
    first, second = (kind(config=QUICK).reset(seed=seed)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("seed", [-1, 1.5, "7", [-1]])
def test_what_is_no_seed_is_refused(seed: object) -> None:
    with pytest.raises(DactylError, match="a seed is a whole number >= 0"):
        TaskVectorEnv(config=QUICK).reset(seed=seed)


@pytest.mark.parametrize("asymmetric", [False, True])
def test_the_next_step_observes_the_start_where_an_episode_ended(asymmetric: bool) -> None:
    """Protects Gymnasium's meaning of NEXT_STEP: last observation, then start without reward, then the first step."""

    def policy(observations: Observation) -> np.ndarray:
        return observations["policy"] if isinstance(observations, dict) else observations

    same, following = (
        TaskVectorEnv(2, config=QUICK, asymmetric=asymmetric, threads=1, autoreset_mode=mode, max_episode_steps=3)
        for mode in ("SameStep", "NextStep")
    )
    assert following.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    action = np.full((2, 20), 7)
    for envs in (same, following):
        envs.reset(seed=1)
    for _ in range(3):
        a, b = same.step(action), following.step(action)
    assert b[3].all()
    last = [part["policy"] if asymmetric else part for part in a[4]["final_obs"]]
    np.testing.assert_array_equal(policy(b[0]), np.array(last))
    start, reward, terminated, truncated, info = following.step(action)
    np.testing.assert_array_equal(policy(start), policy(a[0]))
    assert not any(values.any() for values in (reward, terminated, truncated, info["successes"]))
    ends = [following.step(action)[3].any() for _ in range(3)]
    assert ends == [False, False, True], "an episode of three steps after the one that was none"


def test_those_that_go_on_do_not_notice_that_another_starts() -> None:
    """Protects the others from a step that is undone for one."""
    runs = []
    for mode in (AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP):
        envs = TaskVectorEnv(2, config=EnvironmentConfig(start_steps=5), threads=1, autoreset_mode=mode)
        envs.reset(seed=1)
        envs._environment._trials.goal_time[0] = 79.95  # the first times out at once
        envs._environment.random.generator.manual_seed(3)
        seen = [envs.step(np.full((2, 20), 7)) for _ in range(1)]
        runs.append(seen)
        assert seen[0][3].tolist() == [True, False]
    np.testing.assert_array_equal(runs[0][0][0][1], runs[1][0][0][1])


@pytest.mark.parametrize("wrapper", [NormalizeObservation, NormalizeReward, RecordEpisodeStatistics])
def test_gymnasiums_own_vector_wrappers_take_it(wrapper: type[gymnasium.vector.VectorWrapper]) -> None:
    envs = wrapper(gymnasium.make_vec(ID, num_envs=2, config=QUICK, autoreset_mode="NextStep"))
    observations, _ = envs.reset(seed=0)
    for _ in range(14):
        observations, rewards, *_ = envs.step(envs.action_space.sample())
        assert np.isfinite(observations).all()
        assert np.isfinite(rewards).all()


def test_episodes_may_be_cut() -> None:
    """As Gymnasium's TimeLimit, which knows single environments only."""
    envs = gymnasium.make_vec(ID, num_envs=2, config=QUICK, max_episode_steps=2)
    envs.reset(seed=0)
    assert [envs.step(envs.action_space.sample())[3].all() for _ in range(4)] == [False, True, False, True]
    single = gymnasium.make(ID, config=QUICK, max_episode_steps=2)
    for _ in range(2):
        single.reset()
        assert [single.step(single.action_space.sample())[3] for _ in range(2)] == [False, True]


@pytest.mark.parametrize(
    ("name", "value"),
    [("autoreset_mode", "Disabled"), ("autoreset_mode", "now"), ("max_episode_steps", 0), ("max_episode_steps", 1.5)],
)
def test_endings_that_cannot_be_had_are_refused(name: str, value: object) -> None:
    with pytest.raises(DactylError, match=name):
        TaskVectorEnv(config=QUICK, **{name: value})
