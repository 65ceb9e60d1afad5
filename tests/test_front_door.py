"""The front door: what it refuses, and that set-up does each step once, resumes, waits and repeats only what changed.

Set-up runs for real on a small checkout with a pretended python, which writes down what it is asked to do.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from packaging.requirements import Requirement

from dactyl import __version__
from dactyl.cli import app

ROOT = Path(__file__).resolve().parents[1]

# As a virtual environment's python it writes its pip and colcon to the trace; it fails or waits where a test says so.
PYTHON = """#!/usr/bin/env bash
trace() {
    echo "$1" >>"$TRACE"
    while [[ -e $TRACE.wait-$1 ]]; do sleep 0.05; done
    [[ ! -e $TRACE.fail-$1 ]] || { echo "no route to host"; exit 1; }
}
case "$1 ${2:-}" in
    "- wheels") echo "ok $0" ;;
    "-m venv") trace venv; mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; ln -s python "$3/bin/colcon" ;;
    "-m pip") if [[ " $* " == *" --no-deps "* ]]; then trace models; else trace pip; fi ;;
    "build "*) trace "${*: -3:1}" ;; # colcon build … --packages-select PACKAGE --event-handlers …
    "-m dactyl.cli") echo "ran ${*:3}" ;;
esac
"""
STEPS = ["venv", "pip", "models", "dactyl_msgs", "dactyl"]


class Checkout:
    """A checkout with what the front door reads, and the means to run it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a checkout"
        self.trace = folder / "trace"
        self.root.mkdir(parents=True)
        for name in ("dactyl", "requirements.lock", "models.lock", "colcon.meta", "src/dactyl_msgs", "src/dactyl"):
            source, target = ROOT / name, self.root / name
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                target.parent.mkdir(exist_ok=True)
                shutil.copy(source, target)
        for name in ("launch", "config", "models"):
            (self.root / name).mkdir()
        python = folder / "python"
        python.write_text(PYTHON)
        python.chmod(0o755)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("ROS_", "DACTYL_"))}
        self.environment |= {"DACTYL_PYTHON": str(python), "TRACE": str(self.trace)}

    def start(self, *arguments: str, **options: object) -> subprocess.Popen[str]:
        """Run ./dactyl; stderr goes with stdout."""
        return subprocess.Popen(
            [self.root / "dactyl", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            **options,  # type: ignore[call-overload]
        )

    def run(self, *arguments: str, **options: object) -> tuple[int, str]:
        """Run ./dactyl to its end: exit code and output."""
        process = self.start(*arguments, **options)
        output, _ = process.communicate(timeout=60)
        return process.returncode, output

    def done(self) -> list[str]:
        """What was asked of the pretended python since the last call."""
        steps = self.trace.read_text().split() if self.trace.exists() else []
        self.trace.unlink(missing_ok=True)
        return steps

    def wait_for(self, step: str) -> None:
        """Until a step has begun."""
        deadline = time.monotonic() + 30
        while not self.trace.exists() or step not in self.trace.read_text().split():
            assert time.monotonic() < deadline, f"{step} did not begin"
            time.sleep(0.02)

    def switch(self, name: str, on: bool) -> None:
        """Let a step fail or wait from now on: "fail-pip", "wait-pip"."""
        path = Path(f"{self.trace}.{name}")
        path.touch() if on else path.unlink()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


# --- set-up ---


def test_first_use_sets_up_and_later_uses_only_run(checkout: Checkout, tmp_path: Path) -> None:
    """Protects the one command: every step once, with a progress line; from anywhere, through a link, with spaces."""
    code, output = checkout.run("doctor")
    assert code == 1, "a doctor sets nothing up"
    assert re.search(r"python packages +not done", output)
    assert checkout.done() == []

    code, output = checkout.run("shell", "-c", "python -m dactyl.cli first")
    assert code == 0
    assert checkout.done() == STEPS
    names = ["2/5] python environment", "3/5] python packages", "4/5] messages", "5/5] ROS package"]
    assert re.findall(r"^\[(.*) \.\.\. \d+ s$", output, re.MULTILINE) == names
    assert output.endswith("ran first\n")

    link = tmp_path / "link"
    link.symlink_to(checkout.root / "dactyl")
    run = subprocess.run(
        [link, "doctor", "--json", "x y"], cwd="/", env=checkout.environment, capture_output=True, text=True, check=True
    )
    assert (run.stdout, run.stderr) == ("ran doctor --json x y\n", "")
    assert checkout.done() == []


@pytest.mark.parametrize(
    ("changed", "text", "steps"),
    [
        ("requirements.lock", "extra==1", ["pip", "models"]),
        ("models.lock", "extra==1", ["pip", "models"]),
        ("requirements.lock", "ros-extra==1", ["pip", "models", "dactyl_msgs"]),
        ("src/dactyl_msgs/msg/HandAction.msg", "bool extra", ["dactyl_msgs"]),
        ("src/dactyl/dactyl/nodes/extra.py", "", ["dactyl"]),
        ("launch/extra.launch.py", "", ["dactyl"]),
        ("src/dactyl/dactyl/extra.py", "", []),
        ("models/policy.safetensors", "", ["dactyl"]),
        ("models/README.md", "", []),
        ("models/evaluation-honest.json", "", []),
    ],
)
def test_a_change_repeats_only_the_steps_it_touches(
    checkout: Checkout, changed: str, text: str, steps: list[str]
) -> None:
    """Protects the minutes of everyone who edits a message or a dependency; source files are live without any step."""
    checkout.run("shell", "-c", "true")
    checkout.done()
    with (checkout.root / changed).open("a") as file:
        file.write(text + "\n")
    assert checkout.run("shell", "-c", "true")[0] == 0
    assert checkout.done() == steps


def test_a_new_build_takes_nothing_from_programs_that_run(checkout: Checkout) -> None:
    """Protects a training or a farm from a model that is put beside it: they go on importing from what was built."""
    checkout.run("shell", "-c", "true")
    built, node = checkout.root / "build/dactyl/imported.py", checkout.root / "install/dactyl/lib/dactyl/gone"
    for path in (built, node):
        path.parent.mkdir(parents=True)
        path.touch()
    (checkout.root / "src/dactyl/dactyl/nodes/extra.py").touch()
    checkout.done()
    assert checkout.run("shell", "-c", "true")[0] == 0
    assert checkout.done() == ["dactyl"]
    assert built.exists()
    assert not node.exists(), "a node that is gone must not be offered"


def test_another_python_or_place_sets_up_anew(checkout: Checkout, tmp_path: Path) -> None:
    """Protects against an environment whose scripts name a folder or a python that is no longer there."""
    checkout.run("shell", "-c", "true")
    checkout.done()
    checkout.root = checkout.root.rename(tmp_path / "moved")
    assert checkout.run("shell", "-c", "true")[0] == 0
    assert checkout.done() == STEPS

    checkout.environment["DACTYL_PYTHON"] = shutil.copy(tmp_path / "python", tmp_path / "python-2")
    assert checkout.run("shell", "-c", "true")[0] == 0
    assert checkout.done() == STEPS


def test_a_failed_step_is_named_with_its_output_and_resumed(checkout: Checkout) -> None:
    """Protects users without a network: which step, the end of its output, where the rest is, and no step twice."""
    checkout.switch("fail-pip", True)
    code, output = checkout.run("shell", "-c", "true")
    assert code == 1
    assert "no route to host" in output
    assert f"set-up failed at step 3 (python packages). Its whole output is in {checkout.root}/log/setup.log" in output
    assert checkout.done() == ["venv", "pip"]
    assert re.search(r"python environment +done", checkout.run("doctor")[1])

    checkout.switch("fail-pip", False)
    assert checkout.run("shell", "-c", "true")[0] == 0
    assert checkout.done() == ["pip", "models", "dactyl_msgs", "dactyl"]


@pytest.mark.parametrize(("signal_", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_an_interrupted_set_up_resumes(checkout: Checkout, signal_: signal.Signals, code: int) -> None:
    """Protects a set-up from being ended at any moment: what was complete stays, what was not is done again."""
    checkout.switch("wait-dactyl_msgs", True)
    process = checkout.start("shell", "-c", "true", start_new_session=True)
    checkout.wait_for("dactyl_msgs")
    os.killpg(process.pid, signal_)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == code
    assert signal_ == signal.SIGKILL or "interrupted" in output
    checkout.done()

    checkout.switch("wait-dactyl_msgs", False)
    assert checkout.run("shell", "-c", "true")[0] == 0
    assert checkout.done() == ["dactyl_msgs", "dactyl"]


def test_a_second_set_up_waits_for_the_first(checkout: Checkout) -> None:
    """Protects one environment from two pips, and the second user from a riddle."""
    checkout.switch("wait-pip", True)
    first = checkout.start("shell", "-c", "true")
    checkout.wait_for("pip")
    second = checkout.start("shell", "-c", "echo after")
    assert second.stdout is not None
    assert second.stdout.readline() == "another set-up of this checkout is running: waiting for it\n"
    assert second.poll() is None
    checkout.switch("wait-pip", False)
    assert first.wait(30) == 0
    assert second.communicate(timeout=30)[0] == "after\n"
    assert checkout.done() == STEPS


def test_an_environment_that_is_not_ours_is_left_alone(checkout: Checkout) -> None:
    """Protects a .venv that somebody made by hand from being removed."""
    (checkout.root / ".venv/bin").mkdir(parents=True)
    code, output = checkout.run("shell", "-c", "true")
    assert (code, checkout.done()) == (1, [])
    assert "was not made by this program" in output


# --- what it refuses ---


def pretend(folder: Path, statements: str) -> Path:
    """A python that is this one but for some statements run first."""
    path = folder / "pretender"
    code = f"import sys\n{statements}\nexec(sys.stdin.read())"
    path.write_text(f'#!/usr/bin/env bash\nexec "{sys.executable}" -c "{code}" "${{@:2}}"\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        ("sys.version_info = (3, 9, 1)", "it is CPython 3.9; dactyl needs CPython 3.10 to 3.14"),
        ("sys.version_info = (3, 15, 0)", "it is CPython 3.15; dactyl needs CPython 3.10 to 3.14"),
        ("import platform; platform.python_implementation = lambda: 'PyPy'", "it is PyPy"),
        ("import sysconfig; sysconfig.get_config_var = lambda name: 1", "it is a free-threaded build"),
        ("sys._base_executable = '/opt/python'; import sysconfig; sysconfig.get_path = str", "lacks headers"),
        ("sys.exit(3)", "it does not run"),
    ],
)
def test_an_unfit_python_is_refused_with_the_reason(
    checkout: Checkout, tmp_path: Path, statements: str, reason: str
) -> None:
    """Protects users from wheels that do not exist, found out a gigabyte later."""
    checkout.environment["DACTYL_PYTHON"] = str(pretend(tmp_path, statements))
    code, output = checkout.run("shell", "-c", "true")
    assert code == 1
    assert output.startswith("dactyl: no python to set up with: ")
    assert reason in output
    assert len(output.splitlines()) == 1


def test_this_python_is_fit(checkout: Checkout, tmp_path: Path) -> None:
    """Protects the refusals above from refusing everything."""
    checkout.environment["DACTYL_PYTHON"] = str(pretend(tmp_path, ""))
    executable = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    assert re.search(rf"python +{re.escape(executable)}\n", checkout.run("doctor")[1])


def test_a_python_that_is_not_there(checkout: Checkout) -> None:
    """Protects from a mistyped DACTYL_PYTHON."""
    checkout.environment["DACTYL_PYTHON"] = "/nowhere/python"
    assert checkout.run("shell") == (1, "dactyl: no python to set up with: there is no /nowhere/python\n")


def test_other_machines_are_refused(checkout: Checkout, tmp_path: Path) -> None:
    """Protects users of other machines from a set-up that cannot end well."""
    uname = tmp_path / "bin/uname"
    uname.parent.mkdir()
    uname.write_text("#!/bin/sh\n[ $1 = -s ] && echo Linux || echo aarch64\n")
    uname.chmod(0o755)
    checkout.environment["PATH"] = f"{uname.parent}:{checkout.environment['PATH']}"
    code, output = checkout.run("shell")
    assert (code, checkout.done()) == (1, [])
    assert output.startswith("dactyl: this is Linux on aarch64; dactyl runs on x86-64 Linux")


def test_another_ros_is_refused(checkout: Checkout) -> None:
    """Protects from messages built against one ROS and run with another."""
    checkout.environment["ROS_DISTRO"] = "humble"
    code, output = checkout.run("shell")
    assert (code, len(output.splitlines())) == (1, 1)
    assert "ROS humble is sourced here and dactyl needs ROS 2 Jazzy" in output


def test_an_installation_without_rclpy_is_refused(checkout: Checkout, tmp_path: Path) -> None:
    """Protects from a python that is not the one of the ROS that is sourced."""
    checkout.environment |= {"ROS_DISTRO": "jazzy", "PYTHONPATH": str(tmp_path)}
    checkout.environment["DACTYL_PYTHON"] = str(pretend(tmp_path, "sys.modules['rclpy'] = None"))
    code, output = checkout.run("shell")
    assert code == 1
    assert "it cannot import rclpy from the ROS installation sourced here" in output


def test_a_shell_with_another_kind_of_ros_changes_nothing(checkout: Checkout) -> None:
    """Protects a finished set-up from being thrown away by a forgotten `source`."""
    checkout.run("shell", "-c", "true")
    checkout.done()
    checkout.environment["ROS_DISTRO"] = "jazzy"
    code, output = checkout.run("shell", "-c", "true")
    assert (code, checkout.done()) == (1, [])
    assert "this checkout was set up with ROS as wheels and this shell has ROS as installation" in output


@pytest.fixture
def of_nobody() -> Iterator[tuple[Checkout, dict[str, object]]]:
    """A checkout, and options that run it as somebody without root's rights."""
    folder = Path(tempfile.mkdtemp())  # not tmp_path: nobody may not enter that
    folder.chmod(0o777)
    options: dict[str, object] = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    yield Checkout(folder), options
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    shutil.rmtree(folder)


def test_missing_system_packages_without_root(of_nobody: tuple[Checkout, dict[str, object]], tmp_path: Path) -> None:
    """Protects users without root: the exact line to run, and nothing done."""
    checkout, options = of_nobody
    checkout.root.chmod(0o777)
    programs = checkout.trace.parent / "bin"
    programs.mkdir()
    for name in ("sudo", "apt-get"):
        (programs / name).write_text(f"#!/bin/sh\necho {name} >>'{checkout.trace}'\nexit 1\n")
        (programs / name).chmod(0o755)
    checkout.environment |= {"PATH": f"{programs}:{checkout.environment['PATH']}", "CXX": "no-such-compiler"}
    code, output = checkout.run("shell", **options)
    assert code == 1
    assert "sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends g++'" in output
    assert checkout.done() == ["sudo"]


def test_a_checkout_that_cannot_be_written(of_nobody: tuple[Checkout, dict[str, object]]) -> None:
    """Protects from a failure in the middle of a step."""
    checkout, options = of_nobody
    checkout.root.chmod(0o555)
    code, output = checkout.run("shell", **options)
    assert (code, len(output.splitlines())) == (1, 1)
    assert output.startswith(f"dactyl: cannot write to {checkout.root}, where .venv, build, install and log go")


# --- commands ---


def front_door(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The real one, of this checkout."""
    environment = os.environ | variables
    command = [ROOT / "dactyl", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_help_lists_exactly_what_there_is() -> None:
    """Protects --help from promising commands: it is read from the command line's source, without starting python."""
    run = front_door("--help")
    listed = re.findall(r"^  ([a-z]+) +[A-Z]", run.stdout, re.MULTILINE)
    assert listed == [*app._subcommands, "test", "shell"]
    assert run.returncode == 0


@pytest.mark.parametrize("arguments", [(), ("no-such-command",), ("doct",), (".*",), ("doctor Show",)])
def test_an_unknown_command(arguments: tuple[str, ...]) -> None:
    """Protects from a set-up that ends in a typing error; no command at all shows how it is used."""
    run = front_door(*arguments)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith("dactyl: there is no command '" if arguments else "usage:")


def test_one_version_everywhere() -> None:
    """Protects bug reports: the package, its manifests and the front door agree."""
    manifests = [ROOT / "src" / name / "package.xml" for name in ("dactyl", "dactyl_msgs")]
    assert {ElementTree.parse(manifest).findtext("version") for manifest in manifests} == {__version__}
    assert front_door("--version").stdout == f"dactyl {__version__}\n"


@pytest.mark.skipif(not (ROOT / ".venv/stamps/ready").exists(), reason="this checkout is not set up by ./dactyl")
def test_environment_of_commands() -> None:
    """Protects the graph: everything sourced, nothing heard beyond this machine unless asked; and the quick start."""
    show = "echo $RMW_IMPLEMENTATION $ROS_AUTOMATIC_DISCOVERY_RANGE $MUJOCO_GL; command -v python"
    front_door("shell", "-c", "true")
    start = time.monotonic()
    run = front_door("shell", "-c", show, ROS_AUTOMATIC_DISCOVERY_RANGE="SUBNET", MUJOCO_GL="osmesa")
    assert time.monotonic() - start < 3
    assert run.stdout.splitlines() == ["rmw_fastrtps_cpp SUBNET osmesa", str(ROOT / ".venv/bin/python")]

    run = front_door("shell", "-c", show, ROS_AUTOMATIC_DISCOVERY_RANGE="", MUJOCO_GL="")
    assert run.stdout.splitlines()[0] == "rmw_fastrtps_cpp LOCALHOST egl"


# --- the lock file ---


def locked() -> dict[str, list[Requirement]]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    requirements = [Requirement(line) for line in lines if not line.startswith("#")]
    names: dict[str, list[Requirement]] = {}
    for requirement in requirements:
        names.setdefault(requirement.name, []).append(requirement)
    return names


def test_everything_is_pinned_for_every_python() -> None:
    """Protects reproducibility: one exact version of each package for each CPython."""
    for name, choices in locked().items():
        assert all(len(choice.specifier) == 1 and str(choice.specifier).startswith("==") for choice in choices), name
        for minor in range(10, 15):
            version = {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.1"}
            machine = {"sys_platform": "linux", "platform_machine": "x86_64", "implementation_name": "cpython"}
            wanted = [c for c in choices if c.marker is None or c.marker.evaluate(version | machine)]
            assert len(wanted) <= 1, f"{name} for 3.{minor}"


def test_what_is_declared_is_locked() -> None:
    """Protects the lock file from lagging behind pyproject.toml."""
    project = (ROOT / "pyproject.toml").read_text().split("[tool.")[0]
    declared = re.findall(r'^    "(?!dactyl\[)([a-z][^"]*)",', project, re.MULTILINE)
    assert len(declared) > 20
    names = locked()
    for line in declared:
        requirement = Requirement(line)
        assert any(
            requirement.specifier.contains(str(choice.specifier)[2:]) for choice in names.get(requirement.name, [])
        ), f"{line}: run the command at the top of requirements.lock"


def test_everything_takes_the_numpy_of_a_ros_installation() -> None:
    """Protects set-up beside a ROS 2 Jazzy, whose own modules are compiled against numpy 1.26 and keep it."""
    for distribution in importlib.metadata.distributions():
        for line in distribution.requires or []:
            requirement = Requirement(line)
            if requirement.name == "numpy" and (not requirement.marker or requirement.marker.evaluate({"extra": ""})):
                assert requirement.specifier.contains("1.26.4"), distribution.name


def test_no_gigabytes_of_cuda_are_forced_on_anyone() -> None:
    """Protects machines without a GPU: torch's CUDA build asks for these itself, a CPU build does not."""
    assert [name for name in locked() if name.startswith(("nvidia-", "cuda-")) or name == "triton"] == []
