"""Where ROS packages have their files."""

from __future__ import annotations

from pathlib import Path

from dactyl.errors import DactylError


def package_share(package: str) -> Path:
    """A package's share folder.

    Raises:
        DactylError: there is no such package.
    """
    from ament_index_python.packages import get_package_share_directory

    try:
        return Path(get_package_share_directory(package))
    except LookupError as error:
        raise DactylError(f"there is no ROS package {package}") from error
