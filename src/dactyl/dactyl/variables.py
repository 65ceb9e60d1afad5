"""The environment's variables that ROS, OpenGL and the nodes read.

What is wrong with them is one line, before anything starts.
"""

from __future__ import annotations

import ctypes.util
import os
import sys
import tempfile
from pathlib import Path

from dactyl.errors import DactylError, choose_from

DOMAIN, RANGE, MIDDLEWARE = "ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE", "RMW_IMPLEMENTATION"
EXECUTOR = "DACTYL_EXECUTOR"
WAITSET, EVENTS = "waitset", "events"
"""What runs the callbacks of a node, see `ros.spinning`."""
DOMAINS = 232
"""The highest domain whose ports there are."""
RANGES = ("LOCALHOST", "SUBNET", "SYSTEM_DEFAULT")
"""OFF is another, with which no node finds any other."""
PROFILES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
LOGS, ROS_HOME = "ROS_LOG_DIR", "ROS_HOME"
SWITCHES = ("RCUTILS_LOGGING_USE_STDOUT", "RCUTILS_COLORIZED_OUTPUT", "RCUTILS_LOGGING_BUFFERED_STREAM")

OPENGL = ("egl", "osmesa", "glfw", "glx", "wgl", "cgl", "on", "enable", "enabled", "1", "true")
"""What MUJOCO_GL may say, in any letters; besides that nothing is to be drawn."""
NO_OPENGL = ("off", "disable", "disabled", "0", "false")
OSMESA = "OSMesa"


def domain() -> int:
    """The ROS domain that nodes started here are in.

    Raises:
        DactylError: the variable says none.
    """
    text = os.environ.get(DOMAIN, "")
    if text == "":
        return 0
    if not (text.isascii() and text.isdecimal()) or int(text) > DOMAINS:
        raise DactylError(f"{DOMAIN} must be a whole number from 0 to {DOMAINS}, not {text!r}")
    return int(text)


def executor() -> str:
    """WAITSET or EVENTS.

    Raises:
        DactylError: the variable says something else.
    """
    asked = os.environ.get(EXECUTOR) or WAITSET
    if asked not in (WAITSET, EVENTS):
        raise DactylError(f"{EXECUTOR}={asked} is unknown: {choose_from(asked, (WAITSET, EVENTS))}")
    return asked


def check_ros() -> None:
    """Refuse what ROS would end with, wait for ever with, or silently do something else with.

    Where nobody says where ROS's logs go and home is no place for them, they go to a temporary folder.

    Raises:
        DactylError: one line that names the variable.
    """
    domain()
    reach = os.environ.get(RANGE) or "SUBNET"
    if reach == "OFF":
        raise DactylError(f"{RANGE}=OFF: no node would find another: choose LOCALHOST or SUBNET")
    if reach not in RANGES:
        raise DactylError(f"{RANGE}={reach} is unknown: {choose_from(reach, RANGES)}")
    for name in SWITCHES:
        if (value := os.environ.get(name, "")) not in ("", "0", "1"):
            raise DactylError(f"{name} must be 0 or 1, not {value!r}")
    _check_middleware()
    for name in PROFILES:
        if (file := os.environ.get(name)) and not Path(file).is_file():
            raise DactylError(f"{name} names no file: {file}")
    _check_logs()


def _check_middleware() -> None:
    asked = os.environ.get(MIDDLEWARE)
    prefixes = [prefix for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    index = [Path(prefix, "share/ament_index/resource_index/rmw_typesupport") for prefix in prefixes]
    found = {entry.name for folder in index if folder.is_dir() for entry in folder.iterdir()}
    installed = sorted(found - {"rmw_implementation"})
    if asked and installed and asked not in installed:
        raise DactylError(f"{MIDDLEWARE}={asked} is not installed: {choose_from(asked, installed)}")


def _check_logs() -> None:
    for name, below in ((LOGS, ""), (ROS_HOME, "log")):
        if value := os.environ.get(name):
            folder = Path(value).expanduser() / below
            if not _can_be_written(folder):
                raise DactylError(f"{name}={value}: ROS cannot write its logs to {folder}")
            return
    home = os.environ.get("HOME")
    if home and _can_be_written(Path(home, ".ros", "log")):
        return
    why = f"HOME={home} cannot be written" if home else "HOME is not set"
    try:
        os.environ[LOGS] = tempfile.mkdtemp(prefix="dactyl-log-")
    except OSError as error:
        raise DactylError(f"{why}, and no temporary folder either: say in {LOGS} where ROS's logs go") from error
    print(f"dactyl: {why}: ROS's logs go to {os.environ[LOGS]}", file=sys.stderr)


def _can_be_written(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def check_opengl() -> None:
    """Refuse a MUJOCO_GL with which MuJoCo cannot even be imported.

    Raises:
        DactylError: one line that names the variable.
    """
    value = os.environ.get("MUJOCO_GL", "").strip()
    backend = value.lower()
    if backend and backend not in OPENGL + NO_OPENGL:
        raise DactylError(f"MUJOCO_GL={value} is unknown: {choose_from(backend, ('egl', 'osmesa', 'glfw', 'off'))}")
    if backend == "osmesa" and ctypes.util.find_library(OSMESA) is None:
        raise DactylError("MUJOCO_GL=osmesa: its library is not installed (libosmesa6); egl does the same")
    platform = os.environ.get("PYOPENGL_PLATFORM", "")
    if backend in ("egl", "osmesa") and platform and platform.lower() != backend:
        raise DactylError(f"PYOPENGL_PLATFORM={platform} does not go with MUJOCO_GL={value}: unset it")
    device = os.environ.get("MUJOCO_EGL_DEVICE_ID", "")
    if device and not device.isdecimal():
        raise DactylError(f"MUJOCO_EGL_DEVICE_ID must be a device's number, not {device!r}")
