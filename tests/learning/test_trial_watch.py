"""What an evaluation tells while it runs, and how it is ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from dactyl.learning.models.recurrent import Architecture
from dactyl.learning.policy import Contract, Policy
from dactyl.learning.trial_watch import Standing, TrialWatch


class Eyes:
    watched: torch.Tensor | None = None
    seconds = 0.25
    pictures_per_s = 24.0
    about: Mapping[str, Any] = {"renderer": "raytracer"}

    def __call__(self, qpos: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


def standing(goals: list[int], running: list[bool], seconds: float = 8.0) -> Standing:
    return Standing(torch.tensor(running), torch.tensor(goals), seconds)


def test_eyes_look_only_where_a_trial_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the hours that pictures of ended trials would cost; says beforehand what the others do."""
    eyes = Eyes()
    with TrialWatch(2, 50, eyes, lambda: False) as watch:
        assert watch(standing([0, 0], [True, True], 0.0))
        assert watch(standing([1, 0], [True, False]))
        assert "24 pictures/s" in watch._line._line()
    assert eyes.watched is not None
    assert eyes.watched.tolist() == [True, False]
    told = capsys.readouterr().err
    assert "pose from images (raytracer): 0.25 s for the pictures of 2 trials" in told
    assert "a thousand steps take 0:04:10" in told


def test_the_line_says_trials_goals_and_time_left() -> None:
    watch = TrialWatch(3, 50, None, lambda: False)
    watch(standing([50, 10, 20], [False, True, True]))
    assert "1 of 3 trials ended, 80 goals reached, 8 simulated seconds" in watch._line._line()
    assert "at most" in watch._line._line()
    watch(standing([0, 0, 0], [True] * 3))
    assert "left" not in watch._line._line(), "nobody knows"


def test_a_signal_ends_it() -> None:
    stopped: list[str] = []
    watch = TrialWatch(1, 50, None, lambda: bool(stopped))
    assert watch(standing([0], [True]))
    stopped.append("SIGINT")
    assert not watch(standing([0], [True]))


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_evaluation_is_saved(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """As a person does it, with ctrl-C after some trials."""
    torch.manual_seed(0)
    policy, report = tmp_path / "policy.safetensors", tmp_path / "out.json"
    Policy(Contract(architecture=Architecture((8,), 4))).save(policy)
    program = "import sys; from dactyl import cli, status_line; status_line.EVERY = 0.2; sys.exit(cli.main())"
    command = [sys.executable, "-c", program, "evaluate", "--policy", str(policy), "--trials", "30"]
    command += ["--threads", "1", "--json", str(report)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if "trials ended" in line and not line.startswith("0 of"):
                break
        run.send_signal(number)
        out, _ = run.communicate(timeout=60)
    assert run.returncode == code
    results = json.loads(report.read_text())["results"]
    assert results["incomplete"] == {"asked": 30, "signal": number.name}
    assert 0 < len(results["trials"]) < 30
    assert "INCOMPLETE" in out
