"""A teacher of postures, said in torques: what the robot's own law would do where it is. Specialists: each its own."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from dactyl.environment import task as tasks
from dactyl.errors import DactylError
from dactyl.learning import checkpoint, train
from dactyl.learning.actions import DEVIATION, Gaussian
from dactyl.learning.algorithms.teacher import LEAST_DEVIATION, PostureTeacher, Specialists, shown
from dactyl.learning.models.recurrent import Architecture, Network
from dactyl.learning.options import TrainOptions
from dactyl.learning.policy import Contract, Policy, sizes
from dactyl.robot import robot as robots
from dactyl.robot import torque
from dactyl.robot.robot import Robot, Torques
from tests.toys import installed_toys

SEES = (("object_position", 3), ("joint_angles", 2))


@pytest.fixture(scope="module")
def arm() -> Iterator[Robot]:
    with installed_toys():
        yield robots.load("arm")


def contract(**changes: object) -> Contract:
    values = {"observation": SEES, "architecture": Architecture((8,), 0), "robot": "arm", "action_origin": "middle"}
    return Contract(**{**values, **changes})  # type: ignore[arg-type]


def teacher(robot: Robot, scale: float = 1.0, **changes: object) -> PostureTeacher:
    torch.manual_seed(0)
    made = contract(**changes)
    return PostureTeacher(Policy(made).network, made, robot, scale)


def test_its_torques_are_those_of_the_robots_law_at_the_angles_it_sees(arm: Robot) -> None:
    said = torch.tensor([[0.1, -0.2, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
    angles = torch.tensor([[0.1, -0.35], [-0.5, 0.3]])
    means = Gaussian(2).mode(teacher(arm).translated(said, angles))
    assert isinstance(arm.action, Torques)
    targets = torch.tensor([[0.15, -0.4], [1.5, 2.0]])  # the middle of the ranges is 0
    expected = torque.towards(targets, angles, arm.action.limit, torch.tensor(arm.action.stiffness)) / arm.action.limit
    torch.testing.assert_close(means, expected)
    assert means[1].tolist() == [1.0, 1.0]


def test_postures_counted_from_the_present_angles_are_said_too(arm: Robot) -> None:
    said = torch.tensor([[0.1, 0.0, 0.0, 0.0]])
    means = Gaussian(2).mode(teacher(arm, action_origin="current").translated(said, torch.tensor([[0.7, 0.7]])))
    torch.testing.assert_close(means, torch.tensor([[4.0 * 0.15 / 0.8, 0.0]]))


def test_a_policy_whose_torques_reach_less_far_is_told_larger_shares(arm: Robot) -> None:
    said, angles = torch.tensor([[0.02, 0.0, 0.0, 0.0]]), torch.zeros(1, 2)
    whole, half = (Gaussian(2).mode(teacher(arm, scale).translated(said, angles)) for scale in (1.0, 0.5))
    torch.testing.assert_close(half, 2.0 * whole)


def test_its_deviations_stay_between_two_bounds(arm: Robot) -> None:
    """A law is exact and a beginner is not: too small ones would make the divergence anything."""
    made = teacher(arm)
    for log_std in (-20.0, 0.0, 5.0):
        outputs = made.translated(torch.tensor([[0.0, 0.0, log_std, log_std]]), torch.zeros(1, 2))
        deviations = DEVIATION * outputs[:, 2:].exp()
        assert deviations.min() >= LEAST_DEVIATION - 1e-6
        assert deviations.max() <= DEVIATION + 1e-6


def test_it_finds_the_angles_among_what_it_sees(arm: Robot) -> None:
    """Protects from the wrong columns: the order of the terms is the contract's."""
    seen = torch.zeros(4, 3, 5)
    seen[..., 3:] = torch.rand(4, 3, 2)
    made = teacher(arm)
    starts = torch.zeros(4, 3, dtype=torch.bool)
    state = made.initial_state(3)
    outputs = made.sequence({made.group: seen}, state, starts)
    network = made._network.sequence({made.group: seen}, state, starts)
    torch.testing.assert_close(outputs, made.translated(network, seen[..., 3:]))
    assert outputs.shape == (4, 3, 4)
    torch.testing.assert_close(made.step({made.group: seen[0]}, state)[0], outputs[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"smoothing": 0.3},
        {"observation": (("object_position", 3),)},
        {"observation": (*SEES, ("smoothed_action", 2))},
    ],
    ids=str,
)
def test_a_teacher_that_cannot_be_said_in_torques_is_refused(arm: Robot, changes: dict[str, object]) -> None:
    """Its own last action would be another one in the pupil's hands."""
    with pytest.raises(DactylError, match="a teacher of postures must act in numbers without smoothing"):
        teacher(arm, **changes)


def test_robots_without_torques_have_no_use_for_it(arm: Robot) -> None:
    made = contract()
    with pytest.raises(DactylError, match="the robot shadow takes no torques"):
        PostureTeacher(Policy(made).network, made, robots.load("shadow"), 1.0)


