"""Worlds to judge in: the protocol stays the paper's, the stand-in is none of the training worlds."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest

from dactyl.environment.randomization import select
from dactyl.learning.evaluation import Trial, environment_config, summarize
from dactyl.learning.policy import Contract
from dactyl.reproduction import worlds
from dactyl.robot import parameters
from dactyl.robot import robot as robots
from dactyl.simulation.scene import build
from tests.reproduction.experiments.synthetic import judged

CONTRACT = Contract(action_origin="middle")


@pytest.mark.parametrize("name", worlds.TRAINING)
def test_a_training_world_is_the_evaluations_own(name: str) -> None:
    """Protects figures here from differing from those of `evaluate`."""
    config = worlds.config_of(CONTRACT, worlds.training_world(name))
    assert config == environment_config(CONTRACT, select(worlds.TRAINING[name]))


def test_the_stand_in_keeps_the_protocol_and_little_else() -> None:
    config = worlds.config_of(CONTRACT, worlds.stand_in())
    usual = worlds.config_of(CONTRACT, worlds.training_world("all"))
    assert config.rules == usual.rules
    assert config.start_steps == usual.start_steps
    assert config.substeps == 2 * usual.substeps
    assert config.scene.engine != usual.scene.engine
    assert config.scene.object == usual.scene.object


def test_the_stand_in_stays_within_what_training_draws() -> None:
    """It is unseen, not impossible: each of its ranges is inside the paper's, but not all of it."""
    stand_in, usual = worlds.stand_in().randomization.physics, select("all").physics
    assert stand_in is not None
    assert usual is not None
    for field in fields(usual):
        ours, theirs = getattr(stand_in, field.name), getattr(usual, field.name)
        if theirs is None:  # off in both
            assert ours is None, field.name
        elif isinstance(theirs, tuple):
            assert theirs[0] <= ours[0] <= ours[1] <= theirs[1], field.name
            assert ours != theirs, field.name
        else:
            assert ours < theirs, field.name


def test_settings_tell_worlds_apart_and_are_plain() -> None:
    settings = [worlds.training_world(name).settings() for name in worlds.TRAINING]
    settings.append(worlds.stand_in("hand.yaml").settings())
    assert len({json.dumps(each, sort_keys=True) for each in settings}) == 6
    assert worlds.stand_in("a").settings() == worlds.stand_in("b").settings(), "the hand is a file of its own"


def test_an_effect_that_is_off_is_no_setting() -> None:
    """Protects what was computed from a new effect that nobody has switched on."""
    assert "pose_period" not in worlds.World(select("all")).settings()["randomization"]["unmodeled_effects"]


def test_the_quick_form_ends_soon() -> None:
    rules = worlds.config_of(CONTRACT, worlds.training_world("all"), quick=True).rules
    assert (rules.timeout, rules.max_successes) == (4.0, 2)


def test_a_hidden_hand_is_another_one_and_the_same_again(tmp_path: Path) -> None:
    one, two, other = (tmp_path / f"{name}.yaml" for name in ("one", "two", "other"))
    said = worlds.write_hidden_hand(one, "shadow", 3)
    worlds.write_hidden_hand(two, "shadow", 3)
    worlds.write_hidden_hand(other, "shadow", 4)
    assert one.read_text() == two.read_text()
    assert parameters.read(one, robots.load("shadow")) != parameters.read(other, robots.load("shadow"))
    assert said["changed"] == len(parameters.read(one, robots.load("shadow"))) > 100
    build(worlds.config_of(CONTRACT, worlds.stand_in(str(one))).scene)  # its limits do not cross


def test_all_trials_are_simulated_until_the_last_one_ends() -> None:
    work = worlds.work_of(100, worlds.training_world("all"))["evaluation steps"]
    assert work == pytest.approx(100 * 700.0 / 0.08)
    assert worlds.work_of(100, worlds.stand_in())["evaluation steps"] == pytest.approx(2 * work)


def test_a_summary_in_a_cell() -> None:
    summary = {
        "mean": 17.33, "std": 15.6, "median": 13.0, "mean_interval_95": [14.3, 20.4],
        "reasons": {"timeout": 14, "dropped": 80},
    }  # fmt: skip
    assert worlds.short(summary) == "**17.3 ± 15.6**, median 13 (mean within 14.3 … 20.4); 80 dropped, 14 timeout"


def test_parts_are_taken_together_as_if_they_were_one() -> None:
    """Protects from a part of another name: `block-in-stand-in-1` is none of `block`'s."""
    results = {"block-1": judged([5]), "block-10": judged([3, 1]), "block-in-stand-in-1": judged([50]), "hand": {}}
    assert worlds.together(results, "block") == summarize([Trial(n, "dropped", 10.0 * n + 1.0) for n in (5, 3, 1)])
