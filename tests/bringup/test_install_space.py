"""`ros2 launch` from an install space whose sources are away, where only what is declared can be imported."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processes import alive, nodes_of
from tests.terminal import in_a_terminal
from tests.test_dependencies import blocked
from tests.test_package import tracked

ROOT = Path(__file__).resolve().parents[2]
OF_LAUNCH = {
    "launch", "launch_ros", "launch_xml", "launch_yaml", "ros2launch", "ros2cli", "ros2pkg", "osrf_pycommon",
    "argcomplete", "composition_interfaces", "importlib_metadata", "netifaces", "psutil", "lark",
}  # fmt: skip
"""What apt brings with ros2launch, which package.xml names; upstream's own, installed by pip, have no manifests."""
BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}: it is not declared", name=name)

sys.meta_path.insert(0, Blocker())
"""
GONE_WITHIN = 5.0

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a shell that has sourced the install space."""
    if not importlib.util.find_spec("ros2launch"):
        pytest.skip("ros2 launch is not installed: only a ROS installation has it")
    if not shutil.which("colcon"):
        pytest.skip("there is no colcon: run with ./dactyl test")
    folder = tmp_path_factory.mktemp("workspace")
    sources, install = folder / "sources", folder / "install"
    for path in tracked():
        if path.parts[0] in ("launch", "config", "models") or path.parts[:2] == ("src", "dactyl"):
            (sources / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, sources / path, follow_symlinks=False)
    build = ["colcon", "--log-base", folder / "log", "build", "--base-paths", sources / "src", "--packages-select"]
    build += ["dactyl", "--build-base", folder / "build", "--install-base", install]
    subprocess.run(build, cwd=folder, check=True, capture_output=True, timeout=200)
    for away in (sources, folder / "build"):
        shutil.rmtree(away)
    (folder / "site").mkdir()
    names = blocked() - OF_LAUNCH
    assert "pytest" in names, "nobody needs it there"
    (folder / "site" / "sitecustomize.py").write_text(BLOCKER.format(blocked=sorted(names)))

    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    ours = (str(ROOT / "build" / "dactyl"), str(ROOT / "src"), str(ROOT / "install" / "dactyl") + "/")
    kept = [path for path in paths if path and not path.startswith(ours)]
    prefixes = [path for path in os.environ["AMENT_PREFIX_PATH"].split(os.pathsep) if Path(path).name != "dactyl"]
    without = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(folder / "site"), *kept]),
        "AMENT_PREFIX_PATH": os.pathsep.join(prefixes),
    }
    source = ["bash", "-c", 'source "$0" && env -0', install / "local_setup.bash"]
    found = subprocess.run(source, env=without, capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in found.split("\0") if line) | {"INSTALL_SPACE": str(install)}


@pytest.fixture
def start(installed: dict[str, str], ros_domain: int, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the simulated graph by `ros2 launch`; what it prints is in the file `log`."""
    processes = []

    def launch(*arguments: str) -> subprocess.Popen[str]:
        command = ["ros2", "launch", "dactyl", "sim.launch.py", "headless:=true", "dashboard:=false", *arguments]
        with (tmp_path / "log").open("w") as output:
            processes.append(
                subprocess.Popen(
                    command, cwd=tmp_path, stdout=output, stderr=subprocess.STDOUT, text=True, preexec_fn=in_a_terminal,
                    env=installed | {name: os.environ[name] for name in os.environ if name.startswith("ROS_")},
                )
            )  # fmt: skip
        return processes[-1]

    yield launch
    for process in processes:
        for pid in (*nodes_of(process.pid), process.pid):
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        process.wait(10.0)


def test_trials_run_and_their_results_are_written(start: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    """Protects the one command of a ROS installation: every node starts, and the run ends with its trials."""
    process = start("trials:=1", "rules:={max_successes: 1, timeout: 10.0}", f"json:={tmp_path}/out.json")
    assert process.wait(120.0) == 0, (tmp_path / "log").read_text()
    assert len(json.loads((tmp_path / "out.json").read_text())["results"]["trials"]) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_nothing_is_left_of_a_killed_launch(
    start: Callable[..., subprocess.Popen[str]], installed: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    """Protects the next run, and a hand, from the nodes of this one."""
    process, log = start(), tmp_path / "log"
    deadline = time.monotonic() + 60.0
    while "actions: the hand moves" not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    nodes = nodes_of(process.pid)
    assert {"sim", "policy", "hand_driver"} <= set(nodes.values())
    for pid in nodes:
        words = Path(f"/proc/{pid}/cmdline").read_text()
        assert installed["INSTALL_SPACE"] in words
        assert str(ROOT / "src") not in words
    killed = time.monotonic()
    process.send_signal(number)
    while any(map(alive, nodes)):
        assert time.monotonic() - killed < GONE_WITHIN
        time.sleep(0.01)
    print(f"{len(nodes)} nodes gone {1e3 * (time.monotonic() - killed):.0f} ms after {number.name}")
