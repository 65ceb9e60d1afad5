"""The environment benchmark: rows, ratio and refusals; the speeds themselves are for docs/results.md."""

from __future__ import annotations

import json

import pytest

from dactyl.environment.benchmark import Contender, as_text, bench_env
from dactyl.errors import DactylError


@pytest.mark.slow
def test_contenders_take_turns_and_are_compared() -> None:
    outcome = bench_env(
        randomizations=("none", "all"), worlds=(4,), threads=(2,), seconds=0.5, versus="gymnasium-robotics"
    )
    rows = outcome["rows"]
    found = [(row["backend"], row["randomizations"], row["worlds"], row["threads"]) for row in rows]
    assert found == [("gymnasium-robotics", "none", 1, 2), ("mujoco", "none", 4, 2), ("mujoco", "all", 4, 2)]
    assert all(row["env_steps_per_s"] > 0 for row in rows)
    ratio = rows[2]["env_steps_per_s"] / rows[0]["env_steps_per_s"]
    assert outcome["versus"]["gymnasium-robotics"] == pytest.approx(ratio, abs=0.01)
    assert all(0 < row["physics_share"] <= 1 for row in rows if row["backend"] == "mujoco")
    json.dumps(outcome)
    assert "times gymnasium-robotics" in as_text(outcome)


@pytest.mark.slow
def test_the_peer_is_stepped_for_the_same_simulated_time() -> None:
    from dactyl.environment.benchmark import _Peer

    peer = _Peer(Contender("gymnasium-robotics", "none", 1, 1))
    task = peer._environment.unwrapped
    before = task.data.time
    for _ in range(peer._repeats):
        peer._environment.step(peer._environment.action_space.sample())
    assert task.data.time - before == pytest.approx(0.08)


@pytest.mark.slow
def test_mjwarp_is_measured_and_profiled_too() -> None:
    outcome = bench_env(randomizations=("all",), worlds=(2,), seconds=0.2, device="warp-cpu", profile=True)
    (row,) = outcome["rows"]
    assert (row["backend"], row["device"], row["worlds"]) == ("mjwarp", "warp-cpu", 2)
    assert outcome["versus"] == {}
    shares = [kernel["share"] for kernel in row["kernels"]]
    assert shares == sorted(shares, reverse=True)
    assert 0 < sum(shares) <= 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"versus": "unreal"}, "unknown peer 'unreal': choose one of gymnasium-robotics"),
        ({"object": "cone"}, "unknown object 'cone'"),
        ({"robot": "shadwo"}, "there is no robot 'shadwo'"),
        ({"task": "juggle"}, "there is no task 'juggle'"),
        ({"versus": "gymnasium-robotics", "robot": "trifinger"}, "has another robot than trifinger"),
        ({"randomizations": ("some",)}, "randomizations 'some'"),
        ({"threads": ()}, "must be positive"),
        ({"worlds": (0,)}, "must be positive"),
        ({"seconds": 0.0}, "must be positive"),
        ({"device": "cuda", "versus": "gymnasium-robotics"}, "runs on the CPU"),
    ],
)
def test_impossible_benchmarks_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(DactylError, match=message):
        bench_env(**arguments)


@pytest.mark.slow
def test_a_contender_that_cannot_be_built_says_why() -> None:
    with pytest.raises(DactylError, match="CUDA"):
        bench_env(worlds=(2,), seconds=0.1, device="cuda:7")
