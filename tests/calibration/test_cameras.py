"""Camera calibration on rendered boards whose truth is known."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from scipy.spatial.transform import Rotation

from dactyl.calibration import cameras
from dactyl.calibration.boards import Board, Corners
from dactyl.calibration.cameras import Pose
from dactyl.errors import DactylError
from dactyl.hardware import camera_info

MATRIX = np.array([[830.0, 0.0, 324.0], [0.0, 836.0, 236.0], [0.0, 0.0, 1.0]])
DISTORTION = np.array([-0.12, 0.08, 0.001, -0.0015, 0.0])
BOARD = Board()
PLACED_AT = Pose.of([0.05, -0.04, 0.30], [0.2, 0.9, 0.1, -0.1])
NAMES = ("camera_0", "camera_1")


def around(position: np.ndarray, random: np.random.Generator, tilt: float = 0.5) -> Pose:
    """A board some 45 cm in front of a camera, its middle near `position` in the optical frame."""
    rotation = Rotation.from_rotvec(random.uniform(-tilt, tilt, 3)).as_matrix()
    middle = np.array([*BOARD.size, 0.0]) / 2.0
    return Pose(position - rotation @ middle, rotation)


@pytest.fixture(scope="module")
def truth() -> dict[str, Pose]:
    """Poses of two cameras in the hand frame, both of which see the board at its known place."""
    random = np.random.default_rng(3)
    return {
        name: PLACED_AT @ around(np.array([shift, 0.01, 0.45]), random).inverse()
        for name, shift in zip(NAMES, (-0.02, 0.02), strict=True)
    }


@pytest.fixture(scope="module")
def pictures(truth: dict[str, Pose]) -> dict[str, dict[str, np.ndarray]]:
    random = np.random.default_rng(4)
    views = [
        around(np.array([x, y, z]), random)
        for x, y, z in random.uniform([-0.06, -0.05, 0.35], [0.06, 0.05, 0.55], (9, 3))
    ]
    boards = {"placed": PLACED_AT, **{f"view_{i}": truth["camera_0"] @ view for i, view in enumerate(views)}}
    shown = {}
    for name, pose in truth.items():
        in_camera = {moment: pose.inverse() @ board for moment, board in boards.items()}
        shown[name] = {
            moment: BOARD.render(MATRIX, DISTORTION, board.rotation, board.position, 640, 480)
            for moment, board in in_camera.items()
        }
    return shown


@pytest.fixture(scope="module")
def fits(pictures: dict[str, dict[str, np.ndarray]]) -> dict[str, cameras.CameraFit]:
    return cameras.calibrate(pictures, BOARD, "placed", PLACED_AT)


def test_intrinsics_are_those_that_rendered_the_boards(fits: dict[str, cameras.CameraFit]) -> None:
    """Protects every projection into an image."""
    for fit in fits.values():
        assert fit.reprojection < 0.2
        np.testing.assert_allclose(np.diag(fit.matrix)[:2], np.diag(MATRIX)[:2], rtol=0.01)
        np.testing.assert_allclose(fit.matrix[:2, 2], MATRIX[:2, 2], atol=4.0)
        grid = np.stack(np.meshgrid([60.0, 320.0, 580.0], [60.0, 240.0, 420.0]), -1).reshape(-1, 1, 2)
        rays = [cv2.undistortPoints(grid, *camera) for camera in ((fit.matrix, fit.distortion), (MATRIX, DISTORTION))]
        assert np.abs(rays[0] - rays[1]).max() < 0.006, "rays of pixels, tangent"


def test_cameras_are_where_they_saw_the_placed_board_from(
    fits: dict[str, cameras.CameraFit], truth: dict[str, Pose]
) -> None:
    """Protects the nominal camera poses that pictures to train on are rendered from (Table 9: ±1.5 mm, 3°)."""
    for name, pose in truth.items():
        found = fits[name].pose
        assert found is not None
        assert np.linalg.norm(found.position - pose.position) < 0.004
        turned = Rotation.from_matrix(found.rotation.T @ pose.rotation).magnitude()
        assert np.degrees(turned) < 0.5
    (disagreement,) = cameras.disagreement(fits).values()
    assert disagreement["moments"] >= 6
    assert disagreement["position_mm"] < 2.0


def test_ros_reads_what_is_written(fits: dict[str, cameras.CameraFit], tmp_path: Path) -> None:
    """Protects the exchange with ROS: camera nodes read intrinsics, people the camera's place."""
    paths = cameras.write(tmp_path / "calibration", fits)
    assert [path.name for path in paths] == ["camera_0.yaml", "camera_1.yaml"]
    read, fit = camera_info.read(paths[1]), fits["camera_1"]
    assert (read.width, read.height, read.distortion_model) == (640, 480, "plumb_bob")
    np.testing.assert_allclose(read.k, fit.matrix.ravel())
    np.testing.assert_allclose(read.d, fit.distortion)
    assert fit.pose is not None
    place = yaml.safe_load(paths[1].read_text())["pose_in_hand"]
    np.testing.assert_allclose(cameras.Pose.of(**place).rotation, fit.pose.rotation, atol=1e-9)


