"""Group `unmodeled_effects`: action noise, delay, backlash, tracking, timing, forces, as appendix C.2 gives them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from dactyl.environment.randomization import UnmodeledEffects
from dactyl.environment.randomization.effect import Effect
from dactyl.environment.randomization.random import Random
from dactyl.environment.randomization.unmodeled_effects import Actuation, Forces, Timing, Tracking
from dactyl.robot import backlash, control
from dactyl.robot import robot as robots
from dactyl.robot.control import ActionMeaning

CPU = torch.device("cpu")
ROBOT = robots.load("shadow")
TIMING = ROBOT.timing
QUIET = {
    "action_noise_uncorrelated": 0.0, "action_noise_correlated": 0.0, "action_noise_multiplicative": 0.0,
    "delay_probability": 0.0, "backlash_factor": (1e9, 1e9), "backlash_rate_std": 0.0, "joint_offset": 0.0,
    "dropout_rate": 0.0,
}  # fmt: skip
"""Slack is crossed by the smallest action, in the step that brings it."""
MIDDLE = torch.tensor(ROBOT.joint_limits.mean(1))
"""(24,) joint angles in the middle of every actuator's range."""
HALF = torch.tensor(0.5 * (ROBOT.actuator_limits[:, 1] - ROBOT.actuator_limits[:, 0]), dtype=torch.float32)


def make(effect: Any, config: UnmodeledEffects, num_envs: int, origin: str = "current") -> Any:
    """The effect alone."""
    robot = () if effect is Forces else (ROBOT,)
    more = {}
    if effect is Actuation:
        more = {"meaning": ActionMeaning(origin), "backlash_rates": np.full((20, 2), backlash.NOMINAL)}
    return effect(config, num_envs, *robot, Random(0, CPU), **more)


def restart(made: Any, mask: Tensor) -> None:
    """A new episode, in which the robot's joints are in the middle of their ranges."""
    made.restart(mask, *([MIDDLE.expand(len(mask), -1)] if isinstance(made, Actuation) else []))


def start(effect: Any, num_envs: int, origin: str = "current", **on: Any) -> Any:
    """The effect alone, at the start of an episode in every environment."""
    made = make(effect, UnmodeledEffects(**{**QUIET, **on}), num_envs, origin)
    restart(made, torch.ones(num_envs, dtype=torch.bool))
    return made


def passed(actuation: Actuation, action: Tensor, joint_angles: Tensor = MIDDLE) -> Tensor:
    """(environments, 20) the motion that arrives of an action, in units of half the ranges."""
    joint_angles = joint_angles.expand(len(action), -1)
    targets = actuation.targets(action, joint_angles)
    return (targets - ROBOT.actuator_positions(joint_angles).float()) / HALF


def is_distributed(values: Tensor, distribution: Any) -> bool:
    return stats.kstest(values.flatten().double().numpy(), distribution.cdf).pvalue > 0.01


def test_values_of_the_paper():
    """Table 8 and the text of C.2; what the paper leaves open (backlash, occlusion) is not checked here."""
    config = UnmodeledEffects()
    noise = config.action_noise_uncorrelated, config.action_noise_correlated, config.action_noise_multiplicative
    assert noise == (0.05, 0.015, 0.015)
    assert config.delay_probability == 0.5
    assert config.backlash_rate_std == 0.1
    assert (config.dropout_rate, config.dropout_duration) == (0.2, 1.0)
    assert config.timestep_rate == (1250.0, 10000.0)
    assert config.force_probability == (0.001, 0.1)
    assert (config.force_acceleration, config.force_decay) == (1.0, 0.99)


# ------------------------------------------------------------------------------------------------------- actions


def arriving(actuation: Actuation, action: float, steps: int = 50) -> Tensor:
    """(steps, environments, 20) of what becomes of one constant action, once the slack is taken up."""
    constant = torch.full_like(actuation.slack, action)
    passed(actuation, constant)
    return torch.stack([passed(actuation, constant) for _ in range(steps)])


def test_uncorrelated_action_noise():
    """5 % of the action range [-1, 1]: a standard deviation of 0.1, new in every step."""
    error = arriving(start(Actuation, 100, action_noise_uncorrelated=0.05), 0.5) - 0.5
    assert is_distributed(error[::10], stats.norm(0, 0.1))
    assert abs((error[1:] * error[:-1]).mean().item()) < 2e-4


def test_correlated_action_noise():
    """1.5 % of the action range: 0.03, the same for an actuator during all of an episode."""
    error = arriving(start(Actuation, 500, action_noise_correlated=0.015), 0.5) - 0.5
    assert (error - error[:1]).abs().max() < 1e-6
    assert is_distributed(error[0], stats.norm(0, 0.03))


