"""The evaluation's accounts: every world's first trial and no other, the right figures, the same again from a seed."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from dactyl.environment import task as tasks
from dactyl.environment.randomization import RandomizationConfig, select
from dactyl.environment.randomization.unmodeled_effects import UnmodeledEffects
from dactyl.errors import DactylError
from dactyl.learning import evaluation
from dactyl.learning.evaluation import Trial
from dactyl.learning.models.recurrent import Architecture
from dactyl.learning.policy import Contract, Policy
from dactyl.learning.trial_watch import Standing
from dactyl.tasks.reorient.rules import ReorientRules
from tests.learning.toys import Toy, ToyStep


class Uneven(Toy):
    """Number i's episodes last i + 1 steps and reach a goal in each; they end dropped, by timeout, complete in turn.

    All episodes after an environment's first reach a thousand goals more.
    """

    task = tasks.load("reorient")

    def reset(self) -> dict[str, Tensor]:
        self.episode = torch.full((self.num_envs,), -1)
        return super().reset()

    def _restart(self, mask: Tensor) -> None:
        super()._restart(mask)
        self.episode = self.episode + mask
        self.length = torch.arange(self.num_envs) + 1

    def pays(self, actions: Tensor) -> Tensor:
        self.taken = [*getattr(self, "taken", []), actions]
        return torch.ones(self.num_envs)

    def step(self, actions: Tensor, cut: Tensor | None = None) -> ToyStep:
        later = self.episode > 0
        step = super().step(actions, cut)
        ended = step.terminated
        kind = torch.arange(self.num_envs) % 3
        info = {name: ended & (kind == i) for i, name in enumerate(("dropped", "timeout", "complete"))}
        info["successes"] = step.info["successes"] + 1000 * later
        info["duration"] = step.info["duration"]
        info["motion"] = torch.full((self.num_envs, self.num_actuators), 0.1)
        return step._replace(info=info)


@pytest.fixture
def policy() -> Policy:
    torch.manual_seed(0)
    return Policy(Contract(observation=(("object_position", 3),), architecture=Architecture((8,), 4)))


def test_each_environment_counts_once_with_its_first_trial(policy: Policy) -> None:
    trials = evaluation.run_trials(policy, Uneven(7))
    assert [trial.successes for trial in trials] == [1, 2, 3, 4, 5, 6, 7]
    assert [trial.reason for trial in trials] == ["dropped", "timeout", "complete"] * 2 + ["dropped"]
    assert [trial.seconds for trial in trials] == pytest.approx([0.08 * (i + 1) for i in range(7)])


def test_actions_come_from_the_seed_or_are_the_most_likely(policy: Policy) -> None:
    def actions(**options: object) -> Tensor:
        environment = Uneven(3)
        evaluation.run_trials(policy, environment, **options)
        return torch.stack(environment.taken)

    assert torch.equal(actions(seed=1), actions(seed=1))
    assert not torch.equal(actions(seed=1), actions(seed=2))
    assert torch.equal(actions(deterministic=True, seed=1), actions(deterministic=True, seed=2))


def test_memory_is_cleared_between_trials(policy: Policy) -> None:
    states = []
    step = policy.step
    policy.step = lambda o, state, *rest: (states.append(state), step(o, state, *rest))[1]
    evaluation.run_trials(policy, Uneven(3))
    assert not states[1][0].any()  # world 0 began its second episode
    assert states[1][2].any()


def test_summary_by_hand() -> None:
    trials = [
        Trial(50, "complete", 100.0),
        Trial(3, "dropped", 9.0),
        Trial(1, "timeout", 81.0),
        Trial(2, "dropped", 4.0),
    ]
    summary = evaluation.summarize(trials)
    assert summary["mean"] == 14.0
    assert summary["std"] == pytest.approx(np.std([50, 3, 1, 2], ddof=1))
    assert summary["median"] == 2.5
    assert summary["goals_reached"] == 56
    assert summary["goals_presented"] == 59
    assert summary["reasons"] == {"complete": 1, "dropped": 2, "timeout": 1}
    assert summary["sorted"] == [50, 3, 2, 1]
    assert summary["trials"][1] == {"successes": 3, "reason": "dropped", "seconds": 9.0}
    low, high = summary["mean_interval_95"]
    assert 1.0 <= low < 14.0 < high <= 50.0
    assert "14.0 ± 24.0 consecutive successes, median 2.5" in evaluation.as_text(summary, "x")


def test_bootstrap_interval_of_many_trials_is_that_of_the_normal_distribution() -> None:
    successes = np.random.default_rng(0).poisson(20.0, 400)
    summary = evaluation.summarize([Trial(int(s), "dropped", 1.0) for s in successes])
    half = 1.96 * successes.std() / 20.0
    expected = [successes.mean() - half, successes.mean() + half]
    assert summary["mean_interval_95"] == pytest.approx(expected, abs=0.05)


def test_the_protocol_is_the_papers_whatever_the_policy_was_trained_in() -> None:
    contract = Contract(object="sphere", locked_wrist=True, action_origin="middle", action_scale=0.5)
    config = evaluation.environment_config(contract, select("all"))
    assert (config.rules.tolerance, config.rules.timeout, config.rules.max_successes) == (0.4, 80.0, 50)
    assert config.goal_angle_limit is None
    assert config.start_steps is None  # appendix C.1
    assert config.scene.object == "sphere"
    assert config.scene.locked_wrist
    assert (config.action_origin, config.action_scale) == ("middle", 0.5)
    assert config.randomization == select("all")


def test_watching_ends_it_with_the_trials_that_have_ended(policy: Policy) -> None:
    """Protects an hour's trials from ctrl-C."""
    standings = []

    def watch(standing: Standing) -> bool:
        standings.append(standing)
        return len(standings) <= 3

    trials = evaluation.run_trials(policy, Uneven(7), watch=watch)
    assert [trial.successes for trial in trials] == [1, 2, 3]
    assert standings[-1].running.tolist() == [False] * 3 + [True] * 4
    assert standings[-1].goals.tolist() == [1, 2, 3, 3, 3, 3, 3]
    assert standings[-1].seconds == pytest.approx(0.24)


