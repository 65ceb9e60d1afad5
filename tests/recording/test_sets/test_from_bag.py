"""Vision test sets out of bags."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dactyl.environment import task as tasks
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.recording.test_sets import from_bag, sheet
from dactyl.recording.test_sets.dataset import Dataset
from dactyl.recording.test_sets.from_bag import Matching, make
from dactyl.recording.test_sets.overlay import nominal_cameras, project
from dactyl.simulation.scene import SceneConfig, build
from tests.recording.bags import write_bag
from tests.recording.graph_bag import END_TICK, HEIGHT, TICK, WIDTH, Writer, pose_at, write_graph_bag

ALL = Matching(every=0.0)


def test_samples_are_what_motion_capture_says_of_the_pictures(tmp_path: Path) -> None:
    """Protects the truth of a test set: the pose at the pictures' moment, the right picture from each camera."""
    write_graph_bag(tmp_path / "b", hidden_ticks=range(30, 36))
    found = make(tmp_path / "b", tmp_path / "set", "block", ALL)
    data = Dataset(tmp_path / "set", verify=True)
    assert found.samples == len(data) == END_TICK - 1 - 6
    assert found.left_out == {"markers lost": 6}
    assert data.card["left_out"] == {"markers lost": 6}
    assert data.card["matching"]["poses_within"] == 0.04
    for sample in data:
        position, orientation = pose_at(sample.stamp_ns)
        assert np.allclose(sample.position, position, atol=1e-9)
        assert quaternion.difference_angle(sample.quaternion, orientation) < 1e-6
        assert (sample.images == sample.stamp_ns // TICK % 250).all()
        assert (sample.image_stamp_ns == sample.stamp_ns).all()
    assert (data.cameras[0].width, data.cameras[0].height, data.cameras[0].k[0]) == (WIDTH, HEIGHT, 80.0)


def test_between_two_poses_is_interpolated(tmp_path: Path) -> None:
    """Protects against a systematic error of half a period; and pictures without partners are left out."""
    writer = Writer(tmp_path / "b")
    for i in range(8):
        stamp = 10**9 + 30_000_000 * i
        writer.pose("/dactyl/object_pose/mocap", stamp, stamp)
    for camera, offset in enumerate((10_000_000, 14_000_000, 9_000_000)):
        writer.picture(camera, 10**9 + 60_000_000 + offset)
    writer.picture(0, 10**9 + 150_000_000)
    writer.bag.close()
    found = make(tmp_path / "b", tmp_path / "set", "block", ALL)
    (sample,) = Dataset(tmp_path / "set")
    assert found.left_out == {"not all cameras": 1}
    assert sample.stamp_ns == 10**9 + 71_000_000
    position, orientation = pose_at(sample.stamp_ns)
    assert np.allclose(sample.position, position, atol=1e-6)
    assert quaternion.difference_angle(sample.quaternion, orientation) < 1e-5


def test_what_says_nothing_new_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects an average from a thousand pictures of the same moment, and from objects that lie on the floor."""
    write_graph_bag(tmp_path / "b")
    found = make(tmp_path / "b", tmp_path / "set", "block", Matching(every=1.0, limit=4))
    assert found.samples == 4
    assert found.left_out["too soon after the last"] > 40
    assert sum(found.left_out.values()) == END_TICK - 1 - 4
    always = replace(tasks.load("reorient"), lost=lambda *_: np.array(True))
    monkeypatch.setattr(from_bag.Bag, "task", always)
    with pytest.raises(DactylError, match="no sample is left; left out: 74 object dropped"):
        make(tmp_path / "b", tmp_path / "dropped", "block", ALL)


def test_a_bag_that_cannot_be_one_says_why(tmp_path: Path) -> None:
    """Protects people from an empty folder."""
    write_bag(tmp_path / "b", 3).close()
    with pytest.raises(DactylError, match="has no pictures on /dactyl/camera_0/image_raw"):
        make(tmp_path / "b", tmp_path / "set", "block", ALL)
    with pytest.raises(DactylError, match="must be > 0"):
        make(tmp_path / "b", tmp_path / "set", "block", Matching(cameras_within=0.0))
    assert not (tmp_path / "set").exists()


def test_poses_are_drawn_where_the_object_is(tmp_path: Path) -> None:
    """Protects the eye's check of a test set: in the shipped pictures the object is where its pose is drawn."""
    data = Dataset(Path(__file__).parents[1] / "data" / "sim_block", verify=True)
    assert len(data) >= 6
    for sample in data:
        for camera, image in zip(data.cameras, sample.images, strict=True):
            ((u, v),) = project(camera, sample.position[None]).round().astype(int)
            saturation = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)[..., 1]
            assert saturation[v - 12 : v + 13, u - 12 : u + 13].mean() > 3 * saturation.mean()
    assert sheet.write(data, tmp_path / "sheet.png", rows=2, columns=1) == 2
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert picture.shape == (2 * 244, 3 * 320 + 4, 3)


def test_the_nominal_cameras_look_where_the_object_is_played() -> None:
    """Protects the frames: the cameras' aim is in the middle of every picture."""
    scene = build(SceneConfig())
    aim = scene.robot.workspace.rest + scene.robot.cameras.aim
    for camera in nominal_cameras(scene):
        assert np.allclose(project(camera, aim[None]), [[319.5, 239.5]], atol=0.5)
        behind = np.array(camera.position) * 2 - aim
        assert np.isnan(project(camera, behind[None])).all()
