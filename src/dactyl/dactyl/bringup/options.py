"""What a person may choose for a run, and the same choices as text, for `ros2 launch`."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from dactyl import registry, topics
from dactyl.environment.choices import AnyObject, ObjectName, RobotName, TaskName
from dactyl.errors import DactylError
from dactyl.ranges import CountOrAll, Port, Positive, SecondsOrAll, Seed

POSE_TOPICS = {"state": "mocap", "vision": "vision"}
"""The last part of the topic with the object's pose, by what people call its source."""
Way = Literal["waitset", "events", "waitset-together", "events-together"]
"""To run the nodes: an executor, and whether the small ones share a process."""


@dataclass(frozen=True)
class Options:
    """What can be chosen for any run."""

    object: AnyObject = ""
    """Object that is manipulated; empty: the policy's."""
    robot: RobotName = registry.DEFAULTS["robots"]
    """Robot whose shipped policy is meant; one that is named with `policy` brings its own."""
    task: TaskName = registry.DEFAULTS["tasks"]
    """Task whose shipped policy is meant, likewise."""
    pose: Literal["state", "vision"] = "state"
    """Where the object's pose comes from: motion capture or cameras."""
    trials: CountOrAll = 0
    """Trials to run, then everything ends; 0: go on for ever."""
    rules: str = ""
    """Rules of the trials that differ from the task's, in YAML, such as '{timeout: 10}'."""
    seed: Seed = 0
    """Of all randomness."""
    policy: str = ""
    """Policy file (.safetensors) or a folder with one; empty: the shipped one for the object."""
    estimator: str = ""
    """With pose vision: a pose estimator's file (.safetensors) or a folder with one; empty: the shipped one."""
    json: str = ""
    """Also write the results of the trials to this file, as JSON."""
    config: str = ""
    """Parameter file (.yaml), laid over the shipped one of the run; empty: that one alone."""
    namespace: str = topics.NAMESPACE
    """Of all nodes, services and topics: another one for a second hand in the same ROS domain."""
    hand: Literal["", "rh", "lh"] = ""
    """Which hand the robot is, right or left; empty: the one that the robot's description is of."""
    remap: str = ""
    """Topics by other names, FROM:=TO, separated by spaces: /joint_states:=/right/joint_states."""
    one_process: bool = False
    """Put the small nodes into one process, which takes less of the processor; they then also end together."""
    executor: Literal["", "waitset", "events"] = ""
    """Which of rclpy's executors runs the nodes; empty: DACTYL_EXECUTOR's, or events in simulation, waitset else."""
    rviz: bool = False
    """Also draw markers for RViz, on the topic `markers`."""
    dashboard: bool = True
    """Serve a web page to watch and steer the run; it costs nothing until somebody opens it."""
    dashboard_host: str = "127.0.0.1"
    """Address it listens on; any but this machine's own demands a token, which is printed."""
    dashboard_port: Port = 8090
    """Its port, or the next free one."""


@dataclass(frozen=True)
class SimOptions(Options):
    """What can be chosen for a run in simulation."""

    lockstep: bool = False
    """Wait for each action instead of keeping real time: exactly repeatable."""
    headless: bool = False
    """Show no window."""
    calibration: str = ""
    """File of `calibrate model` with the parameters that the robot's model gets."""
    drop_at: str = ""
    """Pick objects up and drop them there, x y z in m, the robot's frame; empty: trials, as the task has them."""


@dataclass(frozen=True)
class RealOptions(Options):
    """What can be chosen for a run on hardware."""

    emulate: bool = False
    """Emulated cameras, and a simulated hand with its markers, behind the real drivers' interfaces."""


@dataclass(frozen=True)
class RecordOptions:
    """What can be chosen for a recording."""

    bag: str = ""
    """Folder to make; empty: bags/ and the time."""
    topics: str = ""
    """Topics to record, separated by spaces; empty: all there are."""
    images: bool = True
    """Record pictures too, where no topics are named."""
    seconds: SecondsOrAll = 0.0
    """How long, from the first message; without one it ends after a minute. 0: until it is ended."""
    split_mb: CountOrAll = 2000
    """Size at which the next file begins, MB; 0: one file."""
    json: str = ""
    """Also write what was recorded and lost to this file, as JSON."""


@dataclass(frozen=True)
class ExerciseOptions:
    """What can be chosen for an exercise."""

    bag: str = ""
    """Folder to make; empty: bags/exercise- and the time."""
    simulated: bool = False
    """With a simulated robot in place of the real one."""
    calibration: str = ""
    """Model calibration that the simulated robot gets."""
    robot: RobotName = registry.DEFAULTS["robots"]
    """That is exercised."""
    steps: CountOrAll = 0
    """Control steps after which it ends; 0: all of it."""
    config: str = ""
    """Parameter file laid over the shipped one: it names only what is different, such as the lab's hand_driver."""


@dataclass(frozen=True)
class ReplayOptions:
    """What can be chosen for a replay."""

    bag: str
    """Folder of a bag, or an .mcap file."""
    node: Literal["policy", "pose_estimator"] = "policy"
    """Who it is played to."""
    weights: str = ""
    """Policy or pose estimator, a file or a folder with one; empty: the shipped one."""
    object: ObjectName = "block"
    """Object in the hand."""
    pose: Literal["state", "vision"] = "state"
    """Where the policy takes the object's pose from: motion capture or cameras."""
    seed: Seed = 0
    """Of the policy's drawn actions; as in the recorded run."""
    speed: Positive = 1.0
    """Times the pace of the recording."""
    json: str = ""
    """Also write the comparison to this file, as JSON."""


def parse_option(name: str, text: str, hint: Any) -> Any:
    """A launch argument's text as the option's type.

    Raises:
        DactylError: it is none.
    """
    if hint is bool:
        return text == "true"
    if hint is int:
        try:
            return int(text)
        except ValueError as error:
            raise DactylError(f"{name} must be a whole number, not {text!r}") from error
    if hint is float:
        try:
            return float(text)
        except ValueError as error:
            raise DactylError(f"{name} must be a number, not {text!r}") from error
    return text


def option_descriptions(options: type[Any]) -> dict[str, str]:
    """The docstring below each field of an options dataclass, by name."""
    found = {}
    for base in reversed(options.__mro__[:-1]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0].body  # type: ignore[attr-defined]
        for statement, following in pairwise(body):
            if isinstance(statement, ast.AnnAssign) and isinstance(following, ast.Expr):
                found[statement.target.id] = following.value.value  # type: ignore[union-attr, attr-defined]
    return found
