"""What this machine has, and what is missing and how to get it.

Each finding is looked for by using the thing: importing it, running it, rendering a frame with it.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

from dactyl import machine, registry, variables
from dactyl.errors import DactylError, MissingPackageError
from dactyl.hardware.phasespace import import_owl
from dactyl.hardware.pylon import import_pylon

SET_UP_AGAIN = "in a checkout: rm -r .venv, then any ./dactyl command sets it up again"


@dataclass(frozen=True)
class Finding:
    """One row of the table. `remedy` says how to get what is missing; `needed`: dactyl does not work without it."""

    name: str
    found: str
    ok: bool = True
    needed: bool = True
    remedy: str = ""


def examine() -> list[Finding]:
    """Look at everything dactyl uses; takes some seconds, because it imports and renders for real."""
    return [
        Finding("machine", f"{_system()}; {_cores()}"),
        Finding("python", f"{platform.python_version()} in {sys.prefix}"),
        Finding("ROS", _ros()),
        _probe("rclpy", _rclpy, remedy=SET_UP_AGAIN),
        _probe("middleware", _middleware, remedy="unset RMW_IMPLEMENTATION, or install the one that it names"),
        _probe("messages", _messages, remedy=SET_UP_AGAIN),
        _probe("launch", _launch, needed=False, remedy="part of a ROS installation; ./dactyl sim does without"),
        _probe(
            "setpriv",
            lambda: _first_line("setpriv", "--version"),
            needed=False,
            remedy="install util-linux: without it nodes stay behind when what started them is killed",
        ),
        _probe("numpy", lambda: str(_import("numpy").__version__), remedy=SET_UP_AGAIN),
        _probe("mujoco", lambda: str(_import("mujoco").__version__), remedy=SET_UP_AGAIN),
        _probe("mujoco-warp", lambda: importlib.metadata.version("mujoco-warp"), remedy=SET_UP_AGAIN),
        _probe("torch", _torch, remedy=SET_UP_AGAIN),
        _probe("opencv", lambda: str(_import("cv2").__version__), remedy=SET_UP_AGAIN),
        _probe("robots", _robots, remedy=SET_UP_AGAIN),
        _probe("rendering", _rendering, remedy="apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri libopengl0"),
        _probe("GPU", _gpu, needed=False, remedy="training works without one, much slower"),
        _probe(
            "compiler", lambda: _first_line(os.environ.get("CXX", "g++"), "--version"), remedy="apt-get install g++"
        ),
        _probe("cmake", lambda: _first_line("cmake", "--version"), remedy=SET_UP_AGAIN),
        _probe("cameras", _cameras, needed=False, remedy="connect Basler cameras; see docs/hardware.md"),
        _probe("PhaseSpace", _phasespace, needed=False, remedy="only the real graph needs it; sim does without"),
        _disk(),
    ]


def show(findings: Sequence[Finding]) -> None:
    """Print the table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="dactyl doctor", title_justify="left")
    for column in ("", "what", "found"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[red]missing[/]" if finding.needed else "[yellow]without[/]"
        found = finding.found if finding.ok else f"{finding.found}\n→ {finding.remedy}"
        table.add_row(mark, finding.name, found)
    Console(highlight=False).print(table)


def as_results(findings: Sequence[Finding]) -> dict[str, Any]:
    """The findings for a results file, by name."""
    return {finding.name: {k: v for k, v in asdict(finding).items() if k != "name"} for finding in findings}


def exit_code(findings: Sequence[Finding]) -> int:
    """1 if something needed is missing."""
    return int(any(finding.needed and not finding.ok for finding in findings))


def render() -> str:
    """Render one frame off screen and name what rendered it. Raises whatever the GL backend raises."""
    import mujoco
    from OpenGL import GL

    model = mujoco.MjModel.from_xml_string(
        "<mujoco><worldbody><light pos='0 0 2'/><geom size='0.2'/></worldbody></mujoco>"
    )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with mujoco.Renderer(model, 64, 64) as renderer:
        renderer.update_scene(data)
        image = renderer.render()
        name = GL.glGetString(GL.GL_RENDERER).decode()
    if image.max() == image.min():
        raise DactylError(f"{name} rendered an empty picture")
    return name


def _probe(name: str, look: Callable[[], str], *, needed: bool = True, remedy: str) -> Finding:
    """What `look` found, or the first line of what it raised: a broken library can raise anything."""
    try:
        return Finding(name, look(), True, needed, remedy)
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return Finding(name, reason, False, needed, remedy)


def _import(name: str) -> ModuleType:
    return importlib.import_module(name)


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        name = platform.system()
    return f"{name}, {platform.machine()}"


def _cores() -> str:
    facts = machine.facts()
    return f"{facts['cores']} cores, {facts['memory_gb']} GB memory"


def _ros() -> str:
    distribution = os.environ.get("ROS_DISTRO")
    return f"{distribution}, the installation sourced here" if distribution else "jazzy, as wheels in .venv"


def _ros_version(package: str) -> str:
    """The version in the ROS package's manifest, at the same place in an installation and in the wheels."""
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        manifest = Path(prefix, "share", package, "package.xml")
        if manifest.is_file():
            return str(ElementTree.parse(manifest).findtext("version"))
    raise DactylError(f"there is no package {package} in AMENT_PREFIX_PATH")


def _rclpy() -> str:
    _import("rclpy")
    return _ros_version("rclpy")


def _messages() -> str:
    types = [name for name in dir(_import("dactyl_msgs.msg")) if name[0].isupper()]
    return f"dactyl_msgs {_ros_version('dactyl_msgs')}: {', '.join(types)}"


def _launch() -> str:
    _import("launch_ros")
    return f"launch_ros {_ros_version('launch_ros')}"


def _middleware() -> str:
    variables.check_ros()
    implementation = _import("rclpy.utilities").get_rmw_implementation_identifier()
    reach = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")
    return f"{implementation}, discovery range {reach}, domain {os.environ.get('ROS_DOMAIN_ID', '0')}"


def _torch() -> str:
    torch = _import("torch")
    return f"{torch.__version__}, " + (f"CUDA {torch.version.cuda}" if torch.cuda.is_available() else "without CUDA")


def _robots() -> str:
    from dactyl.robot import robot as robots

    return ", ".join(map(_robot, robots.names()))


def _robot(name: str) -> str:
    """Builds its simulated model, which only the usual robot must have."""
    from dactyl.simulation.scene import SceneConfig, build

    try:
        return f"{name} ({len(build(SceneConfig(robot=name)).robot.joints)} joints)"
    except MissingPackageError as error:
        if name == registry.DEFAULTS["robots"]:
            raise
        return f"{name} without its model ({error})"


def _rendering() -> str:
    """In a process of its own: a broken GL driver can end the process."""
    backend = os.environ.get("MUJOCO_GL", "default")
    code = "from dactyl.doctor import render; print(render())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    if run.returncode:
        reason = (run.stderr.strip() or f"the process died with {run.returncode}").splitlines()[-1]
        raise DactylError(f"MUJOCO_GL={backend}: {reason}")
    return f"{backend}: {run.stdout.strip()}"


def _gpu() -> str:
    names = machine.facts()["gpus"]
    if not names:
        raise DactylError("no NVIDIA GPU")
    return ", ".join(names)


def _cameras() -> str:
    found = import_pylon().TlFactory.GetInstance().EnumerateDevices()
    if not found:
        raise DactylError("no Basler camera is connected")
    return ", ".join(f"{camera.GetModelName()} {camera.GetSerialNumber()}" for camera in found)


def _phasespace() -> str:
    return str(import_owl().__file__)


def _first_line(*command: str) -> str:
    if not shutil.which(command[0]):
        raise DactylError(f"there is no {command[0]}")
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.splitlines()[0]


def _disk() -> Finding:
    free = shutil.disk_usage(Path(__file__).resolve().parent).free / 1e9
    return Finding("disk", f"{free:.0f} GB free", free > 1, True, "free at least 1 GB for results and caches")
