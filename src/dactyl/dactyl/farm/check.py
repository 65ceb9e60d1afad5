"""Whether a policy file may be run: its contract, its tensors, and whether it is for what the job says.

A process of its own looks, with limits of time and memory: a file may promise a network of any size.

    python -m dactyl.farm.check POLICY JOB
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dactyl.errors import DactylError
from dactyl.farm.job import Job
from dactyl.storage.contract import read_contract
from dactyl.storage.documents import first_line

COMMAND = (sys.executable, "-m", "dactyl.farm.check")
WITHIN = 60.0
"""s"""
MEMORY_BYTES = 4 * 2**30
"""Of data."""
_REFUSED = 3
"""Exit code: what was printed is the reason."""


def refusal(policy: Path, job: Job, command: Sequence[str] = COMMAND, within: float = WITHIN) -> str:
    """Why a policy cannot be run for a job; empty where it can.

    Args:
        policy: its file.
        job: that it was sent with.
        command: the process that looks.
        within: s that it has.
    """
    try:
        read_contract(policy)  # what is no policy at all costs no process
    except DactylError:
        return "the file is not a policy file: it has no dactyl contract"
    try:
        looked = subprocess.run(
            [*command, str(policy), job.to_json()], capture_output=True, text=True, errors="replace", timeout=within
        )
    except subprocess.TimeoutExpired:
        return f"the policy could not be looked at within {within:g} s"
    if looked.returncode == _REFUSED:
        return looked.stdout.strip().replace(str(policy), "that was sent")
    return "" if looked.returncode == 0 else "the policy cannot be loaded: its network is too large, or damaged"


def main() -> int:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    from dactyl.learning.policy import Policy

    policy, text = sys.argv[1:]
    job = Job.from_json(text)
    try:
        Policy.load(policy, job.object, robot=job.robot, task=job.task)
    except DactylError as error:
        print(first_line(error))
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
