"""Every command with --json where nobody takes what is printed: a closed pipe, a full disk. The results are saved."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest

from dactyl import cli, status_line
from dactyl.bringup import claim, processes
from dactyl.bringup.graph import Graph, Node
from dactyl.calibration.model import command as model_calibration
from dactyl.learning import evaluation
from tests.commands.catalogue import commands
from tests.recording.graph_bag import write_graph_bag

WITH_JSON = [" ".join(c.words) for c in commands() if any(name == "json" for name, *_ in c.options())]
NODE = "import sys, pathlib; print('up', flush=True); pathlib.Path(sys.argv[1]).write_text('{\"results\": {}}')"
POLICY = str(Path(__file__).parents[2] / "models" / "block")
WORK = (
    # what takes long gives nothing, and as_text says something: it is saving and printing that is tried
    "dactyl.learning.demonstrate.demonstrate", "dactyl.learning.imitation.train",
    "dactyl.doctor.examine", "dactyl.learning.train.train", "dactyl.learning.benchmark.bench_train",
    "dactyl.learning.cluster.benchmark.measure_parts", "dactyl.learning.cluster.benchmark.plan",
    "dactyl.learning.cluster.benchmark.bench_cluster",
    "dactyl.environment.benchmark.bench_env", "dactyl.vision.trainer.train", "dactyl.vision.evaluation.evaluate",
    "dactyl.vision.states.collect", "dactyl.vision.framing.measure", "dactyl.vision.doubting.fit",
    "dactyl.vision.error_statistics.measure",
    "dactyl.calibration.cameras.read_pictures", "dactyl.calibration.cameras.calibrate",
    "dactyl.calibration.cameras.results", "dactyl.calibration.cameras.write",
    "dactyl.robots.shadow.calibration.joints.calibrate", "dactyl.robots.shadow.calibration.joint_report.results",
    "dactyl.robots.shadow.calibration.joint_report.against_truth", "dactyl.robots.shadow.calibration.joints.Kinematics",
    "dactyl.calibration.model.command._hidden",
    "dactyl.calibration.model.command.calibrate", "dactyl.calibration.model.report.results",
    "dactyl.robot.parameters.write",
)  # fmt: skip
TEXTS = (
    "dactyl.learning.demonstrate.as_text", "dactyl.learning.imitation.as_text",
    "dactyl.learning.train.as_text", "dactyl.learning.benchmark.as_text", "dactyl.learning.cluster.benchmark.as_text",
    "dactyl.environment.benchmark.as_text",
    "dactyl.vision.trainer.as_text", "dactyl.vision.evaluation.as_text", "dactyl.vision.framing.as_text",
    "dactyl.vision.doubting.as_text", "dactyl.vision.error_statistics.as_text", "dactyl.calibration.cameras.as_text",
    "dactyl.robots.shadow.calibration.joint_report.as_text", "dactyl.calibration.model.report.as_text",
    "dactyl.farm.client.as_text", "dactyl.commands.farm._told",
)  # fmt: skip
ARGUMENTS = {
    "sim": ["--trials", "1", "--headless"], "real": ["--trials", "1"], "doctor": [], "train": ["cpu-small"],
    "demonstrate": ["OUT", "--policy", POLICY], "imitate": ["OUT", "demonstrations.safetensors"],
    "evaluate": [], "bench loop": [], "bench env": [], "bench train": [],
    "bench cluster": [], "record": ["--own", "--bag", "OUT"],
    "vision collect": ["--out", "OUT", "--policy", POLICY], "vision train": ["cpu-small"], "vision evaluate": [],
    "vision crop": [], "vision certainty": [], "vision errors": [],
    "calibrate joints": ["--synthetic", "--out", "OUT"], "calibrate cameras": ["BAG", "--out", "OUT"],
    "calibrate model": ["--synthetic", "--out", "OUT"], "replay": ["--bag", "BAG"], "report": ["BAG", "--out", "OUT"],
    "dataset from-bag": ["BAG", "OUT"], "bag info": ["BAG"], "bag recover": ["BAG", "OUT"], "latency": ["BAG"],
    "farm submit": [POLICY], "farm status": ["1"], "farm fetch": ["1", "--out", "OUT"],
}  # fmt: skip
"""Of each command, with BAG for a bag and OUT for something to write."""


class Nothing(dict[str, Any]):
    """A result in which everything is, and is nothing."""

    def __missing__(self, key: str) -> str:
        return ""

    def __getattr__(self, name: str) -> Any:
        return Nothing()

    def __call__(self) -> str:
        return ""

    def __iter__(self) -> Iterator[str]:
        return iter(())


class FarAway:
    """A farm in the client's place."""

    def submit(self, *_: object) -> int:
        return 1

    def status(self, *_: object) -> dict[str, Any]:
        return {}

    def wait(self, *_: object) -> None:
        pass

    def fetch(self, *_: object) -> dict[str, Any]:
        return {"state": "done"}


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bags") / "b"
    write_graph_bag(folder)
    return folder


