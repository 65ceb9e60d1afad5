"""reproduce: what may be asked, and what it answers with."""

from __future__ import annotations

from pathlib import Path

import pytest

from dactyl import cli
from dactyl.reproduction import catalogue, engine, report
from dactyl.reproduction.experiment import Experiment, StoppedError
from tests.reproduction.toys import Toy


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Toy:
    """The only experiment there is; shipped results are in the test's folder."""
    toy = Toy()

    def load(name: str) -> Experiment:
        return toy.experiment(name)

    monkeypatch.setattr(catalogue, "load", load)
    monkeypatch.setattr(catalogue, "everything", lambda: (toy.experiment(),))
    monkeypatch.setattr("dactyl.storage.shared.shared", lambda *parts: tmp_path.joinpath(*parts))
    monkeypatch.setattr("dactyl.reproduction.inputs.shared", lambda *parts: tmp_path.joinpath(*parts))
    return toy


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name an experiment, or choose --list or --page"),
        (["--ship", "--page"], "--ship: name an experiment"),
        (["table-33"], "there is no experiment 'table-33'"),
        (["table-3", "--quick", "--ship"], "figures of the quick form mean nothing"),
    ],
)
def test_wrong_arguments_are_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reproduce", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_rows_are_printed_and_the_cost_comes_first(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["reproduce", "toy", "--out", str(tmp_path / "runs")]) == 0
    printed = capsys.readouterr()
    assert "about 0:05 h" in printed.err.splitlines()[1]
    assert "| what first gives | 7 / 8 | 1 | all |" in printed.out
    assert str(tmp_path / "runs" / "toy" / report.RESULT) in printed.out


def test_a_signal_is_the_exit_code_and_the_same_command_goes_on(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["reproduce", "toy", "--out", str(tmp_path)]
    toy.fails["third"] = StoppedError("SIGTERM")
    assert cli.main(command) == 143
    assert "stopped in the step third" in capsys.readouterr().err
    toy.fails["third"] = KeyboardInterrupt()
    assert cli.main(command) == 130
    toy.fails.clear()
    assert cli.main(command) == 0
    assert toy.done == ["first", "second", "third"]


def test_shipping_then_listing_then_the_page(toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dactyl.reproduction import claims

    out = ["--out", str(tmp_path / "runs")]
    page = tmp_path / "docs" / "paper.md"
    page.parent.mkdir()
    page.write_text(f"{claims.BEGIN}\n{claims.END}\n")
    assert cli.main(["reproduce", "toy", "--ship", "--page", *out]) == 0
    assert (tmp_path / "docs" / "reproduced" / "toy" / report.RESULT).exists()
    assert "| what second gives | 7 / 8 | 2 | all |" in page.read_text()
    capsys.readouterr()
    assert cli.main(["reproduce", "--list", *out]) == 0
    assert "shipped: " in capsys.readouterr().out


def test_results_are_saved_before_anything_is_printed(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects a night's work from a full disk behind standard error, or a reader that has gone."""
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if "took" in text:
            name = text.split()[0]
            assert (tmp_path / "toy" / f"{name}.json").exists()

    engine.run(toy.experiment(), engine.Choice(tmp_path, workers=1), say)
    assert sum("took" in text for text in said) == 3
