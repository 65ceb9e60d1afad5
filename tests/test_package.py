"""`pip install .` gives environment, training, evaluation and the command line: no ROS, no front door."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = (ROOT / "pyproject.toml").read_text()

PRESET = """
extends: cpu-small
num_envs: 16
horizon: 8
total_steps: 256
policy: {dense: [16], lstm: 0}
value: {dense: [16], lstm: 0}
ppo: {sequence: 8, minibatch: 64, minibatches: 2}
stages: [{}]
"""
# What `./dactyl` installs and pip alone does not: as if it were not there.
WITHOUT_ROS = "import sys; sys.modules.update(dict.fromkeys(['rclpy', 'dactyl_msgs', 'ament_index_python', 'mcap']))\n"


def tracked() -> list[Path]:
    """Files of the repository, those not yet committed too, relative to it."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [Path(name) for name in names if name and (ROOT / name).exists()]


def test_every_shared_folder_is_shipped() -> None:
    """Protects an installation from lacking a new model or a new folder of parameters."""
    shipped = dict(re.findall(r'^"share/dactyl/([^"]+)" = \["([^"]+)"\]', PROJECT, re.MULTILINE))
    for path in tracked():
        if path.parts[0] in ("config", "models"):
            assert path.match(shipped[str(path.parent)]), path


@pytest.mark.slow
def test_an_installed_wheel_trains_and_evaluates(tmp_path: Path) -> None:
    """Presets and weights are found, a policy is trained and judged; what needs ROS says so in one line."""
    source, target = tmp_path / "source", tmp_path / "installed"
    for path in tracked():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, source / path, follow_symlinks=False)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--target", target, source], check=True)
    assert (target / "dactyl" / "py.typed").is_file()

    (target / "sitecustomize.py").write_text(WITHOUT_ROS)
    (tmp_path / "tiny.yaml").write_text(PRESET)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def dactyl(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, target / "bin" / "dactyl", *arguments],
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(target)},
            capture_output=True,
            text=True,
        )

    for arguments in (
        ["train", "tiny.yaml", "--threads", "1"],
        ["evaluate", "--policy", "runs/tiny", "--trials", "1", "--json", "trained.json"],
        ["evaluate", "--trials", "1", "--randomizations", "none", "--json", "shipped.json"],
    ):
        run = dactyl(*arguments)
        assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "shipped.json").is_file()

    for arguments, advice in (
        (["sim"], "run ./dactyl in a checkout"),
        (["record", "--own"], "'.[recording]'"),
    ):
        run = dactyl(*arguments)
        assert run.returncode == 1, run.stdout
        assert advice in run.stderr
        assert run.stderr.count("\n") == 1, run.stderr
