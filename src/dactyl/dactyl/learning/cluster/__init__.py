"""Training on many machines (Rapid, section 4.3): Ray's actors around the same trainer. Needs the extra `cluster`.

Ray reads its environment when it is imported: `prepare` comes before that.
"""

from __future__ import annotations

import os

LOCAL = "local"
"""In place of an address: a cluster of this machine alone, which ends with the command."""
FOR_ONE_MACHINE = {
    "RAY_worker_niceness": "0",  # Ray's own is 15: then whatever else runs goes before training
    "RAY_enable_worker_prestart": "0",  # a worker without a task takes 1 % of a core
    "RAY_prestart_worker_first_driver": "0",
}
"""What makes Ray slow where training has few cores and all of them."""


def prepare(address: str) -> None:
    """Nothing about this training is sent anywhere, and what is started for one machine alone hears only that one."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address == LOCAL:
        # Ray's switch for systems where it has no clusters: all of its servers bind to 127.0.0.1
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # Ray's default, of which it would warn
        for name, value in FOR_ONE_MACHINE.items():
            os.environ.setdefault(name, value)
