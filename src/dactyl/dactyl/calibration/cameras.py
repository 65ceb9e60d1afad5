"""Intrinsics and extrinsics of the cameras from pictures of a ChArUco board (appendix B.3), in ROS's YAML.

Pictures lie in one folder for each camera; those of the same name show the board at the same moment. In one moment the
board lies where it is known in the hand frame; from it follows where each camera is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from math import atan, degrees
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import cv2
import numpy as np
import yaml
from scipy.spatial.transform import Rotation

from dactyl.calibration.boards import Board, Corners
from dactyl.errors import DactylError
from dactyl.robot.placement import WITHIN, Place, apart, camera_place
from dactyl.robot.robot import Robot
from dactyl.storage import pictures as files
from dactyl.storage.documents import first_line
from dactyl.storage.files import write_atomically

MIN_VIEWS = 5
"""Pictures with the board that a camera's intrinsics need at least."""
_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


class Pose(NamedTuple):
    """Where something is."""

    position: np.ndarray
    """(3,) m"""
    rotation: np.ndarray
    """(3, 3) turns vectors of its own frame into the other"""

    @classmethod
    def of(cls, position: Sequence[float], quaternion: Sequence[float]) -> Pose:
        """From (3,) m and a quaternion (w, x, y, z) of any length but zero."""
        w, x, y, z = quaternion
        if not np.linalg.norm(quaternion) > 1e-6 or not np.isfinite([*position, *quaternion]).all():
            raise DactylError(f"{list(position)}, {list(quaternion)} is no pose")
        return cls(np.array(position, float), Rotation.from_quat([x, y, z, w]).as_matrix())

    @property
    def quaternion(self) -> np.ndarray:
        """(4,) (w, x, y, z), w >= 0"""
        x, y, z, w = Rotation.from_matrix(self.rotation).as_quat()
        return np.array([w, x, y, z]) * (1.0 if w >= 0 else -1.0)

    def inverse(self) -> Pose:
        return Pose(-self.rotation.T @ self.position, self.rotation.T)

    def __matmul__(self, other: Pose) -> Pose:
        """The pose of what has the pose `other` in this frame."""
        return Pose(self.position + self.rotation @ other.position, self.rotation @ other.rotation)


class CameraFit(NamedTuple):
    """What is known of a camera."""

    width: int
    height: int
    matrix: np.ndarray
    """(3, 3)"""
    distortion: np.ndarray
    """(5,) plumb bob"""
    reprojection: float
    """pixels, root mean square over all corners"""
    views: Mapping[str, Pose]
    """By picture's name: the board's pose in the optical frame (x right, y down, z ahead)."""
    pose: Pose | None
    """Of the optical frame in the hand frame; None where no picture says."""
    left_out: Mapping[str, str] = MappingProxyType({})
    """Pictures that were not used, and why."""

    @property
    def field_of_view(self) -> float:
        """Degrees, of the picture's height."""
        return degrees(2.0 * atan(self.height / 2.0 / float(self.matrix[1, 1])))