def test_a_policy_of_torques_comes_to_do_what_the_teachers_law_does(arm: Robot) -> None:
    """The divergence falls by gradient steps, and the means meet."""
    made, kind = teacher(arm), Gaussian(2)
    generator = torch.Generator().manual_seed(0)
    seen = torch.rand(256, 1, 5, generator=generator)
    starts = torch.zeros(256, 1, dtype=torch.bool)
    target = made.sequence({made.group: seen}, made.initial_state(1), starts).detach()
    student = Policy(contract(action_origin="torque", architecture=Architecture((64,), 0))).network
    optimizer = torch.optim.Adam(student.parameters(), 3e-3)
    first = last = 0.0
    for step in range(300):
        loss = kind.divergence(target, student.sequence({student.group: seen}, student.initial_state(1), starts)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        first, last = (loss.item(), last) if step == 0 else (first, loss.item())
    assert last < 0.1 * first


COMMON = """
num_envs: 4
total_steps: 64
policy: {{dense: [8], lstm: {lstm}}}
value: {{dense: [8], lstm: 0}}
collection: {{horizon: 8, sequence: 4}}
ppo: {{minibatch: 8, minibatches: 2, value_learning_rate: 1e-3, bounds: 1e-4}}
environment:
  task: repose
  scene: {{robot: arm, object: cube}}
  action_origin: {origin}
  randomization: {randomization}
  reset_pool: 0.0
  scripted_starts: 0.5
  rules: {{difficulty: 1, timeout: 0.2}}
  policy_terms: [{seen}]
  value_terms: [joint_angles, joint_velocities, object_keypoints, goal_keypoints, fingertip_positions]
"""
TRUTH = "joint_angles, joint_velocities, object_keypoints, goal_keypoints, fingertip_positions"
SENSED = "joint_angles, joint_velocities, object_pose, goal_pose, smoothed_action"


def test_postures_are_learned_first_and_torques_by_imitation(arm: Robot, tmp_path: Path) -> None:
    """The whole road of the presets for two cores, in a few steps: script, postures, teacher, torques."""
    options = {"device": "cpu", "threads": 1}
    first, second = tmp_path / "postures.yaml", tmp_path / "torques.yaml"
    first.write_text(COMMON.format(lstm=0, origin="middle", randomization="none", seen=TRUTH))
    train.train(str(first), TrainOptions(out=tmp_path / "postures", **options))
    student = COMMON.format(lstm=4, origin="torque", randomization="all", seen=SENSED)
    second.write_text(f"{student}teacher: {tmp_path / 'postures'}\nimitation: 1.0\n")
    train.train(str(second), TrainOptions(out=tmp_path / "torques", **options))
    with open(tmp_path / "torques" / "progress.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["steps"]) for row in rows] == [32, 64]
    assert all(0.0 < float(row["imitation_kl"]) < 1e3 for row in rows)
    found = Policy.load(checkpoint.find_policy(tmp_path / "torques")).contract
    assert (found.action_origin, found.robot, found.task) == ("torque", "arm", "repose")


def test_a_policy_of_postures_cannot_imitate_torques(arm: Robot, tmp_path: Path) -> None:
    """The other way round nothing says where a torque leads."""
    path = tmp_path / "policy.safetensors"
    truth = sizes(tasks.load("repose"), arm, tuple(TRUTH.split(", ")))
    Policy(contract(task="repose", object="cube", observation=truth, action_origin="torque")).save(path)
    preset = tmp_path / "postures.yaml"
    text = COMMON.format(lstm=0, origin="middle", randomization="none", seen=TRUTH)
    preset.write_text(f"{text}teacher: {path}\nimitation: 1.0\n")
    with pytest.raises(DactylError, match="acts with action_origin torque, this preset with middle"):
        train.train(str(preset), TrainOptions(out=tmp_path / "out", device="cpu", threads=1))


def test_each_row_is_taught_by_its_own_specialist_with_its_own_memory() -> None:
    """One of them remembers and one does not; of the third kind there is no row."""
    torch.manual_seed(0)
    networks = [Network("policy", 3, 5, Architecture((8,), lstm)) for lstm in (4, 0, 4)]
    both = Specialists(networks)
    kinds, seen, starts = torch.tensor([0, 1, 0, 1]), torch.randn(6, 4, 3), torch.zeros(6, 4, dtype=torch.bool)
    starts[3, 2] = True
    observations = {"policy": seen, "value": torch.randn(6, 4, 7), "kind": kinds.expand(6, 4)}
    with torch.no_grad():
        said = both.sequence(shown(both, observations), both.initial_state(4), starts)
        for kind, network in enumerate(networks[:2]):
            own = kinds == kind
            alone = network.sequence({"policy": seen[:, own]}, network.initial_state(2), starts[:, own])
            torch.testing.assert_close(said[:, own], alone)
        state = both.initial_state(4)
        for t in range(6):
            state = state.masked_fill(starts[t].unsqueeze(-1), 0.0)
            now, state = both.step({name: group[t] for name, group in observations.items()}, state)
            torch.testing.assert_close(now, said[t])


def test_a_teacher_is_shown_the_first_of_what_the_value_network_sees() -> None:
    teacher = Network("policy", 2, 5, Architecture((), 0))
    seen = shown(teacher, {"policy": torch.zeros(1, 9), "value": torch.tensor([[1.0, 2.0, 3.0]])})
    assert {name: group.tolist() for name, group in seen.items()} == {"policy": [[1.0, 2.0]]}
