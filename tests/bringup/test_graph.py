"""The graph as data."""

from __future__ import annotations

import pytest

from dactyl.bringup.graph import Node, exit_reason


@pytest.mark.parametrize(
    ("node", "code", "reason"),
    [
        (Node("trial", required=True), 0, "trial has finished"),
        (Node("sim", required=True), 1, "sim ended with exit code 1"),
        (Node("policy"), 2, "policy cannot start as configured"),
        (Node("policy"), 1, ""),
        (Node("policy"), -9, ""),
    ],
)
def test_what_ends_a_run(node: Node, code: int, reason: str) -> None:
    """Protects the one rule that both ways of running the graph share."""
    assert exit_reason(node, code) == reason