def read_pictures(folder: Path, cameras: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    """The pictures of each camera by name, (height, width) uint8, from FOLDER/CAMERA/NAME.png.

    Raises:
        DactylError: a camera has none, or one cannot be read.
    """
    pictures: dict[str, dict[str, np.ndarray]] = {}
    for camera in cameras:
        found = (path for path in sorted((folder / camera).glob("*")) if path.suffix.lower() in _SUFFIXES)
        paths = [path for path in found if not path.name.startswith(".")]  # macOS lays a ._00.png beside 00.png
        if not paths:
            raise DactylError(f"there are no pictures in {folder / camera}")
        pictures[camera] = {}
        for path in paths:
            image = files.read(path, grey=True)
            if image is None:
                raise DactylError(f"{path} is no picture")
            pictures[camera][path.stem] = image
    return pictures


def calibrate(
    pictures: Mapping[str, Mapping[str, np.ndarray]], board: Board, placed: str = "", placed_at: Pose | None = None
) -> dict[str, CameraFit]:
    """Fit every camera.

    Args:
        pictures: see `read_pictures`.
        board: that they show.
        placed: name of the pictures in which the board lies at `placed_at`.
        placed_at: the board's pose in the hand frame.

    Raises:
        DactylError: a camera's pictures differ in size, or show the board too seldom, or never at its known place.
    """
    return {camera: _fit(camera, views, board, placed, placed_at) for camera, views in pictures.items()}


def _fit(
    camera: str, pictures: Mapping[str, np.ndarray], board: Board, placed: str, placed_at: Pose | None
) -> CameraFit:
    sizes = {picture.shape[:2] for picture in pictures.values()}
    if len(sizes) != 1:
        raise DactylError(f"the pictures of {camera} have different sizes")
    height, width = sizes.pop()
    found, left_out = _found(pictures, board)
    if len(found) < MIN_VIEWS:
        raise DactylError(
            f"{camera}: the board is found in {len(found)} of {len(pictures)} pictures, {MIN_VIEWS} are needed; "
            f"{_advice(pictures, board, left_out)}"
        )
    try:
        reprojection, matrix, distortion, rotations, positions = cv2.calibrateCamera(
            [corners.board.astype(np.float32) for corners in found.values()],
            [corners.image.astype(np.float32) for corners in found.values()],
            (width, height), np.eye(3), np.zeros(5),
        )  # fmt: skip
    except cv2.error as error:
        raise DactylError(f"{camera}: OpenCV cannot calibrate from these pictures: {first_line(error)}") from error
    if not (np.isfinite(reprojection) and np.isfinite(matrix).all() and np.isfinite(distortion).all()):
        raise DactylError(f"{camera}: these pictures do not determine the camera; turn the board more between them")
    views = {
        name: Pose(position.ravel(), cv2.Rodrigues(rotation)[0])
        for name, rotation, position in zip(found, rotations, positions, strict=True)
    }
    pose = None
    if placed_at is not None:
        if placed not in views:
            why = f": {left_out[placed]}" if placed in left_out else ""
            where = f"the picture {placed}, where its place is known"
            raise DactylError(f"{camera}: the board is not found in {where}{why}")
        pose = placed_at @ _refined(found[placed], views[placed], matrix, distortion).inverse()
    return CameraFit(width, height, matrix, distortion.ravel()[:5], float(reprojection), views, pose, left_out)


def _found(pictures: Mapping[str, np.ndarray], board: Board) -> tuple[dict[str, Corners], dict[str, str]]:
    """The corners in each picture that says how the board lies, and the others with the reason."""
    found: dict[str, Corners] = {}
    left_out: dict[str, str] = {}
    for name, picture in pictures.items():
        corners = board.find(picture)
        if corners is None:
            left_out[name] = "fewer than 6 corners are found"
        elif corners.on_one_line:
            left_out[name] = "its corners are on one line"
        else:
            found[name] = corners
    return found, left_out


def _advice(pictures: Mapping[str, np.ndarray], board: Board, left_out: Mapping[str, str]) -> str:
    """What to try where the board is found too seldom."""
    other = replace(board, legacy=not board.legacy)
    if any((corners := other.find(pictures[name])) and not corners.on_one_line for name in left_out):
        return f"it is found {'without' if board.legacy else 'with'} --legacy-pattern"
    lines = [name for name, why in left_out.items() if "line" in why]
    if lines:
        return f"the corners are on one line in {', '.join(lines)}"
    return "check its squares, markers and dictionary"


def _refined(corners: Corners, start: Pose, matrix: np.ndarray, distortion: np.ndarray) -> Pose:
    """The board's pose from one view with the finished intrinsics."""
    vector, _ = cv2.Rodrigues(start.rotation)
    vector, position = cv2.solvePnPRefineLM(
        corners.board, corners.image, matrix, distortion, vector, start.position.reshape(3, 1).copy()
    )
    return Pose(position.ravel(), cv2.Rodrigues(vector)[0])


def disagreement(fits: Mapping[str, CameraFit]) -> dict[str, dict[str, float]]:
    """How far pairs of cameras disagree on where the board is in the hand frame, over the moments both saw it.

    Returns:
        By "camera_0, camera_1": moments, and mean position_mm and rotation_deg. Nothing for cameras without a pose.
    """
    found = {}
    for (first, a), (second, b) in combinations(fits.items(), 2):
        shared = sorted(a.views.keys() & b.views.keys())
        if a.pose is None or b.pose is None or not shared:
            continue
        pairs = [(a.pose @ a.views[name], b.pose @ b.views[name]) for name in shared]
        apart = [float(np.linalg.norm(p.position - q.position)) for p, q in pairs]
        turned = [Rotation.from_matrix(p.rotation.T @ q.rotation).magnitude() for p, q in pairs]
        found[f"{first}, {second}"] = {
            "moments": len(shared),
            "position_mm": 1000.0 * float(np.mean(apart)),
            "rotation_deg": degrees(float(np.mean(turned))),
        }
    return found


def write(folder: Path, fits: Mapping[str, CameraFit]) -> list[Path]:
    """Write FOLDER/CAMERA.yaml as ROS's camera_calibration does, with the camera's place beside it.

    ROS ignores the key `pose_in_hand`: position, m, and quaternion (w, x, y, z) of the optical frame in the hand frame.
    """
    paths = []
    for camera, fit in fits.items():
        projection = np.concatenate([fit.matrix, np.zeros((3, 1))], axis=1)
        content: dict[str, Any] = {
            "image_width": int(fit.width),
            "image_height": int(fit.height),
            "camera_name": camera,
            "camera_matrix": _matrix(fit.matrix),
            "distortion_model": "plumb_bob",
            "distortion_coefficients": _matrix(fit.distortion[None]),
            "rectification_matrix": _matrix(np.eye(3)),
            "projection_matrix": _matrix(projection),
        }
        if fit.pose is not None:
            content["pose_in_hand"] = {
                "position": [float(x) for x in fit.pose.position],
                "quaternion": [float(x) for x in fit.pose.quaternion],
            }
        path = folder / f"{camera}.yaml"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, yaml.safe_dump(content, sort_keys=False, default_flow_style=None))
        except OSError as error:
            raise DactylError(f"cannot write {path}: {error.strerror}") from error
        paths.append(path)
    return paths