@pytest.mark.parametrize("action", [0.25, -0.75])
def test_multiplicative_action_noise(action):
    """1.5 % of the action."""
    error = arriving(start(Actuation, 100, action_noise_multiplicative=0.015), action) - action
    assert is_distributed(error[::10], stats.norm(0, 0.015 * abs(action)))


def test_noisy_actions_stay_actions():
    out = arriving(start(Actuation, 50, action_noise_uncorrelated=0.5), 0.9)
    assert out.abs().max().item() == pytest.approx(1.0, abs=1e-5)


def test_without_noise_actions_pass_unchanged():
    torch.testing.assert_close(arriving(start(Actuation, 3), 0.4), torch.full((50, 3, 20), 0.4))


def test_half_of_the_actuators_lag_one_step():
    """Chosen once per episode for every actuator: its actions arrive exactly one control step late."""
    actuation = start(Actuation, 500, delay_probability=0.5)
    sent = [torch.full_like(actuation.slack, level) for level in (0.1, 0.2, 0.3, 0.4, 0.5)]
    out = torch.stack([passed(actuation, action) for action in sent])
    late, prompt = out[:, actuation.delayed], out[:, ~actuation.delayed]
    levels = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5])[:, None]
    torch.testing.assert_close(prompt[1:], levels[1:].expand_as(prompt[1:]))
    assert (late[0] == 0).all()  # nothing was sent before
    torch.testing.assert_close(late[2:], levels[1:-1].expand_as(late[2:]))
    share = actuation.delayed.float()
    assert share.mean().item() == pytest.approx(0.5, abs=0.02)
    assert share.mean(1).std().item() == pytest.approx((0.25 / 20) ** 0.5, rel=0.1)  # not whole environments at once


def test_a_late_action_counts_from_the_angles_of_its_own_time():
    """Appendix C.1: s_t is where the joints were when the action was specified, wherever they are when it arrives."""
    actuation = start(Actuation, 1, delay_probability=1.0)
    moved = MIDDLE + 0.02
    for _ in range(2):  # the slack is taken up
        actuation.targets(torch.full((1, 20), 0.2), MIDDLE[None])
    targets = actuation.targets(torch.zeros(1, 20), moved[None])
    expected = ROBOT.actuator_positions(MIDDLE).float() + 0.2 * HALF
    torch.testing.assert_close(targets[0], expected)


def test_backlash_rates():
    """Each actuator and direction its own: loguniform about the nominal one, and the paper's N(0, 0.1) on top."""
    actuation = start(Actuation, 500, backlash_factor=(0.5, 2.0))
    assert actuation.delta.shape == (500, 20, 2)
    assert is_distributed(actuation.delta / backlash.NOMINAL, stats.loguniform(0.5, 2.0))
    assert abs(torch.corrcoef(actuation.delta.flatten(0, 1).T)[0, 1]) < 0.05
    noisy = start(Actuation, 500, backlash_factor=(1.0, 1.0), backlash_rate_std=0.1)
    assert is_distributed(noisy.delta, stats.norm(backlash.NOMINAL, 0.1))
    assert (start(Actuation, 500, backlash_factor=(0.01, 0.01), backlash_rate_std=0.5).delta > 0).all()


@pytest.mark.parametrize("origin", ["current", "middle"])
def test_reversals_of_the_commanded_motion_meet_slack(origin):
    """Whatever actions are counted from: the same targets, from the same places, are transmitted alike."""
    actuation = start(Actuation, 2, origin, backlash_factor=(0.5, 0.5))
    limits = torch.tensor(ROBOT.actuator_limits, dtype=torch.float32)
    slack, angles = torch.zeros(2, 20), MIDDLE.expand(2, -1)
    for step, level in enumerate((0.2, 0.2, 0.2, -0.1, -0.45, -0.4, 0.0, -0.4)):
        positions = ROBOT.actuator_positions(angles).float()
        targets = positions + level * HALF
        action = control.action_for(targets, positions, limits, origin)
        slack, expected = backlash.transmit(slack, positions, targets, limits, actuation.delta)
        torch.testing.assert_close(actuation.targets(action, angles), expected, atol=1e-5, rtol=0, msg=f"step {step}")
        angles = angles + 0.01
    assert actuation.slack.eq(-1).all()


def test_a_posture_that_is_blocked_stays_where_it_is():
    """Before this, a posture whose sign changed jumped to the middle of the range."""
    actuation = start(Actuation, 1, "middle", backlash_factor=(0.5, 0.5))
    angles = MIDDLE + 0.3
    positions = ROBOT.actuator_positions(angles).float()
    targets = actuation.targets(torch.full((1, 20), 0.2), angles[None])
    torch.testing.assert_close(targets[0], positions)


