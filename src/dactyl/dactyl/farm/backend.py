"""What the worker needs of a robot, whatever it is made of; and robots that the ordinary graph runs around."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dactyl import topics
from dactyl.bringup.claim import Claim
from dactyl.errors import DactylError
from dactyl.farm import files
from dactyl.farm.job import Job
from dactyl.recording import folder as bags

FREE_WITHIN = 60.0
"""s that what is left of an earlier run has to end."""
ACTION = topics.absolute(topics.ACTION)


class Backend(Protocol):
    """One robot. The worker knows nothing more of it."""

    @property
    def kind(self) -> str:
        """What info.json calls it."""

    @property
    def number(self) -> int:
        """Which of the farm's robots it is."""

    @property
    def truth(self) -> bool:
        """Whether it knows where the object truly is; else the referee's word, by the tracked pose, is the score."""

    def prepare(self) -> None:
        """Wait until the robot is free.

        Raises:
            DactylError: it is not.
        """

    def command(self, job: Job, policy: Path, out: Path) -> list[str]:
        """What plays a job: a process that ends when the trials have ended, or soon after SIGTERM.

        It leaves in `out` what `result` lists: the bag, the referee's results, what the recorder lost.
        """

    def progress(self, out: Path) -> dict[str, int]:
        """How far the run is: actions, trials and goals so far."""


@dataclass(frozen=True)
class GraphRobot:
    """The ordinary graph around a robot; see `play`."""

    number: int
    place: Path
    """Of a simulated robot the folder with its files, see `hidden.write`; of a real one the laboratory's parameters."""
    kind: str = "simulated"
    """One of `play.KINDS`. No real one has been tried."""

    @property
    def truth(self) -> bool:
        return self.kind == "simulated"

    def prepare(self) -> None:
        deadline = time.monotonic() + FREE_WITHIN
        while (why := _taken()) and time.monotonic() < deadline:
            time.sleep(0.5)
        if why:
            raise DactylError(why)

    def command(self, job: Job, policy: Path, out: Path) -> list[str]:
        told = [self.kind, job.to_json(), str(policy), str(self.place), str(out)]
        return [sys.executable, "-m", "dactyl.farm.play", *told]

    def progress(self, out: Path) -> dict[str, int]:
        return {"actions": recorded(out / files.BAG, ACTION), **referees(out / files.TRIALS)}


def _taken() -> str:
    """Who still has this process's ROS domain; empty: nobody."""
    try:
        Claim().release()
    except DactylError as error:
        return str(error)
    return ""


def recorded(bag: Path, topic: str) -> int:
    """How many messages of a topic a bag holds that is still being written, by its metadata; 0 where they say nothing.

    The project's recorder writes them once a second.
    """
    try:
        counts = bags.find(bag).information["topics_with_message_count"]
        return sum(int(each["message_count"]) for each in counts if each["topic_metadata"]["name"] == topic)
    except (DactylError, LookupError, TypeError, ValueError):
        return 0


def referees(report: Path) -> dict[str, int]:
    """Trials that have ended and goals that were reached, as the referee has written so far."""
    try:
        results: Mapping[str, Any] = json.loads(report.read_bytes())["results"]
        return {"trials": len(results["trials"]), "goals": int(results["goals_reached"])}
    except (OSError, LookupError, TypeError, ValueError):
        return {"trials": 0, "goals": 0}
