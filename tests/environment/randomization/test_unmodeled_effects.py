"""Group `unmodeled_effects`: action noise, delay, backlash, tracking, timing, forces, as appendix C.2 gives them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor

from dactyl.environment.randomization import UnmodeledEffects
from dactyl.environment.randomization.effect import Effect
from dactyl.environment.randomization.random import Random
from dactyl.environment.randomization.unmodeled_effects import Actuation, Forces, Timing, Tracking
from dactyl.robot import backlash
from dactyl.robot import robot as robots

CPU = torch.device("cpu")
ROBOT = robots.load("shadow")
TIMING = ROBOT.timing
QUIET = {
    "action_noise_uncorrelated": 0.0, "action_noise_correlated": 0.0, "action_noise_multiplicative": 0.0,
    "delay_probability": 0.0, "backlash_rate": 1e9, "backlash_rate_std": 0.0, "dropout_rate": 0.0,
}  # fmt: skip
"""Slack is crossed by the smallest action, in the step that brings it."""


def make(effect: Any, config: UnmodeledEffects, num_envs: int) -> Any:
    """The effect alone."""
    robot = () if effect is Forces else (ROBOT,)
    return effect(config, num_envs, *robot, Random(0, CPU))


def start(effect: Any, num_envs: int, **on: Any) -> Any:
    """The effect alone, at the start of an episode in every environment."""
    made = make(effect, UnmodeledEffects(**{**QUIET, **on}), num_envs)
    made.restart(torch.ones(num_envs, dtype=torch.bool))
    return made


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
    actuation.apply(constant)
    return torch.stack([actuation.apply(constant) for _ in range(steps)])


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
    assert out.abs().max() == 1.0


def test_without_noise_actions_pass_unchanged():
    assert (arriving(start(Actuation, 3), 0.4) == torch.tensor(0.4)).all()


def test_half_of_the_actuators_lag_one_step():
    """Chosen once per episode for every actuator: its actions arrive exactly one control step late."""
    actuation = start(Actuation, 500, delay_probability=0.5)
    sent = [torch.full_like(actuation.slack, level) for level in (0.1, 0.2, 0.3, 0.4, 0.5)]
    out = torch.stack([actuation.apply(action) for action in sent])
    late, prompt = out[:, actuation.delayed], out[:, ~actuation.delayed]
    assert (prompt[1:] == torch.stack(sent)[1:, :1, 0]).all()
    assert (late[0] == 0).all()  # nothing was sent before
    assert (late[2:] == torch.stack(sent)[1:-1, :1, 0]).all()
    share = actuation.delayed.float()
    assert share.mean().item() == pytest.approx(0.5, abs=0.02)
    assert share.mean(1).std().item() == pytest.approx((0.25 / 20) ** 0.5, rel=0.1)  # not whole environments at once


def test_backlash_rates():
    """Per joint and direction from a Gaussian of standard deviation 0.1 around the calibrated value."""
    actuation = start(Actuation, 500, backlash_rate=backlash.CALIBRATED, backlash_rate_std=0.1)
    assert actuation.delta.shape == (500, 20, 2)
    assert is_distributed(actuation.delta, stats.norm(backlash.CALIBRATED, 0.1))
    assert abs(torch.corrcoef(actuation.delta.flatten(0, 1).T)[0, 1]) < 0.05
    negative = start(Actuation, 500, backlash_rate=0.1, backlash_rate_std=0.5).delta
    assert (negative > 0).all()  # a rate below zero would wind the slack the wrong way


def test_backlash_takes_actions_up():
    """The model of hand.backlash, fed with the noisy, delayed action: here none of either."""
    actuation = start(Actuation, 2, backlash_rate=4.0)
    slack = torch.zeros(2, 20)
    for level in (0.2, 0.2, 0.2, -0.1, -0.4, -0.4, 0.0, -0.4):
        action = torch.full((2, 20), level)
        slack, expected = backlash.apply(slack, action, actuation.delta)
        assert torch.equal(actuation.apply(action), expected)
    assert actuation.slack.eq(-1).all()


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
    made.restart(torch.ones(10, dtype=torch.bool))
    run(made)
    before, mask = made.state_dict(), torch.arange(10) % 3 == 0
    made.restart(mask)
    for name, value in made.state_dict().items():
        changed = (value != before[name]).reshape(10, -1).any(1)
        if name == "last":  # overwritten by the first reading
            assert not changed.any()
        else:
            assert torch.equal(changed, mask), name


def run(effect: Effect) -> list[Tensor]:
    if isinstance(effect, Actuation):
        return [effect.apply(torch.full((10, 20), 0.1 * (-1) ** i)) for i in range(5)]
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
    made.restart(torch.ones(10, dtype=torch.bool))
    run(made)
    saved, generator = made.state_dict(), made._random.generator.get_state()
    expected = run(made)
    sent = torch.full((10, 20), 0.7)
    if isinstance(other, Actuation):
        other.apply(sent)
    other.load_state_dict(saved)
    other._random.generator.set_state(generator)
    for ours, theirs in zip(run(other), expected, strict=True):
        assert torch.equal(ours, theirs)
    assert (sent == 0.7).all()