def test_joint_sensors_are_off_by_an_angle_each_for_an_episode():
    actuation = start(Actuation, 500, joint_offset=0.04)
    assert actuation.joint_offset.shape == (500, 24)
    assert is_distributed(actuation.joint_offset, stats.norm(0, 0.04))
    angles = torch.rand(500, 24)
    torch.testing.assert_close(actuation.read(angles) - angles, actuation.joint_offset)


def test_sensors_that_are_off_shift_postures_and_leave_relative_actions_alone():
    """The paper's reason for relative actions (C.1, footnote 5): targets and angles are wrong by the same amount."""
    action = torch.full((50, 20), 0.25)
    for origin, shifted in (("current", False), ("middle", True)):
        actuation = start(Actuation, 50, origin, joint_offset=0.04)
        moved = arriving(actuation, 0.25, 1)[0] - action
        offset = ROBOT.actuator_positions(actuation.joint_offset)
        torch.testing.assert_close(moved * HALF, -offset if shifted else torch.zeros_like(offset), atol=1e-5, rtol=0)


@pytest.mark.parametrize("origin", ["current", "middle"])
def test_an_episode_begins_with_the_action_that_holds_the_hand(origin):
    """Also for actuators whose first action is late: nobody has chosen the middle of the range."""
    actuation = make(
        Actuation, UnmodeledEffects(**{**QUIET, "delay_probability": 0.5, "joint_offset": 0.04}), 20, origin
    )
    angles = torch.tensor(ROBOT.joint_limits).double() @ torch.tensor([0.7, 0.3]).double()
    still = actuation.restart(torch.ones(20, dtype=torch.bool), angles.expand(20, -1))
    targets = actuation.targets(still, angles.expand(20, -1))
    expected = ROBOT.actuator_positions(angles).float().expand(20, -1)
    torch.testing.assert_close(targets, expected, atol=1e-5, rtol=0)
    assert (origin == "current") == bool((still == 0).all())


# ------------------------------------------------------------------------------------------------------ tracking


def track(tracking: Tracking, steps: int, occluded: Tensor | None = None) -> Tensor:
    """Age in steps (steps, environments, 5) of the readings of markers that show the time."""
    ages = []
    for t in range(steps):
        now = torch.full_like(tracking.last, float(t))
        hidden = torch.zeros_like(tracking.remaining, dtype=torch.bool) if occluded is None else occluded[t]
        reading = tracking.apply(now, hidden)
        assert torch.equal(reading[..., 0], reading[..., 2])  # a marker's coordinates are of one moment
        ages.append(t - reading[..., 0])
    return torch.stack(ages)


def test_markers_drop_out():
    """0.2 times per second and marker; then the last reading is kept for 1 s (to half a control step)."""
    steps = 2000
    ages = track(start(Tracking, 40, dropout_rate=0.2), steps)
    began = (ages[1:] == 1) & (ages[:-1] == 0)
    seen = (ages[:-1] == 0).sum() * TIMING.control  # s in which a marker could be lost
    assert (began.sum() / seen).item() == pytest.approx(0.2, rel=0.05)
    ended = (ages[1:] == 0) & (ages[:-1] > 0)
    lasted = ages[:-1][ended] * TIMING.control
    assert lasted.min().item() == pytest.approx(1.0, abs=TIMING.control / 2 + 1e-6)
    assert (lasted == lasted.min()).float().mean() > 0.75  # the others were lost again meanwhile


def test_markers_drop_out_one_by_one():
    lost = (track(start(Tracking, 100, dropout_rate=0.2), 500) > 0).float()
    together = torch.corrcoef(lost.flatten(0, 1).T) - torch.eye(5)
    assert together.abs().max() < 0.05


def test_occluded_markers_keep_their_last_reading():
    """As long as it lasts, for that marker there alone; the moment it is seen again its reading is new."""
    occluded = torch.zeros(10, 3, 5, dtype=torch.bool)
    occluded[2:6, 1, 3] = True
    ages = track(start(Tracking, 3), 10, occluded)
    assert ages[:, 1, 3].tolist() == [0, 0, 1, 2, 3, 4, 0, 0, 0, 0]
    ages[:, 1, 3] = 0
    assert (ages == 0).all()


def test_an_episodes_first_reading_is_never_an_old_one():
    """Also of a hidden marker: its last reading would be another episode's."""
    tracking = start(Tracking, 2, dropout_rate=12.5)  # lost in every step
    occluded = torch.ones(2, 5, dtype=torch.bool)
    first = tracking.apply(torch.full((2, 5, 3), 1.0), occluded)
    assert (first == 1).all()
    assert (tracking.apply(torch.full((2, 5, 3), 2.0), occluded) == 1).all()
    tracking.restart(torch.tensor([True, False]))
    third = tracking.apply(torch.full((2, 5, 3), 3.0), occluded)
    assert (third[0] == 3).all()
    assert (third[1] == 1).all()


