"""All numbers of the command line are checked before work begins: a sweep over every option of every command."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

import pytest

from dactyl import cli, ranges
from dactyl.commands import app
from dactyl.errors import WrongArgumentError
from tests.commands.catalogue import Command, commands

COMMANDS = commands()
WRONG = ("-1", "0", "nan", "inf", "-inf", str(2**64), "1e400", "many", "")
MAY_BE = {
    "0": {
        "--seed", "--threads", "--limit", "--split-mb", "--position", "--quaternion", "--fingers-raised",
        "--cameras-within", "--poses-within", "--every", "--noise", "--apart", "--falling",
        "--rollout-workers",
    },
    "-1": {"--position", "--quaternion", "--fingers-raised"},
    "inf": {"--minutes"},
    "1e400": {"--minutes"},
    str(2**64): {
        "--minutes", "--position", "--quaternion", "--square", "--marker", "--speed", "--cameras-within",
        "--poses-within", "--every",
    },
}  # fmt: skip
"""What is wrong for most options and right for these."""
ALSO = {
    ("sim", "--trials", "0"), ("real", "--trials", "0"), ("record", "--seconds", "0"),
    ("calibrate exercise", "--steps", "0"),
    ("hand watch", "--dead-man-button", "0"),
}  # fmt: skip
"""Where 0 means: without end; and the first button."""
NOT = {("film", "--every", "0"), ("film", "--every", str(2**64)), ("bench env", "--threads", "0")}


def accepted(command: Command, option: str, text: str) -> bool:
    case = (" ".join(command.words), option, text)
    return case in ALSO or (option in MAY_BE.get(text, set()) and case not in NOT)


class StartedError(Exception):
    """A command's work began."""


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: Any, **__: Any) -> None:
        raise StartedError

    monkeypatch.setattr(app, "run", run)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: "-".join(command.words))
@pytest.mark.usefixtures("no_work")
def test_a_number_out_of_its_range_is_one_line_before_any_work(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects an hour of work from a number that only its end refuses."""
    for option, length in command.numbers():
        for text in WRONG:
            arguments = [*command.words, *command.placeholders(), option, *[text] * length]
            if accepted(command, option, text):
                with pytest.raises(StartedError):
                    cli.main(arguments)
                continue
            assert cli.main(arguments) == 2, arguments
            printed = capsys.readouterr()
            assert printed.err.startswith(f"dactyl: {option} must be a"), arguments
            assert (printed.out, printed.err.count("\n")) == ("", 1)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: "-".join(command.words))
def test_each_number_says_which_it_may_be(command: Command) -> None:
    """Protects that whoever adds an option thinks of its range: a bare int or float is refused here."""

    def bare(hint: Any) -> bool:
        if typing.get_origin(hint) is typing.Annotated:
            return bare(typing.get_args(hint)[0]) and not any(isinstance(x, ranges.Range) for x in hint.__metadata__)
        return hint in (int, float) or any(map(bare, typing.get_args(hint)))

    assert [name for name, hint, _ in command.options() if bare(hint)] == []


def test_the_sweep_sees_the_command_lines_numbers() -> None:
    """Protects the sweep from finding nothing to try."""
    found = {(" ".join(command.words), option) for command in COMMANDS for option, _ in command.numbers()}
    assert {("evaluate", "--seed"), ("train", "--minutes"), ("calibrate joints", "--moments")} <= found
    assert len(found) > 50


@pytest.mark.usefixtures("no_work")
def test_what_may_be_left_out_may_be_none() -> None:
    """Protects tyro's way to say that an option is not given."""
    with pytest.raises(StartedError):
        cli.main(["train", "cpu-small", "--seed", "None"])


def test_a_command_that_a_package_adds_is_checked_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Protects commands of robots that know nothing of ranges: their numbers must be finite."""
    group = app.Commands()

    def add(command: Callable[..., Any]) -> None:
        group.command(name="turn")(command)

    def turn(speed: float) -> None:
        """Turn."""
        print(speed)

    add(turn)
    add_other = group.command(name="stay")
    add_other(lambda: None)
    group.cli(prog="x", args=["turn", "--speed", "1.5"], registry=app.NUMBERS)
    assert capsys.readouterr().out == "1.5\n"
    with pytest.raises(WrongArgumentError, match="--speed must be a finite number, not nan"):
        group.cli(prog="x", args=["turn", "--speed", "nan"], registry=app.NUMBERS)
