"""The probe of the memory on made-up episodes: it finds what is in them, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dactyl.environment.hidden import effects_names, physics_names
from dactyl.environment.task import effects_size, physics_size
from dactyl.errors import DactylError
from dactyl.reproduction.experiment import Here, Size
from dactyl.reproduction.experiments import memory_probe
from dactyl.robot import robot as robots
from tests.reproduction.experiments.synthetic import drawn, plain

SHADOW = robots.load("shadow")
COLUMNS = memory_probe.quantities(SHADOW)
EPISODES = 400


def record(strength: tuple[float, ...] = (0.0, 1.0), lasted: int = EPISODES) -> dict[str, np.ndarray]:
    """Two moments; the memory holds the object's size, so strongly, and the delays, always; nothing else."""
    random = np.random.default_rng(0)
    truth = random.standard_normal((EPISODES, physics_size(SHADOW) + effects_size(SHADOW)))
    truth[:, COLUMNS["object size"]] = random.uniform(0.95, 1.05, (EPISODES, 1))
    truth[:, COLUMNS["delayed"]] = random.random((EPISODES, 20)) < 0.5
    truth[:, COLUMNS["gravity compensation"]] = 1.0  # never varied
    size = (truth[:, COLUMNS["object size"]] - 1.0) / 0.03
    moments = []
    for share in strength:
        memory = random.standard_normal((EPISODES, 40))
        memory[:, [0]] = share * size + 0.3 * memory[:, [0]]
        memory[:, 1:21] = truth[:, COLUMNS["delayed"]] + 0.2 * memory[:, 1:21]
        moments.append(memory)
    alive = np.zeros((len(strength), EPISODES), bool)
    alive[:, :lasted] = True
    seen = random.standard_normal((len(strength), EPISODES, 10))
    return {"memory": np.stack(moments), "seen": seen, "lasted": alive, "truth": truth}


@pytest.fixture(scope="module")
def read() -> list[dict[str, Any]]:
    return memory_probe.probed(record(), COLUMNS)


def test_names_say_what_each_hidden_number_is() -> None:
    """All of them, those of one kind together; the limits of the wrist alone."""
    names = [*physics_names(SHADOW), *effects_names(SHADOW)]
    assert names[2] == ("friction", "")
    assert names[7 + 24] == ("gain", SHADOW.actuators[0])
    assert names[physics_size(SHADOW)] == ("delayed", SHADOW.actuators[0])
    assert COLUMNS["object size"] == [0]
    assert [len(COLUMNS[f"{end} limit of {joint}"]) for end in ("lower", "upper") for joint in ("WRJ1", "WRJ2")] == [
        1
    ] * 4
    assert len(COLUMNS["lower limit"]) == 22
    assert sum(map(len, COLUMNS.values())) == len(names)


def test_what_the_memory_holds_is_read_once_it_holds_it(read: list[dict[str, Any]]) -> None:
    before, after = (at["memory"]["object size"] for at in read)
    assert after["accuracy"] > 0.85
    assert after["interval_95"][0] > after["chance"]
    assert before["accuracy"] < 0.65
    assert read[0]["memory"]["delayed"]["accuracy"] > 0.95


def test_what_it_does_not_hold_is_chance(read: list[dict[str, Any]]) -> None:
    for source, name in (("memory", "damping"), ("seen", "damping"), ("shuffled", "delayed"), ("seen", "delayed")):
        found = read[1][source][name]
        assert abs(found["accuracy"] - 0.5) < 0.05, (source, name)
        assert found["explained"] < 0.05, (source, name)


def test_what_does_not_vary_is_not_told(read: list[dict[str, Any]]) -> None:
    assert "gravity compensation" not in read[0]["memory"]


def test_only_episodes_that_lasted_are_judged() -> None:
    found = memory_probe.probed(record(lasted=200), COLUMNS)
    assert found[0]["memory"]["object size"]["asked"] == 50
    with pytest.raises(DactylError, match="only 39 episodes lasted"):
        memory_probe.probed(record(lasted=39), COLUMNS)


