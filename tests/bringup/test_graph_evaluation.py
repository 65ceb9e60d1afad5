"""The evaluation through the running graph."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dactyl.bringup import graph_evaluation, processes
from dactyl.bringup.graph import Graph
from dactyl.bringup.options import SimOptions
from dactyl.bringup.run import sim_graph
from dactyl.errors import DactylError
from dactyl.learning.options import EvaluationOptions
from dactyl.learning.policy import Contract, Policy


@pytest.fixture
def untrained(tmp_path: Path) -> Path:
    Policy(Contract(trained={"untrained": True})).save(tmp_path / "policy.safetensors")
    return tmp_path


def test_trials_through_the_graph_give_the_figures_of_the_evaluation(ros_domain: int, untrained: Path) -> None:
    """Protects that the policy node, the filter and the driver are judged by the protocol that the network is."""
    outcome = graph_evaluation.evaluate(EvaluationOptions(untrained, "none", seed=3, trials=1))
    assert len(outcome["trials"]) == 1
    assert {"mean", "std", "median", "mean_interval_95", "goals_reached", "goals_presented", "reasons"} <= set(outcome)
    assert set(outcome["reasons"]) <= {"dropped", "timeout", "complete"}
    assert (outcome["actions"], outcome["randomizations"], outcome["object"]) == ("sampled", "none", "block")


def test_the_most_likely_actions_are_asked_of_the_policy_node() -> None:
    """Protects the choice: it is the policy node's to make."""
    graph = graph_evaluation._acting(sim_graph(SimOptions()), True)
    assert graph.node("policy").parameters["deterministic"] is True


def test_the_graphs_trials_have_the_rules_that_are_asked_for(untrained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects figures that are compared with those without a graph."""

    def run(graph: Graph) -> int:
        told = graph.node("trial").parameters
        assert told["rules"] == graph.node("sim").parameters["rules"] == "{timeout: 5.0}"
        trials = [{"successes": 0, "reason": "timeout", "seconds": 5.0}]
        Path(str(told["report"])).write_text(json.dumps({"results": {"trials": trials}}))
        return 0

    monkeypatch.setattr(processes, "run", run)
    outcome = graph_evaluation.evaluate(EvaluationOptions(untrained, "none", trials=1, rules="{timeout: 5.0}"))
    assert outcome["rules"]["timeout"] == 5.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"randomizations": "all"}, "without randomizations"),
        ({"actions": "both"}, "choose sampled or most-likely"),
        ({"on": "sphere"}, "leave --on out"),
        ({"trials": 0}, "trials must be a whole number from 1"),
    ],
)
def test_what_the_graph_cannot_do_is_refused(changes: dict[str, object], said: str, untrained: Path) -> None:
    """Protects users from figures that mean something else than what they asked for."""
    asked = replace(EvaluationOptions(untrained, "none", trials=1), **changes)
    with pytest.raises(DactylError, match=said):
        graph_evaluation.evaluate(asked)


@pytest.mark.parametrize(("code", "name"), [(130, "SIGINT"), (143, "SIGTERM")])
def test_an_interrupted_graph_gives_the_trials_that_ended(
    code: int, name: str, untrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects an hour's trials from ctrl-C."""

    def run(graph: Graph) -> int:
        trials = [{"successes": 2, "reason": "dropped", "seconds": 9.0}]
        Path(str(graph.node("trial").parameters["report"])).write_text(json.dumps({"results": {"trials": trials}}))
        return code

    monkeypatch.setattr(processes, "run", run)
    outcome = graph_evaluation.evaluate(EvaluationOptions(untrained, "none", trials=5))
    assert outcome["incomplete"] == {"asked": 5, "signal": name}
    assert outcome["mean"] == 2.0
    monkeypatch.setattr(processes, "run", lambda graph: code)
    with pytest.raises(DactylError, match="without results"):
        graph_evaluation.evaluate(EvaluationOptions(untrained, "none", trials=5))
