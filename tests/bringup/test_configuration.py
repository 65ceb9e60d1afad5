"""Parameter files: what is wrong with them is said before any node starts."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from dactyl import cli
from dactyl.bringup import configuration
from dactyl.bringup.options import RealOptions, SimOptions
from dactyl.bringup.run import real_graph, sim_graph
from dactyl.errors import DactylError

ROOT = Path(__file__).resolve().parents[2]


def file(folder: Path, content: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(content)
    return path


def trial(folder: Path, parameters: str) -> dict[str, Any]:
    """What a file says of the referee."""
    path = file(folder, f"/dactyl:\n  trial:\n    ros__parameters:\n      {parameters}\n")
    return dict(configuration.read(path)["trial"])


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ("up: [0, -0.995, 0.0998]", {"up": [0.0, -0.995, 0.0998]}),
        ("up: [0, -1, 0]", {"up": [0.0, -1.0, 0.0]}),
        ("rest_position: [0, -3e-2, 1]", {"rest_position": [0.0, -0.03, 1.0]}),
        ("timeout: 80", {"timeout": 80.0}),
        ("trials: 3.0", {"trials": 3}),
        ("autostart: no", {"autostart": False}),
        ("use_sim_time: true", {"use_sim_time": True}),
        ('command: "5"', {"command": "5"}),
    ],
)
def test_numbers_are_numbers(tmp_path: Path, parameters: str, found: dict[str, Any]) -> None:
    """Protects `up: [0, -0.995, 0.0998]`, in which ROS's own parser stumbles over the whole number."""
    assert trial(tmp_path, parameters) == found


@pytest.mark.parametrize(
    "content",
    [
        "/dactyl/trial:\n  ros__parameters:\n    timeout: 7\n",
        "/**:\n  trial:\n    ros__parameters:\n      timeout: 7\n",
        "/**/trial:\n  ros__parameters:\n    timeout: 7\n",
        "/**:\n  ros__parameters:\n    timeout: 7\n",
        "/left:\n  trial:\n    ros__parameters: {timeout: 7}\n",
        "/dactyl:\n  trial:\n    ros__parameters: {timeout: 7}\n/**:\n  ros__parameters: {timeout: 9}\n",
    ],
)
def test_every_form_of_a_section_counts(tmp_path: Path, content: str) -> None:
    """Protects files that `ros2 param dump` or others wrote; a node's own section counts more than everybody's."""
    assert configuration.read(file(tmp_path, content), "/left")["trial"] == {"timeout": 7.0}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "/dactyl:\n  hand_drivr:\n    ros__parameters: {}\n",
            "2: there is no node hand_drivr: did you mean hand_driver?",
        ),
        ("/dactyl:\n  xyz: {}\n", "2: there is no node xyz: there are: action_filter, camera, "),
        ("/dactil:\n  trial: {}\n", "1: unknown section /dactil: did you mean /dactyl?"),
        ("trial:\n  ros__parameters: {}\n", "1: unknown section trial: there are: /dactyl, /**"),
        ("/dactyl/trail:\n  ros__parameters: {}\n", "1: there is no node trail: did you mean trial?"),
        ("/dactyl:\n  trial:\n    timeout: 3\n", "3: trial has timeout where ros__parameters belongs"),
        ("/dactyl:\n  trial: [1, 2]\n", "2: expected ros__parameters of trial, each with a colon, not [1, 2]"),
        ("/dactyl:\n  trial:\n    ros__parameters: 3\n", "3: expected parameters of trial, each with a colon, not 3"),
        ("- 1\n", "1: expected namespaces, each with a colon, not [1]"),
        ("just text\n", "1: expected namespaces, each with a colon, not 'just text'"),
        ("/**:\n  ros__parameters:\n    time_out: 3\n", "3: no node has a parameter time_out"),
        ("/dactyl:\n  trial: {}\n  trial: {}\n", "3: trial is there twice, first in line 2"),
    ],
)
def test_unknown_sections_are_refused_by_name_and_line(tmp_path: Path, content: str, message: str) -> None:
    """Protects the hand: `hand_drivr:` for `hand_driver:` would start the driver with no limit at all."""
    path = file(tmp_path, content)
    with pytest.raises(DactylError) as error:
        configuration.read(path)
    assert str(error.value).startswith(f"{path}:{message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("time_out: 3", "trial has no parameter time_out: did you mean timeout?"),
        ("use_simtime: true", "trial has no parameter use_simtime: did you mean use_sim_time?"),
        ("timeout: soon", "parameter timeout must be a float, not 'soon'"),
        ("timeout:", "parameter timeout has no value"),
        ("timeout: .nan", "parameter timeout must be a number, not NaN"),
        ("timeout: -1", "parameter timeout = -1.0 is outside"),
        ("timeout: [80]", "parameter timeout must be a float, not [80]"),
        ("timeout: {s: 80}", "trial has no parameter timeout.s: did you mean timeout?"),
        ("trials: 2.5", "parameter trials must be a int, not 2.5"),
        ("trials: true", "parameter trials must be a int, not True"),
        ("seed: 99999999999999999999", "parameter seed = 99999999999999999999 does not fit into 64 bits"),
        ("up: [0, one, 0]", "parameter up[1] must be a float, not 'one'"),
        ("up: [0, 1]", "parameter up must have 3 elements, not 2"),
        ("up: 0, -0.995, 0.0998", "parameter up must be a list, not '0, -0.995, 0.0998'"),
        ("command: 5", "parameter command must be a str, not 5: put it in quotes"),
        ('command: "a\\0b"', "parameter command must be a text without NUL"),
        ("use_sim_time: 1", "parameter use_sim_time must be a bool, not 1"),
    ],
)
def test_a_wrong_parameter_is_one_line_with_file_and_line(tmp_path: Path, parameters: str, message: str) -> None:
    """Protects whoever edits the file from fourteen lines of traceback by each of ten nodes."""
    with pytest.raises(DactylError) as error:
        trial(tmp_path, parameters)
    assert str(error.value).startswith(f"{tmp_path}/mine.yaml:4: {message}")
    assert "\n" not in str(error.value)