def test_pictures_without_the_board_are_reported(tmp_path: Path) -> None:
    """Protects from a calibration made of nothing."""
    blank = {f"view_{i}": np.full((480, 640), 128, np.uint8) for i in range(6)}
    with pytest.raises(DactylError, match="camera_0: the board is found in 0 of 6 pictures, 5 are needed"):
        cameras.calibrate({"camera_0": blank}, BOARD)
    with pytest.raises(DactylError, match="there are no pictures in"):
        cameras.read_pictures(tmp_path, ["camera_0"])
    (tmp_path / "camera_0").mkdir()
    (tmp_path / "camera_0" / "a.png").write_text("no picture")
    with pytest.raises(DactylError, match=r"a\.png is no picture"):
        cameras.read_pictures(tmp_path, ["camera_0"])


def test_a_board_that_is_not_seen_at_its_known_place_is_reported(pictures: dict[str, dict[str, np.ndarray]]) -> None:
    """Protects from poses that belong to another picture."""
    with pytest.raises(DactylError, match="not found in the picture elsewhere"):
        cameras.calibrate(pictures, BOARD, "elsewhere", PLACED_AT)


def test_boards_that_cannot_be_are_refused() -> None:
    """Protects from a board that OpenCV would not find."""
    with pytest.raises(DactylError, match="markers smaller than the squares"):
        Board(marker=0.05)
    with pytest.raises(DactylError, match="unknown ArUco dictionary 'DICT_1'"):
        Board(dictionary="DICT_1")


def test_a_picture_that_does_not_say_how_the_board_lies_is_left_out(pictures: dict[str, dict[str, np.ndarray]]) -> None:
    """Protects from OpenCV's exception: corners of a single row among good views, in the middle of a series."""
    some = dict(pictures["camera_0"])
    row = some["view_0"].copy()
    corners = BOARD.find(row)
    assert corners is not None
    kept = corners.image[np.isclose(corners.board[:, 1], corners.board[:, 1].min())]
    (left, top), (right, bottom) = kept.min(axis=0) - 22, kept.max(axis=0) + 22
    shown = np.full_like(row, 170)
    shown[int(top) : int(bottom), int(left) : int(right)] = row[int(top) : int(bottom), int(left) : int(right)]
    found = BOARD.find(shown)
    assert found is None or found.on_one_line
    flat = Corners(np.array([[0.03 * i, 0.03, 0.0] for i in range(6)]), np.array([[20.0 * i, 9.0] for i in range(6)]))
    assert flat.on_one_line
    assert not corners.on_one_line
    some["one_row"] = shown
    fit = cameras.calibrate({"camera_0": some}, BOARD)["camera_0"]
    assert "one_row" not in fit.views
    assert fit.left_out["one_row"]
    text = cameras.as_text(cameras.results({"camera_0": fit}))
    assert "camera_0: one_row is left out: " in text


def test_corners_on_one_line_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects who has only such pictures: it is said of which."""
    line = Corners(np.array([[0.03 * i, 0.03, 0.0] for i in range(6)]), np.array([[20.0 * i, 9.0] for i in range(6)]))
    monkeypatch.setattr(Board, "find", lambda *_: line)
    blank = {f"view_{i}": np.full((480, 640), 128, np.uint8) for i in range(2)}
    with pytest.raises(
        DactylError, match="0 of 2 pictures, 5 are needed; the corners are on one line in view_0, view_1"
    ):
        cameras.calibrate({"camera_0": blank}, BOARD)


def test_hidden_files_are_no_pictures(tmp_path: Path) -> None:
    """Protects folders that were on a Mac, which lays a ._00.png beside each picture."""
    folder = tmp_path / "camera_0"
    folder.mkdir()
    cv2.imwrite(str(folder / "00.png"), np.zeros((4, 4), np.uint8))
    for name in ("._00.png", ".hidden.png"):
        (folder / name).write_bytes(b"\x00\x05\x16\x07" + bytes(100))
    assert list(cameras.read_pictures(tmp_path, ["camera_0"])["camera_0"]) == ["00"]


def test_boards_with_the_legacy_pattern_are_found_by_their_option() -> None:
    """Protects labs with a board from before OpenCV 4.6: with an even number of rows it begins with white."""
    legacy, new = (Board(columns=7, rows=6, legacy=legacy) for legacy in (True, False))
    random = np.random.default_rng(2)
    views = {}
    for i in range(6):
        pose = around(np.array([0.0, 0.0, 0.45]), random)
        views[f"view_{i}"] = legacy.render(MATRIX, DISTORTION, pose.rotation, pose.position, 640, 480)
    assert len(cameras.calibrate({"camera_0": views}, legacy)["camera_0"].views) == 6
    with pytest.raises(DactylError, match="it is found with --legacy-pattern"):
        cameras.calibrate({"camera_0": views}, new)
