"""A Ray cluster of this machine's own, one for all tests that need no more than that."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dactyl.learning.cluster import LOCAL, prepare

prepare(LOCAL)  # before any test imports Ray


@pytest.fixture(scope="package")
def cluster() -> Iterator[None]:
    """Eight cores by name, whatever the machine has."""
    ray = pytest.importorskip("ray", reason="needs Ray: pip install '.[cluster]'")
    ray.init("local", num_cpus=8, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()
