"""Lin et al.'s Figure 4: contacts against every placement, and what is said where nothing was trained or reached."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from dactyl.reproduction.experiment import Size
from dactyl.reproduction.experiments import stickers
from dactyl.simulation.contacts import ContactReader
from dactyl.simulation.scene import SceneConfig
from tests.reproduction.experiments.synthetic import drawn, judged
from tests.simulation.scenes import scene_or_skip


def results(away: list[float]) -> dict[str, Any]:
    """70 of 100 goals, and contacts so far from the placements, each 2 cm further than from the one before."""
    found = {name: stickers._figures([m + 0.02 * i for m in away]) for i, name in enumerate(stickers.TITLES)}
    return {"sides": {**judged([1] * 70 + [0] * 30), "away_m": found}}


def test_every_policy_is_judged() -> None:
    (step,) = stickers.plan(Size())
    assert (step.name, step.settings["trials"]) == ("sides", 100)
    assert step.files[0].parent.name == "gr1-box-lift"


def test_rows() -> None:
    rows = stickers.rows(results([0.01, 0.02, 0.04]))
    assert rows[0].ours == (
        "67% of 3 contacts are within 3 cm of them, median 2.0 cm. Within 3 cm of other placements: "
        "the centres of top and bottom: 0%, the lower edges of the sides: 0%. Lifted to the goal: 70% (60% … 78%)"
    )
    assert [row.ours for row in rows[1:]] == ["not trained", "not trained"]


def test_without_contacts_nothing_is_near() -> None:
    """Protects a policy that reaches nothing from an error, and from looking good."""
    found = results([])
    assert stickers.rows(found)[0].ours.startswith("no goal was reached: no contacts. Lifted to the goal: ")
    drawn(stickers.EXPERIMENT, found)


def test_the_picture() -> None:
    (axes,) = drawn(stickers.EXPERIMENT, results([0.01, 0.02, 0.04])).axes
    assert [text.get_text() for text in axes.texts] == ["2.0", "4.0", "6.0"]


def test_contacts_are_measured_from_their_own_hands_stickers() -> None:
    """Protects it from calling a hand near that is at the other hand's stickers: a palm pressed on each side."""
    scene = scene_or_skip(SceneConfig(robot="gr1", object="carton"))
    from dactyl.robots.gr1.grasps import Script

    script, random = Script(scene, "sides"), np.random.default_rng(0)
    play = next(play for play in (script.play(random) for _ in range(8)) if play.lifted)
    away = stickers.touched(scene, ContactReader(scene), play.qpos[-1:])
    assert len(away["sides"]) >= 2
    assert max(away["sides"]) < scene.object.halves[1] * 2 - 0.05
    assert np.median(away["sides"]) < min(np.median(away[name]) for name in stickers.TITLES if name != "sides")


def test_only_the_last_states_are_kept() -> None:
    state = SimpleNamespace(qpos=torch.zeros(2, 1))
    environment: Any = SimpleNamespace(num_envs=2, physics=SimpleNamespace(state=state))
    states = stickers.States(environment, 2)
    for step in range(4):
        state.qpos[:] = step
        states.add(torch.tensor([True, step < 2]))
    assert states.of(0).ravel().tolist() == pytest.approx([2.0, 3.0])
    assert states.of(1).ravel().tolist() == pytest.approx([0.0, 1.0])
