"""The toys of `tests/plugins`, as if their package were installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dactyl import registry

PLUGINS = Path(__file__).parent / "plugins"


@contextmanager
def installed_toys() -> Iterator[None]:
    """Robots `tray` and `arm`, task `slide`."""
    caches = (registry._places, registry.registered)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PLUGINS))
        for cached in caches:
            cached.cache_clear()
        yield
    for cached in caches:
        cached.cache_clear()
