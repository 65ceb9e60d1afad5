"""What a person chooses about a farm. Light: the command line reads it for its --help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from dactyl import registry
from dactyl.environment.choices import ObjectName, RobotName, TaskName
from dactyl.ranges import Count, Port, Range, Seconds, Seed, Workers

FOLDER = Path("farm")
TOKEN = "token"
"""File of the token, in the farm's folder."""
TOKEN_VARIABLE = "DACTYL_FARM_TOKEN"
PORT = 8095
JobTrials = Annotated[int, Range(1, 1000)]
Domain = Annotated[int, Range(1, 101)]


@dataclass(frozen=True)
class Limits:
    """How long a job may take, by the farm's own clock. What is exceeded fails the job and frees the robot."""

    first_action: Seconds = 120.0
    """s until the policy's first action."""
    silence: Seconds = 120.0
    """s without a further action."""
    longest: Seconds = 3600.0
    """s for the whole job."""


@dataclass(frozen=True)
class ServeOptions(Limits):
    """How a farm is served."""

    robots: Workers = 4
    """How many simulated robots."""
    real: str = ""
    """Parameter file of a laboratory, as for `./dactyl real`: its real robot is one more of the farm's. Never tried."""
    robot: RobotName = registry.DEFAULTS["robots"]
    """Kind of all of them."""
    folder: Path = FOLDER
    """Where robots, queue, results and the token are kept; made where it is not there."""
    seed: Seed | None = None
    """That the hidden robots of a new farm are drawn with; by default one that nobody knows."""
    host: str = "127.0.0.1"
    """Address to listen on: this machine's own, unless others are to reach it."""
    port: Port = PORT
    """To listen on."""
    first_domain: Domain = 60
    """ROS domain of the first robot; the others have those after it."""
    upload_mb: Count = 64
    """Size of a request at most, MB."""
    poll: Seconds = 2.0
    """s between two looks at the same job; who asks sooner is told to wait."""


@dataclass(frozen=True)
class ClientOptions:
    """Which farm is meant."""

    url: str = f"http://127.0.0.1:{PORT}"
    """Where it is served."""
    token_file: Path = FOLDER / TOKEN
    """File that holds its token; the variable DACTYL_FARM_TOKEN goes first."""


@dataclass(frozen=True)
class JobOptions:
    """What is asked of the robot."""

    robot: RobotName | None = None
    """Kind of robot; the policy's by default."""
    task: TaskName | None = None
    """The policy's by default."""
    object: ObjectName | None = None
    """The policy's by default."""
    trials: JobTrials = 10
    """How many."""
    seed: Seed = 0
    """Of goals, starts and the policy's drawn actions."""
    seconds: Seconds | None = None
    """Simulated time for each goal; the task's own by default."""
    rules: str = ""
    """Rules of the trials that differ from the task's, in YAML, such as '{difficulty: 1}'."""