def test_an_incomplete_report_says_so() -> None:
    """Protects readers from figures of the short trials alone."""
    outcome = {
        "policy": "p", "object": "block", "randomizations": "none", "actions": "sampled", "pose": "state",
        **evaluation.summarize([Trial(3, "dropped", 9.0)]), "incomplete": {"asked": 100, "signal": "SIGINT"},
    }  # fmt: skip
    assert "INCOMPLETE: SIGINT came when 1 of 100 trials had ended" in evaluation.report(outcome)


def test_the_report_has_both_kinds_of_actions() -> None:
    common = {"policy": "p", "object": "block", "randomizations": "none", "actions": "both", "pose": "state"}
    figures = evaluation.summarize([Trial(3, "dropped", 9.0)])
    lines = evaluation.report({**common, **figures, "most_likely": figures}).splitlines()
    assert [line.partition(" actions:")[0].split(", ")[-1] for line in lines if "actions:" in line] == [
        "sampled", "most-likely",
    ]  # fmt: skip


def test_judging_gives_nothing_where_no_trial_ended(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects from figures of nothing; else they are the trials' own."""
    monkeypatch.setattr(evaluation.environments, "Environment", lambda config, trials, **_: Uneven(trials))
    config = evaluation.environment_config(Contract(), select("none"))
    assert evaluation.judge(policy, config, 3, stopped=lambda: True) == {}
    found = evaluation.judge(policy, config, 3)
    assert found["sorted"] == [3, 2, 1]
    assert found["motion_deg_per_step"]["mean"] == pytest.approx(5.73, abs=0.01)


def test_a_policy_is_judged_in_its_own_rhythm() -> None:
    config = evaluation.environment_config(Contract(control_period=0.04), select("all"))
    assert config.scene.control_period == 0.04
    assert evaluation.environment_config(Contract(), select("all")).scene.control_period is None


def test_trials_may_have_other_rules_than_the_tasks() -> None:
    contract = Contract()
    assert evaluation.trial_rules(contract) == ReorientRules()
    found = evaluation.trial_rules(contract, "{timeout: 10, tolerance: 0.2}")
    assert found == ReorientRules(timeout=10.0, tolerance=0.2)
    changed = evaluation.environment_config(contract, select("none"), rules=ReorientRules(timeout=10.0))
    assert changed.rules.timeout == 10.0


def test_a_policy_can_be_tried_on_another_object() -> None:
    """One for many objects has to be, and its file names a single one."""
    contract = Contract(object="block")
    assert evaluation.environment_config(contract, select("none")).scene.object == "block"
    assert evaluation.environment_config(contract, select("none"), on="sphere").scene.object == "sphere"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ("{tolerence: 0.2}", "unknown key rules.tolerence: choose from timeout, max_successes, tolerance"),
        ("{timeout: 0}", "rules: trial rules: timeout"),
        ("10", "rules: expected a mapping, not 10"),
        ("{timeout: [", r"rules '\{timeout: \[' are not YAML"),
    ],
)
def test_rules_that_there_are_not_are_refused(changes: str, says: str) -> None:
    """Protects from figures of other rules than were asked for."""
    with pytest.raises(DactylError, match=says):
        evaluation.trial_rules(Contract(), changes)


def test_a_world_is_told_from_one_with_other_ranges() -> None:
    """Protects shipped figures from standing for a world that has become another one."""
    assert evaluation.world_digest(select("all")) == evaluation.world_digest(RandomizationConfig())
    assert evaluation.world_digest(select("all")) != evaluation.world_digest(select("-physics"))


def test_a_randomization_that_is_off_leaves_a_world_as_it_was() -> None:
    """Protects shipped figures from a new randomization that nobody has switched on."""

    @dataclass(frozen=True)
    class More(RandomizationConfig):
        newer: float | None = None

    effects = UnmodeledEffects(pose_period=0.1)
    assert "pose_period" not in evaluation._on(asdict(UnmodeledEffects()))
    assert evaluation.world_digest(RandomizationConfig(unmodeled_effects=effects)) != evaluation.world_digest(
        RandomizationConfig()
    )
    assert evaluation.world_digest(More()) == evaluation.world_digest(RandomizationConfig())
    assert evaluation.world_digest(More(newer=1.0)) != evaluation.world_digest(RandomizationConfig())
