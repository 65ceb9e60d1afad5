"""A camera's calibration from the YAML files that ROS and OpenCV write."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from dactyl.errors import DactylError
from dactyl.robot.placement import Place
from dactyl.storage.documents import NOT_YAML, first_line


class CameraCalibration(NamedTuple):
    """The fields of sensor_msgs/CameraInfo."""

    width: int
    height: int
    distortion_model: str
    d: tuple[float, ...]
    k: tuple[float, ...]
    """3 x 3, row by row."""
    r: tuple[float, ...]
    """3 x 3, row by row."""
    p: tuple[float, ...]
    """3 x 4, row by row."""


def read(path: Path) -> CameraCalibration:
    """Read one file: as camera_calibration or OpenCV write it, or a printed sensor_msgs/CameraInfo.

    Raises:
        DactylError: it cannot be read, or is no camera's calibration.
    """
    content = _content(path)
    try:
        d = _numbers(content, ("distortion_coefficients", "d", "D"), None, ())
        k = _numbers(content, ("camera_matrix", "k", "K"), 9)
        if not (k[0] > 0 and k[4] > 0):
            raise ValueError("camera_matrix: its focal lengths are not above 0")
        projection = (*k[:3], 0.0, *k[3:6], 0.0, *k[6:], 0.0)
        return CameraCalibration(
            _size(content, ("image_width", "width")),
            _size(content, ("image_height", "height")),
            str(_first(content, ("distortion_model",), "plumb_bob" if len(d) <= 5 else "rational_polynomial")),
            d,
            k,
            _numbers(content, ("rectification_matrix", "r", "R"), 9, _IDENTITY),
            _numbers(content, ("projection_matrix", "p", "P"), 12, projection),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DactylError(f"the camera calibration {path} lacks or garbles {error}") from error


def place(path: Path) -> Place | None:
    """Where `calibrate cameras` found the optical frame in the robot frame; None where the file says nothing of it.

    Raises:
        DactylError: the file cannot be read, or what it says is no place.
    """
    content = _content(path)
    where = content.get("pose_in_hand") if isinstance(content, dict) else None
    if where is None:
        return None
    try:
        position, turn = (np.array(_numbers(where, (key,), n)) for key, n in (("position", 3), ("quaternion", 4)))
        if not np.linalg.norm(turn) > 1e-6:
            raise ValueError("quaternion: it is no rotation")
        return Place(position, turn / np.linalg.norm(turn))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DactylError(f"the camera calibration {path} lacks or garbles {error} of pose_in_hand") from error


_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


class _Loader(yaml.SafeLoader):
    """Reads OpenCV's matrices too."""


def _matrix(loader: yaml.SafeLoader, node: yaml.MappingNode) -> Any:
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:opencv-matrix", _matrix)


def _content(path: Path) -> Any:
    """The first document, for `ros2 topic echo` ends each with a line of its own."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DactylError(f"cannot read the camera calibration {path}: {error.strerror}") from error
    if text.startswith(b"%YAML:"):  # OpenCV's head is no YAML
        text = b"\n" + text.partition(b"\n")[2]
    try:
        documents = yaml.load_all(text, _Loader)
        return next((document for document in documents if document is not None), None)
    except NOT_YAML as error:
        raise DactylError(f"the camera calibration {path} is not YAML: {first_line(error)}") from error


def _first(content: Any, names: Sequence[str], otherwise: Any = None) -> Any:
    """The value that has one of these names.

    Raises:
        KeyError: none has, and there is no other.
    """
    if not isinstance(content, dict):
        raise TypeError("everything: it is no table")
    found = next((content[name] for name in names if content.get(name) is not None), otherwise)
    if found is None:
        raise KeyError(names[0])
    return found


def _size(content: Any, names: Sequence[str]) -> int:
    pixels = int(_first(content, names))
    if not 0 < pixels < 2**31:
        raise ValueError(f"{names[0]}: {pixels}")
    return pixels


def _numbers(
    content: Any, names: Sequence[str], length: int | None, otherwise: tuple[float, ...] | None = None
) -> tuple[float, ...]:
    """Finite numbers, from {rows, cols, data}, a list, or a list of rows."""
    value = _first(content, names, otherwise)
    data = value["data"] if isinstance(value, dict) else value
    rows = [row if isinstance(row, (list, tuple)) else [row] for row in data]
    numbers = tuple(float(number) for row in rows for number in row)
    if length not in (None, len(numbers)):
        raise ValueError(f"{names[0]}: {len(numbers)} numbers, not {length}")
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{names[0]}: not all its numbers are finite")
    return numbers


def folder(url: str, package_share: Callable[[str], Path]) -> Path:
    """The folder that a path, file:// or package:// URL names.

    Args:
        url: package://PACKAGE/… is looked up in the package's share folder.
        package_share: finds that folder.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return Path(url).expanduser()
    if scheme == "file":
        return Path(rest)
    if scheme == "package":
        package, _, inside = rest.partition("/")
        return package_share(package) / inside
    raise DactylError(f"{url} is neither a path nor a file:// or package:// URL")
