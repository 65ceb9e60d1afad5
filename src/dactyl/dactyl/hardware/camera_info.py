"""A camera's calibration from the YAML file that ROS's camera_calibration writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from dactyl.errors import DactylError


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
    """Read one file.

    Raises:
        DactylError: it cannot be read, or is no camera's calibration.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise DactylError(f"cannot read the camera calibration {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DactylError(f"the camera calibration {path} is not YAML") from error
    try:
        return CameraCalibration(
            int(content["image_width"]),
            int(content["image_height"]),
            str(content["distortion_model"]),
            _numbers(content, "distortion_coefficients", None),
            _numbers(content, "camera_matrix", 9),
            _numbers(content, "rectification_matrix", 9),
            _numbers(content, "projection_matrix", 12),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DactylError(f"the camera calibration {path} lacks or garbles {error}") from error


def _numbers(content: Any, name: str, length: int | None) -> tuple[float, ...]:
    numbers = tuple(float(number) for number in content[name]["data"])
    if length not in (None, len(numbers)):
        raise ValueError(f"{name}: {len(numbers)} numbers, not {length}")
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
