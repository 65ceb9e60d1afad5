"""The whole command on a cluster of this machine's own: it ends in order, and what is killed costs little."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dactyl.learning import checkpoint

pytest.importorskip("ray", reason="needs Ray: pip install '.[cluster]'")

pytestmark = pytest.mark.slow

PRESET = """
num_envs: 4
total_steps: {steps}
checkpoint_minutes: 0.05
policy: {{dense: [8], lstm: 4}}
value: {{dense: [8], lstm: 4}}
collection: {{horizon: 4, sequence: 4}}
ppo: {{minibatch: 8, minibatches: 2}}
environment: {{start_steps: 2, reset_pool: 0.4, scene: {{object: sphere}}}}
"""
ENDLESS = 10**9
MARK = "DACTYL_TEST_CLUSTER"


def _environment(own: bool) -> dict[str, str]:
    """This process's, without what its own Ray was prepared with."""
    return {name: value for name, value in os.environ.items() if not (own and name.startswith("RAY_"))}


def heard_from_outside(processes: Iterable[int]) -> list[str]:
    """Addresses, as the kernel writes them, where any of the processes listens to more than this machine."""
    sockets = set()
    for number in processes:
        with suppress(OSError):  # it has ended meanwhile
            sockets |= {os.readlink(link)[8:-1] for link in Path(f"/proc/{number}/fd").iterdir()}
    text = "".join(Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6"))
    lines = [line.split() for line in text.splitlines()]
    listening = [line[1] for line in lines if line[3] == "0A" and line[9] in sockets]
    assert listening
    loopback = ("0100007F:", "0000000000000000FFFF00000100007F:", "00000000000000000000000001000000:")
    return [address for address in listening if not address.startswith(loopback)]


class Command:
    """`train --cluster local` as a process, and all that descends from it."""

    def __init__(self, folder: Path, steps: int, *options: str, cluster: str = "local") -> None:
        self.out = folder / "run"
        self.preset = folder / "tiny.yaml"
        self.preset.write_text(PRESET.format(steps=steps))
        self.log = folder / "log.txt"
        self.mark = uuid.uuid4().hex
        arguments = ["train", str(self.preset), "--out", str(self.out), "--cluster", cluster, *options]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dactyl.cli", *arguments],
                stdout=log,
                stderr=log,
                env={**_environment(own=cluster == "local"), MARK: self.mark},
                start_new_session=True,
            )

    def said(self) -> str:
        return self.log.read_text()

    def end(self, seconds: float = 120.0) -> int:
        return self.process.wait(seconds)

    def family(self) -> dict[int, str]:
        """Command lines of all processes that it has started and that still run, by their numbers."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended meanwhile
                marked = f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes().split(b"\0")
                if marked and (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        return found

    def wait_for(self, checkpoints: int, seconds: float = 120.0) -> None:
        deadline = time.monotonic() + seconds
        while len(checkpoint.find(self.out)) < checkpoints:
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.2)

    def is_alone(self, seconds: float = 30.0) -> bool:
        """Whether nothing is left of it within that time."""
        deadline = time.monotonic() + seconds
        while self.family() and time.monotonic() < deadline:
            time.sleep(0.2)
        return not self.family()

    def rows(self) -> list[dict[str, str]]:
        if not (self.out / "progress.csv").is_file():
            return []
        with (self.out / "progress.csv").open(newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def commands() -> Iterator[list[Command]]:
    """What is started in a test is gone after it."""
    started: list[Command] = []
    yield started
    for command in started:
        for number in command.family():
            os.kill(number, signal.SIGKILL)


@pytest.mark.parametrize("options", [("--rollout-workers", "2"), ("--workers", "2")], ids=["apart", "together"])
def test_a_training_ends_with_its_checkpoint_and_leaves_no_process(
    options: tuple[str, ...], commands: list[Command], tmp_path: Path
) -> None:
    commands.append(command := Command(tmp_path, 160, *options))
    assert command.end() == 0, command.said()
    assert "done after 160 steps" in command.said()
    assert [int(row["steps"]) for row in command.rows()] == list(range(16, 161, 16))
    assert command.is_alone()


def test_ctrl_c_ends_it_in_order(commands: list[Command], tmp_path: Path) -> None:
    """Protects from processes that outlive the command: a terminal's ctrl-C goes to all of its group."""
    commands.append(command := Command(tmp_path, ENDLESS, "--rollout-workers", "2"))
    command.wait_for(1)
    assert heard_from_outside(command.family()) == []
    os.killpg(command.process.pid, signal.SIGINT)
    assert command.end() == 0, command.said()
    assert "stopped by SIGINT" in command.said()
    assert command.is_alone()


def test_a_killed_command_leaves_no_process(commands: list[Command], tmp_path: Path) -> None:
    commands.append(command := Command(tmp_path, ENDLESS, "--rollout-workers", "2"))
    command.wait_for(1)
    command.process.kill()
    assert command.is_alone(100.0), command.family()  # two of Ray's own watch for a minute first


def test_a_killed_optimizer_goes_on_from_its_checkpoint(commands: list[Command], tmp_path: Path) -> None:
    commands.append(command := Command(tmp_path, ENDLESS, "--rollout-workers", "2"))
    command.wait_for(1)
    (optimizer,) = [number for number, line in command.family().items() if "ray::Optimizer" in line]
    os.kill(optimizer, signal.SIGKILL)
    before = checkpoint.find(command.out)[-1]
    deadline = time.monotonic() + 120.0
    while checkpoint.find(command.out)[-1] == before:
        assert time.monotonic() < deadline, command.said()
        time.sleep(0.2)
    assert f"an optimizer was lost; training goes on from {before.name}" in command.said()
    os.kill(command.process.pid, signal.SIGTERM)
    assert command.end() == 0, command.said()
    steps = [int(row["steps"]) for row in command.rows()]
    assert steps == sorted(set(steps))
    assert command.is_alone()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1:1", "[Errno 111] Connection refused"),
        ("nowhere", "a cluster is local, auto or HOST:PORT"),
        ("auto", "Could not find any running Ray instance"),
    ],
)
def test_a_cluster_that_is_not_there_is_one_clear_error(address: str, reason: str, tmp_path: Path) -> None:
    preset = tmp_path / "tiny.yaml"
    preset.write_text(PRESET.format(steps=16))
    arguments = ["train", str(preset), "--out", str(tmp_path / "run"), "--cluster", address]
    alone = {**os.environ, "RAY_TMPDIR": str(tmp_path)}  # where Ray notes the clusters of this machine
    ended = subprocess.run(
        [sys.executable, "-m", "dactyl.cli", *arguments],
        capture_output=True, text=True, timeout=120, check=False, env=alone,
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(f"dactyl: no Ray cluster at {address}: {reason}")
    assert len(ended.stderr.splitlines()) == 1
