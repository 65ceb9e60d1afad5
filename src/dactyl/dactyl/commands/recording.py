"""record, bag …: recording a running graph, and looking after what was recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dactyl import topics
from dactyl.bringup.options import RecordOptions, ReplayOptions
from dactyl.commands.app import Commands
from dactyl.commands.arguments import FLAT, BagPath, Json, Namespace, checked_namespace


def record(
    options: Annotated[RecordOptions, FLAT],
    own: bool = False,
) -> int:
    """Record the running graph as a rosbag2 bag, until ctrl-C or for so many seconds.

    `ros2 bag record` does it where it is installed, the project's own recorder where not. It may start first.

    For example:
      ./dactyl record
      ./dactyl record --bag my_bag --seconds 60 --json record.json
      ./dactyl record --no-images
      ./dactyl record --topics "/joint_states /dactyl/action"

    Args:
        own: use the project's own recorder even where `ros2 bag record` is installed
    """
    from dactyl.bringup import processes, rosbag2
    from dactyl.bringup.recording import record_graph

    graph = record_graph(options)
    if not own and rosbag2.installed():
        return rosbag2.record(graph.node("recorder").parameters)
    code = processes.run(graph, kill_after=30.0)  # what still waits for the disk is written
    return 0 if code == 130 else code  # ctrl-C is how a recording ends


def replay(options: Annotated[ReplayOptions, FLAT]) -> int:
    """Play a bag to the policy or to the pose estimator, and compare the answers with the recording.

    The policy is given the recorded readings: with the same weights and seed it must decide the same. The pose
    estimator is given the recorded pictures: its poses are compared with motion capture's.

    For example:
      ./dactyl replay --bag bags/my_bag
      ./dactyl replay --bag bags/my_bag --node pose_estimator --weights runs/vision-cpu-small --json replay.json
    """
    from dactyl.bringup import processes
    from dactyl.bringup.recording import replay_graph

    return processes.run(replay_graph(options))


def report(
    bag: BagPath, /, out: Path | None = None, namespace: Namespace = topics.NAMESPACE, json: Json = None
) -> None:
    """Make one HTML page of a bag: trials, angles to the goal, latencies, drop-outs, pictures of each success.

    The page needs nothing else: it opens from the file, and can be sent.

    For example:
      ./dactyl report bags/my_bag
      ./dactyl report bags/my_bag --out report.html --json report.json
      ./dactyl report bags/my_bag --namespace /left

    Args:
        out: file to write; BAG.html by default
    """
    from dactyl import results
    from dactyl.recording import report as reporting

    if json:
        results.check_writable(json)
    place = bag.resolve()
    out = out or place.with_name(f"{place.name if place.is_dir() else place.stem}.html")
    results.check_writable(out)
    analysis = reporting.write(bag, out, checked_namespace(namespace))
    if json:
        results.write(json, "report", None, analysis.as_results())
    print(
        f"{out}: {len(analysis.trials)} trials, {analysis.successes} goals reached, {out.stat().st_size / 1e6:.1f} MB"
    )
    for problem in analysis.problems:
        print(f"damaged: {problem}")


bag = Commands()


@bag.command
def info(bag: BagPath, /, json: Json = None) -> int:
    """Show what is in a bag, and what of it is damaged.

    For example:
      ./dactyl bag info bags/my_bag
    """
    from dactyl import results
    from dactyl.recording import repair

    if json:
        results.check_writable(json)
    contents = repair.examine(bag)
    if json:
        results.write(json, "bag info", None, contents.as_results())
    print(contents.as_text())
    return 1 if contents.problems else 0


@bag.command
def recover(
    bag: BagPath, out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")], /, json: Json = None
) -> None:
    """Write what can be read of a damaged bag as a new one, with index and metadata; a failure where that is nothing.

    For example:
      ./dactyl bag recover bags/killed bags/recovered

    Args:
        out: folder to make
    """
    from dactyl import results
    from dactyl.recording import repair

    if json:
        results.check_writable(json)
    contents = repair.recover(bag, out)
    if json:
        results.write(json, "bag recover", None, contents.as_results())
    print(contents.as_text())