def test_the_claim_has_its_controls_beside_it(read: list[dict[str, Any]]) -> None:
    results = plain({"read": {"seconds": [1.0, 5.0], "read": read}})
    rows = memory_probe.rows(results)
    assert rows[0].what == "bigger or smaller than average, from the LSTM's state after 5 s"
    assert rows[0].paper == "80 % right"
    assert "% right (" in rows[0].ours
    assert "chance" in rows[0].ours
    assert "shuffled" in rows[2].what
    assert {"friction, above or below its average", "delayed, above or below its average"} <= {row.what for row in rows}


def test_a_variance_that_is_not_known_is_not_told(read: list[dict[str, Any]]) -> None:
    results = plain({"read": {"seconds": [1.0, 5.0], "read": read}})
    results["read"]["read"][1]["memory"]["friction"]["explained"] = None
    row = next(row for row in memory_probe.rows(results) if row.what.startswith("friction"))
    assert row.ours.endswith("its variance is not known")
    for share, said in ((-0.004, "explains 0%"), (-0.1, "explains -10%"), (0.256, "explains 26%")):
        results["read"]["read"][1]["memory"]["friction"]["explained"] = share
        row = next(row for row in memory_probe.rows(results) if row.what.startswith("friction"))
        assert row.ours.endswith(f"; {said} of its variance")


def test_the_picture_is_a_matrix_of_quantities_by_moments(read: list[dict[str, Any]]) -> None:
    figure = drawn(memory_probe.EXPERIMENT, plain({"read": {"seconds": [1.0, 5.0], "read": read}}))
    assert [len(axes.texts) for axes in figure.axes] == [2 * len(read[0]["memory"])] * 2


def test_moments_are_control_steps() -> None:
    assert [memory_probe.steps_of(seconds) for seconds in (0.4, 1.0, 10.0)] == [5, 12, 125]


def test_batches_that_were_played_are_not_played_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects an hour's episodes from a ctrl-C: what it comes in is repeated, what was before is not."""
    played: list[int] = []

    def play(policy: object, batch: int, times: tuple[float, ...], seed: int, threads: int) -> dict[str, np.ndarray]:
        if seed == 1 and not played.count(1):
            played.append(seed)
            raise KeyboardInterrupt
        played.append(seed)
        shape = (len(times), batch)
        alive = np.ones(shape, bool)
        return {"memory": np.full((*shape, 2), seed), "seen": np.zeros((*shape, 1)), "lasted": alive, "truth": alive.T}

    monkeypatch.setattr(memory_probe, "play", play)
    step, _ = memory_probe.plan(Size(quick=True))
    here = Here(tmp_path, {}, {})
    with pytest.raises(KeyboardInterrupt):
        step.do(here)
    found = step.do(here)
    assert played == [0, 1, 1]
    assert found["lasted"] == [96, 96]
    with np.load(tmp_path / found["file"]) as whole:
        assert whole["memory"][0, :, 0].tolist() == [0] * 48 + [1] * 48


@pytest.mark.slow
def test_a_played_episode_keeps_its_own_memory_and_truth() -> None:
    """Of models/block: memories differ between moments and episodes, hidden numbers are those of the randomizations."""
    from dactyl.learning.policy import Policy
    from dactyl.storage import models

    policy = Policy.load(models.policy_for("block"))
    found = memory_probe.play(policy, 3, (0.08, 0.4), seed=0, threads=1)
    assert policy.network.lstm is not None
    assert found["memory"].shape == (2, 3, policy.network.lstm.hidden_size)
    assert found["seen"].shape == (2, 3, policy.contract.inputs)
    assert found["lasted"][0].all()
    assert not np.allclose(found["memory"][0], found["memory"][1])
    sizes = found["truth"][:, COLUMNS["object size"]]
    assert ((sizes >= 0.95) & (sizes <= 1.05)).all()
    assert len(np.unique(sizes)) == 3
    assert set(np.unique(found["truth"][:, COLUMNS["delayed"]])) == {0.0, 1.0}