def test_a_file_of_ones_own_is_laid_over_the_shipped_one(tmp_path: Path) -> None:
    """Protects the shipped limits of the hand: a file that names one of them does not lift the others."""
    path = file(tmp_path, "/dactyl:\n  hand_driver:\n    ros__parameters:\n      max_effort: [500]\n")
    shipped, mine = (real_graph(RealOptions(config=config)).configuration["hand_driver"] for config in ("", str(path)))
    assert mine == {**shipped, "max_effort": [500.0]}
    assert sim_graph(SimOptions(config=str(path))).configuration["hand_driver"]["max_effort"] == [500.0]


@pytest.mark.parametrize("command", ["sim", "real"])
def test_no_node_starts_with_a_wrong_file(tmp_path: Path, command: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Protects the way from the command line: one line, exit code 1, and nothing else."""
    path = file(tmp_path, "/dactyl:\n  trail: {}\n")
    assert cli.main([command, "--config", str(path)]) == 1
    assert capfd.readouterr() == ("", f"dactyl: {path}:2: there is no node trail: did you mean trial?\n")
    assert cli.main([command, "--config", "/nowhere.yaml"]) == 1
    assert capfd.readouterr().err == "dactyl: cannot read /nowhere.yaml: No such file or directory\n"


@pytest.mark.parametrize("name", ["real.yaml", "sim.yaml"])
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path: Path, name: str) -> None:
    """Protects from every typing error: 300 files that lost, gained or swapped some characters."""
    text = (ROOT / "config" / name).read_text()
    generator = random.Random(0)
    refused = 0
    for _ in range(300):
        i, j = sorted(generator.sample(range(len(text)), 2))
        j = min(j, i + generator.randrange(1, 30))
        put = generator.choice(["", text[i:j] * 2, "".join(generator.choices(":[]{}&*!|>'\"%@`,#-? \n\t\0aé0.e", k=3))])
        said = mistake(file(tmp_path, text[:i] + put + text[j:]))
        refused += bool(said)
        assert not said or said.startswith((f"{tmp_path}/mine.yaml", f"cannot read {tmp_path}/mine.yaml"))
        assert "\n" not in said
    assert refused > 100


def mistake(path: Path) -> str:
    """What is wrong with a file; empty if nothing is."""
    try:
        configuration.read(path)
    except DactylError as error:
        return str(error)
    return ""
