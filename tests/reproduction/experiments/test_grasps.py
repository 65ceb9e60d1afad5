"""Grasps: rows that say what was counted, and records that are those of the simulation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dactyl.reproduction import grips
from dactyl.reproduction.experiments import grasps
from dactyl.reproduction.grips import Span
from dactyl.simulation.contacts import ContactReader
from dactyl.simulation.scene import build
from tests.reproduction.experiments.synthetic import drawn, plain

FINGERS = ["FF", "MF", "RF", "LF", "TH"]


def played(pivots: int = 4, precision: int = 100) -> dict[str, Any]:
    return {
        "fingers": FINGERS, "minutes": 2.0, "share": dict.fromkeys(grips.CLASSES, 0.1),
        "grasps": dict.fromkeys(grips.CLASSES, 3), "precision": precision,
        "in_precision": [10, 20, 30, 80, 100] if precision else [0] * 5, "pinches": 50 if precision else 0,
        "pinched": [5, 5, 5, 35, 50] if precision else [0] * 5, "pivots": pivots, "distal_pivots": max(0, pivots - 1),
        "gaits": [2, 0, 0, 6, 4], "strips": {}, "contacts": [[[0, 10], [20, 25]], [], [], [[5, 375]], [[0, 375]], []],
    }  # fmt: skip


RESULTS = plain({model: played() for model in grasps.MODELS})


def test_each_grasp_of_the_paper_has_a_row() -> None:
    rows = {row.what: row for row in grasps.rows(RESULTS)}
    for name in grips.PAPERS:
        assert rows[f"{name} grasp"].paper == "seen (Figure 7)"
        assert "models/block: 3 times, 10.0% of the time" in rows[f"{name} grasp"].ours


def test_fingers_are_compared_by_name_and_the_thumb_is_not() -> None:
    rows = [row for row in grasps.rows(RESULTS) if row.what.startswith("precision grasps use")]
    assert len(rows) == 2
    assert "index finger 10% (10% of pinches)" in rows[0].ours
    assert "little finger 80% (70% of pinches)" in rows[0].ours
    assert "thumb" not in rows[0].ours


def test_events_are_told_by_the_minute() -> None:
    rows = {row.what: row.ours for row in grasps.rows(RESULTS)}
    assert rows["finger pivoting (models/block)"] == "2.00 a minute, 75% by the last links alone"
    assert rows["finger gaiting (models/block)"].endswith("little finger 3.0, thumb 2.0")


def test_what_was_not_seen_says_so() -> None:
    """Protects from a share of nothing."""
    found = plain({model: played(pivots=0, precision=0) for model in grasps.MODELS})
    rows = {row.what: row.ours for row in grasps.rows(found)}
    assert rows["finger pivoting (models/block)"].startswith("0.00 a minute, none seen by the last links")
    assert "little finger none seen" in rows[next(what for what in rows if what.startswith("precision grasps use"))]


def test_the_picture_has_classes_fingers_and_contacts_of_both() -> None:
    axes = drawn(grasps.EXPERIMENT, RESULTS).axes
    assert [len(each.patches) for each in axes] == [len(grips.CLASSES), 5, 0] * 2
    assert [len(each.collections) for each in axes] == [0, 0, 3] * 2, "two fingers and the palm never touch"


def test_frames_are_spread_over_their_span() -> None:
    states = np.arange(100.0)[:, None].repeat(3, axis=1)
    assert grasps.frames(states, Span(10, 31))[:, 0].tolist() == [10.0, 15.0, 20.0, 25.0, 30.0]
    assert grasps.frames(states, Span(10, 12))[:, 0].tolist() == [10.0, 11.0]


def test_a_record_is_of_the_states_it_was_made_from() -> None:
    """The object on the palm, then in the air."""
    scene = build()
    home = scene.model.qpos0.copy()
    lifted = home.copy()
    lifted[scene.object_position.start + 2] += 0.3
    sunk = home.copy()
    sunk[scene.object_position.start + 2] -= 0.01
    record = grasps.recorded(ContactReader(scene), scene, np.array([lifted, sunk]))
    assert not record.fingers[0].any()
    assert record.palm[0] == np.False_
    assert record.palm[1] | record.fingers[1].any()
    assert record.position[0] != pytest.approx(record.position[1])
    np.testing.assert_allclose(record.orientation[0], record.orientation[1])


@pytest.mark.slow
def test_strips_are_a_row_of_pictures_for_each_kind(tmp_path: Path) -> None:
    import cv2

    scene = build()
    states = [scene.model.qpos0.tolist()] * 3
    found = plain({model: {**played(), "strips": {}} for model in grasps.MODELS})
    found["block"]["strips"] = {"tripod": states, "power": states}
    path = tmp_path / "strips.jpg"
    grasps.draw_strips(found, path)
    assert cv2.imread(str(path)).shape == (2 * 3 * grasps.WIDTH // 4, grasps.FRAMES * grasps.WIDTH, 3)
