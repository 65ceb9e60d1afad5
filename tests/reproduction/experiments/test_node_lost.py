"""A lost node: when it is killed, what the rows say of it, and the picture."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.reproduction import training
from dactyl.reproduction.experiment import Here, Size
from dactyl.reproduction.experiments import node_lost
from dactyl.reproduction.moving import QUANTILE
from tests.reproduction.experiments.synthetic import drawn, trained

CLUSTER: dict[str, Any] = {"at": [0.5e6, 1e6], "working": [2.0, 1.0], "dropped": 1.0, "lost": 0.0, "age": 0.8}
RESULTS = {
    "one-machine": trained(2.0) | {"end": [1.0, 0.9, 1.1]},
    "left-alone": trained(2.0) | {"end": [1.0, 0.9, 1.1], **CLUSTER, "changes": []},
    "node-lost": trained(2.0) | {"end": [0.95, None, None], **CLUSTER, "lost": 1.0, "changes": [0.4e6, 0.6e6]},
}


def test_nothing_but_the_cluster_differs() -> None:
    """Protects the comparison: one preset, seed and number of steps."""
    settings = [step.settings for step in node_lost.EXPERIMENT.plan(Size())]
    assert settings[0] == settings[1] == settings[2]


def test_changes_come_when_the_training_is_so_far() -> None:
    far = iter([0.0, 20.0, 40.0, 40.0, 60.0])
    done: list[str] = []
    changes = {0.4: lambda: done.append("killed"), 0.5: lambda: done.append("joined")}
    assert node_lost.change(changes, lambda: next(far), 100, lambda: False) == [40.0, 60.0]
    assert done == ["killed", "joined"]
    assert node_lost.change({}, lambda: 0.0, 100, lambda: False) == []


def test_a_training_that_ends_before_its_nodes_have_changed_is_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the claim that a node was lost, by the pipe alone: no node of Ray's is started."""
    assert node_lost.change({0.5: lambda: None}, lambda: 30.0, 100, lambda: True) == []

    @contextmanager
    def nodes(*_: object) -> Iterator[Any]:
        ours, theirs = multiprocessing.Pipe()
        theirs.send("127.0.0.1:1")
        theirs.send([400.0])
        yield ours

    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(node_lost, "_nodes", nodes)
    monkeypatch.setattr(training, "train", lambda here, preset, **options: asked.append(options) or {})
    lost = node_lost.EXPERIMENT.plan(Size(quick=True))[2]
    with pytest.raises(DactylError, match="ended after 20,000 steps, before its nodes had changed"):
        lost.do(Here(tmp_path, {}, {}))
    assert asked == [{"workers": 1, "rollout_workers": 2, "address": "127.0.0.1:1"}]


def test_the_end_is_the_last_fifth() -> None:
    table = {"steps": np.arange(1.0, 11.0), "goals_per_minute": np.array([9.0] * 7 + [1.0, 2.0, 3.0])}
    mean, low, high = node_lost.end(table)
    assert mean == 2.0
    assert high - 2.0 == pytest.approx(2.0 - low) == pytest.approx(QUANTILE / 3**0.5)
    assert np.isnan(node_lost.end({name: values[:1] for name, values in table.items()})[1])


def test_the_rows_say_what_was_lost() -> None:
    alone, ray, lost = (row.ours for row in node_lost.EXPERIMENT.rows(RESULTS))
    assert alone == "1.00 goals a minute at its end (90 %: 0.90 … 1.10), 2,000 steps/s"
    assert ray == alone + ", policies 0.8 updates old, rollouts dropped: 1"
    assert lost.startswith("0.95 goals a minute at its end (90 %: nan … nan)")
    assert lost.endswith("; killed after 0.40 M steps, joined after 0.60 M, workers lost: 1")


def test_the_picture() -> None:
    goals, workers = drawn(node_lost.EXPERIMENT, RESULTS).axes
    assert len(goals.lines) == 3 + 2
    assert len(workers.lines) == 2 + 2
