"""The file of states that episodes begin in: what was written comes back, and nothing else is accepted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dactyl.environment import start_states
from dactyl.environment.start_states import States
from dactyl.errors import DactylError
from dactyl.robot.robot import Robot
from dactyl.simulation.scene import Scene, SceneConfig, build
from tests.environment.small import make

ARM = SceneConfig(robot="arm")


@pytest.fixture
def scene(arm: Robot) -> Scene:
    return build(ARM)


def some(scene: Scene, count: int = 6) -> States:
    random = np.random.default_rng(0)
    qpos, qvel = np.tile(scene.model.qpos0, (count, 1)), np.zeros((count, scene.model.nv))
    qpos[:, scene.joints] = 0.5 + 0.1 * random.random((count, len(scene.robot.joints)))
    qpos[:, scene.object_position] += 0.01 * random.normal(size=(count, 3))
    turned = random.normal(size=(count, 4))
    qpos[:, scene.object_orientation] = turned / np.linalg.norm(turned, axis=1, keepdims=True)
    qvel[:, scene.joints] = random.normal(size=(count, len(scene.robot.joints)))
    return States(qpos, qvel)


@pytest.fixture
def path(scene: Scene, tmp_path: Path) -> Path:
    start_states.write(tmp_path / "states.npz", scene, some(scene))
    return tmp_path / "states.npz"


def changed(path: Path, **arrays: np.ndarray | None) -> Path:
    """The file with other arrays, or without those that are None."""
    with np.load(path) as file:
        values = {name: file[name] for name in file.files} | arrays
    np.savez(path, **{name: array for name, array in values.items() if array is not None})
    return path


def test_what_was_written_comes_back(scene: Scene, path: Path) -> None:
    expected, found = some(scene), start_states.read(path, scene)
    np.testing.assert_allclose(found.qvel, expected.qvel, atol=1e-12)
    np.testing.assert_allclose(found.qpos, expected.qpos, atol=1e-12)


def test_joints_may_come_in_any_order_and_without_velocities(scene: Scene, path: Path) -> None:
    """As a real robot's joint states do."""
    angles = some(scene).qpos[:, scene.joints]
    turned = changed(
        path, joints=np.array(scene.robot.joints[::-1]), joint_angles=angles[:, ::-1], joint_velocities=None
    )
    found = start_states.read(turned, scene)
    np.testing.assert_allclose(found.qpos[:, scene.joints], angles)
    assert (found.qvel == 0.0).all()


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"robot": np.array("tray")}, "are for the robot tray, not for arm"),
        ({"object": np.array("sphere")}, "are for the object sphere, not for block"),
        ({"joints": np.array(["shoulder", "knee"])}, "have other joints"),
        ({"joint_angles": None}, "have no joint_angles"),
        ({"joint_angles": np.full((6, 2), np.nan)}, "joint_angles must be"),
        ({"object_position": np.zeros((5, 3))}, "object_position must be"),
        ({"object_orientation": np.zeros((6, 4))}, "orientations that are none"),
        ({"object_position": np.full((6, 3), "far")}, "object_position must be"),
    ],
)
def test_what_is_no_state_is_refused_in_one_line(
    scene: Scene, path: Path, arrays: dict[str, np.ndarray | None], says: str
) -> None:
    """NaN in a start would be a lost object in every episode."""
    with pytest.raises(DactylError, match=f"the start states .*{says}"):
        start_states.read(changed(path, **arrays), scene)


def test_nothing_is_not_written(scene: Scene, tmp_path: Path) -> None:
    empty = States(np.zeros((0, scene.model.nq)), np.zeros((0, scene.model.nv)))
    with pytest.raises(DactylError, match="there are no states to write"):
        start_states.write(tmp_path / "a.npz", scene, empty)
    assert not (tmp_path / "a.npz").exists()


def test_episodes_begin_in_the_files_states(scene: Scene, path: Path) -> None:
    env = make(60, "none", scene=ARM, start_steps=0, scripted_starts=1.0, start_states=str(path))
    angles = env.physics.state.qpos[:60, scene.joints].numpy()
    known = some(scene).qpos[:, scene.joints]
    nearest = np.abs(angles[:, None] - known[None]).max(-1)
    assert (nearest.min(axis=1) < 1e-9).all()
    assert len(set(nearest.argmin(axis=1).tolist())) > 3


def test_a_file_without_a_share_of_the_episodes_is_refused(arm: Robot, path: Path) -> None:
    """Protects from a file that is named and never used."""
    with pytest.raises(DactylError, match="start_states needs a share of the episodes"):
        make(2, "none", scene=ARM, start_states=str(path))
