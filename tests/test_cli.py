"""What every command has in common."""

from __future__ import annotations

import subprocess
import sys
from typing import NoReturn

import pytest

from dactyl import cli, doctor
from dactyl.errors import DactylError


def test_a_users_mistake_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Protects users from tracebacks."""
    assert cli.main(["doctor", "--json", "/nowhere/out.json"]) == 1
    assert capsys.readouterr().err == "dactyl: cannot write results to /nowhere/out.json: there is no folder /nowhere\n"


@pytest.mark.parametrize(("error", "code"), [(DactylError("no"), 1), (KeyboardInterrupt(), 130)])
def test_exit_codes(monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    """Protects scripts that run commands."""

    def fail() -> NoReturn:
        raise error

    monkeypatch.setattr(doctor, "examine", fail)
    assert cli.main(["doctor"]) == code


@pytest.mark.parametrize("arguments", [["no-such-command"], ["doctor", "--no-such-option"], []])
def test_wrong_arguments_exit_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the usual meaning of exit code 2."""
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    assert exit_.value.code == 2


def test_no_help_waits_for_the_big_libraries() -> None:
    """Protects the speed of every command's --help, robots' own commands included."""
    code = """
import contextlib, io, sys
from tyro.extras import SubcommandApp
from dactyl import cli

def show(app, words):
    for name, spec in list(app._subcommands.items()):
        with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
            cli.main([*words, name, "--help"])
        assert "usage: dactyl " + " ".join([*words, name]) in printed.getvalue()
        if isinstance(spec.target, SubcommandApp):
            show(spec.target, [*words, name])

show(cli.app, [])
print(*({"torch", "mujoco", "rclpy", "cv2", "warp"} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_starting_the_command_line_imports_nothing_heavy() -> None:
    """Protects the speed of --help: the big libraries are imported inside the commands that need them."""
    code = "import sys, dactyl.cli; print(*({'torch', 'mujoco', 'rclpy', 'numpy', 'cv2', 'warp'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