# -------------------------------------------------------------------------------------------------------- timing


def test_rates_of_the_timing():
    """lambda once per episode, uniform in [1250, 10000] 1/s."""
    assert is_distributed(start(Timing, 2000).rate, stats.uniform(1250, 8750))


@pytest.mark.parametrize("rate", [1250.0, 10000.0])
def test_physics_steps_take_longer(rate):
    """8 ms + Exp(lambda), drawn for each of the ten physics steps: 1 / lambda more on average."""
    timing = start(Timing, 1000, timestep_rate=(rate, rate))
    steps = timing.timesteps(10)
    assert steps.shape == (10, 1000)
    assert is_distributed(steps - TIMING.physics, stats.expon(scale=1 / rate))
    assert steps.mean().item() - TIMING.physics == pytest.approx(1 / rate, rel=0.05)
    assert (timing.timesteps(10) != steps).all()


@pytest.mark.parametrize("substeps", [1, 3, 5, 10, 20])
def test_coarse_physics_is_as_late(substeps):
    """However many physics steps there are, a control step lasts as long: ten exponentials longer than nominal."""
    timing = start(Timing, 4000, timestep_rate=(1250.0, 1250.0))
    steps = timing.timesteps(substeps)
    assert steps.shape == (substeps, 4000)
    assert is_distributed(steps.sum(0) - TIMING.control, stats.gamma(10, scale=1 / 1250))


# -------------------------------------------------------------------------------------------------------- forces


def test_force_probabilities():
    """Per episode, loguniform between 0.1 % and 10 %."""
    assert is_distributed(start(Forces, 2000).probability, stats.loguniform(0.001, 0.1))


def test_pushes():
    """With that probability per step a new push of 1 m/s² standard deviation per coordinate; in between, decay 0.99."""
    forces = start(Forces, 200, force_probability=(0.05, 0.05))
    assert (forces.acceleration == 0).all()
    trace = torch.stack([forces.accelerations() for _ in range(300)])
    before = torch.cat([torch.zeros(1, 200, 3), trace[:-1]])
    pushed = (trace != forces._config.force_decay * before).any(-1)
    assert pushed.float().mean().item() == pytest.approx(0.05, abs=0.004)
    assert (pushed.any(0)).all()
    assert is_distributed(trace[pushed], stats.norm(0, 1))
    torch.testing.assert_close(trace[~pushed], 0.99 * before[~pushed])


# ------------------------------------------------------------------------------------------------------ episodes


@pytest.mark.parametrize("effect", [Actuation, Tracking, Timing, Forces])
def test_only_new_episodes_are_redrawn(effect):
    """And all of an effect's state is: nothing of the last episode goes on."""
    made = make(effect, UnmodeledEffects(force_probability=(0.5, 0.6), dropout_rate=6.0), 10)
    restart(made, torch.ones(10, dtype=torch.bool))
    run(made)
    before, mask = made.state_dict(), torch.arange(10) % 3 == 0
    restart(made, mask)
    for name, value in made.state_dict().items():
        changed = (value != before[name]).reshape(10, -1).any(1)
        if name == "last":  # overwritten by the first reading
            assert not changed.any()
        else:
            assert torch.equal(changed, mask), name


def run(effect: Effect) -> list[Tensor]:
    if isinstance(effect, Actuation):
        return [passed(effect, torch.full((10, 20), 0.1 * (-1) ** i), MIDDLE + 0.01 * i) for i in range(1, 6)]
    if isinstance(effect, Tracking):
        return [effect.apply(torch.full((10, 5, 3), float(i)), torch.zeros(10, 5, dtype=torch.bool)) for i in range(5)]
    if isinstance(effect, Timing):
        return [effect.timesteps(10) for _ in range(5)]
    assert isinstance(effect, Forces)
    return [effect.accelerations() for _ in range(5)]


@pytest.mark.parametrize("effect", [Actuation, Tracking, Timing, Forces])
def test_saved_and_loaded(effect):
    """Including what an attribute shares with somebody else: loading must not write into the action last sent."""
    made, other = (make(effect, UnmodeledEffects(), 10) for _ in range(2))
    restart(made, torch.ones(10, dtype=torch.bool))
    run(made)
    saved, generator = made.state_dict(), made._random.generator.get_state()
    expected = run(made)
    sent = torch.full((10, 20), 0.7)
    if isinstance(other, Actuation):
        passed(other, sent)
    other.load_state_dict(saved)
    other._random.generator.set_state(generator)
    for ours, theirs in zip(run(other), expected, strict=True):
        assert torch.equal(ours, theirs)
    assert (sent == 0.7).all()
