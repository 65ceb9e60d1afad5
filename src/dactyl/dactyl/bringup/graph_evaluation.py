"""The paper's evaluation through the running graph: the same protocol and figures, in lockstep over ROS."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import Any

from dactyl.bringup import processes
from dactyl.bringup.graph import Graph
from dactyl.bringup.options import SimOptions
from dactyl.bringup.run import sim_graph
from dactyl.errors import DactylError
from dactyl.learning import checkpoint
from dactyl.learning.evaluation import Trial, as_text, summarize
from dactyl.learning.policy import Policy


def evaluate(
    path: Path | None, object: str | None, randomizations: str, trials: int, actions: str, seed: int, pose: str
) -> dict[str, Any]:
    """Evaluate a policy by the graph's own nodes, one trial after the other, and print the result.

    Args:
        path: see `dactyl.learning.evaluation.evaluate`, as for the others.
        object: that the policy must be for; None takes the policy's own.
        randomizations: only "none": the graph's simulated hand has none.
        trials: how many.
        actions: sampled or most-likely.
        seed: of everything random: the same figures again.
        pose: state or vision.

    Raises:
        DactylError: an argument asks for what the graph cannot do, or the graph ended without results.
    """
    if randomizations != "none":
        raise DactylError("ros: the graph simulates the hand without randomizations: say --randomizations none")
    if actions == "both":
        raise DactylError("ros: choose sampled or most-likely actions")
    if trials < 1:
        raise DactylError(f"{trials} trials: at least 1 is needed")
    file = checkpoint.find_policy(path)
    policy = Policy.load(file, object)
    with tempfile.TemporaryDirectory(prefix="dactyl-evaluation-") as folder:
        report = Path(folder, "trials.json")
        options = SimOptions(
            object=policy.contract.object,  # type: ignore[arg-type]  # a policy's object is one of these
            pose=pose,  # type: ignore[arg-type]
            trials=trials, seed=seed, policy=str(file), json=str(report), lockstep=True, headless=True, dashboard=False,
        )  # fmt: skip
        code = processes.run(_acting(sim_graph(options), actions == "most-likely"))
        if code:
            raise DactylError(f"the graph ended with exit code {code}, without results")
        outcome = [Trial(**trial) for trial in json.loads(report.read_text())["results"]["trials"]]
    summary = summarize(outcome, seed)
    print(as_text(summary, f"{file}, {policy.contract.object}, through the graph, {actions} actions"))
    return {
        "policy": str(file),
        "object": policy.contract.object,
        "randomizations": randomizations,
        "actions": actions,
        **summary,
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
