"""A cluster of several nodes, of which one is lost and one joins while training goes on: Ray's own test cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="needs Ray: pip install '.[cluster]'")

from dactyl.learning import checkpoint
from tests.learning.cluster.test_engine import ENDLESS, Command

pytestmark = pytest.mark.slow


@pytest.fixture
def nodes() -> Iterator[Any]:
    """A head without cores for rollout workers."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield cluster
    cluster.shutdown()


def wait(command: Command, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90.0
    while not ready():
        assert command.process.poll() is None, command.said()
        assert time.monotonic() < deadline, command.said()
        time.sleep(0.2)


def test_a_node_is_lost_and_one_joins_and_training_goes_on(nodes: Any, tmp_path: Path) -> None:
    """Protects training from a machine that is switched off, and gives work to one that comes."""
    first = nodes.add_node(num_cpus=1)
    nodes.add_node(num_cpus=1)
    command = Command(tmp_path, ENDLESS, "--rollout-workers", "2", cluster=nodes.address)

    def working() -> int:
        rows = command.rows()
        return int(float(rows[-1]["cluster/workers"])) if rows else 0

    try:
        wait(command, lambda: working() == 2)
        nodes.remove_node(first, allow_graceful=False)
        wait(command, lambda: working() == 1)
        seen = len(command.rows())
        wait(command, lambda: len(command.rows()) > seen + 5)  # the other one is enough to go on with
        nodes.add_node(num_cpus=1)
        wait(command, lambda: working() == 2)
        command.process.terminate()
        assert command.end() == 0, command.said()
    finally:
        command.process.kill()
    assert "was lost; " in command.said()  # a worker, or the optimizer where Ray had put that on the same node


def test_a_head_that_dies_ends_the_command_and_resume_goes_on_elsewhere(nodes: Any, tmp_path: Path) -> None:
    """Protects hours of training from the one machine that Ray cannot do without: what is lost came after a checkpoint.

    Ray itself waits for its head for about a minute.
    """
    for _ in range(2):
        nodes.add_node(num_cpus=1)
    command = Command(tmp_path, ENDLESS, "--rollout-workers", "2", cluster=nodes.address)
    try:
        command.wait_for(1)
        nodes.remove_node(nodes.head_node, allow_graceful=False)
        assert command.end(240.0) != 0
    finally:
        command.process.kill()
    before = checkpoint.find(command.out)[-1]
    again = Command(tmp_path, ENDLESS, "--rollout-workers", "2", "--resume", str(command.out))
    try:
        wait(again, lambda: checkpoint.find(again.out)[-1] != before)
        again.process.terminate()
        assert again.end() == 0, again.said()
    finally:
        again.process.kill()
    steps = [int(row["steps"]) for row in again.rows()]
    assert steps == sorted(set(steps)), "no step is counted twice"
