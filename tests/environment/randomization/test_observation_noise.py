"""Group `observation_noise`: Table 7, its two kinds of noise told apart by averaging over episodes."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from dactyl.environment.randomization import ObservationNoise
from dactyl.environment.randomization.observation_noise import Sensed, Sensors, misplaced_frame
from dactyl.environment.randomization.random import Random
from dactyl.maths import quaternion
from dactyl.robot import robot as robots
from dactyl.robot.markers import register

ENVS, READINGS = 1000, 100
SILENT = dict.fromkeys((noise.name for noise in fields(ObservationNoise)), 0.0)


def truth(num_envs: int = ENVS) -> tuple[Sensed, Tensor]:
    """Some state and the rotations of the distal links."""
    random = Random(7, torch.device("cpu"))
    links = quaternion.uniform(random.normal(num_envs, 5, 4))
    rotations = torch.stack([quaternion.rotate(links, axis) for axis in torch.eye(3)], dim=-1)
    orientation = quaternion.uniform(random.normal(num_envs, 4))
    return Sensed(0.1 * random.normal(num_envs, 5, 3), 0.1 * random.normal(num_envs, 3), orientation), rotations


def sensors(num_envs: int = ENVS, **on: float) -> Sensors:
    """At the start of an episode in every environment."""
    random = Random(0, torch.device("cpu"))
    made = Sensors(ObservationNoise(**{**SILENT, **on}), num_envs, robots.load("shadow"), random)
    made.restart(torch.ones(num_envs, dtype=torch.bool))
    return made


def errors(made: Sensors) -> Sensed:
    """(readings, environments, …) of errors; the orientation's as rotation vectors in the robot frame."""
    exact, rotations = truth()
    readings = [made.read(exact, rotations) for _ in range(READINGS)]
    turns = torch.stack(
        [quaternion.multiply(r.object_orientation, quaternion.conjugate(exact.object_orientation)) for r in readings]
    )
    axis = torch.nn.functional.normalize(quaternion.canonical(turns)[..., 1:], dim=-1)
    return Sensed(
        torch.stack([r.fingertips - exact.fingertips for r in readings]),
        torch.stack([r.object_position - exact.object_position for r in readings]),
        axis * quaternion.angle(turns)[..., None],
    )


def test_values_of_table_7():
    mm = 0.001
    assert ObservationNoise() == ObservationNoise(
        fingertip_correlated=1 * mm, fingertip_uncorrelated=2 * mm,
        object_position_correlated=5 * mm, object_position_uncorrelated=1 * mm,
        object_orientation_correlated=0.1, object_orientation_uncorrelated=0.1,
        fingertip_marker=3 * mm, base_marker=1 * mm,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("measured", "correlated", "uncorrelated"),
    [("fingertips", 0.001, 0.002), ("object_position", 0.005, 0.001)],
)
def test_positions(measured, correlated, uncorrelated):
    """Each coordinate: a mean error drawn once per episode, and independent errors around it."""
    name = measured.removesuffix("s")
    noise = {f"{name}_correlated": correlated, f"{name}_uncorrelated": uncorrelated}
    error = getattr(errors(sensors(**noise)), measured).double()
    offsets = error.mean(0).reshape(-1).numpy()
    expected = (correlated**2 + uncorrelated**2 / READINGS) ** 0.5
    assert stats.kstest(offsets, stats.norm(0, expected).cdf).pvalue > 0.01
    around = (error - error.mean(0)).reshape(-1)[::97].numpy()
    assert stats.kstest(around, stats.norm(0, uncorrelated * (1 - 1 / READINGS) ** 0.5).cdf).pvalue > 0.01
    steps = error - error.mean(0)
    assert abs((steps[1:] * steps[:-1]).mean() / steps.square().mean()) < 0.02  # white


@pytest.mark.parametrize("kind", ["correlated", "uncorrelated"])
def test_orientations_turn_about_random_axes(kind):
    """By angles of standard deviation 0.1 rad about axes without preference; once, or anew with each reading."""
    error = errors(sensors(**{f"object_orientation_{kind}": 0.1})).object_orientation
    sample = (error[0] if kind == "correlated" else error[::10].flatten(0, 1)).double()
    angles = sample.norm(dim=-1).numpy()
    assert stats.kstest(angles, stats.halfnorm(0, 0.1).cdf).pvalue > 0.01
    directions = torch.nn.functional.normalize(sample, dim=-1)
    for coordinate in directions.T.numpy():
        assert stats.kstest(coordinate, stats.uniform(-1, 2).cdf).pvalue > 0.01
    same = (error[1:] - error[:1]).abs().max() < 1e-3
    assert same == (kind == "correlated")


def test_correlated_turns_belong_to_the_robot_frame():
    """As a camera that is mounted askew: the error is the same whichever way the object is turned."""
    made, (exact, rotations) = sensors(object_orientation_correlated=0.1), truth()
    for orientation in (exact.object_orientation, exact.object_orientation.flip(0)):
        read = made.read(exact._replace(object_orientation=orientation), rotations).object_orientation
        turn = quaternion.multiply(read, quaternion.conjugate(orientation))
        torch.testing.assert_close(turn, made.object_rotation, atol=1e-6, rtol=0)


