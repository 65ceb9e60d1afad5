"""A cluster of several nodes, of which one is lost and one joins while training goes on: Ray's own test cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="needs Ray: pip install '.[cluster]'")

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
