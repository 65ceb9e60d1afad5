"""From a specialist's file to a file of demonstrations, in a task that is solved at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dactyl import cli
from dactyl.errors import DactylError
from dactyl.learning import demonstrations
from dactyl.learning.demonstrate import as_text, demonstrate
from dactyl.learning.models.recurrent import Architecture
from dactyl.learning.options import DemonstrateOptions
from dactyl.learning.policy import Contract, Policy

EASY = "{tolerance: 3.1, max_successes: 1}"


@pytest.fixture
def specialist(tmp_path: Path) -> Path:
    """Untrained, without smoothing."""
    torch.manual_seed(0)
    Policy(Contract(architecture=Architecture((8,), 0), smoothing=1.0)).save(tmp_path / "policy.safetensors")
    return tmp_path / "policy.safetensors"


def test_episodes_that_succeed_are_in_the_file(specialist: Path, tmp_path: Path) -> None:
    """Nearly any orientation counts as reached here, so each control step is an episode."""
    options = DemonstrateOptions(specialist, "none", steps=3, environments=4, rules=EASY, threads=1)
    outcome = demonstrate(tmp_path / "shown.safetensors", options)
    assert outcome["object"] == "block"
    assert outcome["kept"] >= 6
    found = demonstrations.load([tmp_path / "shown.safetensors"])
    assert len(found) == outcome["rows"] >= outcome["kept"] == found.about.kept
    assert found.about.specialists == (str(specialist),)
    assert found.action.abs().max() <= 1.0
    assert f"{outcome['kept']} of {outcome['ended']} episodes" in as_text(outcome)


def test_images_that_the_robot_cannot_take_are_refused(specialist: Path, tmp_path: Path) -> None:
    options = DemonstrateOptions(specialist, "none", steps=1, environments=1, images=("depth",))
    with pytest.raises(DactylError, match="the robot shadow has no eye 'depth'"):
        demonstrate(tmp_path / "shown.safetensors", options)


def test_a_file_that_cannot_be_written_is_known_before_any_work(
    specialist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["demonstrate", "/nowhere/a.safetensors", "--policy", str(specialist)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
