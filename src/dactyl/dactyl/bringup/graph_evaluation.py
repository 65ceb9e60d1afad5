"""The paper's evaluation through the running graph: the same protocol and figures, in lockstep over ROS."""

from __future__ import annotations

import dataclasses
import json
import signal
import tempfile
from pathlib import Path
from typing import Any, Literal

from dactyl.bringup import processes
from dactyl.bringup.graph import Graph
from dactyl.bringup.options import SimOptions
from dactyl.bringup.run import sim_graph
from dactyl.errors import DactylError
from dactyl.learning import checkpoint
from dactyl.learning.evaluation import Trial, summarize, trial_rules
from dactyl.learning.options import EvaluationOptions
from dactyl.learning.policy import Policy
from dactyl.ranges import check_options

INTERRUPTED = {128 + number: number.name for number in (signal.SIGINT, signal.SIGTERM)}
"""Exit codes of a graph that a person ended."""


def evaluate(choice: EvaluationOptions, pose: Literal["state", "vision"] = "state") -> dict[str, Any]:
    """Evaluate a policy by the graph's own nodes, one trial after the other. After a signal also "incomplete".

    Args:
        choice: see there; without randomizations, for the graph's simulated hand has none.
        pose: where the policy takes the object's pose from.

    Raises:
        DactylError: an argument asks for what the graph cannot do, or the graph ended without results.
    """
    check_options(choice)
    if choice.randomizations != "none":
        raise DactylError("ros: the graph simulates the hand without randomizations: say --randomizations none")
    if choice.on:
        raise DactylError("ros: the graph takes the policy's own object: leave --on out")
    if choice.actions == "both":
        raise DactylError("ros: choose sampled or most-likely actions")
    file = checkpoint.find_policy(choice.policy)
    policy = Policy.load(file, choice.object, robot=choice.robot, task=choice.task)
    rules = trial_rules(policy.contract, choice.rules)
    with tempfile.TemporaryDirectory(prefix="dactyl-evaluation-") as folder:
        report = Path(folder, "trials.json")
        options = SimOptions(
            object=policy.contract.object,
            pose=pose, trials=choice.trials, seed=choice.seed, policy=str(file), json=str(report),
            lockstep=True, headless=True, dashboard=False, calibration=choice.calibration, rules=choice.rules,
        )  # fmt: skip
        code = processes.run(_acting(sim_graph(options), choice.actions == "most-likely"))
        interrupted = code in INTERRUPTED and report.exists()
        if code and not interrupted:
            raise DactylError(f"the graph ended with exit code {code}, without results")
        outcome = [Trial(**trial) for trial in json.loads(report.read_text())["results"]["trials"]]
    summary = summarize(outcome, choice.seed)
    return {
        "policy": str(file),
        "object": policy.contract.object,
        "randomizations": choice.randomizations,
        "actions": choice.actions,
        "pose": pose,
        "ros": True,
        **({"rules": dataclasses.asdict(rules)} if choice.rules else {}),
        **summary,
        **({"incomplete": {"asked": choice.trials, "signal": INTERRUPTED[code]}} if interrupted else {}),
    }


def _acting(graph: Graph, deterministic: bool) -> Graph:
    """The graph with a policy node that draws its actions, or takes the most likely ones."""
    nodes = (
        dataclasses.replace(node, parameters={**node.parameters, "deterministic": deterministic})
        if node.name == "policy"
        else node
        for node in graph.nodes
    )
    return dataclasses.replace(graph, nodes=tuple(nodes))
