"""Playing by sliders: what the robot is told, and what is recorded. No page is opened."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("viser", reason="needs the extra dashboard")

from dactyl.environment import task as tasks
from dactyl.monitoring.dashboard import sliders
from dactyl.monitoring.dashboard.sliders import Session
from dactyl.simulation.scene import SceneConfig, build
from tests.toys import installed_toys


@pytest.fixture
def session() -> Iterator[Session]:
    with installed_toys():
        yield Session(build(SceneConfig(robot="tray")), tasks.load("slide"), seed=0)


def test_targets_follow_the_sliders_no_faster_than_a_robot_should(session: Session) -> None:
    limits = session.scene.robot.actuator_limits
    before = session.targets.copy()
    session.advance(limits[:, 1] + 1.0, recording=False)
    assert (session.targets - before <= sliders.FASTEST + 1e-9).all()
    for _ in range(20):
        session.advance(limits[:, 1] + 1.0, recording=False)
    np.testing.assert_allclose(session.targets, limits[:, 1])


def test_what_is_not_finite_is_not_followed(session: Session) -> None:
    before = session.targets.copy()
    session.advance(np.full(len(before), np.nan), recording=False)
    np.testing.assert_array_equal(session.targets, before)
    np.testing.assert_array_equal(session.laboratory.targets, before)


def test_states_are_recorded_only_while_that_is_wanted(session: Session) -> None:
    still = session.targets.copy()
    session.advance(still, recording=False)
    assert len(session.states().qpos) == 0
    for _ in range(3):
        session.advance(still, recording=True)
    states = session.states()
    assert states.qpos.shape == (3, session.scene.model.nq)
    assert states.qvel.shape == (3, session.scene.model.nv)
    assert np.isfinite(states.qpos).all()


def test_an_object_that_is_lost_is_not_recorded(session: Session) -> None:
    session.laboratory.data.qpos[session.scene.object_position] = [3.0, 3.0, 0.1]
    session.advance(session.targets, recording=True)
    assert session.recorded == []
    session.place()
    session.advance(session.targets, recording=True)
    assert len(session.recorded) == 1
