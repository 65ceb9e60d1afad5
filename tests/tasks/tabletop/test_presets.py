"""The tabletop's presets and randomizations: what the paper says is in them, and pairs differ in what they compare."""

from __future__ import annotations

from dataclasses import replace
from math import radians
from pathlib import Path

import pytest

from dactyl import objects
from dactyl.environment import task as tasks
from dactyl.environment.randomization import of_task
from dactyl.learning import presets, train
from dactyl.learning.config import TrainingConfig
from dactyl.learning.options import TrainOptions
from dactyl.objects.primitives import ALL, MASS, MIXED_GROUPS, SHAPE_GROUPS
from dactyl.robot import robot as robots
from dactyl.tasks import tabletop
from dactyl.tasks.tabletop.observations import POLICY_TERMS, VALUE_TERMS
from dactyl.tasks.tabletop.randomization import RANDOMIZATION

FOLDER = Path(tabletop.__file__).parent / "presets"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
PLAIN = ("gr1-grasp-plain", "gr1-grasp-shown", "gr1-grasp-shown-mix", "gr1-box-shown", "gr1-handover-shown")
"""Without randomizations."""


def bare(config: TrainingConfig, **environment: object) -> TrainingConfig:
    """The configuration with some of its environment's fields made the same."""
    (stage,) = config.stages
    same = replace(stage.environment, **environment)  # type: ignore[arg-type]
    return replace(config, stages=(replace(stage, environment=same),), objects=(), num_envs=1)


@pytest.mark.parametrize("name", NAMES)
def test_presets_are_valid_and_the_papers_specialists(name: str) -> None:
    """3 x 512 for both networks, no memory, the appendix's inputs, Table IV but where a preset says none."""
    config = presets.read_preset(name)
    contract = train.contract(config, name)
    contract.check()
    train.check_workers(TrainOptions(workers=2, device="cpu"), config)
    environment = config.stages[-1].environment
    for network in (config.policy, config.value):
        assert (network.dense, network.lstm) == ((512, 512, 512), 0)
    assert (environment.policy_terms, environment.value_terms) == (POLICY_TERMS, VALUE_TERMS)
    assert environment.randomization == RANDOMIZATION or name in PLAIN
    assert (contract.bins, contract.smoothing, contract.control_period) == (0, 1.0, 0.2)
    assert contract.robot in ("gr1", "gr1_right")
    assert set(config.objects) <= set(objects.names())


def test_those_that_compare_differ_in_what_they_compare_alone() -> None:
    """Table II in starts, Figure 4 in stickers, Figure 3 in objects."""
    found = {name: presets.read_preset(name) for name in NAMES}
    grasp, alone = found["gr1-grasp"], found["gr1-grasp-alone"]
    assert grasp.stages[0].environment.scripted_starts > 0.0 == alone.stages[0].environment.scripted_starts
    assert bare(grasp, scripted_starts=0.0) == bare(alone)
    boxes = [found[f"gr1-box{which}"] for which in ("", "-top-bottom", "-edges")]
    placements = [next(iter(box.stages[0].environment.reward)) for box in boxes]
    assert placements == ["contact_sides", "contact_top_bottom", "contact_bottom_edges"]
    assert len({str(bare(box, reward={})) for box in boxes}) == 1
    groups = [found[f"gr1-grasp-{which}"] for which in ("shape", "mix", "all")]
    assert [group.objects for group in groups] == [SHAPE_GROUPS[0], MIXED_GROUPS[0], ALL]
    assert len({str(bare(group)) for group in (grasp, *groups)}) == 1


def test_ten_objects_in_groups_of_like_and_of_unlike_shapes() -> None:
    assert len(ALL) == 10
    for groups in (SHAPE_GROUPS, MIXED_GROUPS):
        assert sorted(name for group in groups for name in group) == sorted(ALL)
    for group in SHAPE_GROUPS:
        assert len({objects.load(name).geometry for name in group}) == 1
    for group in MIXED_GROUPS:
        assert len({objects.load(name).geometry for name in group}) == 3


def test_all_randomizations_are_table_iv() -> None:
    for name in ("grasp_and_reach", "box_lift", "handover"):
        assert of_task(tasks.load(name)) is RANDOMIZATION
    physics, effects, noise = RANDOMIZATION.physics, RANDOMIZATION.unmodeled_effects, RANDOMIZATION.observation_noise
    assert physics is not None
    assert effects is not None
    assert noise is not None
    assert tuple(MASS * factor for factor in physics.masses) == pytest.approx((0.03, 0.1))
    assert (physics.object_dimensions, physics.friction, physics.robot_masses) == ((0.95, 1.05), (0.5, 1.5), (1.0, 1.0))
    assert (physics.actuator_gains, physics.joint_damping) == ((0.8, 1.1), (0.7, 1.2))
    assert (effects.action_lag, effects.frame_lag, effects.force_probability) == (0.1, 0.1, (0.2, 0.2))
    assert effects.force_decay == pytest.approx(0.99 ** (robots.load("gr1").timing.control / 0.1))
    assert (noise.object_position_uncorrelated, noise.joint_uncorrelated) == (0.02, pytest.approx(radians(0.4)))


def test_every_object_weighs_the_middle_of_table_ivs_range() -> None:
    volumes = {"cylinder": 3.14159265 * 0.03**2 * 0.12, "table_cube": 0.06**3, "ball": 4 / 3 * 3.14159265 * 0.035**3}
    for name, volume in volumes.items():
        assert objects.load(name).density * volume == pytest.approx(0.065, rel=1e-6)
