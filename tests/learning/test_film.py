"""Films of a policy: files that other programs can read."""

from pathlib import Path

import cv2
import pytest
import torch
from PIL import Image

from dactyl import cli
from dactyl.learning.models.recurrent import Architecture
from dactyl.learning.policy import Contract, Policy


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "policy.safetensors"
    Policy(Contract(architecture=Architecture((8,), 4))).save(path)
    return path


def test_films(policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As long as was asked for, in real time, and not a still."""
    common = ["--policy", str(policy), "--seconds", "1.6", "--width", "160"]
    gif, mp4 = tmp_path / "new" / "a.gif", tmp_path / "a.mp4"
    assert cli.main(["film", str(gif), *common, "--every", "4"]) == 0
    assert "0 goals in 1.6 s, then the film's end" in capsys.readouterr().out
    with Image.open(gif) as film:
        assert (film.size, film.n_frames, film.info["duration"]) == ((160, 120), 5, 320)
        first = film.convert("RGB").tobytes()
        film.seek(4)
        assert film.convert("RGB").tobytes() != first
    assert cli.main(["film", str(mp4), *common]) == 0
    video = cv2.VideoCapture(str(mp4))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 20
    assert video.get(cv2.CAP_PROP_FPS) == 12.5


def test_a_film_is_of_the_rules_that_are_asked_for(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects films of policies that know easier goals than their task's."""
    command = ["film", str(tmp_path / "a.gif"), "--policy", str(policy), "--seconds", "1.6", "--width", "64", "--rules"]
    assert cli.main([*command, "{timeout: 0.8}"]) == 0
    assert "0 goals in 0.8 s, then timeout" in capsys.readouterr().out
    assert cli.main([*command, "{kindness: 3}"]) == 1
    assert "unknown key rules.kindness" in capsys.readouterr().err


def test_what_cannot_be_filmed(policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for out, more, message in (
        ("a.avi", [], "must end in .gif or .mp4"),
        ("policy.safetensors/a.gif", ["--seconds", "1"], "cannot write the film"),
    ):
        assert cli.main(["film", str(tmp_path / out), "--policy", str(policy), *more]) == 1
        error = capsys.readouterr().err
        assert message in error
        assert len(error.splitlines()) == 1
