"""ROS 1 and rosbridge_server for a test: Debian 12's packages and upstream's source, unpacked in the user's cache.

Nothing is installed and nobody has to be root. What is there already is used again; remove the folder to fetch it anew.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

VARIABLE = "ROSBRIDGE_SUITE"
HOME = "https://github.com/RobotWebTools/rosbridge_suite"
VERSION, COMMIT = "0.11.17", "55a6bdb20842a3f7f0e17931b7856c3d8700f9fb"
"""The last of the branch for ROS 1."""
HOW = (
    f"set {VARIABLE}=fetch, or {VARIABLE}=FOLDER with the source: "
    f"git clone --branch {VERSION} {HOME} FOLDER, here or on a computer that reaches it"
)

PYTHON = ("/usr/bin/python3", "-S", "-W", "ignore")
"""Debian's, which its packages are built for; -S: nothing that happens to be installed gets in between."""
_PACKAGES = """
python3-rosmaster python3-rospy python3-roslib python3-rosgraph python3-rosgraph-msgs python3-roscpp-msg
python3-rostopic python3-rosservice python3-rosnode python3-rosmsg python3-rosparam python3-rosbag
python3-genpy python3-genmsg python3-catkin python3-catkin-pkg python3-rospkg
python3-std-msgs python3-std-srvs python3-sensor-msgs python3-geometry-msgs python3-trajectory-msgs
python3-diagnostic-msgs ros-std-msgs
python3-yaml libyaml-0-2 python3-netifaces python3-defusedxml python3-gnupg python3-pycryptodome python3-numpy
python3-pyparsing python3-distutils python3-pkg-resources python3-six
python3-twisted python3-autobahn python3-txaio python3-zope.interface python3-hyperlink python3-incremental
python3-constantly python3-automat python3-attr python3-typing-extensions python3-idna python3-cryptography
python3-cffi-backend python3-openssl python3-service-identity python3-ujson python3-tornado
python3-bson python3-pil libimagequant0 libjpeg62-turbo libopenjp2-7 libtiff6 libxcb1 libxau6 libxdmcp6 libbsd0
libmd0 libwebp7 libdeflate0 libjbig0 liblerc4 libblas3 liblapack3 libgfortran5
libquadmath0 libgomp1 libffi8 zlib1g liblzma5 libzstd1 libssl3
"""
PACKAGES = _PACKAGES.split()
LOOKED_UP = ("std_msgs", "sensor_msgs", "trajectory_msgs", "diagnostic_msgs", "rosapi")
"""Packages that rosbridge looks up by their package.xml, which Debian has in packages for C++, if at all."""
AUTHENTICATION = """string mac
string client
string dest
string rand
time t
string level
time end
---
bool authenticated
"""
"""rosauth's only service. rosbridge imports its class and, as it is shipped, never calls it."""


class MissingError(Exception):
    """What a machine lacks for this, in one line."""


@dataclass(frozen=True)
class Ros1:
    """ROS 1 on the disk, and the port of its master."""

    debian: Path
    suite: Path
    generated: Path
    logs: Path
    port: int

    @property
    def version(self) -> str:
        """Of rosbridge_suite."""
        return _version(self.suite)

    def environment(self) -> dict[str, str]:
        """Everything that a program of ROS 1 is to know, and nothing of ROS 2's."""
        return {
            **_environment(self.debian, self.generated, *(self.suite / name / "src" for name in SOURCES)),
            "ROS_MASTER_URI": f"http://127.0.0.1:{self.port}",
            "ROS_IP": "127.0.0.1",
            "ROS_PACKAGE_PATH": str(self.generated / "packages"),
            "ROS_LOG_DIR": str(self.logs),
        }

    def start(self, arguments: Sequence[str], output: IO[str] | int) -> subprocess.Popen[str]:
        """Start a program of ROS 1 in Debian's Python. What it writes goes to `output`."""
        stderr = None if output == subprocess.PIPE else subprocess.STDOUT
        return subprocess.Popen(
            [*PYTHON, *arguments], cwd=self.logs, env=self.environment(), text=True,
            stdin=subprocess.PIPE, stdout=output, stderr=stderr,
        )  # fmt: skip


SOURCES = ("rosbridge_library", "rosbridge_server")


def prepare(logs: Path) -> Ros1:
    """Get together what is needed.

    Raises:
        MissingError: this machine has not got it, and cannot get it.
        ValueError: the folder named has no rosbridge_suite for ROS 1 in it.
    """
    wanted = os.environ.get(VARIABLE, "")
    if not wanted:
        raise MissingError(f"has to be asked for, since it fetches programs, 100 MB unpacked: {HOW}")
    _check_machine()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "dactyl")
    suite = _once(cache / f"rosbridge_suite-{VERSION}", _clone) if wanted == "fetch" else Path(wanted).absolute()
    if not (suite / "rosbridge_server" / "scripts" / "rosbridge_websocket.py").is_file():
        raise ValueError(f"{VARIABLE}={wanted}: no rosbridge_suite of the branch for ROS 1 there: {HOW}")
    names = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:8]
    debian = _once(cache / f"ros1-debian12-{names}", _unpack_debian)
    generated = logs / "generated"
    _generate(debian, suite, generated)
    return Ros1(debian, suite, generated, logs, free_port())


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _version(suite: Path) -> str:
    text = (suite / "rosbridge_server" / "package.xml").read_text()
    return text.partition("<version>")[2].partition("</version>")[0]


