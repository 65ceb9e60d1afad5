"""The environment's variables: what is wrong with them is said before anything starts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dactyl import variables
from dactyl.errors import DactylError

ROS = {
    "ROS_DOMAIN_ID": [
        *((bad, f"ROS_DOMAIN_ID must be a whole number from 0 to 232, not {bad!r}")
          for bad in ("abc", "300", "233", "-1", "1.5", "0x10", " ", "1 ", "²")),
    ],
    "ROS_AUTOMATIC_DISCOVERY_RANGE": [
        ("OFF", "ROS_AUTOMATIC_DISCOVERY_RANGE=OFF: no node would find another: choose LOCALHOST or SUBNET"),
        ("LOCALHOSTS", "ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOSTS is unknown: did you mean LOCALHOST?"),
    ],
    "RMW_IMPLEMENTATION": [
        ("rmw_fastrtps", "RMW_IMPLEMENTATION=rmw_fastrtps is not installed: did you mean rmw_fastrtps_cpp?"),
    ],
    "FASTRTPS_DEFAULT_PROFILES_FILE": [("/nowhere", "FASTRTPS_DEFAULT_PROFILES_FILE names no file: /nowhere")],
    "RCUTILS_COLORIZED_OUTPUT": [("yes", "RCUTILS_COLORIZED_OUTPUT must be 0 or 1, not 'yes'")],
    "ROS_LOG_DIR": [("/dev/null/x", "ROS_LOG_DIR=/dev/null/x: ROS cannot write its logs to /dev/null/x")],
    "ROS_HOME": [("/dev/null", "ROS_HOME=/dev/null: ROS cannot write its logs to /dev/null/log")],
}  # fmt: skip
OPENGL = [
    ({"MUJOCO_GL": "eggl"}, "MUJOCO_GL=eggl is unknown: did you mean egl?"),
    ({"MUJOCO_GL": "vulkan"}, "MUJOCO_GL=vulkan is unknown: there are: egl, osmesa, glfw, off"),
    (
        {"MUJOCO_GL": "egl", "PYOPENGL_PLATFORM": "glx"},
        "PYOPENGL_PLATFORM=glx does not go with MUJOCO_GL=egl: unset it",
    ),
    ({"MUJOCO_GL": "egl", "MUJOCO_EGL_DEVICE_ID": "x"}, "MUJOCO_EGL_DEVICE_ID must be a device's number, not 'x'"),
]


@pytest.fixture(autouse=True)
def a_usual_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*ROS, "MUJOCO_GL", "PYOPENGL_PLATFORM", "MUJOCO_EGL_DEVICE_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(("name", "value", "message"), [(n, *case) for n, cases in ROS.items() for case in cases])
def test_what_ros_would_stumble_over_is_refused(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects from ten interleaved tracebacks, from nodes that wait for each other for ever, and another domain."""
    monkeypatch.setenv(name, value)
    if name == "RMW_IMPLEMENTATION":
        pytest.importorskip("rclpy", reason="needs ROS: run with ./dactyl test")
    with pytest.raises(DactylError) as error:
        variables.check_ros()
    assert str(error.value) == message


@pytest.mark.parametrize("value", ["0", "43", "232", "007", ""])
def test_a_domain_is_a_number(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", value)
    variables.check_ros()
    assert variables.domain() == int(value or 0)


@pytest.mark.parametrize("home", [None, "", "/dev/null", "/proc/nobody"])
def test_without_a_home_logs_go_elsewhere(
    home: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects services and containers, whose user has no home or may not write there: it works, and says so."""
    monkeypatch.setenv("ROS_LOG_DIR", "")  # so that what is set below is taken back
    if home is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", home)
    variables.check_ros()
    folder = os.environ["ROS_LOG_DIR"]
    assert Path(folder).is_dir()
    assert capsys.readouterr().err == (
        f"dactyl: {f'HOME={home} cannot be written' if home else 'HOME is not set'}: ROS's logs go to {folder}\n"
    )
    variables.check_ros()
    assert os.environ["ROS_LOG_DIR"] == folder
    Path(folder).rmdir()


@pytest.mark.parametrize(("values", "message"), OPENGL)
def test_an_opengl_that_there_is_not_is_refused(
    values: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DactylError) as error:
        variables.check_opengl()
    assert str(error.value) == message


def test_osmesa_without_its_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects from an AttributeError deep in PyOpenGL."""
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    monkeypatch.setattr("ctypes.util.find_library", lambda _: None)
    with pytest.raises(DactylError, match=r"^MUJOCO_GL=osmesa: its library is not installed \(libosmesa6\)"):
        variables.check_opengl()


@pytest.mark.parametrize("value", ["", "egl", "EGL", " egl ", "glfw", "off", "disable"])
def test_what_mujoco_takes_is_taken(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", value)
    variables.check_opengl()


@pytest.mark.parametrize("command", [["sim"], ["evaluate", "--trials", "1"], ["env", "show"], ["bench", "env"]])
def test_commands_say_it_in_one_line(command: list[str], run_command: Callable[..., tuple[int, str]]) -> None:
    """Protects every way to MuJoCo's import, which raises what it likes."""
    assert run_command(*command, MUJOCO_GL="eggl") == (1, "dactyl: MUJOCO_GL=eggl is unknown: did you mean egl?\n")


@pytest.mark.parametrize("command", [["sim", "--headless"], ["real", "--emulate"], ["record"], ["hand", "stop"]])
def test_commands_of_ros_say_it_in_one_line(command: list[str], run_command: Callable[..., tuple[int, str]]) -> None:
    pytest.importorskip("rclpy", reason="needs ROS: run with ./dactyl test")
    assert run_command(*command, ROS_DOMAIN_ID="abc") == (1, f"dactyl: {ROS['ROS_DOMAIN_ID'][0][1]}\n")
    assert run_command(*command, ROS_AUTOMATIC_DISCOVERY_RANGE="OFF")[0] == 1


@pytest.mark.parametrize(
    "changes",
    [{"MPLBACKEND": "nonsense"}, {"PYTHONIOENCODING": "ascii"}, {"COLUMNS": "0"}, {"TERM": "x"}, {"LC_ALL": "xx_XX"}],
)
def test_variables_of_the_terminal_do_no_harm(
    changes: dict[str, str], run_command: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """Protects the last step of a long work, the picture and the table, from what a shell happens to have set."""
    curves = next((Path(__file__).parents[1] / "docs" / "curves").glob("*.csv"))
    code, said = run_command("curves", str(curves), "--out", str(tmp_path / "curves.png"), **changes)
    assert (code, "Traceback" in said) == (0, False), said


def test_an_emergency_stop_needs_no_opengl(run_command: Callable[..., tuple[int, str]], ros_domain: int) -> None:
    """Protects the hand from a typing error in a variable that has nothing to do with it."""
    code, said = run_command("hand", "stop", MUJOCO_GL="eggl")
    assert (code, said) == (1, "dactyl: there is no hand_driver to stop the hand: is the graph running?\n")


@pytest.fixture
def run_command() -> Callable[..., tuple[int, str]]:
    """`run_command("sim", VARIABLE="value")`: exit code and output of a command."""

    def run(*command: str, **changes: str) -> tuple[int, str]:
        found = subprocess.run(
            [sys.executable, "-m", "dactyl.cli", *command],
            env=os.environ | changes,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return found.returncode, found.stdout

    return run