@pytest.fixture(autouse=True)
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WORK:
        monkeypatch.setattr(name, lambda *_, **__: Nothing())
    for name in TEXTS:
        monkeypatch.setattr(name, lambda *_, **__: "text\n" * 10_000)
    figures = evaluation.summarize([evaluation.Trial(1, "dropped", 2.0)])
    common = {"policy": "p", "object": "block", "randomizations": "all", "actions": "sampled", "pose": "state"}
    monkeypatch.setattr(evaluation, "evaluate", lambda *_: {**common, **figures})
    monkeypatch.setattr("dactyl.vision.states.collect", lambda *_: 1)
    monkeypatch.setattr("dactyl.doctor.show", lambda _: print("text\n" * 10_000))
    monkeypatch.setattr("dactyl.robots.shadow.calibration.synthetic.record", lambda *_, **__: Nothing())
    monkeypatch.setattr("dactyl.robots.shadow.calibration.hall.save", lambda *_: None)
    monkeypatch.setattr(model_calibration, "_hidden", lambda _: (Nothing(), None))
    monkeypatch.setattr("dactyl.farm.client.Client.of", lambda _: FarAway())
    monkeypatch.setattr(claim, "claimed", lambda _: contextlib.nullcontext())

    def command(node: Node, _: Graph) -> list[str]:
        report = str(node.parameters.get("report", ""))
        return [sys.executable, "-c", NODE if report else "import time; time.sleep(60)", report]

    monkeypatch.setattr(processes, "command", command)


def closed_pipe() -> TextIO:
    reading, writing = os.pipe()
    os.close(reading)
    return open(writing, "w", buffering=1)


@pytest.mark.parametrize("name", WITH_JSON)
@pytest.mark.parametrize("full", [False, True], ids=["closed pipe", "full disk"])
def test_results_are_saved_though_nobody_takes_what_is_printed(
    name: str,
    full: bool,
    bag: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A closed pipe is no error; a full disk is one line."""
    assert name in ARGUMENTS, f"give the command {name} its arguments here"
    given = {"BAG": str(bag), "OUT": str(tmp_path / "out")}
    report = tmp_path / "report.json"
    arguments = [*name.split(), *(given.get(word, word) for word in ARGUMENTS[name]), "--json", str(report)]
    with Path("/dev/full").open("w") if full else closed_pipe() as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        code = cli.main(arguments)
    assert "results" in json.loads(report.read_text())
    errors = capsys.readouterr().err
    assert code == int(full), errors
    assert errors.count("dactyl: cannot write to standard output: No space left on device\n") == int(full)
    assert "Traceback" not in errors


def test_the_sweep_sees_the_commands() -> None:
    assert {"evaluate", "bag info", "calibrate joints", "sim"} <= set(WITH_JSON)


LONG = {
    "bench env": "dactyl.environment.benchmark.bench_env", "bench train": "dactyl.learning.benchmark.bench_train",
    "bench cluster": "dactyl.learning.cluster.benchmark.measure_parts",
    "vision collect": "dactyl.vision.states.collect", "vision evaluate": "dactyl.vision.evaluation.evaluate",
    "vision crop": "dactyl.vision.framing.measure", "vision certainty": "dactyl.vision.doubting.fit",
    "vision errors": "dactyl.vision.error_statistics.measure",
    "calibrate joints": "dactyl.robots.shadow.calibration.joints.calibrate",
    "calibrate cameras": "dactyl.calibration.cameras.calibrate",
    "calibrate model": "dactyl.calibration.model.command.calibrate",
    "dataset from-bag": "dactyl.recording.test_sets.from_bag.make",
    "env show": "dactyl.tasks.reorient.showcase.show", "film": "dactyl.learning.film.film",
    "vision show": "dactyl.vision.showcase.show", "demonstrate": "dactyl.learning.demonstrate.demonstrate",
}  # fmt: skip
"""What takes long in each of these commands. evaluate and train say more, and have tests of their own."""


@pytest.mark.parametrize("name", LONG)
def test_a_long_command_is_never_silent(
    name: str, bag: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects people who follow a log: at least a line a minute, here every 0.05 s."""

    def work(*_: object, **__: object) -> object:
        time.sleep(0.2)
        return 1 if name == "vision collect" else Nothing()

    monkeypatch.setattr(status_line, "EVERY", 0.05)
    monkeypatch.setattr(LONG[name], work)
    given = {"BAG": str(bag), "OUT": str(tmp_path / "out")}
    chosen = ARGUMENTS.get(name, ["OUT"] if name == "film" else ["--out", "OUT"])
    assert cli.main([*name.split(), *(given.get(word, word) for word in chosen)]) == 0
    assert ", after 0:00:00" in capsys.readouterr().err