def _check_machine() -> None:
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        system = {}
    if (system.get("ID"), system.get("VERSION_ID")) != ("debian", "12"):
        raise MissingError(f"needs Debian 12, whose ROS 1 it unpacks; this is {system.get('PRETTY_NAME', 'another')}")
    for program in ("apt-get", "dpkg", PYTHON[0]):
        if not shutil.which(program):
            raise MissingError(f"needs {program}, which is not installed")


def _once(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder, made by `make` where it is not there: whole, or not at all."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as name:
            make(Path(name, "made"))
            try:
                Path(name, "made").rename(folder)
            except OSError:  # another test run was faster
                if not folder.is_dir():
                    raise
    return folder


def _clone(folder: Path) -> None:
    command = ["git", "-c", "advice.detachedHead=false", "clone", "--quiet", "--depth=1", f"--branch={VERSION}", HOME]
    _run([*command, str(folder)], f"rosbridge_suite cannot be fetched from its home: {HOW}")
    if _run(["git", "-C", str(folder), "rev-parse", "HEAD"], "git").strip() != COMMIT:
        raise MissingError(f"{HOME} has another {VERSION} than this test is for, {COMMIT}")


def _unpack_debian(folder: Path) -> None:
    """Download Debian's packages, with lists of their own since the machine's may be old or empty, and unpack them."""
    work = folder.with_name("apt")
    for name in ("lists/partial", "cache/archives/partial", "packages"):
        (work / name).mkdir(parents=True)
    apt = ["apt-get", "-q", "-o", f"Dir::State::lists={work}/lists", "-o", f"Dir::Cache={work}/cache"]
    if os.geteuid() == 0:
        apt += ["-o", "APT::Sandbox::User=root"]
    subprocess.run([*apt, "update"], capture_output=True, timeout=200)  # a source of others that fails is no matter
    packages = work / "packages"
    _run([*apt, "download", *PACKAGES], "Debian's packages cannot be downloaded", cwd=packages)
    for package in sorted(packages.glob("*.deb")):
        _run(["dpkg", "-x", str(package), str(folder)], f"{package.name} cannot be unpacked")


def _generate(debian: Path, suite: Path, folder: Path) -> None:
    """Make the classes of message packages that Debian does not have, and what tells where messages are."""
    api = suite / "rosapi"
    shutil.copytree(api / "src" / "rosapi", folder / "rosapi", dirs_exist_ok=True)
    _generate_package(debian, folder / "rosapi" / "msg", "genmsg_py.py", sorted((api / "msg").glob("*.msg")))
    _generate_package(debian, folder / "rosapi" / "srv", "gensrv_py.py", sorted((api / "srv").glob("*.srv")))
    definition = folder / "Authentication.srv"
    definition.write_text(AUTHENTICATION)
    clients = [suite / "rosbridge_msgs" / "msg" / f"{name}.msg" for name in ("ConnectedClient", "ConnectedClients")]
    _generate_package(debian, folder / "rosauth" / "srv", "gensrv_py.py", [definition])
    _generate_package(debian, folder / "rosbridge_msgs" / "msg", "genmsg_py.py", clients)
    for name in LOOKED_UP:
        (folder / "packages" / name).mkdir(parents=True)
        (folder / "packages" / name / "package.xml").write_text(
            f"<package><name>{name}</name><version>1.0.0</version><description>For the look-up.</description>"
            "<maintainer email='nobody@example.com'>Nobody</maintainer><license>BSD</license></package>\n"
        )


def _generate_package(debian: Path, folder: Path, generator: str, definitions: Sequence[Path]) -> None:
    package = folder.parent.name
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    scripts, environment = debian / "usr" / "lib" / "genpy", _environment(debian)
    include = ["-I", f"{package}:{definitions[0].parent.with_name('msg')}"]
    command = [*PYTHON, str(scripts / generator), "-p", package, "-o", str(folder), *include, *map(str, definitions)]
    _run(command, "genpy", environment=environment)
    _run(
        [*PYTHON, str(scripts / generator), "--initpy", "-p", package, "-o", str(folder)],
        "genpy",
        environment=environment,
    )


def _environment(debian: Path, *sources: Path) -> dict[str, str]:
    libraries = debian / "usr" / "lib"
    paths = [libraries / "python3" / "dist-packages", libraries / "python3.11", *sources]
    shared = [debian / "usr/lib/x86_64-linux-gnu" / name for name in ("", "blas", "lapack")]
    return {
        "PATH": os.defpath,
        "HOME": str(Path.home()),
        "LC_ALL": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, shared)),
    }


def _run(
    command: Sequence[str], trouble: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> str:
    """What a program prints."""
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"} if environment is None else environment
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=200)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingError(f"{trouble} ({error})") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise MissingError(f"{trouble} ({last})")
    return done.stdout