def test_orientations_keep_to_both_noises():
    """Together: the mean orientation of an episode is off by the correlated part alone."""
    error = errors(sensors(object_orientation_correlated=0.1, object_orientation_uncorrelated=0.1)).object_orientation
    per_coordinate = 0.1 / 3**0.5
    assert error.mean(0).std().item() == pytest.approx(per_coordinate, rel=0.06)
    assert (error - error.mean(0)).std().item() == pytest.approx(per_coordinate, rel=0.06)


def test_misplaced_markers_turn_with_their_links():
    """Observations are computed from slightly misplaced markers: constant in the link's frame, not in the hand's."""
    made = sensors(fingertip_marker=0.003)
    for exact, rotations in (truth(), (truth()[0], truth()[1].flip(0))):
        offset = made.read(exact, rotations).fingertips - exact.fingertips
        in_link = (rotations.transpose(-1, -2) @ offset[..., None]).squeeze(-1)
        torch.testing.assert_close(in_link, made.marker_offset, atol=1e-6, rtol=0)
    assert stats.kstest(made.marker_offset.flatten().double().numpy(), stats.norm(0, 0.003).cdf).pvalue > 0.01


def test_misplaced_base_markers_give_the_frame_that_registering_them_gives():
    """As the tracker does on the robot, by Horn's method: rotation included."""
    base = robots.load("shadow").markers.base
    offsets = 0.001 * Random(0, torch.device("cpu")).normal(20, *base.shape).double()
    shifts, turns = misplaced_frame(torch.tensor(base), offsets)
    for offset, shift, turn in zip(offsets.numpy(), shifts, turns, strict=True):
        found = register(base, base + offset)
        assert found is not None
        np.testing.assert_allclose(shift, found.position, atol=1e-4)
        np.testing.assert_allclose(quaternion.from_rotation_vector(turn), found.quaternion, atol=5e-4)


def test_misplaced_base_markers_turn_and_shift_everything_alike():
    """A millimetre on the forearm is two or three at the palm, and a degree; fingertips and object stay together."""
    made, (exact, rotations) = sensors(base_marker=0.001), truth()
    at_palm = torch.tensor([0.0, -0.03, 0.35]).expand(ENVS, 3)
    exact = exact._replace(object_position=at_palm)
    read = made.read(exact, rotations)
    spans = [(one.fingertips - one.object_position[:, None]).norm(dim=-1) for one in (exact, read)]
    torch.testing.assert_close(*spans, atol=1e-6, rtol=1e-5)
    turn = quaternion.multiply(read.object_orientation, quaternion.conjugate(exact.object_orientation))
    assert quaternion.angle(turn).square().mean().sqrt().rad2deg().item() == pytest.approx(1.43, abs=0.1)
    assert (read.object_position - at_palm).std(0).mul(1000).tolist() == pytest.approx([2.4, 2.9, 0.55], abs=0.2)
    again = made.read(exact, rotations)
    torch.testing.assert_close(again.object_position, read.object_position)  # once per episode


def test_all_parts_add_up():
    """A fingertip's error but for the base's: 1 + 3 mm correlated and 2 mm uncorrelated, in squares."""
    paper = {noise.name: noise.default for noise in fields(ObservationNoise)}
    error = errors(sensors(**{**paper, "base_marker": 0.0}))
    assert error.fingertips.mean(0).std().item() == pytest.approx((1 + 9 + 4 / READINGS) ** 0.5 * 1e-3, rel=0.03)
    assert error.object_position.mean(0).std().item() == pytest.approx(25.01**0.5 * 1e-3, rel=0.05)


def test_no_noise_is_exact():
    exact, rotations = truth()
    read = sensors().read(exact, rotations)
    assert torch.equal(read.fingertips, exact.fingertips)
    assert torch.equal(read.object_position, exact.object_position)
    torch.testing.assert_close(read.object_orientation, exact.object_orientation, atol=1e-6, rtol=0)


def test_only_new_episodes_are_redrawn():
    made = sensors(10, **{noise.name: noise.default for noise in fields(ObservationNoise)})
    before = made.state_dict()
    mask = torch.arange(10) % 3 == 0
    made.restart(mask)
    for name, value in made.state_dict().items():
        changed = (value != before[name]).flatten(1).any(1)
        assert torch.equal(changed, mask), name


def test_environments_and_markers_have_their_own_offsets():
    made = sensors(**{noise.name: noise.default for noise in fields(ObservationNoise)})
    columns = torch.cat(
        [value.flatten(1) for name, value in made.state_dict().items() if "offset" in name and "base" not in name],
        dim=1,
    )
    correlations = torch.corrcoef(columns.T) - torch.eye(columns.shape[1])
    assert correlations.abs().max() < 0.16  # five standard deviations


def test_joints_are_read_with_noise_only_where_it_is_asked_for() -> None:
    """And nothing is drawn where it is not: episodes of the first paper stay what they were."""
    angles = torch.zeros(500, 24)
    for std in (0.0, 0.01):
        random = Random(0, torch.device("cpu"))
        made = Sensors(ObservationNoise(joint_uncorrelated=std), 500, robots.load("shadow"), random)
        before = random.generator.get_state()
        read = made.joints(angles)
        assert float(read.std()) == pytest.approx(std, rel=0.05)
        assert torch.equal(before, random.generator.get_state()) == (std == 0.0)