def results(fits: Mapping[str, CameraFit]) -> dict[str, Any]:
    """The figures of a `--json` file."""
    cameras = {
        camera: {
            "views": len(fit.views),
            "left_out": dict(fit.left_out),
            "reprojection_px": fit.reprojection,
            "field_of_view_deg": fit.field_of_view,
            "camera_matrix": fit.matrix.ravel().tolist(),
            "distortion": fit.distortion.tolist(),
            **(
                {"position": fit.pose.position.tolist(), "quaternion": fit.pose.quaternion.tolist()} if fit.pose else {}
            ),
        }
        for camera, fit in fits.items()
    }
    return {"cameras": cameras, "disagreement": disagreement(fits)}


def off_places(fits: Mapping[str, CameraFit], robot: Robot) -> list[str]:
    """For people: how far each placed camera is from where networks are trained to see from."""
    lines = []
    for camera, fit in fits.items():
        if fit.pose is not None and camera in robot.cameras.places:
            place = Place(fit.pose.position, fit.pose.quaternion)
            distance, angle = apart(place, camera_place(robot, camera))
            far = distance > WITHIN[0] or angle > WITHIN[1]
            advice = ": move it, or train wider (docs/vision.md)" if far else ""
            lines.append(f"{camera}: {1000 * distance:.1f} mm and {angle:.1f}° off its place{advice}")
    return lines


def as_text(found: Mapping[str, Any]) -> str:
    """The same for people."""
    lines = []
    for camera, values in found["cameras"].items():
        line = (
            f"{camera}: {values['views']} views, {values['reprojection_px']:.2f} pixels reprojection error, "
            f"field of view {values['field_of_view_deg']:.2f}° high"
        )
        if "position" in values:
            line += f", at {' '.join(f'{x:.4f}' for x in values['position'])} m in the hand frame"
        lines.append(line)
        lines += [f"{camera}: {name} is left out: {why}" for name, why in values["left_out"].items()]
    for pair, values in found["disagreement"].items():
        lines.append(
            f"{pair}: {values['position_mm']:.2f} mm and {values['rotation_deg']:.2f}° apart on the board's place in "
            f"{values['moments']} moments"
        )
    return "\n".join(lines)


def _matrix(values: np.ndarray) -> dict[str, Any]:
    rows, columns = values.shape
    return {"rows": rows, "cols": columns, "data": [float(value) for value in values.ravel()]}
