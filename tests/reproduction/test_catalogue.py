"""Every experiment can be carried out as far as its data say: plans in order, costs known, presets that are ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dactyl.errors import WrongArgumentError
from dactyl.learning.config import parse_training
from dactyl.reproduction import catalogue, cost
from dactyl.reproduction.experiment import Experiment, Size, Step, check_plan

SIZES = [Size(quick, cores) for quick in (False, True) for cores in (1, 2, 64)]


@pytest.fixture(params=catalogue.NAMES)
def experiment(request: pytest.FixtureRequest) -> Experiment:
    return catalogue.load(request.param)


def presets(steps: tuple[Step, ...]) -> list[dict[str, Any]]:
    return [step.settings["preset"] for step in steps if "preset" in step.settings]


@pytest.mark.parametrize("name", catalogue.NAMES)
def test_each_has_the_name_of_its_file(name: str) -> None:
    experiment = catalogue.load(name)
    assert experiment.name == name
    assert experiment.of
    assert experiment.title


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_plans_are_in_order_and_costs_are_known(experiment: Experiment, size: Size) -> None:
    steps = experiment.plan(size)
    check_plan(experiment, steps)
    assert all(cost.seconds(step.work) > 0.0 for step in steps)
    for step in steps:
        json.dumps(step.settings)
        assert all(path.is_file() for path in step.files), step.name


def test_the_quick_form_is_less_work(experiment: Experiment) -> None:
    full, quick = (sum(cost.seconds(s.work) for s in experiment.plan(Size(quick))) for quick in (False, True))
    assert quick < 0.2 * full


def test_a_plan_does_not_depend_on_what_is_done(experiment: Experiment) -> None:
    """Protects a finished step from a setting that changes by itself."""
    once, again = (experiment.plan(Size()) for _ in range(2))
    assert [step.settings for step in once] == [step.settings for step in again]


@pytest.mark.parametrize("quick", [False, True])
def test_presets_are_presets(experiment: Experiment, quick: bool) -> None:
    for preset in presets(experiment.plan(Size(quick))):
        config = parse_training(preset)
        assert config.total_steps == preset["total_steps"]
        for workers in (1, 2, 4, 8):
            assert config.num_envs % workers == 0
            assert all(s.ppo.minibatch % (s.collection.sequence * workers) == 0 for s in config.stages)


def test_an_unknown_name_is_a_wrong_argument() -> None:
    with pytest.raises(WrongArgumentError, match=r"there is no experiment 'table3': did you mean table-3\?"):
        catalogue.load("table3")
